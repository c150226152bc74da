"""The short way to the door over real sockets: what it answers itself, and what it hands on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest
from aiohttp import web

from protocol_specs.node.door.connections import Guarded
from protocol_specs.node.door.door import JSON, Answer
from protocol_specs.node.door.doorway import HEAD_BYTES_MAX, DoorRoute, Doorway
from protocol_specs.node.door.shell import Shell
from protocol_specs.node.settings import Limits
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.wire.claims import Headers
from protocol_specs.wire.errors import Overloaded, RateLimited, Refused, nack
from tests.support.nodes import listening_socket, serving

WITHIN_S = 60.0
BYTES_MAX = 1_000
PLAIN = b"POST /door HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Listening:
    """A shell with one door route, which echoes until a test tells it otherwise."""

    def __init__(self, limits: Limits) -> None:
        self.lines: list[str] = []
        self.bodies: list[bytes] = []
        self.answer: Callable[[bytes], Awaitable[Answer]] = self.echo
        app = web.Application()
        app.router.add_get("/page", self.page)
        self.shell = Shell(app, limits=limits, telemetry=Telemetry("test", write=self.lines.append))
        self.shell.door_routes["/door"] = DoorRoute(BYTES_MAX, self.receive, self.refuse)
        self.sock = listening_socket()

    async def receive(self, headers: Headers, body: bytes, address: str) -> Answer:
        self.bodies.append(body)
        return await self.answer(body)

    async def echo(self, body: bytes) -> Answer:
        return Answer(200, JSON, body)

    def refuse(self, refused: Refused) -> Answer:
        return Answer(refused.status, JSON, nack(refused))

    async def page(self, request: web.Request) -> web.Response:
        return web.Response(text="a page")

    @property
    def by_aiohttp(self) -> int:
        """How many connections are aiohttp's by now."""
        return sum(isinstance(each, Guarded) for each in self.shell._connections.open)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Returns as soon as it holds; fails when it never does."""
        async with asyncio.timeout(WITHIN_S):
            while not holds():  # noqa: ASYNC110 - the server has no event for a test
                await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(limits: Limits | None = None) -> AsyncIterator[Listening]:
    there = Listening(limits or Limits())
    async with serving(there.shell, there.sock):
        yield there


@asynccontextmanager
async def connected(there: Listening) -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection(*there.sock.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The next answer: status, headers and body."""
    async with asyncio.timeout(WITHIN_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        lines = dict(line.split(": ", 1) for line in head[1:])
        body = await reader.readexactly(int(lines["Content-Length"]))
    return int(head[0].split(" ")[1]), lines, body


async def end(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other side closes; fails when it does not."""
    async with asyncio.timeout(WITHIN_S):
        with suppress(ConnectionError):
            return await reader.read()
    return b""


async def test_a_plain_post_is_answered_without_aiohttp() -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(PLAIN)
        status, headers, body = await answer(reader)
        assert (status, headers["Content-Type"], body) == (200, "application/json", b"{}")
        assert there.by_aiohttp == 0


@pytest.mark.parametrize(
    "said",
    [
        Answer(200, JSON, b"{}"),
        Answer(401, {**JSON, "WWW-Authenticate": "Signature"}, b'{"a":"\xc3\xa9"}'),
        Answer(429, {**JSON, "Retry-After": "3"}, nack(RateLimited("slow down"))),
        Answer(503, {**JSON, "Retry-After": "1"}, nack(Overloaded("full"))),
    ],
    ids=lambda said: str(said.status),
)
async def test_both_ways_to_the_door_give_the_same_answer(said: Answer) -> None:
    async def say(body: bytes) -> Answer:
        return said

    heard = []
    async with listening() as there:
        there.answer = say
        for path in (b"/door", b"/door?by=aiohttp"):
            async with connected(there) as (reader, writer):
                writer.write(PLAIN.replace(b"/door", path))
                status, headers, body = await answer(reader)
                assert headers.pop("Date").endswith(" GMT")
                heard.append((status, headers, body))
    assert heard[0] == heard[1]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /door HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (PLAIN.replace(b"/door", b"/nothing"), 404),
        (PLAIN.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")[:-2], None),
        (PLAIN.replace(b"Host: x", b"Host: x\r\nExpect: wonders"), 417),
        (PLAIN.replace(b"Host: x", b"Host: x\r\nContent-Encoding: gzip"), 415),
        (PLAIN.replace(b"Host: x\r\n", b""), 400),
        (PLAIN.replace(b"Host: x", b"Host: x\r\nX: " + b"y" * 2 * HEAD_BYTES_MAX), 400),
        (PLAIN.replace(b"Length: 2", b"Length: 1001"), 413),
        (PLAIN.replace(b"Length: 2", b"Length: 2\r\nContent-Length: 2"), 400),
        (PLAIN.replace(b"Length: 2", b"Length: 2\r\nTransfer-Encoding: chunked"), 400),
        (PLAIN.replace(b"Host: x\r\n", b"Host: x\n"), 400),
        (PLAIN.replace(b"Host: x", b"Host : x"), 400),
    ],
)
async def test_whatever_is_not_plain_is_aiohttps_from_its_first_byte(
    request_bytes: bytes, status: int | None
) -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(request_bytes)
        if status is None:  # what is chunked is not at its end yet
            await there.until(lambda: there.by_aiohttp == 1)
            writer.write(b"2\r\n{}\r\n0\r\n\r\n")
        assert (await answer(reader))[0] == (status or 200)
        assert there.bodies == ([] if status else [b"{}"])


@pytest.mark.parametrize("size", [b"zz", b"-1", b"ffffffffffffffffff"])
async def test_a_bad_chunk_is_never_received(size: bytes) -> None:
    chunked = PLAIN.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")[:-2]
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(chunked + size + b"\r\n{}\r\n0\r\n\r\n")
        assert (await end(reader)).startswith(b"HTTP/1.1 400 ") or there.bodies == []
        assert there.bodies == []


async def test_a_body_in_chunks_ends_at_its_bound() -> None:
    chunked = PLAIN.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")[:-2]
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(
            chunked + b"258\r\n" + b" " * 600 + b"\r\n258\r\n" + b" " * 600 + b"\r\n0\r\n\r\n"
        )
        assert (await answer(reader))[0] == 413
        assert there.bodies == []


async def test_the_refusal_of_a_large_body_arrives_though_all_of_it_is_sent() -> None:
    body = b" " * 3_000_000
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(PLAIN.replace(b"Length: 2", b"Length: 3000000") + body)
        assert (await answer(reader))[0] == 413
        assert there.bodies == []


async def test_a_request_may_come_byte_by_byte() -> None:
    async with listening() as there, connected(there) as (reader, writer):
        for at in range(len(PLAIN)):
            writer.write(PLAIN[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer(reader))[2] == b"{}"


async def test_a_body_that_lets_wait_for_itself_is_received_all_the_same() -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(PLAIN[:-1])
        await there.until(lambda: there.by_aiohttp == 1)
        writer.write(PLAIN[-1:] + PLAIN)
        assert (await answer(reader))[0] == 200
        assert (await answer(reader))[0] == 200
        assert there.bodies == [b"{}", b"{}"]


async def test_requests_in_one_go_are_answered_one_after_the_other() -> None:
    running = 0

    async def slowly(body: bytes) -> Answer:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.01)
        running -= 1
        return Answer(200, JSON, body)

    async with listening() as there, connected(there) as (reader, writer):
        there.answer = slowly
        for digit in b"012345":
            writer.write(PLAIN.replace(b"{}", b"%c " % digit))
        assert [(await answer(reader))[2][:1] for _ in range(6)] == [b"%c" % d for d in b"012345"]
        assert there.by_aiohttp == 0


async def test_what_is_shed_is_answered_in_its_turn_and_never_received() -> None:
    full = Answer(503, {**JSON, "Retry-After": "2"}, nack(Overloaded("full")), is_common=True)
    asked = 0

    def shed(headers: Headers) -> Answer | None:
        nonlocal asked
        asked += 1
        return full if asked % 3 else None

    async with listening() as there, connected(there) as (reader, writer):
        route = there.shell.door_routes["/door"]
        there.shell.door_routes["/door"] = route._replace(shed=shed)
        writer.write(PLAIN * 3_000)  # in one piece: each waits for the one before it
        answers = [await answer(reader) for _ in range(3_000)]
        assert [status for status, _, _ in answers] == [503, 503, 200] * 1_000
        assert answers[0][2] == full.body
        assert there.bodies == [b"{}"] * 1_000
        assert there.by_aiohttp == 0


async def test_a_request_behind_one_that_was_shed_may_be_anything() -> None:
    async with listening() as there, connected(there) as (reader, writer):
        full = Answer(503, JSON, nack(Overloaded("full")), is_common=True)
        route = there.shell.door_routes["/door"]
        there.shell.door_routes["/door"] = route._replace(shed=lambda headers: full)
        writer.write(PLAIN + b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n" + PLAIN)
        assert [(await answer(reader))[0] for _ in range(3)] == [503, 200, 503]
        assert there.by_aiohttp == 1


async def test_a_page_asked_for_behind_a_message_comes_after_its_answer() -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(PLAIN + b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n" + PLAIN)
        assert [(await answer(reader))[2] for _ in range(3)] == [b"{}", b"a page", b"{}"]
        assert there.by_aiohttp == 1


async def test_while_a_message_is_received_its_peer_cannot_fill_our_memory() -> None:
    release = asyncio.Event()

    async def wait(body: bytes) -> Answer:
        await release.wait()
        return Answer(200, JSON, body)

    async with listening() as there, connected(there) as (_, writer):
        there.answer = wait
        writer.write(PLAIN)
        await there.until(lambda: there.bodies == [b"{}"])
        writer.transport.set_write_buffer_limits(0)
        writer.write(b"x" * 64_000_000)  # far beyond what the sockets hold
        await asyncio.sleep(0.2)
        assert writer.transport.get_write_buffer_size() > 32_000_000
        (connection,) = there.shell._connections.open
        assert len(connection._buffer) < 1_000_000  # type: ignore[attr-defined]
        writer.transport.abort()
        release.set()
        await there.until(lambda: there.shell.connection_count == 0)


async def test_who_does_not_read_its_answers_loses_the_connection() -> None:
    async def much(body: bytes) -> Answer:
        return Answer(200, JSON, b" " * 100_000)

    async with listening() as there, connected(there) as (_, writer):
        there.answer = much
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        with suppress(ConnectionError):
            while there.shell.connection_count or not there.bodies:
                writer.write(PLAIN)
                await writer.drain()
                await asyncio.sleep(0)
                assert len(there.bodies) < 1_000


async def test_who_only_listens_any_more_still_gets_the_answer() -> None:
    async with listening() as there, connected(there) as (reader, writer):

        def listens_only() -> bool:
            return any(isinstance(x, Doorway) and x._is_last for x in there.shell._connections.open)

        async def heard_to_its_end(body: bytes) -> Answer:
            await there.until(listens_only)
            return Answer(200, JSON, body)

        there.answer = heard_to_its_end
        writer.write(PLAIN)
        writer.write_eof()
        status, headers, _ = await answer(reader)
        assert (status, headers["Connection"]) == (200, "close")
        assert await end(reader) == b""
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(PLAIN)  # and answered before its end is heard of, perhaps
        writer.write_eof()
        assert (await answer(reader))[0] == 200
        assert await end(reader) == b""


async def test_who_went_away_leaves_nothing_behind() -> None:
    release = asyncio.Event()

    async def wait(body: bytes) -> Answer:
        await release.wait()
        return Answer(200, JSON, body)

    async with listening() as there:
        there.answer = wait
        async with connected(there) as (_, writer):
            writer.write(PLAIN)
            await there.until(lambda: there.bodies == [b"{}"])
            writer.transport.abort()
        release.set()
        await there.until(lambda: there.shell.connection_count == 0)
        assert not there.shell._connections.tasks
        assert there.lines == []


async def test_who_asks_for_it_is_closed_after_the_answer() -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(PLAIN.replace(b"Host: x", b"Host: x\r\nConnection: close") + PLAIN)
        assert (await answer(reader))[1]["Connection"] == "close"
        assert await end(reader) == b""
        assert there.bodies == [b"{}"]


async def test_our_own_fault_says_nothing_is_logged_without_its_text_and_closes() -> None:
    async def fails(body: bytes) -> Answer:
        raise KeyError("+60123456789")

    async with listening() as there, connected(there) as (reader, writer):
        there.answer = fails
        writer.write(PLAIN)
        status, headers, body = await answer(reader)
        assert (status, headers["Connection"]) == (500, "close")
        assert b'"NACK"' in body
        assert await end(reader) == b""
        (line,) = there.lines
        assert "KeyError" in line
        assert "60123456789" not in line + body.decode()


async def test_stopping_waits_for_the_answer_of_what_is_being_received() -> None:
    release = asyncio.Event()

    async def wait(body: bytes) -> Answer:
        await release.wait()
        return Answer(200, JSON, body)

    async with listening() as there, connected(there) as (reader, writer), connected(there) as idle:
        there.answer = wait
        writer.write(PLAIN + PLAIN)
        await there.until(lambda: there.bodies == [b"{}"])
        stopping = asyncio.create_task(there.shell.stop())
        await there.until(lambda: there.shell._connections.is_stopping)
        release.set()
        status, headers, _ = await answer(reader)
        assert (status, headers["Connection"]) == (200, "close")
        await stopping
        assert await end(idle[0]) == b""
        assert there.bodies == [b"{}"]
        assert there.shell.connection_count == 0


async def test_what_does_not_end_is_cancelled_when_stopping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("protocol_specs.node.door.shell.STOP_S", 0.05)

    cancelled: list[bytes] = []

    async def hangs(body: bytes) -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(body)
        raise AssertionError

    async with listening() as there, connected(there) as (reader, writer):
        there.answer = hangs
        writer.write(PLAIN)
        await there.until(lambda: there.bodies == [b"{}"])
        await there.shell.stop()
        assert await end(reader) == b""
        assert there.shell.connection_count == 0
        assert cancelled == [b"{}"]
        assert there.lines == []


async def test_a_stop_cancels_nothing_that_was_answered_and_is_being_handled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("protocol_specs.node.door.shell.STOP_S", 0.05)
    release, handled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await release.wait()
        handled.set()

    async with listening() as there, connected(there) as (reader, writer):
        route = there.shell.door_routes["/door"]
        there.shell.door_routes["/door"] = route._replace(hands=SimpleNamespace(work=work))
        writer.write(PLAIN)
        assert (await answer(reader))[0] == 200
        await there.shell.stop()
        release.set()
        async with asyncio.timeout(WITHIN_S):
            await handled.wait()
