"""A registry on two machines: its workers hear and ask each other over NATS."""

import asyncio
import shutil
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import pytest

from protocol_specs.node.server import Node
from protocol_specs.node.settings import load
from protocol_specs.node.workers.workers import Share
from registry.settings import RegistryNodeSettings
from tests.registry.participant import Desk, participant
from tests.registry.test_answers import question
from tests.registry.test_workers import SETTINGS, RealClock, taken_in
from tests.support.nats_server import NatsServer
from tests.support.nodes import free_port
from tests.support.worker_processes import serving, write_config

DEADLINE_S = 90


def on_two_machines(folder: Path, nats: NatsServer) -> tuple[Path, Path]:
    """The settings of each: one worker, the same keys and database, ports of its own."""
    first = write_config(folder / "1", "registry", SETTINGS)
    own = f'workers = 1\nworkers_in_all = 2\nnats.url = "{nats.url}"\nfeed.url = "{nats.url}"'
    first.write_text(first.read_text().replace("workers = 2", own))
    second, text = folder / "2" / "node.toml", first.read_text()
    second.parent.mkdir()
    for line in text.splitlines():
        if line.startswith(("port = ", "ops.port = ")):
            text = text.replace(line, f"{line.split(' = ')[0]} = {free_port()}")
    second.write_text(f"workers_before = 1\n{text}")
    return first, second


def bring_secrets(first: Path, second: Path) -> None:
    """What the first machine made for itself at its first start, as its operator copies it."""
    data = second.parent / "data"
    data.mkdir(mode=0o700)
    for made in (first.parent / "data").iterdir():
        if made.suffix in (".key", ".token"):
            shutil.copy(made, data)


def desk_at(config: Path) -> Desk:
    """Whoever asks that machine; its public url is the same as the other's."""
    settings = load(config, RegistryNodeSettings)
    here = settings.model_copy(update={"url": f"http://127.0.0.1:{settings.port}"})
    return Desk(cast(Node, None), here, RealClock())


@pytest.mark.timeout(500)
async def test_a_question_is_answered_once_whichever_machine_hears_it_again(tmp_path: Path) -> None:
    nats = NatsServer()
    nats.start()
    try:
        first, second = on_two_machines(tmp_path, nats)
        here, there = desk_at(first), desk_at(second)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving("registry", first, 1))
            bring_secrets(first, second)
            await stack.enter_async_context(serving("registry", second, 1))
            who = await stack.enter_async_context(participant(there))
            assert (await who.apply("k1")).status == 200  # heard there, challenged here
            await taken_in(who)
            for desk in (here, there):
                assert len(await desk.lookup(subscriber_id=who.subscriber_id)) == 1
            holder = Share(0, 2).slot_of(who.subscriber_id)  # of what this sender asked
            at, beside = (here, there)[holder], (here, there)[1 - holder]
            for one, other in ((at, beside), (beside, at)):
                asked = question(who)
                statuses = [(await desk.post("/vlookup", asked)).status for desk in (one, other)]
                assert statuses == [200, 400]
            nats.kill()
            assert (await at.post("/vlookup", question(who))).status == 200
            said = await beside.post("/vlookup", question(who))
            assert (said.status, "Retry-After" in said.headers) == (503, True)
            nats.wipe()
            nats.start()
            deadline = time.monotonic() + DEADLINE_S
            while (await beside.post("/vlookup", question(who))).status != 200:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
    finally:
        nats.remove()
