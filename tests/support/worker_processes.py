"""A node of several worker processes on a PostgreSQL database of its own, for tests."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.postgres.migrating import migrate
from protocol_specs.node.database.store_settings import StoreAt
from protocol_specs.node.workers.supervisor import RUN
from tests.support.nodes import free_port, write_keys
from tests.support.peers import CITY, COUNTRY, DELIVERIES, RIDES
from tests.support.postgres_server import server

DEADLINE_S = 150
_HELD = (
    "SELECT l.objid::bigint AS slot, split_part(a.application_name, ' ', 2) AS pid "
    "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.granted "
    "AND l.locktype = 'advisory' AND a.datname = current_database() AND l.objid < 1024"
)


def holders(link: Link) -> dict[int, int]:
    """By slot, the process that holds it."""
    return {row["slot"]: int(row["pid"]) for row in link.rows(_HELD)}


@dataclass
class WorkerNode:
    """The parent process, where its workers listen, and its database beside it."""

    process: asyncio.subprocess.Process
    url: str
    ops: str
    link: Link
    log: Path
    starts: int = 2

    def pids(self) -> dict[int, int]:
        """By slot, the process that holds it."""
        return holders(self.link)

    async def replaced(self, before: dict[int, int]) -> None:
        """Waits until each of these slots is held by another process, and all listen again."""
        self.starts += len(before)
        deadline = time.monotonic() + DEADLINE_S
        while any(self.pids().get(slot) in (None, pid) for slot, pid in before.items()):
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            assert self.process.returncode is None, self.log.read_text()[-3000:]
            await asyncio.sleep(0.05)
        while self.log.read_text().count(" listens on ") < self.starts:
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            await asyncio.sleep(0.05)

    async def says(self, what: str) -> None:
        """Waits until its log does."""
        deadline = time.monotonic() + DEADLINE_S
        while what not in self.log.read_text():
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            await asyncio.sleep(0.05)

    def count(self, what: str) -> int:
        return int(self.link.rows(f"SELECT count(*) FROM {what}")[0][0])  # noqa: S608 - of a test


def write_config(folder: Path, role: str, more: str) -> Path:
    """Keys, a database and settings of a node with two workers; `more` stands at their end."""
    database = server().make(f"{role}_{os.urandom(4).hex()}")
    migrate(StoreAt(folder, database), f"{role}.migrations")
    paths = write_keys(folder / "keys")
    ports = free_port(), free_port()
    config = folder / "node.toml"
    config.write_text(
        f"""
subscriber_id = "{role}.example.org"
unique_key_id = "k1"
url = "http://127.0.0.1:{ports[0]}"
port = {ports[0]}
workers = 2
data_dir = "data"
signing_key = "{paths["signing_key"]}"
encryption_key = "{paths["encryption_key"]}"
network = "development"
domains = ["{RIDES}", "{DELIVERIES}"]
cities = ["{CITY}"]
country = "{COUNTRY}"
ops.port = {ports[1]}
store.url = "{database}"
{more}
"""
    )
    return config


@asynccontextmanager
async def serving(role: str, config: Path, workers: int = 2) -> AsyncIterator[WorkerNode]:
    """The node with its workers, until the block ends."""
    log, text = config.with_name("log"), read_file(config)
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RUN, "serve", role, "--config", str(config),
            stdout=out, stderr=out, cwd=Path.cwd(),
        )  # fmt: skip
    link = Link(_value(text, "store.url"))
    ops = f"http://127.0.0.1:{_value(text, 'ops.port')}"
    try:
        node = WorkerNode(process, _value(text, "url"), ops, link, log, workers)
        deadline = time.monotonic() + DEADLINE_S
        while log.read_text().count(" listens on ") < workers:
            assert process.returncode is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            await asyncio.sleep(0.05)
        yield node
    finally:
        link.close()
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0, log.read_text()[-3000:]


def read_file(path: Path) -> str:
    return path.read_text()


def _value(text: str, key: str) -> str:
    line = next(line for line in text.splitlines() if line.startswith(f"{key} = "))
    return line.partition(" = ")[2].strip('"')
