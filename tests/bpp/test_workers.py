"""A provider with several workers: nothing is refused, lost or doubled when they come and go."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from protocol_specs.node.commands import run_serve
from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.settings import SettingsError
from protocol_specs.node.workers.summing import summed
from protocol_specs.node.workers.supervisor import RUN
from protocol_specs.wire.values import replace
from tests.support.nodes import free_port
from tests.support.postgres_home import PostgresHome, make_postgres_home
from tests.support.postgres_server import server
from tests.support.surroundings import Request, Surroundings, surroundings
from tests.support.worker_processes import holders

DEADLINE_S = 150


@dataclass
class Node:
    """The parent process, where its workers listen, and its database beside it."""

    process: asyncio.subprocess.Process
    url: str
    ops: str
    link: Link

    def pids(self) -> dict[int, int]:
        """By slot, the process that holds it."""
        return holders(self.link)

    async def replaced(self, slots: dict[int, int], before: dict[int, int]) -> None:
        """Waits until each of these slots is held by another process than before."""
        deadline = time.monotonic() + DEADLINE_S
        while any(self.pids().get(slot) in (None, before[slot]) for slot in slots):
            assert time.monotonic() < deadline
            assert self.process.returncode is None
            await asyncio.sleep(0.05)

    def count(self, what: str) -> int:
        return int(self.link.rows(f"SELECT count(*) FROM {what}")[0][0])  # noqa: S608 - of a test


def prepared(folder: Path, around: Surroundings, more: str = "workers = 2") -> PostgresHome:
    """A provider's folder with two workers on a new database."""
    ports = free_port(), free_port()
    more = f"{more}\nops = {{ port = {ports[1]} }}"
    home = make_postgres_home(folder / "home", around.registry, server(), more)
    home.config.write_text(
        home.config.read_text().replace("\nport = 0\n", f"\nport = {ports[0]}\n", 1)
    )
    return home


@asynccontextmanager
async def serving(home: PostgresHome, workers: int = 2) -> AsyncIterator[Node]:
    """The node with its workers, until the block ends."""
    log = home.folder / f"log-{len(list(home.folder.glob('log-*')))}"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RUN, "serve", "bpp", "--config", str(home.config),
            stdout=out, stderr=out, cwd=Path.cwd(),
        )  # fmt: skip
    link = Link(home.at.url or "")
    try:
        deadline = time.monotonic() + DEADLINE_S
        while log.read_text().count(" listens on ") < workers:
            assert process.returncode is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            await asyncio.sleep(0.05)
        at = log.read_text().split(" listens on ")[1].split(",")[0]
        ops = home.config.read_text().split("ops = { port = ")[1].split(" ")[0]
        yield Node(process, at, f"http://127.0.0.1:{ops}", link)
    finally:
        link.close()
        # Not process.terminate(): it asks first whether a test's kill has ended it, and asyncio,
        # which waits for the same answer, would then know of no exit code.
        with suppress(ProcessLookupError):
            if process.returncode is None:
                os.kill(process.pid, signal.SIGTERM)
        code = await process.wait()
    assert code in (0, -signal.SIGKILL), log.read_text()[-3000:]


async def all_answered(around: Surroundings, confirms: list[Request]) -> None:
    for confirm in confirms:
        answer = await around.answer(confirm)
        assert answer["message"]["order"]["status"] == "ACTIVE"


async def until_acked(around: Surroundings, url: str, confirm: Request) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await around.send(url, confirm):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.timeout(500)
async def test_workers_share_the_work_and_are_replaced_without_a_refused_request(
    tmp_path: Path,
) -> None:
    async with surroundings() as around:
        home = prepared(tmp_path, around)
        async with serving(home) as node:
            quotes = await asyncio.gather(*(around.quoted(node.url) for _ in range(40)))
            confirms = [around.confirm(quoted) for quoted in quotes]
            before = node.pids()
            assert sorted(before) == [0, 1]
            node.process.send_signal(signal.SIGHUP)
            replacing = asyncio.create_task(node.replaced(before, before))
            sent = 0
            while not replacing.done() or sent < len(confirms):  # all the time, one after another
                confirm = confirms[sent % len(confirms)]
                assert await around.send(node.url, confirm), "the connection was refused or reset"
                sent += 1
                await asyncio.sleep(0.02)  # within what one peer may send in a second
            await replacing
            await all_answered(around, confirms)
            for share in (0, 1):
                of = f"received WHERE action = 'confirm' AND conversation_id % 2 = {share}"
                assert node.count(of) > 0
            assert node.count("orders") == node.count("projected") == len(confirms)
            assert node.count("contribution") == len(confirms)
            async with aiohttp.ClientSession() as session:
                metrics = await (await session.get(f"{node.ops}/metrics")).text()
            assert "wayfare_accepted_total" in metrics
    for confirm in confirms:
        assert len(set(around.heard[confirm.message_id])) == 1


@pytest.mark.timeout(500)
async def test_a_killed_worker_is_replaced_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    async with surroundings() as around:
        home = prepared(tmp_path, around)
        async with serving(home) as node:
            quotes = await asyncio.gather(*(around.quoted(node.url) for _ in range(30)))
            confirms = [around.confirm(quoted) for quoted in quotes]
            for slot in (1, 0):
                before = node.pids()
                some = confirms[slot::2]
                sending = asyncio.gather(*(until_acked(around, node.url, one) for one in some))
                os.kill(before[slot], signal.SIGKILL)
                await sending
                await node.replaced({slot: 0}, before)
            await all_answered(around, confirms)
            assert node.count("orders") == node.count("contribution") == len(confirms)
            assert node.count("received WHERE state <> 'handled'") == 0


@pytest.mark.timeout(500)
async def test_the_workers_of_a_killed_parent_end_and_the_next_goes_on(tmp_path: Path) -> None:
    async with surroundings() as around:
        home = prepared(tmp_path, around)
        async with serving(home) as node:
            quotes = await asyncio.gather(*(around.quoted(node.url) for _ in range(6)))
            confirms = [around.confirm(quoted) for quoted in quotes]
            workers = node.pids().values()
            for confirm in confirms:
                assert await around.send(node.url, confirm)
            node.process.kill()
        async with serving(home) as node:  # at once, with the same ports, folder and slots
            assert [pid for pid in workers if is_running(pid)] == []
            await all_answered(around, confirms)
            assert node.count("orders") == node.count("contribution") == len(confirms)


@pytest.mark.timeout(500)
async def test_workers_on_two_machines_are_one_node_and_one_machine_may_be_away(
    tmp_path: Path,
) -> None:
    async with surroundings() as around:
        first = prepared(tmp_path / "1", around, "workers = 1\nworkers_in_all = 2")
        second = beside(first, tmp_path / "2")
        async with serving(first, 1) as one:
            for name in ("desk.token", "forms.key", "tracking.key"):
                shutil.copy(first.data / name, second.data)
            async with serving(second, 1) as two:
                quotes = await asyncio.gather(*(around.quoted(one.url) for _ in range(12)))
                confirms = [around.confirm(quoted) for quoted in quotes]
                assert sorted(one.pids()) == [0, 1]
                for n, confirm in enumerate(confirms[:8]):
                    assert await around.send((one, two)[n % 2].url, confirm)
                await all_answered(around, confirms[:8])
                for n, confirm in enumerate(confirms[:4]):  # what follows comes in at the other
                    await cancelled(around, (two, one)[n % 2].url, confirm)
            for confirm in confirms[8:]:
                assert await around.send(one.url, confirm)
            waiting = one.count("received WHERE state <> 'handled' AND conversation_id % 2 = 1")
            async with serving(second, 1):
                await all_answered(around, confirms)
                assert one.count("orders") == len(confirms)
                assert one.count("projected") == one.count("contribution") == len(confirms) + 4
                assert one.count("received WHERE state <> 'handled'") == 0
    assert waiting > 0, "the other machine was away, and nobody had its conversations"
    for confirm in confirms:
        assert len(set(around.heard[confirm.message_id])) == 1


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def beside(home: PostgresHome, folder: Path) -> PostgresHome:
    """The same node on a second machine: the same keys and database, its own folder and ports."""
    other = replace(home, folder=shutil.copytree(home.folder, folder / "home"))
    ports = free_port(), free_port()
    text = home.config.read_text()
    for key, port in zip(("\nport = ", "ops = { port = "), ports, strict=True):
        head, _, tail = text.partition(key)
        text = f"{head}{key}{port}{tail.lstrip('0123456789')}"
    other.config.write_text(f"workers_before = 1\n{text}")
    other.data.mkdir(exist_ok=True)
    return other


async def cancelled(around: Surroundings, url: str, confirm: Request) -> None:
    """The order of that confirm is cancelled."""
    order = (await around.answer(confirm))["message"]["order"]
    wanted = {"order_id": order["id"], "cancellation_reason_id": "005"}
    cancel = around.request("cancel", wanted, confirm.transaction_id)
    assert await around.send(url, cancel)
    answer = await around.answer(cancel)
    assert answer["message"]["order"]["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("role", "more", "says"),
    [
        ("bpp", "", "SQLite has one process"),
        (
            "gateway",
            'workers_in_all = 4\nstore.url = "postgresql:///x"',
            "the workers of a gateway ask each other",
        ),
        ("bpp", "workers_before = 1", "2 workers here and 1 on the machines before"),
        (
            "gateway",
            'store.url = "postgresql:///x"\nlimits.body_bytes_max_by_action.on_search = 4_128_769',
            "messages of 4128768 bytes at most",
        ),
        ("bpp", "workers_in_all = 1", "1 cannot be, with 2 workers here"),
        ("bpp", 'store.url = "postgresql:///x"\nrecord = "r"', "a recording needs one process"),
    ],
)
def test_workers_are_refused_where_they_cannot_be(
    tmp_path: Path, role: str, more: str, says: str
) -> None:
    config = tmp_path / "node.toml"
    config.write_text(
        'subscriber_id = "g"\nunique_key_id = "k"\nurl = "http://g"\nport = 1\nworkers = 2\n'
        f'data_dir = "data"\nsigning_key = "s"\nencryption_key = "e"\n{more}\n'
    )
    with pytest.raises(SettingsError, match=says):
        run_serve(argparse.Namespace(config=config, role=role))


def test_figures_of_workers_add_up_and_ages_do_not() -> None:
    one = (
        "# TYPE wayfare_accepted_total counter\n"
        'wayfare_accepted_total{action="confirm"} 3.0\n'
        "# TYPE wayfare_oldest_age_seconds gauge\n"
        'wayfare_oldest_age_seconds{queue="inbox"} 5.0\n'
        "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 10.0\n"
    )
    two = one.replace(" 3.0", " 4.0").replace(" 5.0", " 2.0")
    said = summed([one, two]).decode()
    assert 'wayfare_accepted_total{action="confirm"} 7.0' in said
    assert 'wayfare_oldest_age_seconds{queue="inbox"} 5.0' in said
    assert "process_resident_memory_bytes 20.0" in said
