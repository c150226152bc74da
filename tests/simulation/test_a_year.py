"""A year of two cooperatives that share workers, small enough for every run of the tests."""

import os
from pathlib import Path

import pytest

from tests.simulation.generator import Size
from tests.simulation.laws import KARNATAKA, MALAYSIA, Law
from tests.simulation.running import Run

SEED = int(os.environ.get("SEED", "20261122"))
SMALL = Size(days=(1, 3, 9, 20, 28, 31), jobs_a_day=3)


@pytest.mark.parametrize("law", [MALAYSIA, KARNATAKA], ids=["malaysia", "karnataka"])
def test_every_day_of_the_year_the_books_are_what_the_auditor_says(
    tmp_path: Path, law: Law
) -> None:
    run = Run(law, SEED, SMALL, tmp_path)
    try:
        run.run()
    finally:
        run.close()
