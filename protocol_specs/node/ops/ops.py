"""The operator's own port: /ready, /metrics and /health, for machines that watch, not for peers."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from protocol_specs.node.door.shell import Shell
from protocol_specs.node.startup import bind_ops

if TYPE_CHECKING:
    from protocol_specs.node.ops.health import Health
    from protocol_specs.node.settings import NodeSettings
    from protocol_specs.node.telemetry.telemetry import Telemetry

ANSWER_BYTES_MAX = 1_048_576
ASK_S = 5.0


class Ops:
    """The second listener of a node, with the deadlines and caps of the first. It has no secret:
    who can reach `[ops]` host and port may read it. So it is loopback unless told otherwise."""

    def __init__(self, settings: NodeSettings, *, health: Health, telemetry: Telemetry) -> None:
        self._settings = settings
        self.port = settings.ops_port
        app = web.Application(client_max_size=1)
        health.add_ops_routes(app)
        self._shell = Shell(app, limits=settings.limits, telemetry=telemetry)

    async def start(self, sock: socket.socket | None = None) -> None:
        """Serve on `sock`, which is bound, else on the host and port of `[ops]`.

        Raises SettingsError naming the setting when the port cannot be had.
        """
        sock = sock or bind_ops(self._settings)
        self.port = sock.getsockname()[1]
        await self._shell.start(sock)

    async def watch(self) -> None:
        """Close what is overdue; runs until it is cancelled."""
        await self._shell.watch()

    async def stop(self) -> None:
        """Close, letting running answers end."""
        await self._shell.stop()


def url_of(settings: NodeSettings, port: int | None = None) -> str:
    """Where a process of this machine reaches the operator's port of these settings."""
    any_host = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  told apart, not bound
    host = any_host.get(settings.ops.host, settings.ops.host)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.ops_port if port is None else port}"


async def ask(settings: NodeSettings, path: str) -> tuple[int, bytes]:
    """Status and body that the running node answers to GET `path`. Raises OSError if none comes.

    Not for urls of others: the address is the operator's own, from the settings.
    """
    timeout = aiohttp.ClientTimeout(total=ASK_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(url_of(settings) + path, allow_redirects=False) as response,
        ):
            return response.status, await response.content.read(ANSWER_BYTES_MAX)
    except aiohttp.ClientError as error:
        raise OSError(f"{url_of(settings)} gave no answer ({type(error).__name__})") from error
