"""`python -m benchmarks.postgres [ORDERS]`: insured orders on SQLite, and on PostgreSQL.

The servers are real ones that sync to disk, started for the measurement on this same machine. What
counts is processor time for each order, of the node's processes and of the server's: they share the
machine with whoever asks. The three ways take turns, a part of the orders each time, and the median
of the turns counts: whatever else goes on here slows all of them.

What bounds it: of a worker's time a fifth to a quarter goes into talking to the server, a dozen
round trips for an order; the rest is what SQLite's way does too. A second worker costs an order a
second commit, reading its message again from the tables, the mark that it was handled, and loops of
its own; and two nodes side by side cost some percent more for each order than one alone, as they
share caches.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import confirm
from benchmarks.processes import Process, cpu_s_of
from protocol_specs.node.database.postgres.migrating import migrate
from protocol_specs.node.database.store_settings import StoreAt
from tests.support.postgres_server import Server

TURNS = 5
WARM = 40  # orders, until each process has met its statements


@dataclass
class Way:
    """A node at work, what it spent in each turn and how long that took."""

    consumer: confirm.Consumer
    process: Process
    server: Server | None
    node_us: list[float] = field(default_factory=list)
    server_us: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)

    async def turn(self, orders: int) -> None:
        """Confirms so many quotes, asked for before."""
        asked = await _asked(self.consumer, orders)
        node, server, began = *self.spent_s(), asyncio.get_running_loop().time()
        await confirm.confirmed(self.consumer, asked)
        took = asyncio.get_running_loop().time() - began
        self.per_s.append(orders / took)
        for spent, was, into in zip(
            self.spent_s(), (node, server), (self.node_us, self.server_us), strict=True
        ):
            into.append((spent - was) / orders * 1e6)

    def spent_s(self) -> tuple[float, float]:
        """Processor time of the node's processes and of the server's, so far."""
        server = 0.0 if self.server is None else spent_s(self.server.pid)
        return spent_s(self.process.popen.pid), server

    def told(self) -> dict[str, Any]:
        """The median of the turns; the first one warmed it up."""
        shown = {
            "orders_per_s": self.per_s,
            "node_us_per_order": self.node_us,
            "server_us_per_order": self.server_us,
        }
        return {name: round(statistics.median(each[1:])) for name, each in shown.items()}


def children(pid: int) -> list[int]:
    """Every process below this one."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(each) for path in listed for each in path.read_text().split()]
    return found + [below for each in found for below in children(each)]


def spent_s(pid: int) -> float:
    """Processor time of a process and all below it, so far."""
    return sum(cpu_s_of(each) for each in [pid, *children(pid)])


async def _asked(consumer: confirm.Consumer, orders: int) -> list[tuple[bytes, dict[str, str]]]:
    bodies = [body for _ in range(-(-orders // 20)) for body in await confirm.quoted(consumer, 20)]
    return [(body, consumer.bap.sign(body)) for body in bodies[:orders]]


@asynccontextmanager
async def way(workers: int | None) -> AsyncIterator[Way]:
    """A new node: on a new server with so many workers, or on SQLite (None)."""
    server = None if workers is None else Server()
    own = confirm.COOPERATIVE
    try:
        if server is not None:
            url = server.make("measured")
            with tempfile.TemporaryDirectory() as folder:
                migrate(StoreAt(Path(folder), url), "bpp.migrations")
            more = f"workers = {workers}\n\n[fares]"
            confirm.COOPERATIVE = f'{own.replace("[fares]", more, 1)}\n[store]\nurl = "{url}"\n'
        async with confirm.cooperative() as (consumer, process):
            confirm.COOPERATIVE = own
            yield Way(consumer, process, server)
    finally:
        confirm.COOPERATIVE = own
        if server is not None:
            server.remove()


async def measured(orders: int) -> dict[str, Any]:
    """SQLite, one worker on PostgreSQL, and two, in turns."""
    async with AsyncExitStack() as stack:
        sqlite, one, two = [await stack.enter_async_context(way(each)) for each in (None, 1, 2)]
        for each in (sqlite, one, two):
            await each.turn(WARM)
        for _ in range(TURNS):
            for each in (sqlite, one, two):
                await each.turn(max(1, orders // TURNS))
        gain = 2 * statistics.median(one.node_us[1:]) / statistics.median(two.node_us[1:])
        return {
            "sqlite": sqlite.told(),
            "one_worker": one.told(),
            "two_workers": two.told(),
            "gain_of_two_workers": round(gain, 2),
        }


def compared(orders: int) -> dict[str, Any]:
    """The same outside of a loop; `gain_of_two_workers` is of CPU, not of time."""
    return asyncio.run(measured(orders))


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(json.dumps(compared(orders), indent=1))


if __name__ == "__main__":
    main()
