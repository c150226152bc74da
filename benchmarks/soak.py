"""`make soak`: insured orders for twenty minutes at a steady rate; memory must stay flat."""

import argparse
import asyncio
import statistics
import sys
import time

from benchmarks.confirm import at_rate, cooperative

MINUTES, PER_S = 20.0, 40.0
ROUND_S = 10.0
GROWTH_MAX = 1.05  # of the last third against the middle one; the first one fills caches


def is_flat(resident_mb: list[float]) -> bool:
    """Whether the last third of the samples is no larger than the middle one, but for noise."""
    third = len(resident_mb) // 3
    middle, last = resident_mb[third : 2 * third], resident_mb[-third:]
    return statistics.median(last) <= GROWTH_MAX * statistics.median(middle)


async def soak(minutes: float, per_s: float) -> list[float]:
    """Resident megabytes of the provider after each round."""
    samples, end = list[float](), time.monotonic() + 60 * minutes
    async with cooperative() as (consumer, process):
        while time.monotonic() < end:
            told = await at_rate(consumer, max(2, round(ROUND_S * per_s)), per_s)
            samples.append(process.resident_mb())
            left = max(0.0, end - time.monotonic()) / 60
            p95 = told["confirm_to_on_confirm_ms"]["p95"]
            print(f"{samples[-1]:.1f} MB, confirm p95 {p95} ms, {left:.1f} minutes left")
    return samples


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"how long ({MINUTES:.0f})")
    parser.add_argument("--per-s", type=float, default=PER_S, help=f"orders a second ({PER_S:.0f})")
    arguments = parser.parse_args()
    samples = asyncio.run(soak(arguments.minutes, arguments.per_s))
    if len(samples) < 3:
        print("too short to say anything of memory")
        return 2
    flat = is_flat(samples)
    print(f"from {samples[0]:.1f} to {samples[-1]:.1f} MB: {'flat' if flat else 'IT GROWS'}")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
