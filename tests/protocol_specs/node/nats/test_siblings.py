"""Workers on two machines ask each other over a real NATS server, and nobody else is answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client

from protocol_specs.node.nats import subjects
from protocol_specs.node.nats.bus import Bus
from protocol_specs.node.nats.place import NatsPlace
from protocol_specs.node.nats.sealing import Sealing
from protocol_specs.node.nats.siblings import GOOD_S, NatsSiblings
from protocol_specs.node.workers import siblings
from protocol_specs.node.workers.siblings import Siblings, SiblingUnavailable
from protocol_specs.node.workers.workers import Share
from tests.support.nats_server import NatsServer
from tests.support.peers import Clock
from tests.support.queues import looping, quiet, until

NODE, SEED = "gateway.example.org", b"s" * 32


class Worker:
    """One of two, each alone on its machine."""

    def __init__(self, folder: Path, url: str, slot: int, clock: Clock, seed: bytes = SEED) -> None:
        self.faults: list[str] = []
        share = Share(slot, 2)
        self.siblings = Siblings(
            share, folder / str(slot), fault=lambda where, error: self.faults.append(where)
        )
        place = NatsPlace(url=url)
        self.bus = Bus(place, None, name="hints", inbox="_I", telemetry=quiet())
        self.far = NatsSiblings(
            self.bus, Sealing(seed), NODE, slot, answer=self.siblings.answer, clock=clock
        )
        self.siblings.reach(range(slot, slot + 1), self.far)
        self.heard: list[bytes] = []
        self.told: list[str] = []
        say = self.bus.say
        self.bus.say = lambda to, said: (self.told.append(to), say(to, said))  # type: ignore[assignment, func-returns-value]
        self.siblings.serve("echo", self.echo)

    async def echo(self, payload: bytes) -> bytes:
        self.heard.append(payload)
        if payload == b"fail":
            raise ValueError(payload)
        return payload * 2

    async def ask(self, payload: bytes) -> bytes:
        return await self.siblings.ask(1 - self.siblings._share.slot, "echo", payload)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Worker"]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.bus.close)
            await stack.enter_async_context(looping(self.bus.next, self.bus.wake, poll_s=0.05))
            stack.push_async_callback(self.siblings.leave)
            await until(lambda: self.bus.is_connected, "it is connected")
            yield self


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pair(
    tmp_path: Path, server: NatsServer, clock: Clock
) -> AsyncIterator[tuple[Worker, Worker]]:
    async with AsyncExitStack() as stack:
        workers = [Worker(tmp_path, server.url, slot, clock) for slot in range(2)]
        first, second = [await stack.enter_async_context(each.running()) for each in workers]
        yield first, second


async def test_each_is_answered_by_the_other_many_at_once(pair: tuple[Worker, Worker]) -> None:
    first, second = pair
    asked = [f"q{n}".encode() for n in range(300)]
    answers = await asyncio.gather(*(first.ask(each) for each in asked))
    assert answers == [each * 2 for each in asked]
    assert await second.ask(b"back") == b"backback"
    assert await first.siblings.ask(0, "echo", b"own") == b"ownown"


async def test_what_fails_there_is_told_here_and_the_fault_stays_there(
    pair: tuple[Worker, Worker],
) -> None:
    first, second = pair
    for payload in (b"fail", bytes(900_000)):  # its answer is more than the server takes
        with pytest.raises(SiblingUnavailable):
            await first.ask(payload)
    with pytest.raises(SiblingUnavailable):
        await first.ask(bytes(2_000_000))
    with pytest.raises(SiblingUnavailable):
        await first.siblings.ask(1, "nobody", b"")
    assert second.faults == ["sibling echo"]


async def test_a_question_waits_for_the_successor_of_who_left(
    tmp_path: Path, server: NatsServer, clock: Clock
) -> None:
    first, second, successor = (Worker(tmp_path, server.url, slot, clock) for slot in (0, 1, 1))
    async with first.running():
        async with second.running():
            await second.siblings.leave()
            asking = asyncio.create_task(first.ask(b"later"))
            await until(lambda: second.told, "it is asked, and says that it leaves")
        async with successor.running():
            assert await asking == b"laterlater"
    assert (second.heard, successor.heard) == ([], [b"later"])


async def test_without_a_server_nobody_answers_within_the_deadline(
    server: NatsServer, pair: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "DEADLINE_S", 2)
    server.kill()
    with pytest.raises(SiblingUnavailable):
        await pair[0].ask(b"x")


async def test_who_has_not_the_key_asks_nobody_and_answers_nobody(
    tmp_path: Path,
    server: NatsServer,
    clock: Clock,
    pair: tuple[Worker, Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = pair
    async with Worker(tmp_path, server.url, 1, clock, seed=b"f" * 32).running() as forger:
        assert set(await asyncio.gather(*(first.ask(b"x") for _ in range(20)))) <= {b"xx"}
        monkeypatch.setattr(siblings, "DEADLINE_S", 2)
        with pytest.raises(SiblingUnavailable):
            await forger.siblings.ask(0, "echo", b"forged")
        assert (first.heard, forger.heard) == ([], [])
    assert second.heard


async def test_a_recorded_question_is_not_done_again(
    server: NatsServer, clock: Clock, pair: tuple[Worker, Worker]
) -> None:
    first, second = pair
    caught: list[bytes] = []
    stranger, own = Client(), f"{subjects.siblings(NODE)}.1"
    await stranger.connect(server.url)

    async def catch(message: object) -> None:
        caught.append(message.data)  # type: ignore[attr-defined]

    await stranger.subscribe(own, cb=catch)
    for _ in range(2):  # the first PONG may be the answer to what connect asked
        await stranger.flush()
    await first.ask(b"once")
    await until(lambda: caught, "the bytes are seen by others")
    assert b"once" not in caught[0]
    for later_s in (0.0, 2 * GOOD_S + 1):  # while its number is kept, and when it is too old
        clock.at += later_s
        await stranger.publish(own, caught[0])
        await stranger.flush()
        await first.ask(b"next")
    assert second.heard == [b"once", b"next", b"next"]
    await stranger.close()
