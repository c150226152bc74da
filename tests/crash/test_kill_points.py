"""kill -9 of the provider before each write of a whole confirm, from its receipt to the witness.

A counting run says which writes a confirm makes; each is a kill point. A copy of the prepared node
is killed at one, restarted, spoken to as a peer would, looked into, and killed at the next with
another confirm; several copies go side by side.
"""

import asyncio
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.postgres_home import make_postgres_home
from tests.support.postgres_server import server
from tests.support.provider_process import Home, ProviderProcess, make_home, running, start
from tests.support.standing import Standing, own, seals, settled, standing, verified
from tests.support.strace import Call, Point, calls, killing, watching
from tests.support.surroundings import Quoted, Request, Surroundings, surroundings

AT_ONCE = 4  # copies: each mostly waits, for the sealer, for a restart
KILL_DEADLINE_S = 20.0  # a point that a run has not is waited for as long
BEFORE = ("before it was kept",)
UNHEARD = ("kept and decided, before the ACK", "decided, before the answer was heard")
HEARD = ("heard, before that was marked", "marked, before the seal", "sealed, before the witness")
# How many points at least must fall into each: the sealer waits for nobody, so that on a busy
# machine a block may be sealed before the answer is marked as sent, or even heard.
ON_SQLITE = {BEFORE: 25, UNHEARD: 2, HEARD: 3, UNHEARD + HEARD: 11, ("witnessed",): 1}
ON_POSTGRESQL = {**ON_SQLITE, BEFORE: 8, UNHEARD + HEARD: 19}  # a round to the server each
Stages = Mapping[tuple[str, ...], int]
WRITES_OF_SQLITE = {"pwrite64": 45, "fdatasync": 3, "write": 3}  # the database, each commit, peers
WRITES_OF_POSTGRESQL = {"sendto": 40, "write": 3}  # to the server, and to peers and the witness


@dataclass(frozen=True)
class Outcome:
    """Where the kill fell, and what was found after the restart."""

    point: Point
    stage: str
    killed: bool
    answers: list[bytes]
    stands: Standing


@dataclass
class Copy:
    """A copy of the prepared node that is killed again and again, and the network around it."""

    home: Home
    around: Surroundings

    async def killed_at(self, points: list[Point], quotes: list[Quoted]) -> list[Outcome]:
        """At each point, with a confirm of its own."""
        confirms = [self.around.confirm(quoted) for quoted in quotes]
        outcomes: list[Outcome] = []
        node = await start(self.home)
        try:
            for point, confirm in zip(points, confirms, strict=True):
                outcome, node = await self._kill(node, point, confirm)
                outcomes.append(outcome)
        except BaseException as error:
            error.add_note(f"killed at {points[len(outcomes)]}")
            raise
        finally:
            node.stop()
            await node.ended()
        for confirm, outcome in zip(confirms, outcomes, strict=True):
            stands = standing(self.home, confirm)
            assert (stands.all_events, stands.all_entries) == (len(confirms), len(confirms))
            assert own(stands) == own(outcome.stands), f"{outcome.point}: a repeat changes nothing"
            answers = self.around.heard[confirm.message_id]
            assert answers == outcome.answers, "a repeat is answered by its ACK alone"
        report = verified(self.home)
        assert (report.is_sound, report.balanced, report.waiting) == (True, True, 0), report
        return outcomes

    async def _kill(
        self, node: ProviderProcess, point: Point, confirm: Request
    ) -> tuple[Outcome, ProviderProcess]:
        """Kills, restarts, asks again if no ACK came, and waits for the rest."""
        home, around = self.home, self.around
        async with killing(node.pid, point, home.folder / f"strace-{point}"):
            acked = await around.send(node.url, confirm)
            code = await node.ended(KILL_DEADLINE_S)
        if code is None:  # the point was not reached in time
            node.kill()
            await node.ended()
        stage = stage_of(home, confirm, acked=acked, heard=bool(around.heard[confirm.message_id]))
        again = await start(home)
        if not acked:
            assert await around.send(again.url, confirm)
        await around.answer(confirm)
        await settled(home, confirm)
        stands, answers = standing(home, confirm), list(around.heard[confirm.message_id])
        assert await around.send(again.url, confirm), "the same bytes again get the same ACK"
        return Outcome(point, stage, code == -signal.SIGKILL, answers, stands), again


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(900)
async def test_a_kill_before_any_write_of_a_confirm_loses_and_doubles_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with surroundings() as around:
        home = make_home(tmp_path / "prepared", around.registry)
        said = await killed_everywhere(home, around, tmp_path, WRITES_OF_SQLITE, ON_SQLITE)
    with capsys.disabled():
        sys.stdout.write(said)


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(900)
async def test_a_kill_before_any_write_of_a_confirm_on_postgresql_loses_and_doubles_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with surroundings() as around:
        home = make_postgres_home(tmp_path / "prepared", around.registry, server())
        said = await killed_everywhere(home, around, tmp_path, WRITES_OF_POSTGRESQL, ON_POSTGRESQL)
    with capsys.disabled():
        sys.stdout.write(said)


async def killed_everywhere(
    home: Home,
    around: Surroundings,
    folder: Path,
    writes: Mapping[str, int],
    stages: Stages,
) -> str:
    """Kills copies of `home` at each write of a confirm; what there was to kill, as text. At least
    so many `writes` of each kind there must be, and so many kills in each of the `stages`."""
    quoted = await quotes(home, around, 2)
    async with copied(home, folder / "counting", around) as counting:
        points, undisturbed = await counted(counting, quoted)
    made = Counter(point.call for point in points)
    assert {name: least for name, least in writes.items() if made[name] < least} == {}, made
    quoted = await quotes(home, around, len(points))

    async def killed(number: int) -> list[Outcome]:
        async with copied(home, folder / f"copy-{number}", around) as copy:
            return await copy.killed_at(points[number::AT_ONCE], quoted[number::AT_ONCE])

    outcomes = [
        each for some in await asyncio.gather(*map(killed, range(AT_ONCE))) for each in some
    ]
    assert [fault for outcome in outcomes if (fault := fault_of(outcome, undisturbed))] == []
    fell = Counter(outcome.stage for outcome in outcomes if outcome.killed)
    assert sum(fell.values()) >= 0.95 * len(points), "too many points were not reached"
    few = [each for each, least in stages.items() if sum(fell[one] for one in each) < least]
    assert few == [], fell
    return f"\n{len(points)} kill points, {dict(made)}; they fell {dict(fell)}\n"


async def quotes(home: Home, around: Surroundings, count: int) -> list[Quoted]:
    """So many journeys up to their quote, at a node that is started and stopped for it."""
    made: list[Quoted] = []
    async with running(home) as node:
        while len(made) < count:  # what one peer may ask at once
            some = range(min(20, count - len(made)))
            made += await asyncio.gather(*(around.quoted(node.url) for _ in some))
    return made


@asynccontextmanager
async def copied(home: Home, folder: Path, around: Surroundings) -> AsyncIterator[Copy]:
    """A copy of a node that is stopped, for the length of the block."""
    copy = await asyncio.to_thread(home.copy, folder)
    try:
        yield Copy(copy, around)
    finally:
        await asyncio.to_thread(copy.forget)


async def counted(copy: Copy, quoted: list[Quoted]) -> tuple[list[Point], Standing]:
    """The writes of one undisturbed confirm as points, and what it leaves; another one goes before
    it, as the kills find a node that has worked already."""
    home, log = copy.home, copy.home.folder / "strace"
    first, confirm = map(copy.around.confirm, quoted)
    async with running(home) as node:
        assert await copy.around.send(node.url, first)
        await settled(home, first)
        async with watching(node.pid, log):
            assert await copy.around.send(node.url, confirm)
            await settled(home, confirm)
    seen: Counter[str] = Counter()
    points: list[Point] = []
    for call in calls(log):
        seen[call.name] += 1
        if is_write(call):
            points.append(Point(call.name, seen[call.name]))
            assert call.name != "openat" or f'"{home.folder}/' in call.arguments, call
    stands = standing(home, confirm)
    assert (stands.orders, stands.events, len(stands.transfers)) == (["ACTIVE"], ["confirmed"], 1)
    return points, stands


def is_write(call: Call) -> bool:
    """Whether it can change anything: a file opened only to be read is no kill point."""
    return call.name != "openat" or bool(re.search("O_WRONLY|O_RDWR|O_CREAT", call.arguments))


def stage_of(home: Home, confirm: Request, *, acked: bool, heard: bool) -> str:
    """How far the confirm had come when the process died."""
    stands, sealed = standing(home, confirm), seals(home)
    if not stands.received:
        assert not acked, "ACKed and not kept"
        return "before it was kept"
    if not stands.orders:
        return "kept, before the decision"
    if not acked:
        return "kept and decided, before the ACK"
    if not heard:
        return "decided, before the answer was heard"
    if stands.owed != [("on_confirm", "sent")]:
        return "heard, before that was marked"
    if sealed.unsealed:
        return "marked, before the seal"
    return "witnessed" if sealed.witnessed == sealed.blocks else "sealed, before the witness"


def fault_of(outcome: Outcome, undisturbed: Standing) -> str | None:
    """What differs from a confirm that nobody disturbed."""
    where = f"{outcome.point} ({outcome.stage})"
    if len(set(outcome.answers)) != 1:
        return f"{where}: the copies of on_confirm differ: {outcome.answers}"
    if len(outcome.answers) > 2:
        return f"{where}: on_confirm came {len(outcome.answers)} times"
    if own(outcome.stands) != own(undisturbed):
        return f"{where}: {outcome.stands}"
    return None
