"""One HTTP/1.1 connection that POSTs and is kept: bytes out, a bounded answer in.

The connections of pool.py, over which all messages go. An answer is read as far as its status and
its ACK; what a peer does beyond that costs it the connection.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import orjson
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    from protocol_specs.node.client.pool import Host, Target

ANSWER_BYTES_MAX = 65_536
HEAD_BYTES_MAX = 16_384


class Fault(StrEnum):
    """Why an exchange ended without an answer."""

    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    CUT_OFF = "cut_off"  # the connection ended before the answer did
    NOT_HTTP = "not_http"
    TOO_LARGE = "too_large"
    UNNAMED = "unnamed"  # no name service said anything in time, about this one at least
    OURS = "ours"  # we had no descriptor, port or name service left, or are closing


class Exchange:
    """One POST, and what became of it; give it to `Pool.post`. Times by the loop's clock.

    Once it has ended, either `fault` is set or `status`, `head` and `body` are, and `took_s`
    always. `head` are the bytes of the answer's head, perhaps with the beginning of its body.
    """

    __slots__ = (
        "began_at",
        "body",
        "connection",
        "deadline",
        "fault",
        "head",
        "is_late",
        "is_second_try",
        "late_at",
        "status",
        "tail",
        "target",
        "took_s",
    )

    def __init__(self, target: Target, tail: bytes, *, lasts_s: float, late_s: float) -> None:
        self.target, self.tail = target, tail
        self.began_at = asyncio.get_running_loop().time()
        self.deadline, self.late_at = self.began_at + lasts_s, self.began_at + late_s
        self.connection: Connection | None = None
        self.is_second_try = self.is_late = False
        self.status, self.head, self.body, self.took_s = 0, b"", b"", 0.0
        self.fault: Fault | None = None

    def late(self) -> None:
        """Called once if there is no answer after `late_s`; it may still come."""

    def ended(self) -> None:
        """Called once, at the end."""


class Owner(Protocol):
    """What a connection tells its pool."""

    def freed(self, connection: Connection) -> None:
        """It can take the next exchange."""

    def lost(self, connection: Connection) -> None:
        """It is gone."""

    def again(self, exchange: Exchange) -> None:
        """It was closed under a request that nobody had begun to answer."""

    def end(self, exchange: Exchange) -> None:
        """The exchange has its answer or its fault."""


class Connection(asyncio.Protocol):
    """One exchange at a time. httptools calls the `on_...` methods while it is fed."""

    transport: asyncio.Transport

    def __init__(self, owner: Owner, host: Host) -> None:
        self.owner, self.host = owner, host
        self.posts = 0
        self._exchange: Exchange | None = None
        self._parser = HttpResponseParser(self)
        self._expect()

    def _expect(self) -> None:
        self._status = self._bytes = self._unfinished = 0
        self._head = self._body = b""
        self._is_whole = self._may_be_kept = False

    def post(self, exchange: Exchange) -> None:
        """Send the request; the answer ends the exchange."""
        self._exchange = exchange
        exchange.connection = self
        self.posts += 1
        self._expect()
        self.transport.write(exchange.target.head + exchange.tail)

    def give_up(self) -> None:
        """The deadline has passed: end the exchange with what came so far, and the connection."""
        self._finish(None if self._is_readable() else Fault.TIMED_OUT)
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP transport writes

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:  # it speaks unasked
            self.transport.abort()
            return
        self._bytes += len(data)
        if not self._status:
            self._head += data
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._may_be_kept = False
            if not self._is_whole:
                self._finish(Fault.NOT_HTTP)
                self.transport.abort()
                return
        if self._is_whole:
            self._answered()
        elif self._bytes > ANSWER_BYTES_MAX + HEAD_BYTES_MAX:
            self._finish(Fault.TOO_LARGE)
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        exchange = self._exchange
        self.owner.lost(self)
        del self._parser  # it holds us
        if exchange is None:
            return
        if not self._bytes and self.posts > 1 and not exchange.is_second_try:
            self._exchange = None
            self.owner.again(exchange)
            return
        ends_it = exc is None and self._status and not self._is_framed()  # a reset is no end
        self._finish(None if ends_it or self._is_readable() else Fault.CUT_OFF)

    def on_message_begin(self) -> None:
        self._unfinished += 1

    def on_headers_complete(self) -> None:
        if not self._is_whole:
            self._status = self._parser.get_status_code()

    def on_body(self, piece: bytes) -> None:
        if not self._is_whole:
            self._body += piece

    def on_message_complete(self) -> None:
        self._unfinished -= 1
        if self._is_whole:  # a second answer to one request
            self._may_be_kept = False
        elif self._status < 200:  # 100 Continue, 103 Early Hints: the answer comes after it
            self._status = 0
        else:
            self._is_whole = True
            self._may_be_kept = self._parser.should_keep_alive()

    def _answered(self) -> None:
        """The connection is freed first, so that whoever hears of the end may use it."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        exchange.status, exchange.head, exchange.body = self._status, self._head, self._body
        is_sent = not self.transport.get_write_buffer_size()
        if self._may_be_kept and not self._unfinished and is_sent:
            self.owner.freed(self)
        else:
            self.transport.abort()
        self.owner.end(exchange)

    def _finish(self, fault: Fault | None) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None or exchange.connection is not self:  # it has ended already
            return
        if fault is None:
            exchange.status, exchange.head, exchange.body = self._status, self._head, self._body
        exchange.fault = fault
        self.owner.end(exchange)

    def _is_framed(self) -> bool:
        """Whether the head announced where the body ends; without, the end of the stream is it."""
        head = self._head.lower()
        return b"\ncontent-length:" in head or b"\ntransfer-encoding:" in head

    def _is_readable(self) -> bool:
        """Whether what came of an unfinished answer says what there is to say."""
        if not self._status:
            return False
        try:
            return isinstance(orjson.loads(self._body), dict)
        except orjson.JSONDecodeError:
            return False
