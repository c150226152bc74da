"""A worker that is replaced lets go of its peers: the last answer says so, and nobody is reset."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol_specs.node import server
from protocol_specs.node.messages.actions import Passing
from protocol_specs.node.server import Node
from protocol_specs.node.workers.workers import Share
from protocol_specs.wire import strict_json
from protocol_specs.wire.envelope import Envelope
from tests.protocol_specs.node.plain_node import BAP, a_node
from tests.support import peers
from tests.support.nodes import listening_socket, running

PAGE = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
WITHIN_S = 60.0


def a_search(node: Node, city: str = peers.CITY) -> bytes:
    url = f"http://127.0.0.1:{node.port}"
    where = {"city": {"code": city}, "country": {"code": peers.COUNTRY}}
    context = peers.context_of(
        "search", sender=BAP, to_id="bpp.example.org", to_url=url, location=where
    )
    body = strict_json.dumps({"context": context, "message": {"intent": {}}})
    head = (
        f"POST /search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nAuthorization: {BAP.authorization(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Kept:
    """A connection that a peer keeps open."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, node: Node) -> "Kept":
        return cls(*await asyncio.open_connection("127.0.0.1", node.port))

    async def answer(self) -> tuple[int, bool]:
        """The status of the next answer, and whether it says that it is the last."""
        async with asyncio.timeout(WITHIN_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            lines = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
            await self.reader.readexactly(int(lines["content-length"]))
        return int(head.split()[1]), lines.get("connection") == "close"

    async def ask(self, request: bytes) -> tuple[int, bool]:
        self.writer.write(request)
        return await self.answer()

    async def is_closed_cleanly(self) -> bool:
        """Whether the end comes as an end, with nothing before it: a reset raises."""
        async with asyncio.timeout(WITHIN_S):
            rest = await self.reader.read()
        self.writer.close()
        return rest == b""


@pytest.mark.parametrize("kind", ["message", "page"])
async def test_each_open_connection_has_its_last_answer_and_a_clean_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(server, "DRAIN_S", 0.5)
    sock, go_on, seen = listening_socket(), asyncio.Event(), asyncio.Event()
    node = a_node(tmp_path, sock)

    async def ask_others(envelope: Envelope, now: int) -> None:
        if envelope.context.city == "std:500":
            seen.set()
            await go_on.wait()

    async def ignore(envelope: Envelope, now: int) -> None:
        return None

    node.serve_action(Passing("search", ignore, consult=ask_others))

    def request() -> bytes:
        return PAGE if kind == "page" else a_search(node)

    async with running(node, sock):
        asks, waits, silent = [await Kept.to(node) for _ in range(3)]
        for each in (asks, waits, silent):
            assert await each.ask(request()) == (200, False)
        waits.writer.write(a_search(node, "std:500"))
        await asyncio.wait_for(seen.wait(), WITHIN_S)
        draining = asyncio.create_task(node.drain())
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):  # the other workers have the socket
            await Kept.to(node)
        assert await asks.ask(request()) == (200, True)
        assert await asks.is_closed_cleanly()
        go_on.set()
        assert await waits.answer() == (200, True)
        assert await waits.is_closed_cleanly()
        assert not draining.done(), "one may still ask"
        await draining
    assert await silent.is_closed_cleanly()


async def test_what_is_acknowledged_while_the_node_stops_is_handled(tmp_path: Path) -> None:
    sock, seen = listening_socket(), asyncio.Event()
    node = a_node(tmp_path, sock)
    answered, handled = asyncio.Event(), asyncio.Event()

    async def ask_others(envelope: Envelope, now: int) -> None:
        seen.set()
        await node.stopping.wait()
        await asyncio.sleep(0.05)  # nothing waits to be handled: the stop goes on

    async def handle(envelope: Envelope, now: int) -> None:
        await answered.wait()
        await asyncio.sleep(0.2)
        handled.set()

    node.serve_action(Passing("search", handle, consult=ask_others))
    async with running(node, sock):
        waits = await Kept.to(node)
        waits.writer.write(a_search(node))
        await asyncio.wait_for(seen.wait(), WITHIN_S)

        async def answer() -> tuple[int, bool]:
            told = await waits.answer()
            answered.set()
            return told

        answering = asyncio.create_task(answer())
    assert await answering == (200, True)
    waits.writer.close()
    assert handled.is_set()


async def test_what_cannot_be_handed_over_keeps_nobody_from_ending(tmp_path: Path) -> None:
    sock, ended = listening_socket(), asyncio.Event()
    node = a_node(tmp_path, sock)
    node.share = Share(0, 2)

    async def end() -> None:
        ended.set()

    node.add_end(end)
    async with running(node, sock):
        node.handover._path = tmp_path / "keys" / "signing.key" / "0.held"  # below no folder
    assert ended.is_set()
