"""`python -m benchmarks.postgres [ORDERS]`: insured orders on SQLite, and on PostgreSQL.

The server is a real one that syncs to disk, started for the measurement on this same machine. What
counts is processor time for each order, of the node's processes and of the server's: they share the
machine with whoever asks.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import confirm
from benchmarks.processes import Process, cpu_s_of
from protocol_specs.node.postgres.migrating import migrate
from protocol_specs.node.store_settings import StoreAt
from tests.support.postgres_server import Server


def children(pid: int) -> list[int]:
    """Every process below this one."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(each) for path in listed for each in path.read_text().split()]
    return found + [below for each in found for below in children(each)]


def spent_s(pid: int) -> float:
    """Processor time of a process and all below it, so far."""
    return sum(cpu_s_of(each) for each in [pid, *children(pid)])


async def measure(
    orders: int, more: str = "", url: str | None = None, server: int | None = None
) -> dict[str, Any]:
    """One way; `more` stands at the top of the node's settings, `server` is the database's."""
    own = confirm.COOPERATIVE
    store = "" if url is None else f'\n[store]\nurl = "{url}"\n'
    confirm.COOPERATIVE = own.replace("\n[fares]", f"{more}\n[fares]", 1) + store
    try:
        async with confirm.cooperative() as (consumer, process):
            first, asked = await _asked(consumer, orders // 4), await _asked(consumer, orders)
            await confirm.confirmed(consumer, first)  # until each process has met its statements
            pid, loop = pid_of(process), asyncio.get_running_loop()
            cpu, began = spent_s(pid), loop.time()
            of_server = 0.0 if server is None else spent_s(server)
            await confirm.confirmed(consumer, asked)
            took = loop.time() - began
            return {
                "orders_per_s": round(orders / took),
                "node_us_per_order": round((spent_s(pid) - cpu) / orders * 1e6),
                "server_us_per_order": round(
                    (0.0 if server is None else spent_s(server) - of_server) / orders * 1e6
                ),
            }
    finally:
        confirm.COOPERATIVE = own


async def _asked(consumer: confirm.Consumer, orders: int) -> list[tuple[bytes, dict[str, str]]]:
    bodies = [body for _ in range(orders // 20) for body in await confirm.quoted(consumer, 20)]
    return [(body, consumer.bap.sign(body)) for body in bodies]


def pid_of(process: Process) -> int:
    return process.popen.pid


def on_postgres(orders: int, workers: int) -> dict[str, Any]:
    """The same on a new server with a new database."""
    server = Server()
    try:
        url = server.make("measured")
        with tempfile.TemporaryDirectory() as folder:
            migrate(StoreAt(Path(folder), url), "bpp.migrations")
        return asyncio.run(measure(orders, f"workers = {workers}", url, server.pid))
    finally:
        server.remove()


def compared(orders: int) -> dict[str, Any]:
    """SQLite, one worker on PostgreSQL, and two; `gain_of_two_workers` is of CPU, not of time."""
    alone, both = on_postgres(orders, 1), on_postgres(orders, 2)
    gain = 2 * alone["node_us_per_order"] / both["node_us_per_order"]
    return {
        "sqlite": asyncio.run(measure(orders)),
        "one_worker": alone,
        "two_workers": both,
        "gain_of_two_workers": round(gain, 2),
    }


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(json.dumps(compared(orders), indent=1))


if __name__ == "__main__":
    main()
