"""The HTTP shell of the door: aiohttp with the deadlines and bounds that aiohttp has not.

A connection begins as a Doorway, which answers plain POSTs of messages itself and hands all else
over to aiohttp. There `Shell` bounds bodies in size and time and renders every fault of the
framework as a JSON NACK; connections have a deadline for each request head (connections.py).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from protocol_specs.node.door.connections import Connections, Guarded
from protocol_specs.node.door.doorway import DoorRoute, Doorway
from protocol_specs.node.door.http_answers import (
    Encoded,
    TooSlow,
    Unexpected,
    WrongMethod,
    allow,
    answer_response,
    as_refusal,
    name_no_version,
    refusal_response,
)
from protocol_specs.node.store_faults import StoreUnavailable
from protocol_specs.wire.errors import Malformed, Overloaded, Refused, TooLarge

if TYPE_CHECKING:
    from protocol_specs.node.door.door import Answer
    from protocol_specs.node.settings import Limits
    from protocol_specs.node.telemetry.telemetry import Telemetry

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
TOO_LARGE = "This file is too large. Go back and choose a picture of at most 200 kB."
STOP_S = 5  # until requests that run are cancelled
WATCH_S = 1.0  # between two looks of the watchdog, at the most
LINGER_S = 2  # how long an unread rest of a refused body is swallowed, so that the answer arrives


class Shell:
    """A listening HTTP server: door routes first, then the aiohttp application."""

    def __init__(self, app: web.Application, *, limits: Limits, telemetry: Telemetry) -> None:
        self.app = app
        app.on_response_prepare.append(name_no_version)
        self.door_routes: dict[str, DoorRoute] = {}
        self._limits, self._telemetry = limits, telemetry
        self._connections = Connections(limits, telemetry)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._inner: Handler | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve on `sock`, which is bound."""
        # Keepalive is the watchdog's; aiohttp's own timer stands a little later, as a second wall.
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "lingering_time": LINGER_S,
            "keepalive_timeout": self._limits.idle_deadline_s + 5,
            "max_line_size": 4096,
            "max_field_size": 4096,
        }
        self._runner = web.AppRunner(self.app, shutdown_timeout=STOP_S, **options)
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the HTTP server was not set up")
        self._inner = server.request_handler
        server.request_handler = self._handle
        loop, connections = asyncio.get_running_loop(), self._connections

        def by_aiohttp() -> Guarded:
            return Guarded(server, connections=connections, loop=loop, **options)

        self._listener = await loop.create_server(
            lambda: Doorway(self.door_routes, connections, by_aiohttp), sock=sock, backlog=256
        )

    async def watch(self) -> None:
        """The watchdog; runs until it is cancelled."""
        shortest = min(self._limits.header_deadline_s, self._limits.idle_deadline_s)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(WATCH_S, shortest / 4))
            self._connections.close_overdue(loop.time())

    @property
    def connection_count(self) -> int:
        """How many connections are open."""
        return len(self._connections.open)

    def drain(self) -> None:
        """Take no new connection, and end each open one with its next answer."""
        self._connections.is_draining = True
        if self._listener is not None:
            self._listener.close()

    def refuse_new(self) -> None:
        """Take no new connection, and refuse what still comes on the open ones."""
        self._connections.is_stopping = True
        if self._listener is not None:
            self._listener.close()

    async def stop(self) -> None:
        """Let running requests end, within STOP_S each way, then close every connection."""
        self.refuse_new()
        await self._connections.finish(STOP_S)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._connections.abort_all()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        if isinstance(connection, Guarded):
            connection.begin()
        try:
            response = await self._route(request)
            if self._connections.is_draining:
                response.force_close()
        except web.HTTPException as exception:
            if exception.status < 400:
                raise
            response = refusal_response(as_refusal(exception), allow(exception))
        except TooLarge as refused:
            is_person = "text/html" in request.headers.get("Accept", "")
            response = _told(TOO_LARGE) if is_person else refusal_response(refused)
        except Refused as refused:
            response = refusal_response(refused)
        except StoreUnavailable as fault:
            self._telemetry.fault("store", fault)
            response = refusal_response(Overloaded("this cannot be stored now"))
        finally:
            if isinstance(connection, Guarded):
                connection.end()
        if self._connections.is_stopping:
            response.force_close()
        if not response.prepared:
            await name_no_version(request, response)
        return response

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._connections.is_stopping:
            raise Overloaded("this node is stopping; send again when it is back")
        if "Content-Encoding" in request.headers:
            raise Encoded("a body with Content-Encoding is not read; send it plain")
        await _expect(request)
        route = self.door_routes.get(request.rel_url.raw_path)
        if route is not None:
            if request.method != "POST":
                raise WrongMethod("an action is called with POST")
            return answer_response(await self._at_door(route, request))
        if "%00" in request.rel_url.raw_path_qs:  # of databases, some keep it and some cut there
            raise Malformed("the address holds a NUL character, and no text here has one")
        if self._inner is None:
            raise RuntimeError("the HTTP server was not set up")
        await read_body(request, self._limits.body_bytes_max, self._limits.body_deadline_s)
        return await self._inner(request)

    async def _at_door(self, route: DoorRoute, request: web.BaseRequest) -> Answer:
        try:
            body = await read_body(request, route.bytes_max, self._limits.body_deadline_s)
        except Refused as refused:
            return route.refuse(refused)
        shed = route.shed(request.headers)
        if shed is not None:
            return shed
        return await route.receive(request.headers, body, request.remote or "")


def _told(sentence: str) -> web.Response:
    """For a browser whose form is so large that no page reads it; the connection is then closed."""
    response = web.Response(status=413, text=sentence, headers={"Cache-Control": "no-store"})
    response.force_close()
    return response


async def _expect(request: web.BaseRequest) -> None:
    """Tell a peer that waits with its body to send it. Raises Unexpected for any other wish."""
    wish = request.headers.get("Expect")
    if wish is None:
        return
    if wish.lower() != "100-continue":
        raise Unexpected("the Expect header asks for something this node does not know")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer itself has not begun


async def expected_already(request: web.Request) -> None:
    """For routes of the application: the shell has told the peer already."""


async def read_body(request: web.BaseRequest, bytes_max: int, deadline_s: float) -> bytes:
    """The whole body, at most `bytes_max` bytes, within `deadline_s`.

    Raises TooLarge (413) or TooSlow (408); the connection is then closed.
    """
    if (request.content_length or 0) > bytes_max:
        raise TooLarge(f"the body is larger than {bytes_max} bytes")
    if not request.content.is_eof():
        try:
            async with asyncio.timeout(deadline_s):
                body = await request.read()
        except TimeoutError:
            raise TooSlow(f"the body did not come within {deadline_s:g} s") from None
    else:
        body = await request.read()
    if len(body) > bytes_max:
        raise TooLarge(f"the body is larger than {bytes_max} bytes")
    return body
