"""Hints over a real NATS server that dies, hangs, forgets, and on which others talk too."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from nats.aio.client import Client
from nats.errors import SlowConsumerError

from protocol_specs.node.nats import bus as bus_module
from protocol_specs.node.nats import subjects
from protocol_specs.node.nats.bus import Bus
from protocol_specs.node.nats.carrier import NatsHints
from protocol_specs.node.nats.place import NatsPlace
from protocol_specs.node.nats.sealing import Sealing
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.node.workers.hints import AGAIN, Word
from protocol_specs.node.workers.workers import Share
from tests.support import nats_server
from tests.support.nats_server import NatsServer
from tests.support.queues import looping, until

NODE, SEED = "bpp.example.org", b"s" * 32


class Process:
    """One of two workers of a node, with nothing but its hints."""

    def __init__(
        self, url: str | list[str], slot: int, *, node: str = NODE, seed: bytes = SEED
    ) -> None:
        self.lines: list[str] = []
        self.telemetry = Telemetry(node, write=self.lines.append)
        self.bus = Bus(NatsPlace(url=url), None, name="hints", inbox="_I", telemetry=self.telemetry)
        self.hints = NatsHints(self.bus, Share(slot, 2), Sealing(seed), node)
        self.heard: list[tuple[str, str]] = []
        self.hints.listen(lambda channel, payload: self.heard.append((channel, payload)))

    @property
    def said(self) -> list[str]:
        """What was heard, without AGAIN."""
        return [payload for channel, payload in self.heard if channel != AGAIN]

    def agains(self) -> int:
        """How often it was told that words may be lost."""
        return sum(channel == AGAIN for channel, _ in self.heard)

    def say(self, payload: str, conversation: int | None = None) -> None:
        self.hints.say([Word(self.hints._share.slot, conversation, "c", payload)])

    def lost(self) -> float:
        """Words that NATS did not take, as /metrics says it."""
        return self.telemetry.shown.registry.get_sample_value("wayfare_hints_lost_total") or 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Process"]:
        turned = looping(self.hints.next, self.hints.wake, poll_s=0.05, telemetry=self.telemetry)
        try:
            async with turned:
                yield self
        finally:
            await self.bus.close()


Made = Callable[..., Process]


@pytest.fixture
async def process(server: NatsServer) -> AsyncIterator[Callable[..., object]]:
    """Makes running ones."""
    async with AsyncExitStack() as running:

        async def made(slot: int, **more: object) -> Process:
            one = Process(server.url, slot, **more)  # type: ignore[arg-type]
            return await running.enter_async_context(one.running())

        yield made


@pytest.fixture
async def pair(process: Callable[..., object]) -> tuple[Process, Process]:
    first, second = await process(0), await process(1)  # type: ignore[misc]
    await until(lambda: first.bus.is_connected and second.bus.is_connected, "both are connected")
    return first, second


async def test_words_go_to_all_others_or_to_the_one_whom_they_concern(
    pair: tuple[Process, Process],
) -> None:
    first, second = pair
    first.say("to all")
    first.say("to slot 1", conversation=7)
    first.say("to myself", conversation=8)
    first.say("the end", conversation=9)
    await until(lambda: {"to all", "the end"} <= set(second.said), "the last ones are heard")
    assert sorted(second.said) == ["the end", "to all", "to slot 1"]
    assert first.said == []


async def test_after_each_connection_both_ask_again(pair: tuple[Process, Process]) -> None:
    first, second = pair
    await until(lambda: first.agains() and second.agains(), "each asks when it begins to hear")
    mine, others = first.agains(), second.agains()
    await first.bus.close()
    await until(lambda: first.agains() > mine, "who was cut off asks")
    await until(lambda: second.agains() > others, "and whoever it could not tell")


async def test_a_killed_server_with_a_wiped_store_changes_nothing_but_what_was_said_meanwhile(
    server: NatsServer, pair: tuple[Process, Process]
) -> None:
    first, second = pair
    before = second.agains()
    server.kill()
    await until(lambda: any("nats_away" in line for line in first.lines), "it is gone")
    for _ in range(20_000):
        first.say("nobody hears this")
    assert first.lost() >= 20_000
    assert not first.bus._waiting
    server.wipe()
    server.start()
    await until(lambda: first.bus.is_connected and second.bus.is_connected, "both are back")
    await until(lambda: second.agains() > before, "what was lost is asked for")
    first.say("heard")
    await until(lambda: second.said == ["heard"], "words go again")
    assert sum("nats_away" in line for line in first.lines) == 1, "said once, not each second"


async def test_a_server_that_is_not_there_at_the_start_is_said_once_and_found_later(
    server: NatsServer, process: Callable[..., object]
) -> None:
    server.kill()
    one: Process = await process(0)  # type: ignore[misc]
    await until(lambda: any("nats_away" in line for line in one.lines), "it is said")
    shown = one.telemetry.shown.registry.get_sample_value
    assert (shown("wayfare_hints_connected"), shown("wayfare_hints_away")) == (0, 1)
    server.start()
    await until(lambda: shown("wayfare_hints_connected") == 1, "it is found")
    assert shown("wayfare_hints_away") == 0
    assert sum("nats_away" in line for line in one.lines) == 1


async def test_when_one_of_two_servers_dies_words_go_on_at_the_other() -> None:
    servers = nats_server.cluster()
    for server in servers:
        server.start()
    urls = [server.url for server in servers]
    first, second = Process(urls, 0), Process(urls[::-1], 1)
    try:
        async with first.running(), second.running():
            for here in (first, second):
                await until(lambda here=here: here.bus.is_connected, "each is at its first")  # type: ignore[misc]

            async def heard(word: str) -> None:
                async def said() -> None:
                    while word not in second.said:  # the servers tell each other who listens
                        first.say(word)
                        await asyncio.sleep(0.05)

                await asyncio.wait_for(said(), 60)

            await heard("between two servers")
            before = second.agains()
            servers[0].kill()
            await until(lambda: second.agains() > before, "it is told that words may be lost")
            await heard("at the one that is left")
            assert not any("nats_away" in line for line in first.lines)
            servers[1].kill()
            await until(lambda: any("nats_away" in line for line in first.lines), "none is left")
    finally:
        for server in servers:
            server.remove()


async def test_a_server_that_hangs_holds_no_more_than_the_bound_and_is_left(
    server: NatsServer, pair: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "FLUSH_S", 0.3)
    first, second = pair
    second_again = second.agains()
    server.signal(signal.SIGSTOP)
    try:
        most = 0
        while first.bus.is_connected:
            for _ in range(100):
                first.say("x" * 1_000)
            most = max(most, first.bus._waiting_bytes)
            await asyncio.sleep(0.001)
    finally:
        server.signal(signal.SIGCONT)
    assert most <= bus_module.WAITING_BYTES_MAX
    assert first.lost() > 0
    await until(lambda: first.bus.is_connected, "it is found again")
    await until(lambda: second.agains() > second_again, "and what was lost is asked for")


async def test_more_than_can_wait_is_lost_and_the_others_are_told_that_it_was(
    pair: tuple[Process, Process],
) -> None:
    first, second = pair
    await until(second.agains, "it has begun to hear")
    again = second.agains()
    for n in range(bus_module.WAITING_MAX + 5):  # the loop gets no turn meanwhile
        first.say(str(n))
    assert len(first.bus._waiting) < 10
    await until(lambda: str(bus_module.WAITING_MAX + 4) in second.said, "the last ones are heard")
    assert second.agains() > again


async def test_more_than_can_be_heard_makes_both_ask_once(pair: tuple[Process, Process]) -> None:
    """nats-py drops what finds no room before a listener, and says so of each word."""
    first, second = pair
    await until(lambda: first.agains() and second.agains(), "both have begun to hear")
    mine, others = first.agains(), second.agains()
    for _ in range(1_000):  # in one turn of the loop
        dropped = SlowConsumerError("s", "r", 1, None)  # type: ignore[arg-type]
        await first.bus._failed(dropped)
    await until(lambda: first.agains() > mine and second.agains() > others, "both ask")
    first.say("the end")
    await until(lambda: second.said == ["the end"], "words go on")
    assert (first.agains() - mine, second.agains() - others) == (1, 1)
    assert first.lost() >= 1_000


async def test_what_others_say_on_the_subjects_is_counted_and_not_heard(
    server: NatsServer, pair: tuple[Process, Process], process: Callable[..., object]
) -> None:
    _, second = pair
    forger: Process = await process(0, seed=b"f" * 32)  # type: ignore[misc]
    await until(lambda: forger.bus.is_connected, "the forger has the subjects, and not the key")
    forger.say("forged")
    stranger = Client()
    await stranger.connect(server.url)
    for rubbish in (b"", b"1 - c rubbish", b"\0" * 70, bytes(100_000)):
        await stranger.publish(f"{subjects.hints(NODE)}.all", rubbish)
    for _ in range(2):  # the first PONG may be the answer to what connect asked
        await stranger.flush()
    pair[0].say("true")
    await until(lambda: second.said, "the true word is heard")
    await until(lambda: second.hints.ears.unread >= 5, "the others are counted")
    assert second.said == ["true"]
    assert not any("fault" in line for line in second.lines)
    await stranger.close()


async def test_a_word_that_is_said_again_elsewhere_is_not_heard_there(
    server: NatsServer, pair: tuple[Process, Process]
) -> None:
    """Sealed for one slot's subject, it is nothing on that of all; on its own it is a duplicate."""
    first, second = pair
    caught: list[bytes] = []
    stranger = Client()
    await stranger.connect(server.url)

    async def catch(message: object) -> None:
        caught.append(message.data)  # type: ignore[attr-defined]

    await stranger.subscribe(f"{subjects.hints(NODE)}.1", cb=catch)
    for _ in range(2):  # the first PONG may be the answer to what connect asked
        await stranger.flush()
    first.say("once", conversation=1)
    await until(lambda: caught, "the bytes are seen by others")
    assert b"once" not in caught[0]
    await stranger.publish(f"{subjects.hints(NODE)}.1", caught[0])
    await stranger.publish(f"{subjects.hints(NODE)}.all", caught[0])
    await stranger.flush()
    await until(lambda: len(second.said) + second.hints.ears.unread >= 3, "all came")
    assert (second.said, second.hints.ears.unread) == (["once", "once"], 1)
    await stranger.close()


async def test_nodes_on_one_server_do_not_hear_each_other(
    pair: tuple[Process, Process], process: Callable[..., object]
) -> None:
    other: Process = await process(1, node="other.example.org", seed=b"o" * 32)  # type: ignore[misc]
    await until(lambda: other.bus.is_connected, "it is connected")
    pair[0].say("not for others")
    await until(lambda: pair[1].said, "it is heard where it belongs")
    assert (other.said, other.hints.ears.unread) == ([], 0)
