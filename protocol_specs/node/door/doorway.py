"""The short way to the door: a connection on which plain POSTs of messages come, without aiohttp.

Only what is plain (request_head.py), of a good size and not slow is answered here. With anything
else the connection is handed to aiohttp, with every byte of the request, and stays there: its
bounds and refusals (shell.py) are the only ones.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from protocol_specs.node.door.http_answers import CLOSING, INTERNAL, SERVER
from protocol_specs.node.door.request_head import Head, plain_head

if TYPE_CHECKING:
    from protocol_specs.node.door.connections import Connections, Guarded
    from protocol_specs.node.door.door import Answer
    from protocol_specs.node.messages.hands import Hands
    from protocol_specs.wire.claims import Headers
    from protocol_specs.wire.errors import Refused

HEAD_BYTES_MAX = 4_096  # as much as aiohttp takes of one line: longer heads are its affair
PATIENCE_S = 1.0  # with a body, until aiohttp waits for it


Receive: TypeAlias = "Callable[[Headers, bytes, str], Coroutine[Any, Any, Answer]]"
Shed: TypeAlias = "Callable[[Headers], Answer | None]"


def never_shed(headers: Headers) -> None:
    """For what is always received."""


class DoorRoute(NamedTuple):
    """One path of the door: `receive` gets headers, body and the address of the socket; `shed` is
    asked first, and says no at once where there is too much to do. `hands` handle what it received
    if that is a passing message."""

    bytes_max: int
    receive: Receive
    refuse: Callable[[Refused], Answer]
    shed: Shed = never_shed
    hands: Hands | None = None


class Doorway(asyncio.Protocol):
    """One connection, one request at a time.

    `closes_at` (event loop time) is when the watchdog finds it overdue; None while a request is
    handled.
    """

    transport: asyncio.Transport

    def __init__(
        self,
        routes: dict[str, DoorRoute],
        connections: Connections,
        aiohttp_connection: Callable[[], Guarded],
    ) -> None:
        self._routes, self._connections = routes, connections
        self._aiohttp_connection = aiohttp_connection
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()  # from the first byte of the request that comes
        self._head: Head | None = None
        self._head_bytes = 0
        self._is_idle = self._is_answering = self._is_last = False
        self.closes_at: float | None = None
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the deadline for the first request, or close at once beyond the caps."""
        self.transport = transport  # type: ignore[assignment]  # a TCP transport writes
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.closes_at = self._loop.time() + self._connections.limits.header_deadline_s
        if not self._connections.admit(self):
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """A further request waits until this one is answered, and the peer with it."""
        self._buffer += data
        if self._is_answering:
            self.transport.pause_reading()
        else:
            self._go_on()

    def eof_received(self) -> bool:
        """Who only listens now still gets the answer."""
        self._is_last = True
        return self._is_answering

    def pause_writing(self) -> None:
        """Some hundred answers lie unread: nobody reads them."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for others. What is being received is received to its end."""
        self._connections.release(self)

    def overdue(self) -> None:
        """No head in time: good-bye. No body in time: aiohttp tells the peer so."""
        if self._head is not None and not self.transport.is_closing():
            self._hand_over()
        else:
            self.abort()

    def abort(self) -> None:
        """Close without another word."""
        self.transport.abort()

    def _go_on(self) -> None:
        """Answer the request once all of it is here."""
        head = self._head or self._find_head()
        if head is None:
            return
        whole = self._head_bytes + head.body_bytes
        if len(self._buffer) < whole:
            self.closes_at = self.closes_at or self._loop.time() + PATIENCE_S
            return
        self._head, self.closes_at = None, None
        self._is_answering, self._is_last = True, head.is_last
        route = self._routes[head.path]
        shed = route.shed(head.headers)
        body = b"" if shed else bytes(memoryview(self._buffer)[self._head_bytes : whole])
        del self._buffer[:whole]
        if shed is not None:
            self._say(shed)
            return
        task = self._loop.create_task(self._receive(route, head.headers, body))
        self._connections.tasks.add(task)
        task.add_done_callback(self._connections.tasks.discard)

    def _find_head(self) -> Head | None:
        """The head of the next request, if it has come and is plain."""
        end = self._buffer.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) + 4
        if end < 4 and len(self._buffer) < HEAD_BYTES_MAX:
            if self._is_idle:
                self._is_idle = False
                self.closes_at = self._loop.time() + self._connections.limits.header_deadline_s
            return None
        head = plain_head(bytes(self._buffer[:end]), self._routes) if end >= 4 else None
        if head is None or self._connections.is_stopping or self._is_too_large(head):
            self._hand_over()
            return None
        self._head, self._head_bytes, self._is_idle, self.closes_at = head, end, False, None
        return head

    def _is_too_large(self, head: Head) -> bool:
        return head.body_bytes > self._routes[head.path].bytes_max

    def _hand_over(self) -> None:
        """From here on the connection is aiohttp's, which finds the request as it came."""
        self._connections.release(self)
        other = self._aiohttp_connection()
        self.transport.set_protocol(other)
        other.connection_made(self.transport)
        other.data_received(bytes(self._buffer))

    async def _receive(self, route: DoorRoute, headers: Headers, body: bytes) -> None:
        """Say what the door says; then handle what it took, if that is not written."""
        try:
            answer = await route.receive(headers, body, self.address)
        except Exception as error:  # noqa: BLE001 - whatever it is, the peer hears of it
            self._connections.telemetry.fault("http", error)
            answer = INTERNAL
        if self.transport.is_closing():
            self.abort()
        else:
            self._say(answer)
        if route.hands is not None:
            self._connections.answered()
            await route.hands.work()

    def _say(self, answer: Answer) -> None:
        """Then it is the turn of what came meanwhile, and of the other connections before it."""
        connections = self._connections
        is_last = self._is_last or connections.is_ending or answer.status in CLOSING
        self.transport.write(rendered(answer, is_last=is_last))
        if is_last:
            self.transport.close()
        elif self._buffer:
            self._loop.call_soon(self._next)
        else:
            self._rest()

    def _rest(self) -> None:
        self._is_answering, self._is_idle = False, True
        self.closes_at = self._loop.time() + self._connections.limits.idle_deadline_s

    def _next(self) -> None:
        if self.transport.is_closing():
            return
        self._rest()
        if not self.transport.is_reading():
            self.transport.resume_reading()
        self._go_on()


def rendered(answer: Answer, *, is_last: bool) -> bytes:
    """The answer as the bytes of HTTP/1.1."""
    render = _rendered_once if answer.is_common else _rendered
    return render(answer, int(time.time()), is_last)


def _rendered(answer: Answer, second: int, is_last: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"Content-Length: {len(answer.body)}",
        f"Date: {_date(second)}",
        f"Server: {SERVER}",
    ]
    if is_last:
        lines.append("Connection: close")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1") + answer.body


_rendered_once = functools.lru_cache(maxsize=16)(_rendered)


@functools.lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
