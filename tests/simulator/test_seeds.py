"""Seeds through all faults: the auditor finds nothing; a failing one says how to run it again."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from examples.simulator.run import Plan, Report, simulate

ROOT = Path(__file__).parents[2]


def short(seed: int, *, has_faults: bool = True) -> Plan:
    return Plan(seed, 180.0, has_faults=has_faults, citizens=4, drivers=2, poll_s=5.0)


@cache
def judged(plan: Plan) -> Report:
    report = simulate(plan)
    assert not report.findings, "\n".join([*report.findings, f"again: {report.again}"])
    return report


def test_without_faults_every_order_is_done_and_the_books_explain_them() -> None:
    report = judged(short(7, has_faults=False))
    assert sum(report.outcomes.values()) == 4
    assert set(report.outcomes) <= {"completed", "cancelled", "no driver", "no offer"}
    assert report.outcomes["completed"] >= 2
    assert report.answers > 10


@pytest.mark.parametrize("seed", [1, 2])
def test_through_crashes_partitions_and_full_disks_nothing_is_lost_or_doubled(seed: int) -> None:
    report = judged(short(seed))
    assert sum(report.troubles.values()) >= 4


def test_the_same_seed_gives_the_same_run_in_any_process() -> None:
    code = (
        "from examples.simulator.run import Plan, simulate\n"
        "from tests.simulator.test_seeds import short\n"
        "print(simulate(short(1)).log_hash)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "17"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == judged(short(1)).log_hash


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_seeds_and_longer(seed: int) -> None:
    """The first two with loops that look as often as in production: that costs three times more."""
    judged(Plan(seed, poll_s=1.0 if seed < 102 else 10.0))
