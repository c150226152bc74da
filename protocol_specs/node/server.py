"""One node: its settings, store, keys, door and loops, put together and taken apart again."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy
    from aiohttp import web

    from protocol_specs.node.actions import Durable, Passing
    from protocol_specs.node.client import Client
    from protocol_specs.node.keyring import Directory, Keyring
    from protocol_specs.node.settings import NodeSettings
    from protocol_specs.node.store import Session, Store
    from protocol_specs.node.telemetry import Telemetry
    from protocol_specs.wire.envelope import Receiver, SubscriberType

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Node:
    """The composition of one node."""

    settings: NodeSettings
    store: Store
    keyring: Keyring
    client: Client
    receiver: Receiver
    telemetry: Telemetry
    port: int
    stopping: asyncio.Event

    def __init__(
        self,
        settings: NodeSettings,
        *,
        type: SubscriberType,
        metadata: sqlalchemy.MetaData,
        triggers: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
        directory: Directory | None = None,
    ) -> None: ...

    def now(self) -> int: ...

    def now_ms(self) -> int: ...

    def serve_action(self, action: Durable | Passing) -> None: ...

    def serve_route(self, method: str, path: str, handler: Handler) -> None: ...

    def add_loop(
        self,
        name: str,
        next: Callable[[Session, int], bool] | Callable[[int], Awaitable[bool]],
        *,
        wake: asyncio.Event,
    ) -> None: ...

    def add_ready_check(self, name: str, check: Callable[[], str | None]) -> None: ...

    async def start(self, *, sock: socket.socket | None = None) -> None: ...

    async def stop(self) -> None: ...

    def run(self) -> Any: ...
