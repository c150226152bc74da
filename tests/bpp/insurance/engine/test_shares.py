"""Singapore's month: tiers, odd rounding, ages, the ladder, opting in; against the oracle."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.insurance.engine import rates
from bpp.insurance.engine.assess import assess, period_rule
from bpp.insurance.engine.facts import Person
from bpp.insurance.engine.shares import Split, over_withheld
from bpp.insurance.engine.standing import Period
from bpp.insurance.scheme import NotInsurable
from bpp.insurance.scheme_file import load
from tests.bpp.insurance.engine.jobs import NOTHING, job, played, stands
from tests.bpp.insurance.engine.oracle import cpf

SG = load("sg.cpf.platform")
DAY = date(2026, 7, 2)
YOUNG = Person(born=date(1996, 3, 9))  # in by law
OLD = Person(born=date(1980, 3, 9))


def month(net: str, person: Person = YOUNG, day: date = DAY) -> Split:
    """Dollars of net earnings to dollars of each part."""
    found = rates.shares(SG, day, person).of_month(Decimal(net).scaleb(2))
    return Split(found.worker // 100, found.cooperative // 100)


@pytest.mark.parametrize(
    "net", ["0", "50", "50.01", "499.99", "500", "500.01", "600", "750", "750.01", "2600"]
)
def test_the_edges_of_the_tiers(net: str) -> None:
    worker, operator = cpf(Fraction(net), Fraction(13, 100), Fraction(7, 100))
    assert month(net) == Split(worker, operator)


def test_up_to_fifty_nobody_pays_up_to_five_hundred_only_the_operator() -> None:
    assert month("50") == Split(0, 0)
    assert month("50.01") == Split(0, 4)  # 3.5007, to the dollar
    assert month("500").worker == 0
    assert month("600").worker == int(3 * Fraction(13, 100) * 100)


@given(
    st.integers(0, 500_000),
    st.sampled_from([Fraction(13, 100), Fraction(155, 1000), Fraction(2, 10)]),
)
def test_any_month_is_what_the_oracle_says(net_cents: int, worker: Fraction) -> None:
    shares = rates.in_tiers(SG, DAY, Decimal(str(float(worker))), Decimal("0.07"))
    found = shares.of_month(Decimal(net_cents))
    assert (found.worker // 100, found.cooperative // 100) == cpf(
        Fraction(net_cents, 100), worker, Fraction(7, 100)
    )
    assert found.worker % 100 == found.cooperative % 100 == 0


@pytest.mark.parametrize(
    ("born", "worker", "operator"),
    [
        (date(1996, 1, 1), "0.13", "0.07"),
        (date(1991, 7, 31), "0.13", "0.07"),  # 35 in July: the younger band still
        (date(1991, 6, 30), "0.14", "0.07"),  # 35 in June
        (date(1975, 1, 1), "0.155", "0.07"),
    ],
)
def test_the_rate_of_an_age_is_its_savings_rate_and_the_step_of_the_year(
    born: date, worker: str, operator: str
) -> None:
    person = Person(born=born, opted_in_on=date(2025, 1, 2))
    found = rates.shares(SG, DAY, person)
    assert (found.worker_rate, found.cooperative_rate) == (Decimal(worker), Decimal(operator))


def test_above_fifty_five_there_are_rates_of_2025_and_none_are_guessed_for_2026() -> None:
    person = Person(born=date(1964, 1, 1), opted_in_on=date(2025, 1, 2))
    found = rates.shares(SG, date(2025, 7, 2), person)
    assert (found.worker_rate, found.cooperative_rate) == (Decimal("0.105"), Decimal("0.035"))
    with pytest.raises(NotInsurable, match="no rate for a worker of 62 years"):
        rates.shares(SG, DAY, person)


@pytest.mark.parametrize(
    ("chosen", "first"), [(date(2026, 5, 15), "2026-06"), (date(2026, 5, 16), "2026-07")]
)
def test_a_choice_counts_from_the_next_month_or_the_one_after(chosen: date, first: str) -> None:
    person = Person(born=OLD.born, opted_in_on=chosen)
    for month_ in ("2026-05", "2026-06", "2026-07"):
        day = date.fromisoformat(f"{month_}-01")
        assert rates.is_opted_in(SG, day, person) == (month_ >= first)


def test_who_did_not_opt_in_pays_savings_alone_to_the_nearest_dollar() -> None:
    found = rates.shares(SG, DAY, OLD)
    assert (found.worker_rate, found.cooperative_rate) == (Decimal("0.10"), Decimal(0))
    assert month("1234.50", OLD) == Split(123, 0)
    assert month("1235.00", OLD) == Split(124, 0)


def test_net_earnings_go_by_the_vehicle_of_each_job() -> None:
    for vehicle, left in (
        ("CAB", Fraction(2, 5)),
        ("MOTORCYCLE", Fraction(13, 20)),
        ("BICYCLE", Fraction(4, 5)),
    ):
        found = assess(SG, job(SG, 12_345, vehicle_category=vehicle), YOUNG)
        assert Fraction(found.exact) == 12_345 * left


def test_an_unlisted_vehicle_is_refused() -> None:
    with pytest.raises(NotInsurable, match="no expense share for 'ROWBOAT'"):
        assess(SG, job(SG, 100, vehicle_category="ROWBOAT"), YOUNG)


def test_the_month_follows_its_sum_job_by_job_and_gives_back_what_a_refund_undoes() -> None:
    rule = period_rule(SG, DAY, YOUNG)
    small, big = stands(SG, job(SG, 100_000), YOUNG), stands(SG, job(SG, 150_000), YOUNG)
    _, period = played([(NOTHING, small)], rule)  # net 400
    assert period.all.posted == Split(0, 2800)
    _, period = played([(NOTHING, big)], rule, period)  # net 1,000
    assert period.all.posted == Split(13_000, 7_000)
    _, period = played([(big, NOTHING)], rule, period)
    assert period.all.posted == Split(0, 2800)


@given(st.permutations([3_333, 70_001, 125_000, 199_999]))
def test_both_parts_of_a_month_do_not_depend_on_the_order_of_its_jobs(fares: list[int]) -> None:
    rule = period_rule(SG, DAY, YOUNG)
    _, period = played([(NOTHING, stands(SG, job(SG, fare), YOUNG)) for fare in fares], rule)
    expected = cpf(Fraction(sum(fares) * 2, 500), Fraction(13, 100), Fraction(7, 100))
    assert (period.all.posted.worker, period.all.posted.cooperative) == tuple(
        100 * each for each in expected
    )
    assert period.due == period.all


def test_of_a_worker_whose_age_is_unknown_nothing_is_taken() -> None:
    found = assess(SG, job(SG, 100_000))
    assert (found.exact, found.amount) == (0, Split())
    assert period_rule(SG, DAY).target(found.exact) == Period().all.posted


def test_what_was_withheld_beyond_the_months_due_goes_back() -> None:
    assert over_withheld(5_520, 0) == 5_520
    assert over_withheld(5_520, 6_000) == 0
