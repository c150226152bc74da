"""What a confirm costs with few and with very many orders stored: `python -m benchmarks.growth`.

Two providers beside each other, one with a short past and one with a long one, confirm in turn.
What counts is the processor time of each node for a confirm; its ratio is the growth.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import confirm, filling
from benchmarks.peer import Party
from benchmarks.processes import Process
from bpp.insurance.settings import InsuranceSettings
from bpp.ledger import verify
from bpp.settings import BppSettings
from protocol_specs.node.settings import load, read_secret
from protocol_specs.node.store import Store
from protocol_specs.wire.keys import signing_key

FEW, MANY = 10_000, 1_000_000
PER_ROUND = 256
ORDER_BYTES = 13_000  # on disk, of an order whose messages' bodies are forgotten
VERIFIED_MAX = 100_000  # orders; more of them take minutes, and are copied by the same statements


async def measure(*, few: int = FEW, many: int = MANY, rounds: int = 12) -> dict[str, Any]:
    """The processor time of a confirm with `few` and with `many` orders, in alternating rounds.

    With fewer than `many` where the disk has no room for them; the figures say how many they were.
    """
    many = min(many, int(shutil.disk_usage(tempfile.gettempdir()).free * 0.8 / ORDER_BYTES))
    spent: dict[int, list[float]] = {many: [], few: []}  # the long one first: nobody waits idle
    filled_s: dict[int, float] = {}
    async with AsyncExitStack() as stack:
        sides: dict[int, tuple[confirm.Consumer, Process]] = {}
        for orders in spent:
            past = partial(fill, orders=orders, filled_s=filled_s)
            sides[orders] = await stack.enter_async_context(confirm.cooperative(past))
        for _ in range(rounds + 1):
            for orders, side in sides.items():
                spent[orders].append(await _round(*side))
    each = {orders: statistics.median(us[1:]) for orders, us in spent.items()}  # the first warms up
    return {
        "few": few,
        "many": many,
        "few_us_per_order": round(each[few]),
        "many_us_per_order": round(each[many]),
        "ratio": round(each[many] / each[few], 3),
        "filled_s": {str(orders): round(took_s, 1) for orders, took_s in filled_s.items()},
    }


def fill(folder: Path, bap: Party, *, orders: int, filled_s: dict[int, float]) -> None:
    """Gives the node of this folder its past; notes how long that took."""
    began = time.monotonic()
    init, names = confirm.init_order(filling.ITEM_ID), confirm.ACCEPTED
    filling.fill(folder, bap, orders, init=init, names=names)
    if orders <= VERIFIED_MAX:
        require_sound(folder)
    filled_s[orders] = time.monotonic() - began


def require_sound(folder: Path) -> None:
    """The books of the node in this folder verify against their witness, or RuntimeError."""
    settings = load(folder / "node.toml", BppSettings)
    insurance: InsuranceSettings | None = settings.insurance
    if insurance is None:
        raise RuntimeError("this node keeps no books")
    key = signing_key(read_secret(insurance.ledger_key, key="ledger_key"))
    database = Store.read_only(settings.data_dir)
    try:
        report = verify.verify(database, insurance.witness, key.public)
    finally:
        database.close()
    if not report.is_sound or report.waiting:
        raise RuntimeError(f"the copied books do not verify: {report.faults[:1]}")


async def _round(consumer: confirm.Consumer, process: Process) -> float:
    """Microseconds of the node for a confirm."""
    bodies = await confirm.quoted(consumer, PER_ROUND)
    asked = [(body, consumer.bap.sign(body)) for body in bodies]
    before = process.cpu_s()
    await confirm.confirmed(consumer, asked)
    return (process.cpu_s() - before) / PER_ROUND * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--few", type=int, default=FEW)
    parser.add_argument("--many", type=int, default=MANY)
    parser.add_argument("--rounds", type=int, default=12)
    given = parser.parse_args()
    found = asyncio.run(measure(few=given.few, many=given.many, rounds=given.rounds))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
