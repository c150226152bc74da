"""The HTTP shell over real sockets: deadlines, bounds, and errors that repeat nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from protocol_specs.node.door.door import JSON, Answer
from protocol_specs.node.door.doorway import DoorRoute
from protocol_specs.node.door.shell import Shell, expected_already
from protocol_specs.node.settings import Limits
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.wire import strict_json
from protocol_specs.wire.claims import Headers
from protocol_specs.wire.errors import Refused, nack
from tests.support.nodes import listening_socket, serving, url_of
from tests.support.peers import post

WITHIN_S = 5.0  # far above the deadlines below, far below aiohttp's own
QUICK = Limits(header_deadline_s=0.3, body_deadline_s=0.3, idle_deadline_s=0.6)
PATIENT = Limits()
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
EVERY_WAY = pytest.mark.parametrize("path", [b"/echo", b"/door", b"/door?by=aiohttp"])


def head(path: bytes) -> bytes:
    return HEAD.replace(b"/echo", path)


class Listening:
    """A shell on a socket, and what it logged."""

    def __init__(self, limits: Limits) -> None:
        self.lines: list[str] = []
        telemetry = Telemetry("test", write=self.lines.append)
        self.app = web.Application()
        self.app.router.add_post("/echo", self.echo, expect_handler=expected_already)
        self.app.router.add_get("/fails", self.fails)
        self.shell = Shell(self.app, limits=limits, telemetry=telemetry)
        self.shell.door_routes["/door"] = DoorRoute(1_000, self.door, self.refuse)
        self.port = 0
        self.url = ""

    async def echo(self, request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def door(self, headers: Headers, body: bytes, address: str) -> Answer:
        return Answer(200, JSON, body)

    def refuse(self, refused: Refused) -> Answer:
        return Answer(refused.status, JSON, nack(refused))

    async def fails(self, request: web.Request) -> web.Response:
        raise KeyError("+60123456789")


@asynccontextmanager
async def listening(limits: Limits = PATIENT) -> AsyncIterator[Listening]:
    sock = listening_socket()
    there = Listening(limits)
    there.port, there.url = sock.getsockname()[1], url_of(sock)
    async with serving(there.shell, sock):
        yield there


@asynccontextmanager
async def connected(
    there: Listening,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other side closes; fails when it does not."""
    async with asyncio.timeout(WITHIN_S):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def trickle(writer: asyncio.StreamWriter, next_bytes: Callable[[], bytes]) -> None:
    """Send a little every 50 ms until the connection breaks."""
    with suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(next_bytes())
            await writer.drain()
            await asyncio.sleep(0.05)


@EVERY_WAY
async def test_a_peer_that_waits_with_its_body_is_told_to_send_it(path: bytes) -> None:
    waiting = head(path) + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(waiting)
        async with asyncio.timeout(WITHIN_S):
            told = await reader.readuntil(b"\r\n\r\n")
            assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"{}")
            answer = await reader.readuntil(b"{}")
        assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_a_silent_connection_is_closed() -> None:
    async with listening(QUICK) as there, connected(there) as (reader, _):
        assert await rest(reader) == b""


@EVERY_WAY
async def test_half_a_head_is_closed(path: bytes) -> None:
    async with listening(QUICK) as there, connected(there) as (reader, writer):
        writer.write(head(path))
        assert await rest(reader) == b""


@EVERY_WAY
async def test_trickled_headers_are_closed(path: bytes) -> None:
    async with listening(QUICK) as there, connected(there) as (reader, writer):
        writer.write(head(path))
        sender = asyncio.create_task(trickle(writer, lambda: b"X-A: b\r\n"))
        assert await rest(reader) == b""
        await sender


@EVERY_WAY
async def test_trickled_headers_of_a_second_request_are_closed(path: bytes) -> None:
    async with (
        listening(Limits(header_deadline_s=0.3)) as there,
        connected(there) as (reader, writer),
    ):
        writer.write(head(path) + b"Content-Length: 2\r\n\r\n{}")
        assert b"200 OK" in await reader.readuntil(b"{}")
        writer.write(head(path))
        sender = asyncio.create_task(trickle(writer, lambda: b"X-A: b\r\n"))
        assert await rest(reader) == b""
        await sender


@pytest.mark.parametrize("path", [b"/echo", b"/door", b"/door?by=aiohttp", b"/nothing"])
async def test_a_slow_body_is_refused_and_closed(path: bytes) -> None:
    async with listening(QUICK) as there, connected(there) as (reader, writer):
        writer.write(head(path) + b"Content-Length: 900\r\n\r\n")
        sender = asyncio.create_task(trickle(writer, lambda: b" "))
        async with asyncio.timeout(WITHIN_S):
            answer = await reader.readuntil(b"}}")
        await rest(reader)  # whatever still comes, the connection ends
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"status":"NACK"' in answer
        await sender


@EVERY_WAY
async def test_an_idle_connection_is_closed_after_its_answer(path: bytes) -> None:
    async with listening(QUICK) as there, connected(there) as (reader, writer):
        writer.write(head(path) + b"Content-Length: 2\r\n\r\n{}")
        assert (await rest(reader)).endswith(b"{}")


@EVERY_WAY
async def test_a_quick_client_keeps_its_connection(path: bytes) -> None:
    async with listening() as there, connected(there) as (reader, writer):
        for _ in range(3):
            writer.write(head(path) + b"Content-Length: 2\r\n\r\n{}")
            assert b"200 OK" in await reader.readuntil(b"{}")


@EVERY_WAY
async def test_connections_beyond_the_cap_are_closed_and_others_go_on(path: bytes) -> None:
    limits = Limits(connections_max=2)
    async with listening(limits) as there, connected(there) as one, connected(there):
        async with connected(there) as (reader, _):
            assert await rest(reader) == b""
        one[1].write(head(path) + b"Content-Length: 2\r\n\r\n{}")
        assert b"200 OK" in await one[0].readuntil(b"{}")


async def test_connections_of_one_address_are_capped_and_counted_down() -> None:
    limits = Limits(connections_per_address_max=1)
    async with listening(limits) as there:
        async with connected(there) as one:
            async with connected(there) as (reader, _):
                assert await rest(reader) == b""
            one[1].write(b"not http\r\n\r\n")  # answered and closed: then the place is free
            await rest(one[0])
        assert there.shell.connection_count == 0
        assert (await post(f"{there.url}/echo", b"{}")).status == 200


@EVERY_WAY
async def test_a_proxy_of_ours_may_connect_as_often_as_all_its_callers_need(path: bytes) -> None:
    limits = Limits(connections_per_address_max=1, connections_max=2, proxies=("127.0.0.1",))
    async with listening(limits) as there, connected(there), connected(there) as two:
        async with connected(there) as (reader, _):
            assert await rest(reader) == b""
        two[1].write(head(path) + b"Content-Length: 2\r\n\r\n{}")
        assert b"200 OK" in await two[0].readuntil(b"{}")


async def test_what_is_not_http_is_answered_without_repeating_it() -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(b"secret-words\r\n\r\n")
        answer = await rest(reader)
        assert answer.startswith(b"HTTP/1.0 400 ")
        assert b"secret" not in answer
        assert b'"status":"NACK"' in answer


@EVERY_WAY
async def test_two_content_lengths_are_refused(path: bytes) -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(head(path) + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")
        assert (await rest(reader)).startswith(b"HTTP/1.0 400 ")


async def test_our_own_fault_says_nothing_and_is_logged_without_its_text() -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(b"GET /fails HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await rest(reader)
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert strict_json.parse(answer.split(b"\r\n\r\n", 1)[1])["error"]["code"] == "50000"
        (line,) = there.lines
        assert "KeyError" in line
        assert "test_shell.py" in line
        assert "60123456789" not in line + answer.decode()


async def test_an_answer_names_no_software_version() -> None:
    async with listening() as there:
        said = await post(f"{there.url}/echo", b"{}")
        assert said.headers["Server"] == "wayfare"
        assert (await post(f"{there.url}/door", b"{}")).headers["Server"] == "wayfare"


@EVERY_WAY
async def test_a_stopping_shell_refuses_with_503(path: bytes) -> None:
    async with listening() as there, connected(there) as (reader, writer):
        writer.write(head(path) + b"Content-Length: 2\r\n\r\n{}")
        await reader.readuntil(b"{}")
        there.shell.refuse_new()
        writer.write(head(path) + b"Content-Length: 2\r\n\r\n{}")
        answer = await rest(reader)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: " in answer
