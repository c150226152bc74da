"""Seeds through all faults: the auditor finds nothing; a failing one says how to run it again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.simulator.run import Plan, Report, simulate

SHORT = {"seconds": 240.0, "citizens": 5, "drivers": 2, "poll_s": 4.0}
ROOT = Path(__file__).parents[2]


def judged(plan: Plan) -> Report:
    report = simulate(plan)
    assert not report.findings, "\n".join([*report.findings, f"again: {report.again}"])
    return report


def test_a_quiet_hour_ends_with_all_orders_done_and_books_that_explain_them() -> None:
    report = judged(Plan(7, has_faults=False, **SHORT))
    assert sum(report.outcomes.values()) == SHORT["citizens"]
    assert set(report.outcomes) <= {"completed", "cancelled"}
    assert report.answers > 10


@pytest.mark.parametrize("seed", [1, 2])
def test_through_crashes_partitions_and_full_disks_nothing_is_lost_or_doubled(seed: int) -> None:
    report = judged(Plan(seed, **SHORT))
    assert sum(report.troubles.values()) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_the_same_for_many_seeds_and_longer(seed: int) -> None:
    judged(Plan(seed, 900.0))


def run_apart(hash_seed: str) -> str:
    """What a run is told by in a process of its own."""
    code = (
        "from examples.simulator.run import Plan, simulate\n"
        f"print(simulate(Plan(5, **{SHORT!r})).log_hash)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def test_the_same_seed_gives_the_same_run_in_any_process() -> None:
    assert run_apart("1") == run_apart("2")
