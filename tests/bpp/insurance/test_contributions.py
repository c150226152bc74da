"""The arithmetic, against an oracle of a few lines that knows nothing of the engine."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.insurance.engine.assess import Assessment, assess
from bpp.insurance.engine.exact import capped
from bpp.insurance.engine.shares import borne
from bpp.insurance.engine.standing import Period, PeriodRule, Standing, post
from bpp.insurance.job import Job, work
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.insurance.scheme_file import load
from protocol_specs.wire.order import PaymentTerms, PriceLine
from tests.bpp.insurance.support import KA, MY, NOON

RATE = Decimal("0.0125")


def rounded(value: Fraction) -> int:
    """Half up, for what is not negative."""
    return int(value + Fraction(1, 2))


def standing(base: int, *, is_due: bool = True) -> Standing:
    exact = base * RATE
    return Standing(exact, borne(capped(exact, None), "worker"), is_due)


def run(steps: list[tuple[Standing, Standing]], cap_minor: int | None) -> tuple[list[int], Period]:
    """Each step's whole post, and the period after all."""
    period, posts = Period(), []
    for before, now in steps:
        posting, period = post(period, before, now, PeriodRule("period", cap_minor=cap_minor))
        posts.append(posting.total_minor)
    return posts, period


def test_a_period_collects_the_rounded_sum_and_not_the_sum_of_rounded_trips() -> None:
    posts, period = run([(Standing(), standing(700))] * 100, None)
    assert sum(posts) == period.all.posted_minor == 875  # 9.00 by rounding each trip
    assert period.all.order_minor == 900
    assert period.all.period_minor == -25


def test_fares_too_small_to_round_are_collected_by_the_period_line() -> None:
    posts, _ = run([(Standing(), standing(30))] * 4, None)
    assert posts == [0, 1, 0, 1]


def test_after_the_cap_nothing_more_is_posted_and_a_cancel_gives_room_again() -> None:
    none, job = Standing(), standing(3200)
    posts, period = run([(none, job), (none, job), (none, job), (job, none), (job, none)], 60)
    assert posts == [40, 20, 0, 0, -20]
    assert period.all.posted_minor == 40


def test_what_is_due_never_exceeds_what_was_set_aside() -> None:
    aside, due = standing(3200, is_due=False), standing(3200)
    _, period = run([(Standing(), aside), (Standing(), aside), (aside, due)], 50)
    assert (period.all.posted_minor, period.due.posted_minor) == (50, 40)


def test_without_period_rounding_each_job_stands_for_itself() -> None:
    period, total = Period(), 0
    for _ in range(3):
        now = Standing(Decimal("33.33"), borne(33, "worker"), True)
        posting, period = post(period, Standing(), now, PeriodRule("transaction"))
        total += posting.total_minor
    assert total == 99
    assert period.all.period_minor == 0


bases = st.lists(st.integers(0, 200_000), min_size=1, max_size=5)
caps = st.none() | st.integers(0, 3000)


@given(bases, caps)
def test_the_total_of_a_period_does_not_depend_on_the_order_of_events(
    given_bases: list[int], cap_minor: int | None
) -> None:
    steps = [(Standing(), standing(base)) for base in given_bases]
    expected = rounded(Fraction(sum(given_bases)) * Fraction(1, 80))
    if cap_minor is not None:
        expected = min(expected, cap_minor)
    for order in permutations(steps):
        posts, period = run(list(order), cap_minor)
        assert sum(posts) == period.all.posted_minor == period.due.posted_minor == expected


@given(bases, bases, caps)
def test_changing_jobs_leaves_the_total_of_their_last_state(
    first: list[int], second: list[int], cap_minor: int | None
) -> None:
    both = list(zip(first, second, strict=False))
    steps = [(Standing(), standing(a)) for a, _ in both]
    steps += [(standing(a), standing(b)) for a, b in both]
    _, period = run(steps, cap_minor)
    _, straight = run([(Standing(), standing(b)) for _, b in both], cap_minor)
    assert period == straight


def job(
    fare_minor: int,
    *,
    lines: tuple[PriceLine, ...] = (),
    currency: str = "INR",
    sector: str = "ride",
    vehicle_category: str = "CAB",
    at: int = NOON,
) -> Job:
    return Job(
        key="o",
        n=1,
        confirmed_at=at,
        planned_start=None,
        currency=currency,
        lines=(PriceLine("BASE_FARE", fare_minor), *lines),
        payment=PaymentTerms("BAP", "PRE-ORDER"),
        sector=sector,  # type: ignore[arg-type]  # a wrong one is what a test gives
        vehicle_category=vehicle_category,
        agent_id=None,
        slot=0,
    )


def assessed(pack: Scheme, of: Job, commission_rate: Decimal) -> Assessment:
    return assess(pack, work(of, commission_rate))


@pytest.mark.parametrize(
    ("sector", "vehicle", "cap_minor"),
    [
        ("ride", "TWO_WHEELER", 50),
        ("ride", "AUTO_RICKSHAW", 75),
        ("ride", "CAB", 100),
        ("logistics", "TWO_WHEELER", 50),
        ("logistics", "THREE_WHEELER", 75),
        ("logistics", "LCV", 100),
        ("logistics", "HCV", 150),
    ],
)
@given(payout=st.integers(0, 50_000))
def test_the_karnataka_fee_is_one_percent_up_to_the_cap_of_sector_and_vehicle(
    sector: str, vehicle: str, cap_minor: int, payout: int
) -> None:
    pack = load(KA)
    found = assessed(pack, job(payout, sector=sector, vehicle_category=vehicle), Decimal(0))
    assert found.amount_minor == min(rounded(Fraction(payout, 100)), cap_minor)


@pytest.mark.parametrize(
    ("sector", "vehicle"), [("logistics", "CAB"), ("ride", "HCV"), ("ride", "BICYCLE")]
)
def test_an_unlisted_pair_of_sector_and_vehicle_is_refused(sector: str, vehicle: str) -> None:
    with pytest.raises(NotInsurable, match="no cap"):
        assessed(load(KA), job(100, sector=sector, vehicle_category=vehicle), Decimal(0))


def test_an_unlisted_sector_is_refused() -> None:
    with pytest.raises(NotInsurable, match="does not list the sector"):
        assessed(load(MY), job(100, currency="MYR", sector="food"), Decimal(0))


def test_an_unlisted_breakup_code_is_refused() -> None:
    odd = job(100, currency="MYR", lines=(PriceLine("GLITTER", 5),))
    with pytest.raises(NotInsurable, match="GLITTER"):
        assessed(load(MY), odd, Decimal(0))


def test_a_job_before_the_first_figure_is_refused() -> None:
    with pytest.raises(NotInsurable, match="no rate for 2025-01-01"):
        assessed(load(MY), job(100, currency="MYR", at=1_735_689_600), Decimal(0))


def test_another_currency_is_refused() -> None:
    with pytest.raises(NotInsurable, match="in MYR, the order in INR"):
        assessed(load(MY), job(100), Decimal(0))


def test_the_base_is_never_below_zero_and_a_tip_never_in_it() -> None:
    lines = (PriceLine("DISCOUNT_BORNE_BY_WORKER", -900), PriceLine("TIP", 300))
    found = assessed(load(MY), job(500, currency="MYR", lines=lines), Decimal("0.20"))
    assert (found.base_minor, found.amount_minor) == (0, 0)


def test_the_month_is_the_civil_one_where_the_scheme_is_law() -> None:
    midnight_in_kuala_lumpur = 1_785_513_600  # 31 July 2026, 16:00:00 UTC
    assert load(MY).period_of(midnight_in_kuala_lumpur - 1) == "2026-07"
    assert load(MY).period_of(midnight_in_kuala_lumpur) == "2026-08"


@pytest.mark.parametrize(
    ("day", "quarter"),
    [
        (date(2026, 3, 31), "FY2025-26Q4"),
        (date(2026, 4, 1), "FY2026-27Q1"),
        (date(2026, 12, 31), "FY2026-27Q3"),
        (date(2027, 1, 1), "FY2026-27Q4"),
    ],
)
def test_an_indian_quarter_belongs_to_the_year_that_began_in_april(day: date, quarter: str) -> None:
    noon_utc = (day.toordinal() - date(1970, 1, 1).toordinal()) * 86_400 + 12 * 3600
    assert load(KA).period_of(noon_utc) == quarter
