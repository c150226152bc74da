"""A provider with several workers: nothing is refused, lost or doubled when they come and go."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from protocol_specs.node.commands import run_serve
from protocol_specs.node.postgres.link import Link
from protocol_specs.node.postgres.migrating import migrate
from protocol_specs.node.settings import SettingsError
from protocol_specs.node.store import StoreAt
from protocol_specs.node.summing import summed
from protocol_specs.node.supervisor import RUN
from tests.support.nodes import listening_socket
from tests.support.postgres_server import server
from tests.support.provider_process import Home, make_home
from tests.support.surroundings import Request, Surroundings, surroundings

DEADLINE_S = 90


@dataclass
class Node:
    """The parent process, where its workers listen, and its database beside it."""

    process: asyncio.subprocess.Process
    url: str
    ops: str
    link: Link

    def pids(self) -> dict[int, int]:
        """By slot, the process that holds it."""
        found = self.link.rows(
            "SELECT l.objid::bigint AS slot, split_part(a.application_name, ' ', 2) AS pid "
            "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.granted "
            "AND l.locktype = 'advisory' AND a.datname = current_database()"
        )
        return {row["slot"]: int(row["pid"]) for row in found}

    async def replaced(self, slots: dict[int, int], before: dict[int, int]) -> None:
        """Waits until each of these slots is held by another process than before."""
        deadline = time.monotonic() + DEADLINE_S
        while any(self.pids().get(slot) in (None, before[slot]) for slot in slots):
            assert time.monotonic() < deadline
            assert self.process.returncode is None
            await asyncio.sleep(0.05)

    def count(self, what: str) -> int:
        return int(self.link.rows(f"SELECT count(*) FROM {what}")[0][0])  # noqa: S608 - of a test


def prepared(folder: Path, around: Surroundings) -> tuple[Home, str]:
    """A provider's folder with two workers on a new database."""
    url = server().make(f"workers_{os.urandom(4).hex()}")
    migrate(StoreAt(folder, url), "bpp.migrations")
    home = make_home(folder / "home", around.registry)
    with listening_socket() as one, listening_socket() as two:
        ports = one.getsockname()[1], two.getsockname()[1]
    head, _, tail = home.config.read_text().partition("\nport = 0\n")
    own = f'\nport = {ports[0]}\nworkers = 2\nops = {{ port = {ports[1]} }}\nstore.url = "{url}"\n'
    home.config.write_text(f"{head}{own}{tail}")
    return home, url


@asynccontextmanager
async def serving(home: Home, url: str) -> AsyncIterator[Node]:
    """The node with its workers, until the block ends."""
    log = home.folder / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RUN, "serve", "bpp", "--config", str(home.config),
            stdout=out, stderr=out, cwd=Path.cwd(),
        )  # fmt: skip
    link = Link(url)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while log.read_text().count(" listens on ") < 2:
            assert process.returncode is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            await asyncio.sleep(0.05)
        at = log.read_text().split(" listens on ")[1].split(",")[0]
        ports = [line.split("=")[-1] for line in home.config.read_text().splitlines()]
        ops = next(port.strip(" }") for port in ports if port.strip().endswith("}"))
        yield Node(process, at, f"http://127.0.0.1:{ops}", link)
    finally:
        link.close()
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0, log.read_text()[-3000:]


async def all_answered(around: Surroundings, confirms: list[Request]) -> None:
    for confirm in confirms:
        answer = await around.answer(confirm)
        assert answer["message"]["order"]["status"] == "ACTIVE"


async def until_acked(around: Surroundings, url: str, confirm: Request) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await around.send(url, confirm):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
async def test_workers_share_the_work_and_are_replaced_without_a_refused_request(
    tmp_path: Path,
) -> None:
    async with surroundings() as around:
        home, url = prepared(tmp_path, around)
        async with serving(home, url) as node:
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


@pytest.mark.timeout(240)
async def test_a_killed_worker_is_replaced_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    async with surroundings() as around:
        home, url = prepared(tmp_path, around)
        async with serving(home, url) as node:
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


@pytest.mark.parametrize(
    ("role", "more", "says"),
    [
        ("bpp", "", "SQLite has one process"),
        ("gateway", 'store.url = "postgresql:///x"', "a gateway runs in one process"),
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
