"""kill -9 of the provider before each write of a whole confirm, from its receipt to the witness.

A counting run says which writes a confirm makes; then each is a kill point with a copy of the same
prepared node, which is restarted, spoken to as a peer would, and looked into.
"""

import asyncio
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.provider_process import Home, ProviderProcess, make_home, running
from tests.support.standing import Standing, seals, settled, standing, verified
from tests.support.strace import Call, Point, calls, killing, watching
from tests.support.surroundings import Quoted, Request, Surroundings, surroundings

AT_ONCE = 4  # a point mostly waits: for the sealer, for a restart
KILL_DEADLINE_S = 8.0
STAGES = {
    "before it was kept": 10,
    "kept, before the ACK": 1,
    "after the ACK, before the decision": 20,
    "decided, before the answer was heard": 1,
    "heard, before that was marked": 3,
    "marked, before the seal": 5,
    "sealed, before the witness": 1,
    "witnessed": 1,
}  # how many points at least must fall into each


@dataclass(frozen=True)
class Prepared:
    """A stopped node that has made a quote, and the network around it."""

    home: Home
    quoted: Quoted
    around: Surroundings

    @asynccontextmanager
    async def copied(self, folder: Path) -> AsyncIterator[tuple[Home, Request, ProviderProcess]]:
        """A running copy, and a confirm for it that was not sent yet."""
        home = self.home.copy(folder)
        async with running(home) as node:
            yield home, self.around.confirm(self.quoted), node


@dataclass(frozen=True)
class Outcome:
    """Where the kill fell, and what was found after the restart."""

    point: Point
    stage: str
    killed: bool
    answers: list[bytes]
    stands: Standing


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(400)
async def test_a_kill_before_any_write_of_a_confirm_loses_and_doubles_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with surroundings() as around:
        home = make_home(tmp_path / "prepared", around.registry)
        async with running(home) as node:
            prepared = Prepared(home, await around.quoted(node.url), around)
        made, undisturbed = await count(prepared, tmp_path / "counting")
        points = [Point(name, k + 1) for name, n in made.items() for k in range(n)]
        limit = asyncio.Semaphore(AT_ONCE)

        async def tried(point: Point) -> Outcome:
            async with limit:
                return await kill(prepared, point, tmp_path / str(point))

        results = await asyncio.gather(*map(tried, points), return_exceptions=True)
    outcomes = [result for result in results if isinstance(result, Outcome)]
    stages = Counter(outcome.stage for outcome in outcomes if outcome.killed)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(points)} kill points, {dict(made)}; they fell {dict(stages)}\n")
    faults = [fault for outcome in outcomes if (fault := fault_of(outcome, undisturbed))]
    for point, result in zip(points, results, strict=True):
        if isinstance(result, BaseException):
            faults.append(f"{point}: {result!r}")
    assert faults == []
    assert sum(stages.values()) >= 0.95 * len(points), "too many points were not reached"
    assert {stage: least for stage, least in STAGES.items() if stages[stage] < least} == {}


async def count(prepared: Prepared, folder: Path) -> tuple[Counter[str], Standing]:
    """The writes of one undisturbed confirm by kind, and what it leaves."""
    async with prepared.copied(folder) as (home, confirm, node):
        log = folder / "strace"
        async with watching(node.pid, log):
            assert await prepared.around.send(node.url, confirm)
            await settled(home, confirm)
    found = calls(log)
    strays = [call for call in found if is_stray(call, folder)]
    assert strays == [], "it writes outside its folders"
    made = Counter(call.name for call in found)
    assert made["pwrite64"] > 50, "the database's writes were not seen"
    assert made["fdatasync"] >= 4, "a commit that is not synced"
    assert made["write"] >= 4, "ACK, on_confirm and witness were not seen"
    stands = standing(home, confirm)
    assert (stands.orders, stands.events, len(stands.transfers)) == (["ACTIVE"], ["confirmed"], 1)
    return made, stands


def is_stray(call: Call, folder: Path) -> bool:
    """Whether it opens a file elsewhere, and not for reading only."""
    writes = re.search("O_WRONLY|O_RDWR|O_CREAT", call.arguments)
    return call.name == "openat" and bool(writes) and f'"{folder}/' not in call.arguments


async def kill(prepared: Prepared, point: Point, folder: Path) -> Outcome:
    """Kills a copy at the point, restarts it, asks again if no ACK came, and waits for the rest."""
    around = prepared.around
    async with prepared.copied(folder) as (home, confirm, node):
        async with killing(node.pid, point, folder / "strace"):
            acked = await around.send(node.url, confirm)
            code = await node.ended(KILL_DEADLINE_S)
        if code is None:  # the point was not reached in time
            node.kill()
            await node.ended()
    stage = stage_of(home, confirm, acked=acked, heard=bool(around.heard[confirm.message_id]))
    async with running(home) as node:
        if not acked:
            assert await around.send(node.url, confirm)
        await around.answer(confirm)
        await settled(home, confirm)
        stands, answers = standing(home, confirm), list(around.heard[confirm.message_id])
        assert await around.send(node.url, confirm), "the same bytes again get the same ACK"
    assert standing(home, confirm) == stands, "a repeat changes nothing"
    assert around.heard[confirm.message_id] == answers, "a repeat is answered by its ACK alone"
    report = verified(home)
    assert (report.is_sound, report.balanced, report.waiting) == (True, True, 0), report
    return Outcome(point, stage, code == -signal.SIGKILL, answers, stands)


def stage_of(home: Home, confirm: Request, *, acked: bool, heard: bool) -> str:
    """How far the confirm had come when the process died."""
    stands, sealed = standing(home, confirm), seals(home)
    if not stands.received:
        assert not acked, "ACKed and not kept"
        return "before it was kept"
    if not acked:
        return "kept, before the ACK"
    if not stands.orders:
        return "after the ACK, before the decision"
    if not heard:
        return "decided, before the answer was heard"
    if stands.owed != [("on_confirm", "sent")]:
        return "heard, before that was marked"
    if not sealed.blocks:
        return "marked, before the seal"
    return "witnessed" if sealed.witnessed else "sealed, before the witness"


def fault_of(outcome: Outcome, undisturbed: Standing) -> str | None:
    """What differs from a confirm that nobody disturbed."""
    where = f"{outcome.point} ({outcome.stage})"
    if len(set(outcome.answers)) != 1:
        return f"{where}: the copies of on_confirm differ: {outcome.answers}"
    if len(outcome.answers) > 2:
        return f"{where}: on_confirm came {len(outcome.answers)} times"
    if amounts(outcome.stands) != amounts(undisturbed):
        return f"{where}: {outcome.stands}"
    return None


def amounts(stands: Standing) -> Standing:
    """Without the names of accounts: they hold the month, which may end meanwhile."""
    return replace(
        stands, transfers=[(kind, "", "", amount) for kind, _, _, amount in stands.transfers]
    )
