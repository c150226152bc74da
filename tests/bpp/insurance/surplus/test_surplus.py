"""A surplus divided by work done: exact, once, of money that is there; taken back whole."""

from collections import defaultdict
from datetime import date
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bpp.insurance import cash
from bpp.insurance.surplus import booking
from bpp.insurance.surplus.booking import Asked, NotDivided, Terms
from bpp.insurance.surplus.dividing import parts
from bpp.ledger.money_facts import MoneyFact, NotPosted
from protocol_specs.node.store import Statement
from protocol_specs.wire.values import replace
from tests.bpp.insurance.support import CARD, CASH, NOON, Coop, Story, fare_of, my_coop

DAY_S = 86_400
ZONE = "Asia/Kuala_Lumpur"
TERMS = Terms("fares", "MYR", ZONE)
YEAR = Asked(reference="2026", amount_minor=1_000, first=date(2026, 1, 1), last=date(2026, 12, 31))
NEXT_YEAR = NOON + 250 * DAY_S
WRITTEN = [
    Statement(text(f"SELECT * FROM {table} ORDER BY 1, 2"))  # noqa: S608 - our own names
    for table in ("entry", "transfer", "account", "surplus_division")
]


def worked(coop: Coop, agent: str, minor: int, key: str, payment: Any = CARD, **more: Any) -> Story:
    story = Story(key=key, agent_id=agent, payment=payment, lines=fare_of(minor), **more)
    coop.happen(story.event("confirmed"), story.event("completed"))
    return story


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    """Three workers with jobs of 20.00, 10.00 (cash) and 10.00; 500.00 of members' funds."""
    coop = my_coop(tmp_path)
    worked(coop, "a1", 2_000, "o1")
    worked(coop, "a2", 1_000, "o2", CASH)
    worked(coop, "a3", 1_000, "o3")
    funded(coop, 50_000)
    return coop


def funded(coop: Coop, minor: int) -> None:
    fact = MoneyFact("members-funds", "m1", "t-1", "MYR", minor, NOON)
    limit = cash.Limit(None, "MYR")
    coop.store.transact_now(lambda s: cash.record(s, limit, fact, NEXT_YEAR))


def divided(coop: Coop, asked: Asked = YEAR, terms: Terms = TERMS, now: int = NEXT_YEAR) -> Any:
    return coop.store.read(lambda s: booking.divide(s, terms, asked, now))


def booked(coop: Coop, asked: Asked = YEAR, terms: Terms = TERMS, by: str = "t-1") -> Any:
    found = divided(coop, asked, terms)
    coop.store.transact_now(lambda s: booking.book(s, terms, found, by=by, now=NEXT_YEAR))
    return found


def taken_back(coop: Coop, reference: str = "2026") -> None:
    coop.store.transact_now(lambda s: booking.take_back(s, reference, by="t-2", now=NEXT_YEAR))


def written(coop: Coop) -> list[Any]:
    return coop.store.read(lambda s: [[*map(tuple, s.all(each))] for each in WRITTEN])


# The parts

WORK = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4), st.integers(0, 10**9), max_size=30
)


@given(st.integers(1, 10**12), WORK)
def test_the_parts_add_up_and_no_part_is_a_whole_unit_from_its_exact_one(
    minor: int, done: dict[str, int]
) -> None:
    found = parts(minor, done)
    whole = sum(done.values())
    assert found.keys() == {name for name, each in done.items() if each}
    assert sum(found.values()) == (minor if whole else 0)
    for name, part in found.items():
        assert floor(Fraction(minor * done[name], whole)) <= part
        assert part - Fraction(minor * done[name], whole) < 1


@given(st.integers(1, 10**9), WORK)
def test_who_worked_more_never_gets_less_and_the_order_of_names_given_is_nothing(
    minor: int, done: dict[str, int]
) -> None:
    found = parts(minor, done)
    assert found == parts(minor, dict(reversed(done.items())))
    ranked = sorted(found, key=lambda name: done[name])
    for less, more in pairwise(ranked):
        assert found[less] <= found[more] or done[less] == done[more]


def test_what_is_left_goes_to_the_largest_remainders_and_of_equals_to_the_first() -> None:
    assert parts(100, {"b": 1, "a": 1, "c": 1}) == {"a": 34, "b": 33, "c": 33}
    assert parts(10, {"a": 5, "b": 3, "c": 1}) == {"a": 6, "b": 3, "c": 1}


# What counts as work


def test_fares_less_commission_count_however_they_were_paid(coop: Coop) -> None:
    found = divided(coop)
    assert found.work == {coop.local(a): minor for a, minor in
                          (("a1", 1_600), ("a2", 800), ("a3", 800))}  # fmt: skip
    assert found.parts == {coop.local(a): minor for a, minor in
                           (("a1", 500), ("a2", 250), ("a3", 250))}  # fmt: skip


def test_by_jobs_each_job_carried_out_counts_once(coop: Coop) -> None:
    worked(coop, "a2", 5_000, "o4")
    by_jobs = replace(TERMS, rule="jobs")
    found = divided(coop, terms=by_jobs)
    assert found.work == {coop.local("a1"): 1, coop.local("a2"): 2, coop.local("a3"): 1}


def test_a_refund_that_a_worker_bore_counts_off(coop: Coop) -> None:
    story = worked(coop, "a1", 1_000, "o4")
    before = divided(coop).work[coop.local("a1")]
    coop.happen(story.event("refunded", refund_minor=500, refund_borne_by="worker"))
    assert divided(coop).work[coop.local("a1")] < before


def test_a_cancelled_job_without_a_fee_is_no_work(coop: Coop) -> None:
    before = divided(coop).work
    story = Story(key="o9", agent_id="a3", lines=fare_of(900))
    coop.happen(story.event("confirmed"), story.event("cancelled"))
    assert divided(coop).work == before


def test_only_the_days_asked_for_count_and_they_are_those_of_the_zone(coop: Coop) -> None:
    midnight = 1_798_732_800  # 1 January 2027, 00:00 in Kuala Lumpur
    worked(coop, "a1", 700, "late", at=midnight - 121)
    worked(coop, "a1", 500, "next", at=midnight - 120)
    assert divided(coop).work[coop.local("a1")] == 1_600 + 560


# Booking


def test_each_part_is_one_entry_and_the_books_stay_whole(coop: Coop) -> None:
    before = coop.balances()
    found = booked(coop)
    after = coop.balances()
    assert after["3000"] == before["3000"] - YEAR.amount_minor
    for agent in ("a1", "a2", "a3"):
        worker = coop.local(agent)
        grown = after[f"2100:{worker}"] - before.get(f"2100:{worker}", 0)
        assert grown == found.parts[worker]
    ids = [row[0] for row in written(coop)[0] if row[0].startswith("surplus/")]
    assert sorted(ids) == sorted(f"surplus/2026/{worker}" for worker in found.parts)


def test_a_division_is_booked_once_and_its_days_are_divided_by_once(coop: Coop) -> None:
    found, _ = booked(coop), None
    before = written(coop)
    for asked, says in (
        (YEAR, "divided already"),
        (replace(YEAR, reference="again"), "some of these days"),
        (replace(YEAR, reference="end", first=YEAR.last), "some of these days"),
    ):
        with pytest.raises(NotDivided, match=says):
            divided(coop, asked)
        again = replace(found, asked=asked)
        with pytest.raises(NotDivided, match=says):
            coop.store.transact_now(
                lambda s, again=again: booking.book(s, TERMS, again, by="t-1", now=NEXT_YEAR)
            )
    assert written(coop) == before


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"reference": "the year 2026"}, "reference"),
        ({"reference": "a/b"}, "reference"),
        ({"amount_minor": 0}, "above zero"),
        ({"amount_minor": 10**15 + 1}, "above zero"),
        ({"amount_minor": 50_801}, "more than the 508.00 MYR"),
        ({"first": date(2027, 1, 1)}, "first day"),
        ({"last": date(2030, 1, 1)}, "days that are over"),
        ({"first": date(2020, 1, 1), "last": date(2020, 12, 31)}, "nobody's work"),
    ],
)
def test_a_division_with_one_thing_wrong_is_refused(
    coop: Coop, wrong: dict[str, Any], says: str
) -> None:
    before = written(coop)
    with pytest.raises(NotDivided, match=says):
        booked(coop, replace(YEAR, **wrong))
    assert written(coop) == before


def test_a_name_is_no_short_id_of_who_wrote_it(coop: Coop) -> None:
    before = written(coop)
    with pytest.raises(NotDivided, match="by"):
        booked(coop, by="Nur Aina")
    assert written(coop) == before


def test_a_day_that_is_not_over_is_not_divided_by(coop: Coop) -> None:
    asked = replace(YEAR, last=date(2026, 7, 2))
    with pytest.raises(NotDivided, match="over"):
        divided(coop, asked, now=NOON)
    assert divided(coop, asked, now=NOON + DAY_S).work


def test_it_is_taken_back_whole_and_once_and_then_divided_anew(coop: Coop) -> None:
    before = coop.balances()
    booked(coop)
    taken_back(coop)
    assert coop.balances() == before
    with pytest.raises(NotDivided, match="already"):
        taken_back(coop)
    booked(coop, replace(YEAR, reference="2026-b"))
    every = coop.store.read(booking.every)
    assert [(each["reference"], each["is_taken_back"]) for each in every] == [
        ("2026", True),
        ("2026-b", False),
    ]


def test_what_was_paid_out_already_is_not_taken_back_not_even_in_part(coop: Coop) -> None:
    booked(coop)
    worker = coop.local("a1")
    stands = coop.balances()[f"2100:{worker}"]
    fact = MoneyFact("payout", "p1", "t-1", "MYR", stands, NEXT_YEAR, worker=worker)
    limit = cash.Limit(None, "MYR")
    coop.store.transact_now(lambda s: cash.record(s, limit, fact, NEXT_YEAR))
    before = written(coop)
    with pytest.raises(NotPosted, match="more than"):
        taken_back(coop)
    assert written(coop) == before


def test_a_worker_sees_their_own_parts_and_what_was_taken_back(coop: Coop) -> None:
    booked(coop)
    taken_back(coop)
    worker = coop.local("a2")
    found = coop.store.read(lambda s: booking.of_worker(s, worker))
    assert [(each["reference"], each["minor"]) for each in found] == [("2026", 250), ("2026", -250)]


def test_a_surplus_is_no_insured_wage(coop: Coop) -> None:
    before = {a: m for a, m in coop.balances().items() if a[:2] in ("22", "12")}
    rows = coop.count("contribution")
    booked(coop)
    assert {a: m for a, m in coop.balances().items() if a[:2] in ("22", "12")} == before
    assert coop.count("contribution") == rows


AGENTS, WAYS = st.sampled_from(["a1", "a2", "a3"]), st.sampled_from([CARD, CASH])
JOBS = st.lists(st.tuples(AGENTS, st.integers(50, 5_000), WAYS), min_size=1, max_size=8)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(JOBS, st.integers(1, 50_000))
def test_whatever_was_worked_the_sum_is_divided_to_the_unit(
    jobs: list[tuple[str, int, Any]], minor: int
) -> None:
    with TemporaryDirectory() as folder:
        coop = my_coop(Path(folder))
        earned: dict[str, int] = defaultdict(int)
        for n, (agent, fare, payment) in enumerate(jobs):
            worked(coop, agent, fare, f"o{n}", payment)
            earned[agent] += fare - (fare * 2 + 5) // 10  # commission of 20 %, half up
        funded(coop, 50_000)
        found = booked(coop, replace(YEAR, amount_minor=minor))
        assert found.work == {coop.local(agent): each for agent, each in earned.items()}
        assert sum(found.parts.values()) == minor
        shown = coop.store.read(lambda s: booking.find(s, "2026"))
        assert shown is not None
        assert dict(shown["parts"]) == {w: each for w, each in found.parts.items() if each}
        coop.store.close()
