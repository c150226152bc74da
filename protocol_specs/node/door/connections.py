"""Connections of a door: counted, capped, and closed when a request head does not come in time.

aiohttp itself waits without end for the head of a request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from protocol_specs.node.door.addresses import is_among
from protocol_specs.node.door.http_answers import SERVER, Internal, refusal_response
from protocol_specs.wire.errors import Malformed

if TYPE_CHECKING:
    from protocol_specs.node.settings import Limits
    from protocol_specs.node.telemetry.telemetry import Telemetry


class Connection(Protocol):
    """One that is counted here. `closes_at` (event loop time) is when it is overdue, if ever."""

    address: str
    closes_at: float | None

    def overdue(self) -> None:
        """What it waits for did not come in time."""

    def abort(self) -> None:
        """Close without another word."""


@dataclass(slots=True)
class Connections:
    """Who is connected now, the bounds on it, and the messages that doorways are receiving."""

    limits: Limits
    telemetry: Telemetry
    is_stopping: bool = False
    is_draining: bool = False  # each connection ends with its next answer
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    open: set[Connection] = field(default_factory=set)
    by_address: Counter[str] = field(default_factory=Counter)

    @property
    def is_ending(self) -> bool:
        """Whether an answer is the last on its connection."""
        return self.is_stopping or self.is_draining

    def admit(self, connection: Connection) -> bool:
        """Count `connection` in; False when one of the caps is reached. A proxy of ours brings
        everybody's requests, so no cap for one address holds for it."""
        if len(self.open) >= self.limits.connections_max:
            return False
        address, per_address_max = connection.address, self.limits.connections_per_address_max
        is_full = self.by_address[address] >= per_address_max
        if is_full and not is_among(address, self.limits.proxies):
            return False
        self.open.add(connection)
        self.by_address[connection.address] += 1
        return True

    def release(self, connection: Connection) -> None:
        """Count `connection` out, if it was counted in."""
        if connection not in self.open:
            return
        self.open.discard(connection)
        self.by_address[connection.address] -= 1
        if not self.by_address[connection.address]:
            del self.by_address[connection.address]

    def close_overdue(self, now: float) -> None:
        """Tell each connection whose request is late or that has idled for too long."""
        for connection in [c for c in self.open if c.closes_at is not None and c.closes_at <= now]:
            connection.overdue()

    def answered(self) -> None:
        """What this task received is answered: a stop does not cancel what it does beyond that."""
        task = asyncio.current_task()
        if task is not None:
            self.tasks.discard(task)

    async def finish(self, within_s: float) -> None:
        """Let what is being received be answered."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=within_s)

    def abort_all(self) -> None:
        """End what still runs, and close every connection."""
        for task in self.tasks:
            task.cancel()
        for connection in list(self.open):
            connection.abort()


class Guarded(web.RequestHandler):
    """One connection, with a deadline for the head of each request.

    `closes_at` (event loop time) is when the watchdog closes it; None while a request is handled.
    """

    __slots__ = (
        "_connections",
        "_head_begun",
        "_head_s",
        "_idle_s",
        "_when_lost",
        "address",
        "closes_at",
    )

    def __init__(
        self, manager: web.Server, *, connections: Connections, loop: Any, **kwargs: Any
    ) -> None:
        super().__init__(manager, loop=loop, **kwargs)
        self._connections = connections
        self._head_s = connections.limits.header_deadline_s
        self._idle_s = connections.limits.idle_deadline_s
        self._head_begun = False
        self._when_lost: Callable[[], None] | None = None
        self.closes_at: float | None = None
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the deadline for the first request, or close at once beyond the caps."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.closes_at = self._loop.time() + self._head_s
        self._head_begun = True
        if not self._connections.admit(self):
            self.abort()

    def data_received(self, data: bytes) -> None:
        """The first bytes of a further request begin its deadline."""
        if not self._head_begun:
            self._head_begun = True
            self.closes_at = self._loop.time() + self._head_s
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for others."""
        self._connections.release(self)
        super().connection_lost(exc)
        if self._when_lost is not None:
            self._when_lost()

    def when_lost(self, tell: Callable[[], None]) -> None:
        """`tell` is called if the peer goes away while this request is handled."""
        self._when_lost = tell

    def begin(self) -> None:
        """A whole head has come; its request is being handled."""
        self._head_begun = True
        self.closes_at = None

    def end(self) -> None:
        """The request is answered; the next may come until the idle deadline."""
        self._head_begun, self._when_lost = False, None
        self.closes_at = self._loop.time() + self._idle_s

    def overdue(self) -> None:
        """No head in time."""
        self.abort()

    def abort(self) -> None:
        """Close without another word."""
        transport = self.transport
        self.force_close()
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Not HTTP, or our own fault: a NACK that says no more than that, and good-bye."""
        if status >= 500 and exc is not None:
            self._connections.telemetry.fault("http", exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer had begun")
        fault = Internal("internal fault") if status >= 500 else Malformed("not an HTTP request")
        response = refusal_response(fault)
        response.headers["Server"] = SERVER
        response.force_close()
        return response
