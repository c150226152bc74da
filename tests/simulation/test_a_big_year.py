"""A year of every day, with all that can happen in it; minutes, so it runs with the slow tests."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation import ending
from tests.simulation.generator import Size
from tests.simulation.laws import KARNATAKA, MALAYSIA, Law
from tests.simulation.running import Run

SEED = int(os.environ.get("SEED", "1948"))
BIG = Size(days=tuple(range(1, 32)), jobs_a_day=2)
HAPPENS = {
    "confirmed", "assigned", "reassigned", "shared", "fare_changed", "completed", "cancelled",
    "refunded", "repeat", "break", "mend", "people", "sent", "acknowledged", "rejected", "interest",
    "caught up", "kept", "planned", "two workers", "cancelled with a fee",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("law", [MALAYSIA, KARNATAKA], ids=["malaysia", "karnataka"])
def test_a_year_of_every_day_is_what_the_auditor_says_to_its_end(law: Law, tmp_path: Path) -> None:
    run = Run(law, SEED, BIG, tmp_path)
    try:
        run.run()
        for n, side in enumerate(run.sides):
            ending.deducted_once(side)
            assert ending.slips(side) > 1000
            ending.remitted(side)
            ending.statements(side, run.last_at)
            ending.sound(side)
            ending.archived(side, tmp_path / str(n))
        missing = HAPPENS - happened(run).keys()
        assert missing <= ({"kept", "people"} if not law.borne_by_worker else set())
    finally:
        run.close()


def happened(run: Run) -> Counter[str]:
    """How often each kind of thing there was: what never was is not proved."""
    seen: Counter[str] = Counter()
    for move in run.year.moves:
        event = move.event
        seen[move.what if event is None or move.what == "repeat" else event.kind] += 1
        if event is not None and move.what == "event":
            seen["planned"] += event.planned_start is not None
            seen["two workers"] += event.kind == "completed" and bool(event.partners)
            seen["cancelled with a fee"] += event.cancellation_fee_minor > 0
    for side in run.sides:
        seen["caught up"] += side.caught_up
        kinds = side.house.rows("SELECT kind, count(*) FROM remittance_event GROUP BY kind")
        seen.update(dict(kinds))
        reasons = side.house.rows("SELECT document FROM slip")
        seen["kept"] += sum(b'"reason":"remitted"' in document for (document,) in reasons)
    return Counter({name: count for name, count in seen.items() if count})
