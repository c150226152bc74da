"""Hands: who received a passing message handles it, so many at once, and nothing is left lying."""

import asyncio

from protocol_specs.node.messages.actions import Passing
from protocol_specs.node.messages.arrivals import Arrivals
from protocol_specs.node.messages.hands import Hands
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.wire.envelope import Envelope
from tests.support import peers
from tests.support.peers import NOW
from tests.support.queues import envelope_of

WITHIN_S = 20


class Bench:
    """Two hands whose work waits until it is released."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Task[object] | None] = []
        self.release = asyncio.Event()
        self.arrivals = Arrivals(waiting_max=20, memory_max=20)
        self.now, self.lines = NOW, list[str]()
        telemetry = Telemetry("test", write=self.lines.append, clock=lambda: self.now)
        self.hands = Hands(self.arrivals, telemetry, most=2, clock=lambda: self.now)
        self.search = Passing("search", self.handle)

    async def handle(self, envelope: Envelope, now: int) -> None:
        self.begun.append(asyncio.current_task())
        await self.release.wait()

    def offer(self, number: int) -> None:
        assert self.arrivals.offer(self.search, envelope_of(peers.bap(), "search"), NOW)


async def test_who_received_a_message_handles_it_and_nobody_else_is_begun_for_it() -> None:
    bench = Bench()
    bench.release.set()

    async def receive() -> None:
        bench.offer(0)
        await bench.hands.work()

    task = asyncio.create_task(receive())
    await bench.arrivals.drained()
    await task
    assert bench.begun == [task]


async def test_what_nobody_received_here_is_handled_so_many_at_once_and_the_rest_after() -> None:
    bench = Bench()
    for number in range(5):  # as from a sibling: whoever asked goes away
        bench.offer(number)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(bench.begun) == 2
    await bench.hands.work()  # over at once: enough are at it
    assert (len(bench.begun), bench.arrivals.count) == (2, 3)
    bench.release.set()
    async with asyncio.timeout(WITHIN_S):
        await bench.arrivals.drained()
    assert len(bench.begun) == 5
    assert len(set(bench.begun)) == 2


async def test_what_waited_until_nobody_wants_it_is_given_up_and_not_begun() -> None:
    bench = Bench()
    bench.release.set()
    bench.offer(0)
    bench.now += 3600
    async with asyncio.timeout(WITHIN_S):
        await bench.arrivals.drained()
    assert bench.begun == []
    assert [line for line in bench.lines if '"given_up"' in line and '"ttl"' in line]


async def test_a_stop_leaves_what_is_being_handled_and_begins_nothing_more() -> None:
    bench = Bench()
    for number in range(3):
        bench.offer(number)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(WITHIN_S):
        await bench.hands.stop()
    await bench.hands.work()
    assert [task is not None and task.cancelled() for task in bench.begun] == [True, True]
