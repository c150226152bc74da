"""kill -9 of the PostgreSQL server while a provider confirms: what was ACKed stands once.

The node is never started again. Before each point of a confirm the server's process that writes for
it is killed, and then all others; a new server recovers from its log.
"""

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from protocol_specs.node.database.postgres.link import Link
from tests.support import peers
from tests.support.postgres_home import PostgresHome, make_postgres_home
from tests.support.postgres_server import Server
from tests.support.provider_process import ProviderProcess, running
from tests.support.standing import Standing, own, settled, standing, verified
from tests.support.strace import Point, calls, killing, watching
from tests.support.surroundings import Request, Surroundings, surroundings

ANSWERS_APART = 7  # every so many of the server's answers are a point; all its writes to disk are
QUOTES = 40
KILL_DEADLINE_S = 15.0
BACK_S = 30.0  # ten seconds are promised to a node that has a processor to itself
WRITER = (
    "SELECT l.pid::bigint FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    "WHERE l.locktype = 'advisory' AND l.granted AND d.datname = $1"
)


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(800)
async def test_whatever_the_server_was_killed_at_what_was_acked_stands_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server()  # one that syncs
    try:
        async with surroundings() as around:
            home = make_postgres_home(tmp_path / "home", around.registry, server)
            async with running(home) as node:
                some = range(QUOTES // 2)
                quotes = [
                    await asyncio.gather(*(around.quoted(node.url) for _ in some)) for _ in "12"
                ]
                confirms = [around.confirm(quoted) for each in quotes for quoted in each]
                points, undisturbed = await counted(home, around, node, confirms)
                acked: Counter[bool] = Counter()
                for point, confirm in zip(points, confirms[2:], strict=False):
                    acked[await killed(home, around, node, point, confirm)] += 1
                    assert own(standing(home, confirm)) == own(undisturbed), point
                    assert len(set(around.heard[confirm.message_id])) == 1, point
            done = confirms[: len(points) + 2]
            for confirm in done:
                assert own(standing(home, confirm)) == own(undisturbed)
            assert standing(home, done[0]).all_entries == len(done)
            report = verified(home)
    finally:
        server.remove()
    assert (report.is_sound, report.balanced, report.waiting) == (True, True, 0), report
    assert acked[True] > 0, "no kill fell behind an ACK"
    assert acked[False] > 0, "no kill fell before an ACK"
    with capsys.disabled():
        sys.stdout.write(f"\n{len(points)} kills of the server; ACKed before it: {dict(acked)}\n")


async def counted(
    home: PostgresHome, around: Surroundings, node: ProviderProcess, confirms: list[Request]
) -> tuple[list[Point], Standing]:
    """Of the server's process that writes for the node, what it does in one confirm: some of its
    answers, each of its writes to disk; and what that leaves. Another confirm goes before it."""
    log = home.folder / "strace"
    assert await around.send(node.url, confirms[0])
    await settled(home, confirms[0])
    async with watching(writer(home), log):
        assert await around.send(node.url, confirms[1])
        await settled(home, confirms[1])
    made = Counter(call.name for call in calls(log))
    assert made["fdatasync"] >= 2, made
    points = [Point(name, k + 1) for name in ("pwrite64", "fdatasync") for k in range(made[name])]
    points += [Point("sendto", k) for k in range(1, made["sendto"] + 1, ANSWERS_APART)]
    return points[: QUOTES - 2], standing(home, confirms[1])


def writer(home: PostgresHome) -> int:
    """The server's process that holds the node's slot."""
    link = Link(home.server.url())
    try:
        return int(link.rows(WRITER, (home.database,))[0][0])
    finally:
        link.close()


async def killed(
    home: PostgresHome, around: Surroundings, node: ProviderProcess, point: Point, confirm: Request
) -> bool:
    """The server is killed at the point and started again, and the node goes on by itself; whether
    the confirm was ACKed before."""
    pid = writer(home)
    async with killing(pid, point, home.folder / f"strace-{point}"):
        acked = await asked(around, node, confirm)
        await asyncio.to_thread(gone, pid)
    await asyncio.to_thread(home.server.crash)
    await asyncio.to_thread(home.server.start)
    if not acked:
        await kept(around, node, confirm)
    await around.answer(confirm)
    await settled(home, confirm)
    await kept(around, node, confirm)  # the same bytes again get the same ACK
    return acked


async def kept(around: Surroundings, node: ProviderProcess, confirm: Request) -> None:
    """Asked until it is ACKed: the node may find only now that its connection is gone."""
    began = time.monotonic()
    while not await asked(around, node, confirm):
        assert time.monotonic() - began < BACK_S, "the node did not find the server again"
        await asyncio.sleep(0.1)


def gone(pid: int) -> None:
    """Returns when the process has ended, or when its point was not reached in time."""
    deadline = time.monotonic() + KILL_DEADLINE_S
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


async def asked(around: Surroundings, node: ProviderProcess, request: Request) -> bool:
    """True: ACKed; False: it cannot be kept now, says the node."""
    signed = around.bap.authorization(request.body, created=int(time.time()))
    url = f"{node.url}/{request.action}"
    said = await peers.post(url, request.body, {"Authorization": signed})
    assert said.is_ack or said.status == 503, said.body
    return said.is_ack
