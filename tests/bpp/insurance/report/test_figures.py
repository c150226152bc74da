"""Figures of the books: they add up to the ledger, and small cells do not leave the cooperative."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.insurance.cash import Limit
from bpp.insurance.report import figures, public
from tests.bpp.insurance.remittance.support import (
    acknowledge,
    at,
    close,
    job,
    refund,
    reject,
    send,
    sweep,
)
from tests.bpp.insurance.support import CASH, MY, Coop, Story, fare_of, my_coop

JULY = f"{MY}/2026-07/1"
NOW = at("2026-09-05")


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return my_coop(tmp_path, cash_limit=Limit(100, "MYR"))


def busy(coop: Coop, workers: int, day: str = "2026-07-10") -> None:
    for n in range(workers):
        job(coop, f"{day}.{n}", 2000 + 100 * n, day, f"a{n}")


def test_deducted_and_remitted_add_up_to_the_ledger(coop: Coop) -> None:
    busy(coop, 12)
    busy(coop, 3, "2026-08-02")
    close(coop, "2026-07", "2026-08-03")
    sweep(coop, "2026-08-03")
    send(coop, JULY, "2026-08-04")
    cells = coop.store.read(lambda s: figures.deducted(s, is_inside=True, now=NOW))
    july, august = ({**cell} for cell in cells)
    assert (july["period"], july["workers"], july["age"]) == ("2026-07", 12, "unknown")
    stands = coop.balances()
    due = sum(minor for account, minor in stands.items() if account.startswith("2210:"))
    assert july["due_minor"] == july["sent_minor"] == stands[f"1250:{JULY}"]
    assert july["acknowledged_minor"] == 0
    assert august["due_minor"] == due
    assert july["by_worker_minor"] == july["due_minor"]
    acknowledge(coop, JULY, "2026-08-05")
    told = coop.store.read(lambda s: figures.deducted(s, is_inside=False, now=NOW))
    assert told[0]["acknowledged_minor"] == july["due_minor"]
    assert told[1]["workers"] is told[1]["due_minor"] is None
    assert told[1]["fewer_than"] == 10


def told(coop: Coop, day: str) -> dict[str, Any]:
    (found,) = coop.store.read(lambda s: public.public(s, at(day)))
    return found


def test_the_public_figures_are_the_ledgers_and_say_how_long_it_took(coop: Coop) -> None:
    busy(coop, 10)
    close(coop, "2026-07", "2026-08-03")
    sweep(coop, "2026-08-03")
    before = told(coop, "2026-08-09")
    assert (before["remitted_minor"], before["days_to_remit"]) == (0, None)
    send(coop, JULY, "2026-08-10")
    acknowledge(coop, JULY, "2026-08-12")
    assert told(coop, "2026-08-31") == before
    found = told(coop, "2026-09-02")
    declared = coop.store.read(lambda s: figures.deducted(s, is_inside=True, now=NOW))
    assert found == {
        "scheme": MY,
        "currency": "MYR",
        "verified": False,
        "until": "2026-09-01",
        "workers": 10,
        "collected_minor": declared[0]["due_minor"],
        "remitted_minor": declared[0]["due_minor"],
        "acknowledged_minor": declared[0]["due_minor"],
        "days_to_remit": 10,
        "fewer_than": None,
    }


def test_nine_workers_are_told_to_nobody_outside(coop: Coop) -> None:
    busy(coop, 9)
    found = told(coop, "2026-08-09")
    assert (found["workers"], found["collected_minor"], found["fewer_than"]) == (None, None, 10)


def test_who_asks_again_and_subtracts_learns_of_nobody(coop: Coop) -> None:
    """One job, one refund, one small remittance, one line that came back: nothing moves till ten
    workers moved it together."""
    busy(coop, 12)
    before = told(coop, "2026-08-01")
    story = job(coop, "late", 5_000, "2026-08-10", "a1")
    assert told(coop, "2026-08-11") == told(coop, "2026-09-11") == before
    refund(coop, story, 100, "2026-09-12")
    close(coop, "2026-07", "2026-09-13")
    sweep(coop, "2026-09-13")
    busy(coop, 10, "2026-09-14")
    send(coop, JULY, "2026-09-15")
    october = told(coop, "2026-10-01")
    assert (october["until"], october["workers"]) == ("2026-10-01", 12)
    assert october["collected_minor"] > before["collected_minor"]
    reject(coop, JULY, "2026-10-02", coop.local("a1"))
    busy(coop, 10, "2026-10-03")
    assert told(coop, "2026-11-01") == october


def test_a_period_that_is_not_over_leaves_no_cooperative(coop: Coop) -> None:
    busy(coop, 12)
    during = coop.store.read(lambda s: figures.deducted(s, is_inside=False, now=at("2026-07-31")))
    after = coop.store.read(lambda s: figures.deducted(s, is_inside=False, now=at("2026-08-01")))
    assert (during, [each["workers"] for each in after]) == ([], [12])


def test_a_worker_at_the_limit_is_a_block_inside_and_a_number_outside(coop: Coop) -> None:
    for n in range(11):
        story = Story(key=f"c{n}", agent_id=f"a{n}", payment=CASH, lines=fare_of(2000))
        coop.happen(story.event("confirmed"), story.event("completed"))
    limit = coop.cash_limit
    assert limit is not None
    inside = coop.store.read(lambda s: figures.blocks(s, limit, is_inside=True))
    assert len(inside) == 11
    assert "no new cash jobs" in inside[0]["text"]
    assert coop.store.read(lambda s: figures.blocks(s, limit, is_inside=False)) == [
        {"workers": 11, "fewer_than": None}
    ]
    debts = coop.store.read(lambda s: figures.cash_debts(s, is_inside=False))
    owed = sum(minor for account, minor in coop.balances().items() if account.startswith("1220:"))
    assert [(each["workers"], each["owed_minor"]) for each in debts] == [(11, owed)]
    one_by_one = coop.store.read(lambda s: figures.cash_debts(s, is_inside=True))
    assert sum(each["owed_minor"] for each in one_by_one) == owed


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_no_small_cell_is_told_and_none_can_be_had_by_subtraction(sizes: list[int]) -> None:
    cells: list[dict[str, Any]] = [
        {"scheme": "s", "period": "p", "age": str(n), "workers": size, "due_minor": size}
        for n, size in enumerate(sizes)
    ]
    told = figures.suppressed(cells, ("due_minor",))
    hidden = [cell for cell in told if cell["workers"] is None]
    assert all(cell["workers"] >= 10 for cell in told if cell["workers"] is not None)
    assert all(cell["due_minor"] is None for cell in hidden)
    assert len(hidden) != 1 or len(sizes) == 1
    alone = sum(sizes) - sum(cell["workers"] for cell in told if cell["workers"] is not None)
    assert alone == 0 or alone >= 10 or len(hidden) == len(sizes)
    if all(size >= 10 for size in sizes):
        assert hidden == []


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (None, "unknown"),
        ("2001-08-01", "under 25"),
        ("2001-06-30", "25 to 39"),
        ("1986-06-15", "40 to 54"),
        ("1960-01-01", "55 and over"),
    ],
)
def test_age_is_that_of_the_periods_month(born: str | None, band: str) -> None:
    assert figures._band(born, "2026-07") == band
