"""What goes wrong with a machine: its disk, its files, its time to run. Each ends with all that was
ACKed standing once, and with the next confirm taken."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support import peers
from tests.support.provider_process import Home, ProviderProcess, make_home, running
from tests.support.standing import settled, standing, verified
from tests.support.strace import Point, failing, killing
from tests.support.surroundings import Request, Surroundings, surroundings

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(300)]

WITHIN_S = 30  # to be well again without a hand: 10 where the node has a processor to itself
REFUSED_S = 2  # the quickest of several answers: a machine may stand still for longer than one
SLEEP_S = 3
FILES = 64


@dataclass(frozen=True)
class Day:
    """A network, a provider's folder, and three quotes to confirm: before, during and after."""

    around: Surroundings
    home: Home
    before: Request
    during: Request
    after: Request

    async def stands(self, node: ProviderProcess, *confirms: Request) -> None:
        """Each of these is confirmed once, answered and posted; the books hold."""
        for confirm in confirms:
            await self.around.answer(confirm)
        await settled(self.home, *confirms)
        for confirm in confirms:
            found = standing(self.home, confirm)
            assert (found.received, found.orders) == (["handled"], ["ACTIVE"]), found
            assert (found.events, len(found.transfers)) == (["confirmed"], 1), found
            assert await self.around.send(node.url, confirm), "the same bytes, the same ACK"
            assert len(set(self.around.heard[confirm.message_id])) == 1
        assert (found.all_events, found.all_entries) == (len(confirms), len(confirms))
        report = verified(self.home)
        assert (report.is_sound, report.balanced, report.waiting) == (True, True, 0), report

    async def sent_until_taken(self, node: ProviderProcess, confirm: Request) -> None:
        """As a peer does it: 503, or a connection closed without an answer, means to come again."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    if await self.status(node, confirm) == 200:
                        return
                await asyncio.sleep(0.1)

    async def refused_after_s(self, node: ProviderProcess, confirm: Request) -> float:
        """How long the node takes to say 503, and nothing else."""
        started = time.monotonic()
        assert await self.status(node, confirm) == 503
        return time.monotonic() - started

    async def status(self, node: ProviderProcess, confirm: Request) -> int:
        signed = self.around.bap.authorization(confirm.body, created=int(time.time()))
        headers = {"Authorization": signed}
        said = await peers.post(f"{node.url}/confirm", confirm.body, headers)
        assert said.is_ack or "Retry-After" in said.headers, said
        return said.status


@asynccontextmanager
async def day(folder: Path) -> AsyncIterator[Day]:
    async with surroundings() as around:
        home = make_home(folder / "home", around.registry)
        async with running(home) as node:
            quotes = [await around.quoted(node.url) for _ in range(3)]
            before, during, after = (around.confirm(quoted) for quoted in quotes)
            assert await around.send(node.url, before)
            await settled(home, before)
        yield Day(around, home, before, during, after)


@pytest.mark.parametrize(
    ("call", "error"), [("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fdatasync", "EIO")]
)
async def test_while_the_disk_fails_nothing_is_acked_and_when_it_is_mended_the_node_goes_on(
    tmp_path: Path, call: str, error: str
) -> None:
    async with day(tmp_path) as it, running(it.home) as node:
        async with failing(node.pid, call, error, tmp_path / "strace"):
            assert min([await it.refused_after_s(node, it.during) for _ in range(3)]) < REFUSED_S
        assert standing(it.home, it.during).received == []
        await it.sent_until_taken(node, it.during)
        await it.sent_until_taken(node, it.after)
        await it.stands(node, it.before, it.during, it.after)


async def test_a_node_without_file_descriptors_keeps_what_it_acked_and_goes_on(
    tmp_path: Path,
) -> None:
    async with day(tmp_path) as it, running(it.home) as node:
        url = urlsplit(node.url)
        resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        with contextlib.ExitStack() as held:
            for _ in range(2 * FILES):
                sock = held.enter_context(socket.socket())
                sock.settimeout(WITHIN_S)
                sock.connect((url.hostname, url.port))
        await it.sent_until_taken(node, it.during)
        await it.sent_until_taken(node, it.after)
        await it.stands(node, it.before, it.during, it.after)


async def test_a_node_that_was_stopped_for_a_while_goes_on_where_it_was(tmp_path: Path) -> None:
    async with day(tmp_path) as it, running(it.home) as node:
        sending = asyncio.ensure_future(it.around.send(node.url, it.during))
        await asyncio.sleep(0)
        os.kill(node.pid, signal.SIGSTOP)
        await asyncio.sleep(SLEEP_S)  # that is the fault
        os.kill(node.pid, signal.SIGCONT)
        assert await sending
        assert await it.around.send(node.url, it.after)
        await it.stands(node, it.before, it.during, it.after)


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
async def test_a_log_torn_where_it_was_not_synced_loses_nothing_that_was_acked(
    tmp_path: Path, share: float
) -> None:
    async with day(tmp_path) as it:
        async with running(it.home) as node:
            (log,) = it.home.data.glob("*-wal")
            async with killing(node.pid, Point("fdatasync", 1), tmp_path / "strace"):
                synced = log.stat().st_size  # from here on nothing is synced any more
                assert not await it.around.send(node.url, it.during)
                assert await node.ended() == -signal.SIGKILL
        torn = log.stat().st_size - synced
        assert torn > 0, "nothing was written before the sync"
        os.truncate(log, synced + int(torn * share) - 1)
        async with running(it.home) as node:
            assert await it.around.send(node.url, it.during)
            assert await it.around.send(node.url, it.after)
            await it.stands(node, it.before, it.during, it.after)


async def test_a_node_whose_log_lost_what_was_synced_does_not_go_on_without_it(
    tmp_path: Path,
) -> None:
    async with day(tmp_path) as it:
        async with running(it.home) as node:
            node.kill()
            await node.ended()
        (log,) = it.home.data.glob("*-wal")
        os.truncate(log, log.stat().st_size // 2)
        with pytest.raises(AssertionError, match="the tail was cut off"):
            async with running(it.home):
                pass


async def test_what_lies_behind_the_log_by_accident_is_not_believed(tmp_path: Path) -> None:
    async with day(tmp_path) as it:
        async with running(it.home) as node:
            assert await it.around.send(node.url, it.during)
            node.kill()
            await node.ended()
        (log,) = it.home.data.glob("*-wal")
        with log.open("ab") as end:
            end.write(os.urandom(5_000))
        async with running(it.home) as node:
            assert await it.around.send(node.url, it.after)
            await it.stands(node, it.before, it.during, it.after)
