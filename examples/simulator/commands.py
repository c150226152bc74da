"""`wayfare simulate`: a seed's run with faults, judged. `wayfare simulate city`: a day."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(subparsers: Any) -> None:
    """Add `wayfare simulate`."""
    parser = subparsers.add_parser(
        "simulate", help="all nodes in one process, on simulated time, network and disk"
    )
    parser.set_defaults(run=run)
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same run (1)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="so many, one by one (1)")
    time = parser.add_mutually_exclusive_group()
    time.add_argument("--minutes", type=float, help="of simulated time (15)")
    time.add_argument("--days", type=float, help="the same in days")
    parser.add_argument("--faults", action="store_true", help="crashes, partitions, full disks ...")
    parser.add_argument("--drivers", type=int, default=3, help="of each of three cooperatives (3)")
    parser.add_argument("--citizens", type=int, default=12, help="wishes in that time (12)")
    parser.add_argument("--poll", type=float, default=1.0, help="seconds between polls (1)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="what the nodes wrote")
    kinds = parser.add_subparsers(title="presets", metavar="PRESET")
    city = kinds.add_parser("city", help="a day of a city, with a report")
    city.set_defaults(run=run_city)
    city.add_argument("--seed", type=int, default=1, help="the same seed gives the same day (1)")
    city.add_argument("--drivers", type=int, default=900, help="of all cooperatives (900)")
    city.add_argument("--citizens", type=int, default=3000, help="wishes in the day (3000)")
    city.add_argument("--hours", type=float, default=24.0, help="of the day, from midnight (24)")
    city.add_argument("--poll", type=float, default=30.0, help="seconds between polls (30)")
    city.add_argument("--out", type=Path, default=Path("data/city"), help="for the report")


def run(arguments: argparse.Namespace) -> int:
    """0 when the auditor finds nothing, 1 with each finding and how to run it again."""
    from examples.simulator.run import Plan, simulate  # a network's imports take a second

    seconds = 900.0
    if arguments.days is not None:
        seconds = arguments.days * 86_400
    elif arguments.minutes is not None:
        seconds = arguments.minutes * 60
    failed = False
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        plan = Plan(
            seed,
            seconds,
            has_faults=arguments.faults,
            drivers=arguments.drivers,
            citizens=arguments.citizens,
            poll_s=arguments.poll,
        )
        lines: list[str] | None = None if arguments.log is None else []
        report = simulate(plan, lines=lines)
        if arguments.log is not None and lines is not None:
            arguments.log.write_text("\n".join(lines) + "\n", encoding="utf-8")
        _tell(report)
        failed = failed or bool(report.findings)
    return 1 if failed else 0


def _tell(report: Any) -> None:
    plan = report.plan
    print(
        f"seed {plan.seed}: {report.simulated_s:.0f} s simulated in {report.took_s:.1f} s, "
        f"{report.steps} steps, {report.commits} transactions, "
        f"{report.answers} acknowledgements judged, run {report.log_hash[:16]}"
    )
    print(f"  citizens: {_counted(report.outcomes)}")
    if plan.has_faults:
        print(f"  faults: {_counted(report.troubles)}; network: {_counted(report.network)}")
    for finding in report.findings:
        print(f"  FINDING: {finding}")
    if report.findings:
        print(f"  again: {report.again}", file=sys.stderr)
    else:
        print("  nothing found")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def run_city(arguments: argparse.Namespace) -> int:
    """Simulate the day and write city.json and city.html; 0 when the auditor finds nothing."""
    from examples.simulator import city

    plan = city.CityPlan(
        arguments.seed,
        drivers=arguments.drivers,
        citizens=arguments.citizens,
        hours=arguments.hours,
        poll_s=arguments.poll,
    )
    return city.run(plan, arguments.out)
