"""Malaysia's month: caps, selected plans, what was bought ahead, late facts, several collectors."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from bpp.insurance.engine import closing, plans
from bpp.insurance.engine.assess import assess
from bpp.insurance.engine.facts import Bought, Person
from bpp.insurance.scheme import NotInsurable
from bpp.insurance.scheme_file import load
from protocol_specs.wire.order import PriceLine
from protocol_specs.wire.values import replace
from tests.bpp.insurance.engine.jobs import JULY, NOTHING, job, played, rate_of, rule_on, stands
from tests.bpp.insurance.engine.oracle import half_up, month

MY = load("my.act872.gig")
PLANS = load("my.perkeso.act789")
DAY = date(2026, 7, 2)
RATE = Fraction(1, 80)
BY_PLAN = {"cap": "plan"}


def test_a_plan_is_one_and_a_quarter_percent_of_what_it_insures_to_ten_sen() -> None:
    offered = plans.plans_on(PLANS, DAY)
    amounts = [plans.contribution_minor(PLANS, plan, DAY) for plan in offered]
    assert amounts == [10 * half_up(Fraction(plan.insured) * 100 * RATE / 10) for plan in offered]
    assert [plan.name for plan in offered] == ["1", "2", "3", "4"]


def test_by_default_nothing_stops_at_a_plan() -> None:
    work = stands(MY, job(MY, 500_000))
    _, period = played([(NOTHING, work)] * 3, rule_on(MY, DAY))
    assert period.all.posted_minor == month([500_000] * 3, RATE)


def test_by_configuration_the_month_stops_at_the_selected_plan() -> None:
    person = Person(plans=((date(2026, 6, 1), "2"),))
    rule = rule_on(MY, DAY, person, BY_PLAN)
    cap = 10 * half_up(Fraction(155_000) * RATE / 10)
    posts, period = played([(NOTHING, stands(MY, job(MY, 100_000)))] * 3, rule)
    assert period.all.posted_minor == cap == sum(posts)
    assert posts[-1] == 0


def test_who_chose_no_plan_stops_at_the_smallest() -> None:
    assert rule_on(MY, DAY, options=BY_PLAN).cap_minor == 10 * half_up(
        Fraction(105_000) * RATE / 10
    )


def test_a_plan_changed_within_the_month_counts_from_the_next() -> None:
    chosen = ((date(2026, 6, 10), "1"), (date(2026, 7, 15), "4"))
    assert plans.choice_for(chosen, "2026-07") == "1"
    assert plans.choice_for(chosen, "2026-08") == "4"
    assert plans.choice_for(chosen, "2026-06") == "1"  # the first choice, from its own month on
    assert plans.choice_for(chosen, "2026-05") is None


def test_a_plan_nobody_offers_is_refused() -> None:
    with pytest.raises(NotInsurable, match="no plan '9'"):
        rule_on(MY, DAY, Person(plans=((date(2026, 6, 1), "9"),)), BY_PLAN)


def test_what_was_bought_ahead_is_taken_off_only_where_the_institution_allows_it() -> None:
    bought = Bought("1", "2026-07", 1, receipt="r-1", is_seen=True)
    prepaid = Person(bought=(bought,))
    steps = [(NOTHING, stands(MY, job(MY, 80_000)))] * 2  # 10.00 each
    _, whole = played(steps, rule_on(MY, DAY, prepaid))
    posts, less = played(steps, rule_on(MY, DAY, prepaid, {"prepaid_offset": "full"}))
    assert whole.all.posted_minor == 2000
    assert (posts, less.all.posted_minor) == ([0, 690], 2000 - 1310)


@pytest.mark.parametrize(
    ("months", "is_seen", "period", "paid"),
    [
        (1, True, "2026-07", 1310),
        (1, True, "2026-08", 0),
        (12, True, "2027-06", 1310),
        (12, True, "2027-07", 0),
        (12, True, "2026-06", 0),
        (12, False, "2026-07", 0),
    ],
)
def test_a_bought_plan_pays_for_its_own_months_if_its_receipt_was_seen(
    months: Any, is_seen: bool, period: str, paid: int
) -> None:
    bought = Bought("1", "2026-07", months, receipt="r-1", is_seen=is_seen)
    assert plans.prepaid_minor(MY, [bought], period) == paid


def test_a_rate_that_changes_within_a_month_counts_for_the_jobs_of_its_days() -> None:
    middle = date(2026, 7, 16)
    scheme = replace(MY, rate=(*MY.rate, rate_of("0.02", middle)))
    early, late = job(scheme, 7_700), job(scheme, 7_700, origin_at=JULY + 20 * 86_400)
    posts, period = played(
        [(NOTHING, stands(scheme, early)), (NOTHING, stands(scheme, late))], rule_on(scheme, DAY)
    )
    expected = half_up(7_700 * RATE + 7_700 * Fraction(1, 50))
    assert period.all.posted_minor == sum(posts) == expected


def test_a_refund_after_the_close_changes_july_by_its_own_cap_and_leaves_august_alone() -> None:
    rule = replace(rule_on(MY, DAY), cap_minor=1310)
    before, after = stands(MY, job(MY, 160_000)), stands(MY, job(MY, 160_000, refund_minor=10_000))
    _, july = played([(NOTHING, before)], rule)
    difference, july = played([(before, after)], rule, july)
    _, august = played([(NOTHING, stands(MY, job(MY, 50_000)))], rule)
    assert difference == [month([150_000], RATE, 1310) - month([160_000], RATE, 1310)] == [0]
    assert august.all.posted_minor == month([50_000], RATE, 1310) == 625


def test_a_late_cancel_leaves_its_order_at_zero_and_the_month_at_the_others_sum() -> None:
    one, two = stands(MY, job(MY, 700)), stands(MY, job(MY, 1_500))
    posts, period = played([(NOTHING, one), (NOTHING, two), (one, NOTHING)], rule_on(MY, DAY))
    assert period.all.posted_minor == sum(posts) == month([1_500], RATE)
    assert period.all.order_minor == two.amount_minor


def test_the_fee_of_a_cancelled_job_is_its_base_and_only_if_somebody_was_to_get_it() -> None:
    fee = {"is_cancelled": True, "fee_minor": 1_600}
    assert assess(MY, job(MY, 9_000, **fee)).amount_minor == half_up(1_600 * RATE)
    assert assess(MY, job(MY, 9_000, has_worker=False, **fee)).amount_minor == 0
    assert assess(MY, job(MY, 9_000, is_cancelled=True)).amount_minor == 0


def test_tip_toll_and_the_cooperatives_discount_stay_outside_and_the_workers_discount_counts() -> (
    None
):
    lines = (
        PriceLine("TIP", 500),
        PriceLine("TOLL_CHARGES", 300),
        PriceLine("DISCOUNT_BORNE_BY_COOPERATIVE", -200),
        PriceLine("DISCOUNT_BORNE_BY_WORKER", -100),
    )
    found = assess(MY, job(MY, 2_000, *lines, commission_minor=380))
    assert found.base_minor == 2_000 - 100 - 380
    deep = assess(MY, job(MY, 2_000, PriceLine("DISCOUNT_BORNE_BY_WORKER", -5_000)))
    assert (deep.base_minor, deep.amount_minor) == (0, 0)


def test_two_workers_in_one_order_have_each_their_own_lines_scheme_and_period() -> None:
    """A delivery with a home producer: the goods are hers, the way is his."""
    producer = job(MY, 0, PriceLine("ADD_ONS", 4_000), sector="logistics")
    courier = job(MY, 1_200, sector="logistics", vehicle_category="MOTORCYCLE")
    hers, his = stands(MY, producer), stands(MY, courier)
    assert (hers.amount_minor, his.amount_minor) == (half_up(4_000 * RATE), half_up(1_200 * RATE))
    periods = [played([(NOTHING, each)], rule_on(MY, DAY))[1] for each in (hers, his)]
    assert [each.all.posted_minor for each in periods] == [50, 15]


def test_several_schemes_on_one_job_each_go_by_their_own_base_and_rounding() -> None:
    other = replace(load("id.bpu"), currency="MYR")
    work = job(MY, 3_240)
    assert assess(MY, work).amount_minor == half_up(3_240 * RATE)
    assert assess(other, work).amount_minor == 50_000


def test_two_collectors_under_one_cap_keep_what_came_first() -> None:
    raw = {"a": 900, "b": 700}
    assert closing.split_by_time(raw, ["a", "b"], 1310) == {"a": 900, "b": 410}
    assert closing.split_by_time(raw, ["b", "a"], 1310) == {"a": 610, "b": 700}
    shares = closing.split_pro_rata(raw, ["a", "b"], 1310)
    assert shares == {
        "a": half_up(Fraction(900 * 1310, 1600)),
        "b": 1310 - half_up(Fraction(900 * 1310, 1600)),
    }


def test_a_shortfall_is_to_the_selected_plan() -> None:
    amounts = [1310, 1940, 3690, 4940]
    assert plans.compare(1500, amounts).shortfall_minor == 0
    chosen = plans.compare(1500, amounts, 1940)
    assert (chosen.shortfall_minor, chosen.funded_minor, chosen.excess_minor) == (440, 1310, 190)


def test_one_workers_credit_never_pays_for_another() -> None:
    a, b = closing.carry(30), closing.carry(0, -50)
    assert (a.remit_minor, a.credit_minor) == (30, 0)
    assert (b.remit_minor, b.credit_minor) == (0, 50)
    next_month = closing.carry(80, -b.credit_minor)
    assert (next_month.remit_minor, next_month.credit_minor) == (30, 0)


def test_a_cancel_after_remittance_comes_off_what_is_sent_next() -> None:
    work = stands(MY, job(MY, 3_200))
    difference, _ = played([(work, NOTHING)], rule_on(MY, DAY), played(
        [(NOTHING, work)], rule_on(MY, DAY))[1])  # fmt: skip
    assert difference == [-40]
    assert closing.carry(25, *difference).credit_minor == 15


def test_claw_back_works_the_batch_out_again() -> None:
    from decimal import Decimal

    whole = closing.commission(100 * 1310, Decimal("0.05"))
    without = closing.commission(99 * 1310, Decimal("0.05"))
    assert (
        (whole, without)
        == (half_up(Fraction(131_000, 20)), half_up(Fraction(99 * 1310, 20)))
        == (6550, 6485)
    )
