"""A registry of two workers: one directory and one log, whoever of them is asked."""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from protocol_specs.node.commands import run_serve
from protocol_specs.node.server import Node
from protocol_specs.node.settings import SettingsError, load
from protocol_specs.node.store import Store
from registry.settings import RegistryNodeSettings
from registry.verify import verify
from tests.registry.participant import Desk, Participant, participant
from tests.registry.test_answers import question
from tests.registry.test_operator_page import browser, text_of
from tests.support.peers import Clock
from tests.support.worker_processes import WorkerNode, serving, write_config

SETTINGS = """
[web]
[policy]
automatic = ["BAP", "BPP", "BG"]
[bounds]
subscribe_per_s = 1000
subscribe_burst = 1000
changes_per_subscriber_per_h = 6
"""


class RealClock(Clock):
    def __call__(self) -> float:
        return time.time()


@asynccontextmanager
async def registry(folder: Path) -> AsyncIterator[tuple[Desk, WorkerNode]]:
    """A registry of two processes, and its operator."""
    config = write_config(folder, "registry", SETTINGS)
    async with serving("registry", config) as node:
        yield Desk(cast(Node, None), load(config, RegistryNodeSettings), RealClock()), node


async def taken_in(who: Participant) -> None:
    deadline = time.monotonic() + 90
    while not await who.records():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def everywhere(ask: Any, times: int = 12) -> list[Any]:
    """The same asked over so many connections: both workers are among those that answer."""
    return [await ask() for _ in range(times)]


@pytest.mark.timeout(500)
async def test_two_workers_keep_one_directory_and_one_chain_of_changes(tmp_path: Path) -> None:
    async with (
        registry(tmp_path) as (desk, node),
        participant(desk, subscriber_id="a.example.org") as one,
        participant(desk, subscriber_id="b.example.org") as two,
    ):
        for who in (one, two):
            assert (await who.apply("k1")).status == 200
            await taken_in(who)
            assert len(who.asked) in (1, 2), "by one worker, once; the health page asks too"
        # Whoever is asked for a page shows what any worker knows, to who signed in anywhere.
        async with browser(desk) as window:
            page = f"/operator/subscribers/{one.subscriber_id}"
            form = (await window.get(page)).hidden | {"subscriber_id": one.subscriber_id}
            assert (await window.post("/operator/probe", form)).status == 303
            for seen in await everywhere(lambda: window.get(page), 6):
                assert "It answered a challenge" in text_of(seen)
        # Both turned on and off at once, over connections of their own.
        for verb in ("suspend", "reinstate") * 3:
            decided = await asyncio.gather(
                *(
                    desk.decide(who.subscriber_id, verb, reason="a test")
                    for who in (one, two)
                    for _ in range(3)
                )
            )
            assert sorted(each.status for each in decided) == [200] * 2 + [404] * 4
            found = await everywhere(one.records)
            assert [len(rows) for rows in found] == [0 if verb == "suspend" else 1] * len(found)
        with_store = Store.read_only(desk.settings.store_at)
        try:
            report = with_store.read(verify)
        finally:
            with_store.close()
        assert (report.faults, report.entries) == ([], 2 + 12)
        # A question is answered once, whichever worker hears it again.
        asked = question(one)
        statuses = [
            said.status for said in await everywhere(lambda: desk.post("/vlookup", asked), 8)
        ]
        assert sorted(statuses) == [200] + [400] * 7
        # As many changes as are allowed, of both workers together.
        leave = {"subscriber_id": "a.example.org", "key_id": "k9"}
        for n in range(20):
            said = await one.say("/unsubscribe", {**leave, "domain": "x" * n}, signed_with="k1")
            if said.status == 429:
                break
        assert said.status == 429
        assert node.count("change") == 14


@pytest.mark.parametrize("role", ["registry", "gateway"])
def test_on_sqlite_there_is_one_process(tmp_path: Path, role: str) -> None:
    config = tmp_path / "node.toml"
    config.write_text(
        'subscriber_id = "x"\nunique_key_id = "k"\nurl = "http://x"\nport = 1\nworkers = 2\n'
        'data_dir = "data"\nsigning_key = "s"\nencryption_key = "e"\n'
    )
    with pytest.raises(SettingsError, match="SQLite has one process"):
        run_serve(argparse.Namespace(config=config, role=role))


@pytest.mark.timeout(500)
async def test_nothing_is_refused_or_lost_while_workers_of_a_registry_come_and_go(
    tmp_path: Path,
) -> None:
    async with registry(tmp_path) as (desk, node), participant(desk) as who:
        assert (await who.apply("k1")).status == 200
        await taken_in(who)
        is_over = asyncio.Event()

        async def look_up() -> int:
            asked = 0
            while not is_over.is_set():
                assert len(await who.records()) == 1
                asked += 1
                await asyncio.sleep(0.02)
            return asked

        looking = asyncio.create_task(look_up())
        before = node.pids()
        config = node.log.with_name("node.toml")
        good = config.read_text()
        config.write_text(f"nonsense = 1\n{good}")
        node.process.send_signal(signal.SIGHUP)
        await node.says("ended with 1; another takes its place")
        assert node.pids() == before, "who cannot start replaces nobody"
        config.write_text(good)
        replacing = asyncio.create_task(node.replaced(before))
        verbs = 0
        while not replacing.done():
            verb = ("suspend", "reinstate")[verbs % 2]
            said = await desk.decide("b.example.org", verb, reason="it is nobody")
            assert said.status == 404
            verbs += 1
            await asyncio.sleep(0.1)  # workers that begin need the processor too
        await replacing
        is_over.set()
        assert await looking > 10
        before = node.pids()
        os.kill(before[0], signal.SIGKILL)  # the one that challenges
        async with participant(desk, subscriber_id="new.example.org") as late:
            assert (await late.apply("k1")).status == 200
            await taken_in(late)
            assert len(late.asked) == 1
        await node.replaced({0: before[0]})
        assert node.count("application WHERE state = 'granted'") == 2
