"""A year of two cooperatives that share workers, small enough for every run of the tests.

`SEED=7 pytest tests/simulation` draws another one; the seed of a run is printed.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.simulation import ending, tampering
from tests.simulation.generator import Size
from tests.simulation.laws import KARNATAKA, MALAYSIA
from tests.simulation.running import Run

SEED = int(os.environ.get("SEED", "20261122"))
SMALL = Size(days=(1, 14, 28), jobs_a_day=2)


@pytest.fixture(
    scope="module", params=[MALAYSIA, KARNATAKA], ids=lambda law: str(law.scheme.partition(".")[0])
)
def ended(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """A year that went to its end; on every day the books were what the auditor says."""
    run = Run(request.param, SEED, SMALL, tmp_path_factory.mktemp("year"))
    try:
        run.run()
        yield run
    finally:
        run.close()


def test_each_order_is_deducted_once_and_a_cancelled_one_nets_to_zero(ended: Run) -> None:
    for side in ended.sides:
        ending.deducted_once(side)


def test_every_slip_verifies_with_its_proof_against_the_witness(ended: Run) -> None:
    assert all(ending.slips(side) > 100 for side in ended.sides)


def test_every_remittance_reconciles(ended: Run) -> None:
    for side in ended.sides:
        ending.remitted(side)


def test_every_workers_statement_comes_to_what_the_auditor_says(ended: Run) -> None:
    for side in ended.sides:
        ending.statements(side, ended.last_at)


def test_the_books_hold_and_leave_and_come_back_as_the_same_bytes(
    ended: Run, tmp_path: Path
) -> None:
    for n, side in enumerate(ended.sides):
        ending.sound(side)
        ending.archived(side, tmp_path / str(n))


@pytest.mark.parametrize("how", list(tampering.ROW))
def test_a_row_that_somebody_changed_is_found_and_named(
    ended: Run, tmp_path: Path, how: str
) -> None:
    house = ended.sides[0].house
    name, faults = tampering.row_changed(house, how, Random(SEED), tmp_path / "copy")
    assert any(name in fault for fault in faults), faults


def test_a_cut_tail_is_found_by_the_witness_alone(ended: Run, tmp_path: Path) -> None:
    house, copy = ended.sides[0].house, tmp_path / "cut"
    assert any("the tail was cut off" in fault for fault in tampering.tail_cut(house, copy))
    assert tampering.without_witness(house, copy) == []


def test_a_backup_of_the_middle_of_the_year_is_found_by_the_witness_alone(ended: Run) -> None:
    house = ended.sides[0].house
    found = tampering.faults(house, ended.backup)
    assert any("an older backup was restored" in fault for fault in found), found
    assert tampering.without_witness(house, ended.backup) == []
