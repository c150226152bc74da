"""`python -m benchmarks [--quick] [--json]`: the hot paths as ratios, all in one run."""

import argparse
import asyncio
import json
import os
import platform
import sys
from typing import Any

from benchmarks import confirm, footprint, receive

AIMS = """aims: share_of_floor >= 0.25 (aiohttp), orders_per_s >= 400 with the load generator on the
same two cores, resident_mb_after < 130 after 10 000 messages, start_s < 1.5. Absolute figures move
with the machine; the share of the floor is measured in alternating rounds of one run."""


async def measure(*, quick: bool) -> dict[str, Any]:
    """Every measurement, one after the other."""
    return {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "receive": await receive.measure(rounds=2 if quick else 5, per_round=1000),
        "confirm": await confirm.measure(orders=500 if quick else 5000),
        "footprint": await footprint.measure(messages=1000 if quick else 10_000),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds: does it still run?")
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(quick=arguments.quick))
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for part, values in figures.items():
        print(f"{part}: {values}" if isinstance(values, str) else f"{part}:")
        for name, value in values.items() if isinstance(values, dict) else ():
            print(f"    {name}: {value}")
    print(AIMS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
