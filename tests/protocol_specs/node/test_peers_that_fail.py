"""The outbox with a real client and peers on real sockets: down for a day, dead, slow, broken."""

import asyncio
import socket
import struct
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import aiohttp
import pytest

from protocol_specs.node.client import urls
from protocol_specs.node.client.client import Client
from protocol_specs.node.messages.outbox import Outbox
from protocol_specs.node.messages.tables import Owed
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import signing
from tests.support import peers
from tests.support.lived import Lived
from tests.support.nodes import listening_socket
from tests.support.peers import NOW, Clock
from tests.support.queues import open_store, owe_one, quiet, rows, until

OWN = peers.bpp()
DAY_S = 86_400
ACK = b'{"message":{"ack":{"status":"ACK"}}}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
    ACK
)
QUEUED = 1_000
IN_TIME_S = 600 * QUEUED / 10_000  # ten thousand within ten minutes
HOLD_ON = 70  # of each of two kinds, with two messages each: more than there are slots
LATE_S = 2.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


@dataclass
class Taking:
    """A peer that takes everything, and what came: when, its Authorization line and its body."""

    is_down: bool = False
    now_s: Callable[[], float] = time.monotonic
    came: list[tuple[float, str, bytes]] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            said = {name.decode().lower(): value.decode() for name, value in lines.items()}
            body = await reader.readexactly(int(said["content-length"]))
            if self.is_down:
                writer.write(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n")
                continue
            self.came.append((self.now_s(), said["authorization"], body))
            writer.write(ANSWER + ACK)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in ANSWER:
        writer.write(bytes((byte,)))
        await asyncio.sleep(0.2)


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
        await writer.drain()


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    """The url of a peer that serves each connection so, until it breaks."""
    tasks: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(take, sock=listening_socket())
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def sending(store: Store, clock: Clock, timeout_s: float = 10) -> AsyncIterator[Outbox]:
    client = Client(
        key=OWN.key,
        key_id=OWN.key_id,
        network="development",
        now=lambda: int(clock.at),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
    )
    await client.open()
    outbox, stopping = Outbox(store, client, quiet(), now=lambda: int(clock.at)), asyncio.Event()
    task = asyncio.ensure_future(outbox.run(stopping))
    try:
        yield outbox
    finally:
        stopping.set()
        outbox.wake.set()
        await asyncio.wait_for(task, 60)
        await client.close()


async def again(outbox: Outbox) -> None:
    """Once all was answered, connections are closed, and addresses forgotten."""
    await until(lambda: outbox._in_flight == 0, "an answer is missing")
    client = outbox._client
    assert isinstance(client, Client)
    await client.close()
    await client.open()


def body_of(n: int) -> bytes:
    return b'{"n":%d}' % n


async def test_what_a_day_queued_goes_out_at_ten_thousand_in_ten_minutes_in_order_and_signed_anew(
    store: Store,
) -> None:
    clock, peer = Clock(), Taking(is_down=True)
    async with listening(peer) as url, sending(store, clock) as outbox:

        def owe(session: Session) -> None:
            for n in range(QUEUED):
                owe_one(session, receiver_url=url, transaction_id=f"t{n % 250}", body=body_of(n))

        await store.transact(owe)
        for _ in range(24 * 4):
            clock.at += DAY_S / 96
            outbox.wake.set()
            await outbox.turn(int(clock.at))
            await until(lambda: outbox._in_flight == 0, "a probe hangs")
        assert peer.came == []
        peer.is_down = False
        began, cpu = time.monotonic(), time.process_time()
        clock.at += 900
        outbox.wake.set()
        await until(lambda: len(peer.came) == QUEUED, f"{len(peer.came)} came")
        assert time.monotonic() - began <= IN_TIME_S
        assert time.process_time() - cpu <= IN_TIME_S / 6, "one core does more than this"
        await until(lambda: {r["state"] for r in rows(store, Owed)} == {"sent"}, "not all noted")
    in_order = defaultdict(list)
    for _, authorization, body in peer.came:
        n = int(body[5:-1])
        in_order[n % 250].append(n)
        header = signing.parse_header(authorization)
        assert NOW + DAY_S <= header.created <= header.expires
        signing.verify_header(header, signing.digest(body), OWN.key.public)
    assert all(numbers == sorted(set(numbers)) for numbers in in_order.values())
    assert sum(map(len, in_order.values())) == QUEUED


@pytest.mark.parametrize("silent_s", [0, 0.1], ids=["refused", "silent"])
async def test_an_hour_without_names_is_over_within_ten_seconds_of_the_first_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch, silent_s: float
) -> None:
    clock, peer = Clock(), Taking()
    real = socket.getaddrinfo

    def away(*asked: Any, **named: Any) -> Any:
        time.sleep(silent_s)  # in a thread of the resolver's
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async with listening(peer) as url, sending(store, clock) as outbox:
        url = url.replace("127.0.0.1", "localhost")

        def owe(session: Session) -> None:
            for n in range(50):
                owe_one(session, receiver_url=url, transaction_id=f"t{n % 10}", body=body_of(n))

        await store.transact(owe)
        await until(lambda: len(peer.came) == 50, "not sent while there are names")
        peer.came.clear()
        monkeypatch.setattr(socket, "getaddrinfo", away)
        if silent_s:
            monkeypatch.setattr(urls, "NAMES_S", 0.02)
        await again(outbox)
        await store.transact(owe)
        for _ in range(60):
            clock.at += 60
            outbox.wake.set()
            await outbox.turn(int(clock.at))
            await until(lambda: outbox._in_flight == 0, "a look-up hangs")
        assert peer.came == []
        monkeypatch.setattr(socket, "getaddrinfo", real)
        monkeypatch.setattr(urls, "NAMES_S", 2)
        clock.at += 10
        outbox.wake.set()
        await until(lambda: len(peer.came) == 50, f"{len(peer.came)} came")


async def test_a_name_whose_own_servers_are_dead_is_asked_for_as_seldom_as_a_dead_peer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, peer = Clock(), Taking()
    asked, real = 0, socket.getaddrinfo

    def partly(host: str, *others: Any, **named: Any) -> Any:
        nonlocal asked
        if host == "localhost":
            return real(host, *others, **named)
        asked += 1
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", partly)
    async with listening(peer) as url, sending(store, clock) as outbox:

        def owe(session: Session, receiver: str, where: str) -> None:
            owe_one(session, receiver=receiver, receiver_url=where)

        await store.transact(
            partial(owe, receiver="dead.example.org", where="https://dead.example.org")
        )
        await until(lambda: asked == 1 and not outbox._in_flight, "not asked for")
        alive = url.replace("127.0.0.1", "localhost")
        await store.transact(partial(owe, receiver="alive.example.org", where=alive))
        await until(lambda: len(peer.came) == 1, "the living one got nothing")
        for _ in range(3600 // 5):
            clock.at += 5
            await outbox.turn(int(clock.at))
            await until(lambda: outbox._in_flight == 0, "a look-up hangs")
    assert 5 <= asked <= 20, asked


async def test_dead_slow_and_broken_peers_leave_the_callbacks_of_others_within_two_seconds(
    store: Store,
) -> None:
    clock, lived = Clock(), Lived()
    alive, owed_at = Taking(now_s=lived), list[float]()
    async with (
        listening(alive) as url,
        listening(hang) as hangs,
        listening(reset) as resets,
        listening(drip) as drips,
        listening(pour) as pours,
        listening(babble) as babbles,
        listening(refuse) as refuses,
        sending(store, clock, timeout_s=3),
    ):
        dead = [hangs, drips] * HOLD_ON + [resets, pours, babbles, refuses] * 2

        def owe_the_dead(session: Session) -> None:
            for n, where in enumerate(dead):
                for _ in range(3):
                    owe_one(session, receiver=f"dead{n}.example.org", receiver_url=where)

        def owe_the_living(session: Session, n: int) -> None:
            owed_at.append(lived())
            owe_one(session, receiver="alive.example.org", receiver_url=url, body=body_of(n))

        await store.transact(owe_the_dead)
        with lived:
            for n in range(100):
                await store.transact(partial(owe_the_living, n=n))
                await asyncio.sleep(0.02)  # as they come: the others are tried meanwhile
                clock.at += 0.02
            await until(lambda: len(alive.came) == 100, f"{len(alive.came)} came")
    took = sorted(at - owed_at[int(body[5:-1])] for at, _, body in alive.came)
    assert took[98] <= LATE_S, f"p99 {took[98]:.2f} s"
