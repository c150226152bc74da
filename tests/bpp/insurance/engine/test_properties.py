"""What holds of every scheme, whatever happens in whatever order: sums, caps, refunds, edges."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.insurance.engine import calendar
from bpp.insurance.engine.assess import assess, period_rule
from bpp.insurance.engine.exact import Mode, rounded
from bpp.insurance.engine.facts import Person
from bpp.insurance.engine.standing import Period, Standing
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.insurance.scheme_file import load
from protocol_specs.wire.values import replace
from tests.bpp.insurance.engine.jobs import NOTHING, job, played, stands
from tests.bpp.insurance.engine.oracle import half_up

PER_JOB = ("my.act872.gig", "in.karnataka.pbgw2025", "cn.occupational-injury", "id.bpu",
           "sg.cpf.platform")  # fmt: skip
PERSON = Person(born=date(1996, 3, 9))
DAY = date(2026, 7, 2)
fares = st.lists(st.integers(0, 300_000), min_size=1, max_size=6)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Scheme, list[tuple[Standing, Standing]], list[Standing]]:
    """Jobs that are confirmed, become due, are partly refunded and cancelled, all interleaved."""
    scheme = load(draw(st.sampled_from(PER_JOB)))
    lives = [_life(draw, scheme, fare) for fare in draw(fares)]
    turns = draw(st.permutations([n for n, life in enumerate(lives) for _ in life[1:]]))
    at, steps = [0] * len(lives), []
    for n in turns:
        steps.append((lives[n][at[n]], lives[n][at[n] + 1]))
        at[n] += 1
    return scheme, steps, [life[-1] for life in lives]


def _life(draw: st.DrawFn, scheme: Scheme, fare: int) -> list[Standing]:
    """Nothing, set aside, then whatever comes."""
    refunds = draw(st.lists(st.integers(0, 200_000), max_size=2))
    found = [NOTHING, replace(stands(scheme, job(scheme, fare), PERSON), is_due=False)]
    if draw(st.booleans()):
        found.append(replace(found[-1], is_due=True))
        for n in range(len(refunds)):
            refunded = job(scheme, fare, refund_minor=sum(refunds[: n + 1]))
            found.append(stands(scheme, refunded, PERSON))
    if draw(st.booleans()):
        found.append(stands(scheme, job(scheme, fare, is_cancelled=True), PERSON))
    return found


@given(histories())
def test_a_period_comes_to_the_last_state_of_its_jobs_in_whatever_order_it_was_told(
    history: tuple[Scheme, list[tuple[Standing, Standing]], list[Standing]],
) -> None:
    scheme, steps, last = history
    rule = period_rule(scheme, DAY, PERSON)
    posts, period = played(steps, rule)
    _, straight = played([(NOTHING, now) for now in last], rule)
    assert sum(posts) == period.all.posted_minor
    assert period == straight
    if rule.rounding == "period":
        assert period.all.posted == rule.target(sum((now.exact for now in last), Decimal(0)))
    else:
        assert period.all.posted_minor == sum(now.amount_minor for now in last)


@given(histories())
def test_nothing_ever_stands_below_zero_or_above_the_cap_and_no_refund_gives_more_than_was_taken(
    history: tuple[Scheme, list[tuple[Standing, Standing]], list[Standing]],
) -> None:
    scheme, steps, _ = history
    rule = period_rule(scheme, DAY, PERSON)
    period, taken = Period(), 0
    for step in steps:
        posts, period = played([step], rule, period)
        assert posts[0] >= -taken  # what is given back was set aside before
        taken += posts[0]
        for total in (period.all, period.due):
            assert total.posted.worker >= 0
            assert total.posted.cooperative >= 0
            assert rule.cap_minor is None or total.posted_minor <= rule.cap_minor


@given(fares, st.integers(0, 5_000), st.integers(0, 3_000))
def test_a_cap_and_what_was_bought_ahead_bound_the_month(
    bases: list[int], cap: int, prepaid: int
) -> None:
    scheme = load("my.act872.gig")
    rule = replace(period_rule(scheme, DAY), cap_minor=cap, offset_minor=prepaid)
    _, period = played([(NOTHING, stands(scheme, job(scheme, base))) for base in bases], rule)
    expected = max(0, min(half_up(Fraction(sum(bases), 80)), cap) - prepaid)
    assert period.all.posted_minor == expected


@given(fares)
def test_an_event_told_twice_adds_nothing(bases: list[int]) -> None:
    scheme = load("my.act872.gig")
    rule = period_rule(scheme, DAY)
    all_ = [stands(scheme, job(scheme, base)) for base in bases]
    _, period = played([(NOTHING, each) for each in all_], rule)
    again, same = played([(each, each) for each in all_], rule, period)
    assert set(again) <= {0}
    assert same == period


@given(st.integers(0, 200_000), st.lists(st.integers(0, 90_000), max_size=4))
def test_partial_refunds_end_where_one_refund_of_their_sum_ends(
    fare: int, refunds: list[int]
) -> None:
    scheme = load("in.karnataka.pbgw2025")
    steps, before, sofar = [(NOTHING, stands(scheme, job(scheme, fare)))], NOTHING, 0
    before = steps[0][1]
    for refund in refunds:
        sofar += refund
        now = stands(scheme, job(scheme, fare, refund_minor=sofar))
        steps.append((before, now))
        before = now
    posts, _ = played(steps, period_rule(scheme, DAY))
    assert sum(posts) == min(half_up(Fraction(max(0, fare - sofar), 100)), 100)


@given(st.fractions(0, 10_000), st.sampled_from([1, 5, 10, 100]))
def test_rounding_is_to_the_nearest_multiple_halves_up_or_cut_off_or_to_the_next(
    value: Fraction, unit: int
) -> None:
    found: dict[Mode, int] = {
        mode: rounded(value, unit, mode)  # type: ignore[arg-type]  # the three words
        for mode in ("half_up", "down", "up")
    }
    assert found["down"] <= value <= found["up"]
    assert found["up"] - found["down"] in (0, unit)
    assert found["half_up"] == unit * half_up(value / unit)
    assert rounded(-value, unit) == -found["half_up"]


def test_half_a_cent_goes_up_and_less_does_not() -> None:
    scheme = load("in.karnataka.pbgw2025")
    assert assess(scheme, job(scheme, 3_350)).amount_minor == 34
    assert assess(scheme, job(scheme, 3_349)).amount_minor == 33
    _, quarter = played([(NOTHING, stands(scheme, job(scheme, 3_333)))] * 3,
                        period_rule(scheme, DAY))  # fmt: skip
    assert quarter.all.posted_minor == 99


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)),
       st.sampled_from(["month", "indian_quarter", "indian_year"]))  # fmt: skip
def test_every_day_lies_in_the_period_that_has_its_name(
    day: date, kind: calendar.PeriodKind
) -> None:
    name = calendar.period_name(day, kind)
    first, last = calendar.first_day(name), calendar.last_day(name)
    assert first <= day <= last
    assert calendar.period_name(last, kind) == name
    assert calendar.period_name(last + timedelta(days=1), kind) != name
    assert calendar.period_name(first - timedelta(days=1), kind) != name


@pytest.mark.parametrize("name", ["2026-13", "2026-7", "FY2026-28Q1", "FY2026-27Q5", "soon", ""])
def test_what_is_no_period_has_no_first_day(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words
        calendar.first_day(name)


def test_china_counts_orders_and_keeps_what_was_accepted_before_it_was_cancelled() -> None:
    scheme = load("cn.occupational-injury")
    accepted = job(scheme, 0, is_cancelled=True)
    assert assess(scheme, accepted).amount_minor == 1
    assert assess(scheme, replace(accepted, has_worker=False)).amount_minor == 0
    delivery = job(scheme, 900, sector="logistics", vehicle_category="BICYCLE")
    assert assess(scheme, delivery).amount_minor == 7
    assert assess(scheme, delivery, options={"unit_tier": "early"}).amount_minor == 25
    freight = replace(delivery, vehicle_category="LCV")
    assert assess(scheme, freight, options={"unit_tier": "early"}).amount_minor == 18
    assert assess(scheme, delivery).amount.worker == 0


def test_china_has_no_amount_for_an_unlisted_vehicle() -> None:
    scheme = load("cn.occupational-injury")
    with pytest.raises(NotInsurable, match="no amount for sector 'ride' with vehicle 'ROWBOAT'"):
        assess(scheme, job(scheme, 0, vehicle_category="ROWBOAT"))
    with pytest.raises(NotInsurable, match="no amount for 2025-06-30"):
        assess(scheme, job(scheme, 0, origin_at=1_751_284_800))


@pytest.mark.parametrize(
    ("day", "full"),
    [
        (date(2025, 12, 1), 16_800),
        (date(2026, 1, 1), 8_400),
        (date(2027, 3, 31), 8_400),
        (date(2027, 4, 1), 16_800),
    ],
)
def test_indonesia_gathers_until_the_month_is_full_and_then_stops(day: date, full: int) -> None:
    scheme = load("id.bpu")
    rule = period_rule(scheme, day)
    now = stands(scheme, job(scheme, 0))
    posts, period = played([(NOTHING, now)] * 40, rule)
    assert period.all.posted_minor == 100 * full
    assert posts[: full // 500] == [50_000] * (full // 500)
    assert posts[-1] == 0


@pytest.mark.parametrize("name", ["my.perkeso.act789", "in.code2020.s114"])
def test_a_plan_or_a_yearly_levy_has_no_amount_per_job(name: str) -> None:
    scheme = load(name)
    with pytest.raises(NotInsurable, match="no amount per job"):
        assess(scheme, job(scheme, 100))
    assert not scheme.is_per_job
