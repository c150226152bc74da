"""One lean connection against anything a peer may send, in any pieces."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.node.client.http1 import (
    ANSWER_BYTES_MAX,
    HEAD_BYTES_MAX,
    Connection,
    Exchange,
    Fault,
)
from protocol_specs.node.client.pool import Host, Target
from tests.support.http_peers import ACK, ACK_BODY

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
    len(ACK_BODY),
    ACK_BODY,
)
EARLY = b"HTTP/1.1 103 Early Hints\r\n\r\n" + ACK
PIECES = st.lists(st.integers(min_value=1, max_value=40), max_size=200)
ANSWERS = st.sampled_from([ACK, CHUNKED, EARLY])
LIKE_HTTP = st.lists(
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"Content-Length: 5\r\n",
            b"Content-Length: -1\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Connection: close\r\n",
            b"\r\n",
            b"5\r\n",
            b"ffffffffffffffff1\r\n",
            b"hello",
            b"0\r\n\r\n",
            b"\n",
            b" \x00",
            ACK_BODY,
        ]
    ),
    max_size=30,
).map(b"".join)


class Wire:
    """A transport that keeps what is written; closed means that nothing more is read."""

    def __init__(self) -> None:
        self.written, self.is_closed = b"", False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.is_closed = True

    def get_write_buffer_size(self) -> int:
        return 0


class Told:
    """What a connection told its pool, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def freed(self, connection: Connection) -> None:
        self.events.append("freed")

    def lost(self, connection: Connection) -> None:
        self.events.append("lost")

    def again(self, exchange: Exchange) -> None:
        self.events.append("again")

    def end(self, exchange: Exchange) -> None:
        self.events.append("end")


async def heard(pieces: list[bytes], *, times: int = 1) -> tuple[Told, Exchange, Wire]:
    """A connection that was sent one request, heard `pieces` and was lost."""
    told, wire = Told(), Wire()
    host = Host("127.0.0.1", 1, is_tls=False, is_literal=True)
    connection = Connection(told, host)
    connection.connection_made(wire)  # type: ignore[arg-type]  # what of a transport is used
    for _ in range(times):
        exchange = Exchange(Target(host, b"POST "), b"x", lasts_s=1, late_s=1)
        connection.post(exchange)
    for piece in pieces:
        if wire.is_closed:
            break
        connection.data_received(piece)
    connection.connection_lost(None)
    return told, exchange, wire


def cut(data: bytes, lengths: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for length in lengths:
        pieces.append(data[at : at + length])
        at += length
    return [piece for piece in (*pieces, data[at:]) if piece]


def run(*arguments: Any, **more: Any) -> tuple[Told, Exchange, Wire]:
    return asyncio.run(heard(*arguments, **more))


@given(ANSWERS, PIECES)
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(
    answer: bytes, lengths: list[int]
) -> None:
    told, exchange, _ = run(cut(answer, lengths))
    assert (exchange.fault, exchange.status, exchange.body) == (None, 200, ACK_BODY)
    assert told.events == ["freed", "end", "lost"]


@given(st.one_of(st.binary(max_size=300), LIKE_HTTP), PIECES, st.sampled_from([1, 2]))
def test_whatever_comes_an_exchange_ends_exactly_once_or_is_tried_again(
    data: bytes, lengths: list[int], times: int
) -> None:
    told, exchange, _ = run(cut(data, lengths), times=times)
    assert told.events.count("lost") == 1
    assert told.events.count("end") + told.events.count("again") == 1
    assert ("again" in told.events) == (not data and times == 2)
    if exchange.fault is None and "end" in told.events:
        assert 200 <= exchange.status <= 999


@given(ANSWERS, st.data())
def test_one_wrong_byte_gives_an_answer_or_a_fault_and_nothing_else(
    answer: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(answer) - 1))
    wrong = bytes([data.draw(st.integers(0, 255))])
    told, exchange, _ = run([answer[:at] + wrong + answer[at + 1 :]])
    assert told.events.count("end") == 1
    assert exchange.fault in (None, Fault.NOT_HTTP, Fault.CUT_OFF)


@given(st.binary(min_size=1, max_size=50), PIECES)
def test_a_connection_is_never_kept_when_more_than_the_answer_came(
    rest: bytes, lengths: list[int]
) -> None:
    """Unless the rest comes in a packet of its own: then it is heard as speaking unasked."""
    told, exchange, wire = run([ACK + rest])
    assert exchange.body == ACK_BODY
    assert wire.is_closed or set(rest) <= set(b"\r\n")
    told, _, wire = run([ACK, rest])
    assert told.events[0] == "freed"
    assert wire.is_closed


@given(st.integers(1, 3))
def test_no_more_is_read_than_head_and_body_may_have(pieces: int) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b" " * 60_000
    _, exchange, wire = run([endless] + [b" " * 60_000] * pieces)
    is_too_much = len(endless) + pieces * 60_000 > ANSWER_BYTES_MAX + HEAD_BYTES_MAX
    assert wire.is_closed == is_too_much
    assert exchange.fault is (Fault.TOO_LARGE if is_too_much else Fault.CUT_OFF)
