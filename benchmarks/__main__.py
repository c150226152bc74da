"""`python -m benchmarks [--quick] [--json] [--save DIR]`: the hot paths as ratios, in one run."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import (
    aims,
    close,
    confirm,
    dispatch,
    footprint,
    gateway,
    growth,
    hop,
    ledger,
    overload,
    pages,
    postgres,
    receive,
    registry,
    report,
    validate,
)

NOTE = """Absolute figures move with the machine and with whoever else works on it; the share of the
floor is measured in alternating rounds of one run. No aim is a gate: this ends with an error only
when something does not run."""


async def measure(*, quick: bool) -> dict[str, Any]:
    """Every measurement, one after the other."""
    return {
        "machine": report.machine(),
        "receive": await receive.measure(rounds=5 if quick else 15, per_round=500),
        "hop": await hop.measure(rounds=1 if quick else 15, per_round=200 if quick else 500),
        "confirm": await confirm.measure(
            orders=500 if quick else 5000, paced=150 if quick else 3000
        ),
        "growth": await growth.measure(
            few=500 if quick else growth.FEW,
            many=2000 if quick else growth.MANY,
            rounds=1 if quick else 12,
        ),
        "postgres": await asyncio.to_thread(postgres.compared, 80 if quick else 2000),
        "overload": await overload.measure(peak=300 if quick else 2000, cpu_s=2 if quick else 20),
        "dispatch": dispatch.measure(jobs=30 if quick else 300),
        "gateway": await gateway.measure(rounds=2 if quick else 10),
        "registry": await registry.measure(quick=quick),
        "validate": validate.measure(rides=50 if quick else 500),
        "ledger": ledger.measure(
            posted=2000 if quick else 20_000, verified=100_000 if quick else 1_000_000
        ),
        "close": close.measure(quick=quick),
        "pages": await pages.measure(
            seconds=5 if quick else 30, positions=4 if quick else 20, lived=20 if quick else 100
        ),
        "footprint": await footprint.measure(messages=1000 if quick else 10_000),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds: does it still run?")
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    parser.add_argument("--save", type=Path, metavar="DIR", help="keep report and plots there")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(quick=arguments.quick))
    rows = aims.judged(figures)
    if arguments.save is not None:
        report.save(arguments.save, figures, rows)
    if arguments.json:
        print(json.dumps({**figures, "aims": rows}))
        return 0
    for part, values in figures.items():
        print(f"{part}: {values}" if isinstance(values, str) else f"{part}:")
        for name, value in values.items() if isinstance(values, dict) else ():
            print(f"    {name}: {value}")
    print(*aims.table(rows), NOTE, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
