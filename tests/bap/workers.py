"""A citizens' node with two workers as processes on PostgreSQL, and the network around it."""

import asyncio
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.postgres.migrating import migrate
from protocol_specs.node.store import StoreAt
from protocol_specs.node.workers.supervisor import RUN
from protocol_specs.wire.parties import SubscriberType
from tests.bap.network import Player, listening
from tests.support.browsing import Browsing
from tests.support.nodes import free_port, write_keys
from tests.support.peers import CITY, COUNTRY, RIDES, Clock, Said
from tests.support.postgres_server import server
from tests.support.standin_registry import StandIn, standin
from tests.support.worker_processes import holders

DEADLINE_S = 150
DAY_S = 86_400
SETTINGS = """
subscriber_id = "bap.example.org"
unique_key_id = "k1"
url = "http://127.0.0.1:{port}"
port = {port}
ops = {{ port = {ops_port} }}
workers = 2
store.url = "{database}"
data_dir = "data"
signing_key = "keys/signing.key"
encryption_key = "keys/encryption.key"
network = "development"
domains = ["{domain}"]
cities = ["{city}"]
country = "{country}"
log_level = "error"
web.codes.by = "file"
heartbeat_s = 600
journeys.journeys_per_minute = 6000

[registry]
url = "{registry.url}"
subscriber_id = "{registry.subscriber_id}"
unique_key_id = "{registry.unique_key_id}"
signing_public_key = "{registry.signing_public_key}"
encryption_public_key = "{registry.encryption_public_key}"
"""


class RealClock(Clock):
    """The clock of the processes."""

    def __init__(self) -> None:
        """It needs none to be given."""

    @property
    def at(self) -> float:  # type: ignore[override]
        return time.time()


@dataclass
class Served:
    """The node: its parent process, its database, and those it talks to."""

    process: asyncio.subprocess.Process
    folder: Path
    url: str
    link: Link
    gateway: Player
    coop: Player
    turns: Iterator[int] = field(default_factory=count)

    def pids(self) -> dict[int, int]:
        """By slot, the process that holds it."""
        return holders(self.link)

    async def replaced(self, slots: tuple[int, ...], before: dict[int, int]) -> None:
        """Waits until each of these slots is held by another process than before."""
        await until(lambda: all(self.pids().get(n) not in (None, before[n]) for n in slots))

    def numbers(self, sql: str, *values: str) -> list[int]:
        """What a question is answered with, a number in each row."""
        return [int(row[0]) for row in self.link.rows(sql, values)]

    @contextmanager
    def only(self, slot: int) -> Iterator[None]:
        """Inside, the other worker stands still: whoever connects comes to this one."""
        other = self.pids()[1 - slot]
        os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(other, signal.SIGCONT)

    @asynccontextmanager
    async def at(self, slot: int) -> AsyncIterator[aiohttp.ClientSession]:
        """A connection to that worker."""
        connector = aiohttp.TCPConnector(limit=1)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
            with self.only(slot):
                async with session.get(f"{self.url}/api/markets") as accepted:
                    await accepted.read()
            yield session

    def browser(self) -> Browsing:
        """Each of its requests comes to the other worker than the one before."""
        return Browsing(self.url, connect=lambda: self.at(next(self.turns) % 2))

    async def say(self, slot: int, action: str, request: dict[str, Any], message: Any) -> Said:
        """A callback of the cooperative, posted to that worker."""
        with self.only(slot):
            said = await self.coop.say(action, request, message)
        assert said.is_ack, said.body
        return said


async def until(holds: Callable[[], object]) -> None:
    """Until it holds, within the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    """All of it, until the block ends."""
    async with AsyncExitStack() as stack:
        clock = RealClock()
        registry = await stack.enter_async_context(standin(clock))
        gateway = await stack.enter_async_context(
            listening("bg.example.org", SubscriberType.BG, clock, (RIDES,))
        )
        coop = await stack.enter_async_context(
            listening("coop.example.org", SubscriberType.BPP, clock, (RIDES,))
        )
        now = int(time.time())
        for one in (gateway, coop):
            registry.held += one.peer.records(valid_from=now - DAY_S, valid_until=now + DAY_S)
        config, database, url = prepared(folder, registry)
        gateway.node_url = coop.node_url = url
        process = await stack.enter_async_context(_running(config))
        link = Link(database)
        stack.callback(link.close)
        yield Served(process, folder, url, link, gateway, coop)


def prepared(folder: Path, registry: StandIn) -> tuple[Path, str, str]:
    """The node's settings, its database, and where it will listen."""
    database = server().make(f"citizens_{uuid.uuid4().hex[:8]}")
    migrate(StoreAt(folder, database), "bap.migrations")
    write_keys(folder / "keys")
    port, ops_port = free_port(), free_port()
    config = folder / "node.toml"
    config.write_text(
        SETTINGS.format(
            port=port,
            ops_port=ops_port,
            database=database,
            domain=RIDES,
            city=CITY,
            country=COUNTRY,
            registry=registry.settings,
        )
    )
    return config, database, f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _running(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    log = config.with_name("log")
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RUN, "serve", "bap", "--config", str(config),
            stdout=out, stderr=out, cwd=Path.cwd(),
        )  # fmt: skip
    try:
        await until(
            lambda: process.returncode is not None or log.read_text().count(" listens on ") == 2
        )
        assert process.returncode is None, log.read_text()[-3000:]
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0, log.read_text()[-3000:]
