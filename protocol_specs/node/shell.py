"""The HTTP shell of the door: aiohttp with the deadlines and bounds that aiohttp has not.

Every connection belongs to a Guarded handler. One watchdog per server closes those that have not
brought a whole request head in time; `Shell` bounds bodies in size and time, renders every fault
of the framework as a JSON NACK that repeats nothing of the input, and counts connections.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from protocol_specs.wire.errors import Malformed, NotServed, Overloaded, Refused, TooLarge, nack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol_specs.node.door import Answer
    from protocol_specs.node.settings import Limits
    from protocol_specs.node.telemetry import Telemetry

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
CLOSING = frozenset({408, 413, 415, 503})
SERVER = "wayfare"
LINGER_S = 2  # how long an unread rest of a refused body is swallowed, so that the answer arrives


class TooSlow(Refused):
    """The body did not come in time."""

    status = 408


class WrongMethod(NotServed):
    """A path that is served, but not with this method."""

    status = 405


class Encoded(Malformed):
    """A body in a Content-Encoding: the bytes that are signed are the bytes that are read."""

    status = 415


class Unexpected(Malformed):
    """An Expect header other than 100-continue."""

    status = 417


class Internal(Refused):
    """Our own fault; the log knows more."""

    code = "50000"
    status = 500
    transient = True


@dataclass(slots=True)
class Connections:
    """Who is connected now, and the bounds on it."""

    limits: Limits
    telemetry: Telemetry
    open: set[Guarded] = field(default_factory=set)
    by_address: Counter[str] = field(default_factory=Counter)

    def admit(self, connection: Guarded) -> bool:
        """Count `connection` in; False when one of the caps is reached."""
        if len(self.open) >= self.limits.connections_max:
            return False
        if self.by_address[connection.address] >= self.limits.connections_per_address_max:
            return False
        self.open.add(connection)
        self.by_address[connection.address] += 1
        return True

    def release(self, connection: Guarded) -> None:
        """Count `connection` out, if it was counted in."""
        if connection not in self.open:
            return
        self.open.discard(connection)
        self.by_address[connection.address] -= 1
        if not self.by_address[connection.address]:
            del self.by_address[connection.address]

    def close_overdue(self, now: float) -> None:
        """Close each connection whose request head is late or that has idled for too long."""
        for connection in [c for c in self.open if c.closes_at is not None and c.closes_at <= now]:
            connection.abort()


class Guarded(web.RequestHandler):
    """One connection, with a deadline for the head of each request.

    `closes_at` (event loop time) is when the watchdog closes it; None while a request is handled.
    """

    __slots__ = ("_connections", "_head_begun", "_head_s", "_idle_s", "address", "closes_at")

    def __init__(
        self, manager: web.Server, *, connections: Connections, loop: Any, **kwargs: Any
    ) -> None:
        super().__init__(manager, loop=loop, **kwargs)
        self._connections = connections
        self._head_s = connections.limits.header_deadline_s
        self._idle_s = connections.limits.idle_deadline_s
        self._head_begun = False
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

    def begin(self) -> None:
        """A whole head has come; its request is being handled."""
        self._head_begun = True
        self.closes_at = None

    def end(self) -> None:
        """The request is answered; the next may come until the idle deadline."""
        self._head_begun = False
        self.closes_at = self._loop.time() + self._idle_s

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


class Shell:
    """A listening HTTP server: door routes first, then the aiohttp application."""

    def __init__(self, app: web.Application, *, limits: Limits, telemetry: Telemetry) -> None:
        self.app = app
        app.on_response_prepare.append(name_no_version)
        self.door_routes: dict[str, Handler] = {}
        self.stopping = False
        self._limits = limits
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
        self._runner = web.AppRunner(self.app, shutdown_timeout=5, **options)
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the HTTP server was not set up")
        self._inner = server.request_handler
        server.request_handler = self._handle
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Guarded(server, connections=self._connections, loop=loop, **options),
            sock=sock,
            backlog=256,
        )

    async def watch(self) -> None:
        """The watchdog; runs until it is cancelled."""
        shortest = min(self._limits.header_deadline_s, self._limits.idle_deadline_s)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(1.0, shortest / 4))
            self._connections.close_overdue(loop.time())

    @property
    def connection_count(self) -> int:
        """How many connections are open."""
        return len(self._connections.open)

    def refuse_new(self) -> None:
        """Take no new connection, and refuse what still comes on the open ones."""
        self.stopping = True
        if self._listener is not None:
            self._listener.close()

    async def stop(self) -> None:
        """Let running requests end (5 s), then close every connection."""
        self.refuse_new()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        if isinstance(connection, Guarded):
            connection.begin()
        try:
            response = await self._route(request)
        except web.HTTPException as exception:
            if exception.status < 400:
                raise
            response = refusal_response(_as_refusal(exception), _allow(exception))
        except Refused as refused:
            response = refusal_response(refused)
        finally:
            if isinstance(connection, Guarded):
                connection.end()
        if not response.prepared:
            await name_no_version(request, response)
        return response

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.stopping:
            raise Overloaded("this node is stopping; send again when it is back")
        if "Content-Encoding" in request.headers:
            raise Encoded("a body with Content-Encoding is not read; send it plain")
        await _expect(request)
        handler = self.door_routes.get(request.rel_url.raw_path)
        if handler is not None:
            if request.method != "POST":
                raise WrongMethod("an action is called with POST")
            return await handler(request)
        if self._inner is None:
            raise RuntimeError("the HTTP server was not set up")
        await read_body(request, self._limits.body_bytes_max, self._limits.body_deadline_s)
        return await self._inner(request)


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


async def name_no_version(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """aiohttp would tell everybody its version and Python's."""
    response.headers["Server"] = SERVER


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


def answer_response(answer: Answer) -> web.Response:
    """The door's answer as an HTTP one; after a body that was not read the connection closes."""
    response = web.Response(body=answer.body, status=answer.status, headers=answer.headers)
    if answer.status in CLOSING:
        response.force_close()
    return response


def refusal_response(refused: Refused, headers: Mapping[str, str] | None = None) -> web.Response:
    """`refused` as an HTTP answer: status, NACK, and when to try again."""
    response = web.Response(
        body=nack(refused),
        status=refused.status,
        content_type="application/json",
        headers=headers,
    )
    if refused.retry_after_s is not None:
        response.headers["Retry-After"] = str(refused.retry_after_s)
    if refused.status in CLOSING:
        response.force_close()
    return response


def _as_refusal(exception: web.HTTPException) -> Refused:
    """The framework's own refusals in our words; its texts repeat the caller's input."""
    if exception.status == 404:
        return NotServed("nothing is served at this path")
    if exception.status == 405:
        return WrongMethod("this path is not served with this method")
    if exception.status == 413:
        return TooLarge("the body is too large")
    refused = Malformed("the request is not one this node understands")
    refused.status = exception.status if exception.status < 500 else 500
    return refused


def _allow(exception: web.HTTPException) -> dict[str, str]:
    allow = exception.headers.get("Allow")
    return {"Allow": allow} if allow else {}
