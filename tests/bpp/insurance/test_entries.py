"""Every event of docs/ledger.md leaves the balances that its table says, by card and in cash.

Fare 20.00, commission 20 % = 4.00, Malaysia 1.25 % of 16.00 = 0.20.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from bpp.insurance.scheme_file import load
from protocol_specs.wire.order import PaymentTerms, PriceLine
from protocol_specs.wire.values import replace
from tests.bpp.insurance.support import (
    CARD,
    CASH,
    KA,
    MY,
    UNASSIGNED,
    Coop,
    Story,
    fare_of,
    ka_coop,
    ka_story,
    my_coop,
)

JULY = "2026-07"
Q2 = "FY2026-27Q2"


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return my_coop(tmp_path)


@pytest.mark.parametrize("payment", [CARD, CASH])
def test_a_confirm_sets_the_workers_share_aside(coop: Coop, payment: PaymentTerms) -> None:
    coop.happen(Story(agent_id="a1", payment=payment).event("confirmed"))
    w = coop.local("a1")
    assert coop.balances() == {f"1230:{w}": 20, f"2200:{MY}:{w}:{JULY}": 20}


def test_while_nobody_is_assigned_it_is_set_aside_on_the_order_without_a_slip(coop: Coop) -> None:
    tags = coop.happen(Story().event("confirmed"))
    assert coop.balances() == {
        f"1230:{UNASSIGNED}": 20,
        f"2200:{MY}:{UNASSIGNED}:{JULY}": 20,
    }
    assert coop.count("slip") == 0
    assert _values(tags) == {"STATUS": "set_aside", "AMOUNT": "0.20"}


def test_assignment_moves_it_to_the_worker_with_a_slip(coop: Coop) -> None:
    story = Story()
    coop.happen(story.event("confirmed"), story.event("assigned", agent_id="a1"))
    w = coop.local("a1")
    assert coop.balances() == {f"1230:{w}": 20, f"2200:{MY}:{w}:{JULY}": 20}
    assert coop.count("slip") == 1


def test_reassignment_takes_it_from_the_first_and_gives_it_to_the_second(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("reassigned", agent_id="a2"))
    w = coop.local("a2")
    assert coop.balances() == {f"1230:{w}": 20, f"2200:{MY}:{w}:{JULY}": 20}
    assert coop.count("slip") == 3  # the first worker's two, the second's one


def test_a_job_given_up_goes_back_to_nobody_and_then_to_the_next(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("reassigned", agent_id=None))
    assert coop.balances() == {
        f"1230:{UNASSIGNED}": 20,
        f"2200:{MY}:{UNASSIGNED}:{JULY}": 20,
    }
    coop.happen(story.event("assigned", agent_id="a2"))
    w = coop.local("a2")
    assert coop.balances() == {f"1230:{w}": 20, f"2200:{MY}:{w}:{JULY}": 20}


def test_a_card_job_ends_with_the_pay_less_the_contribution_and_the_tip_apart(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("completed", tip_minor=150))
    w = coop.local("a1")
    assert coop.balances() == {
        "1200": 2150,
        f"2100:{w}": 1580,
        f"2110:{w}": 150,
        f"2210:{MY}:{w}:{JULY}": 20,
        "4000": 400,
    }


def test_after_a_cash_job_the_worker_owes_commission_and_contribution(coop: Coop) -> None:
    story = Story(agent_id="a1", payment=CASH)
    coop.happen(story.event("confirmed"), story.event("completed"))
    w = coop.local("a1")
    assert coop.balances() == {f"1220:{w}": 420, f"2210:{MY}:{w}:{JULY}": 20, "4000": 400}


def test_cash_that_was_not_collected_is_in_nobodys_hand_and_pays_no_debt(coop: Coop) -> None:
    paid = Story(agent_id="a1", payment=CASH, key="paid")
    coop.happen(paid.event("confirmed"), paid.event("completed"))
    story = Story(agent_id="a1", payment=CASH, key="unpaid")
    coop.happen(story.event("confirmed"), story.event("completed", cash_collected=False))
    w = coop.local("a1")
    assert coop.balances() == {
        "1200": 2000,
        f"1220:{w}": 420,
        f"2100:{w}": 1580,
        f"2210:{MY}:{w}:{JULY}": 40,
        "4000": 800,
    }


def test_a_cash_tip_never_passes_through_the_books(coop: Coop) -> None:
    story = Story(agent_id="a1", payment=CASH)
    coop.happen(story.event("confirmed"), story.event("completed", tip_minor=150))
    assert f"2110:{coop.local('a1')}" not in coop.balances()


def test_without_commission_a_cash_worker_owes_the_contribution_alone(tmp_path: Path) -> None:
    coop = my_coop(tmp_path, commission_rate="0")
    story = Story(agent_id="a1", payment=CASH)
    coop.happen(story.event("confirmed"), story.event("completed"))
    w = coop.local("a1")
    assert coop.balances() == {f"1220:{w}": 25, f"2210:{MY}:{w}:{JULY}": 25}


def test_the_next_card_job_nets_what_the_worker_owes_in_cash(coop: Coop) -> None:
    cash = Story(key="o1", agent_id="a1", payment=CASH)
    card = Story(key="o2", agent_id="a1")
    coop.happen(cash.event("confirmed"), cash.event("completed"))
    coop.happen(card.event("confirmed"), card.event("completed"))
    w = coop.local("a1")
    assert coop.balances()[f"2100:{w}"] == 1580 - 420
    assert f"1220:{w}" not in coop.balances()


def test_netting_takes_no_more_than_the_jobs_own_pay(coop: Coop) -> None:
    cash = Story(key="o1", agent_id="a1", payment=CASH, lines=fare_of(20_000))
    card = Story(key="o2", agent_id="a1")
    coop.happen(cash.event("confirmed"), cash.event("completed"))
    coop.happen(card.event("confirmed"), card.event("completed"))
    w = coop.local("a1")
    assert coop.balances()[f"1220:{w}"] == 4200 - 1580
    assert f"2100:{w}" not in coop.balances()


@pytest.mark.parametrize("payment", [CARD, CASH])
def test_a_changed_fare_posts_the_difference_of_the_same_lines(
    coop: Coop, payment: PaymentTerms
) -> None:
    changed = Story(key="o1", agent_id="a1", payment=payment)
    straight = Story(key="o2", agent_id="a2", payment=payment, lines=fare_of(3000))
    coop.happen(
        changed.event("confirmed"),
        changed.event("fare_changed", lines=fare_of(3000)),
        changed.event("completed"),
    )
    coop.happen(straight.event("confirmed"), straight.event("completed"))
    assert _of(coop, "a1") == _of(coop, "a2")
    assert _of(coop, "a1")[f"2210:{MY}"] == 30


@pytest.mark.parametrize("payment", [CARD, CASH])
def test_a_fare_changed_after_the_end_comes_to_the_same_as_before_it(
    coop: Coop, payment: PaymentTerms
) -> None:
    late = Story(key="o1", agent_id="a1", payment=payment)
    straight = Story(key="o2", agent_id="a2", payment=payment, lines=fare_of(1000))
    coop.happen(
        late.event("confirmed"),
        late.event("completed"),
        late.event("fare_changed", lines=fare_of(1000)),
    )
    coop.happen(straight.event("confirmed"), straight.event("completed"))
    assert _of(coop, "a1") == _of(coop, "a2")


@pytest.mark.parametrize("payment", [CARD, CASH])
@pytest.mark.parametrize("agent_id", [None, "a1"])
def test_a_cancelled_order_nets_to_zero(
    coop: Coop, payment: PaymentTerms, agent_id: str | None
) -> None:
    story = Story(agent_id=agent_id, payment=payment)
    tags = coop.happen(story.event("confirmed"), story.event("cancelled"))
    assert coop.balances() == {}
    assert _values(tags) == {"STATUS": "reversed", "AMOUNT": "0.00"}


@pytest.mark.parametrize("payment", [CARD, CASH])
def test_cancelled_with_a_fee_the_base_is_the_fee_that_the_worker_gets(
    coop: Coop, payment: PaymentTerms
) -> None:
    story = Story(agent_id="a1", payment=payment)
    tags = coop.happen(
        story.event("confirmed"), story.event("cancelled", cancellation_fee_minor=800)
    )
    w = coop.local("a1")
    assert coop.balances() == {"1200": 800, f"2100:{w}": 790, f"2210:{MY}:{w}:{JULY}": 10}
    assert _values(tags) == {"STATUS": "due", "AMOUNT": "0.10"}


def test_a_fee_without_a_worker_is_the_cooperatives_and_no_base(coop: Coop) -> None:
    story = Story()
    coop.happen(story.event("confirmed"), story.event("cancelled", cancellation_fee_minor=800))
    assert coop.balances() == {"1200": 800, "4000": 800}


def test_a_refund_borne_by_the_worker_lowers_base_and_pay(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(
        story.event("confirmed"),
        story.event("completed"),
        story.event("refunded", refund_minor=800, refund_borne_by="worker"),
    )
    w = coop.local("a1")
    assert coop.balances() == {
        "1200": 2000,
        f"2100:{w}": 790,
        f"2210:{MY}:{w}:{JULY}": 10,
        "2250": 800,
        "4000": 400,
    }


def test_a_refund_beyond_the_workers_balance_is_owed_and_2100_stays_above_zero(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(
        story.event("confirmed"),
        story.event("completed"),
        story.event("refunded", refund_minor=2000, refund_borne_by="worker"),
    )
    w = coop.local("a1")
    assert coop.balances() == {"1200": 2000, f"1240:{w}": 400, "2250": 2000, "4000": 400}


def test_in_cash_the_worker_pays_the_refund_back_and_owes_as_if_it_had_never_been_fare(
    coop: Coop,
) -> None:
    story = Story(agent_id="a1", payment=CASH)
    coop.happen(
        story.event("confirmed"),
        story.event("completed"),
        story.event("refunded", refund_minor=800, refund_borne_by="worker"),
    )
    w = coop.local("a1")
    assert coop.balances() == {f"1220:{w}": 410, f"2210:{MY}:{w}:{JULY}": 10, "4000": 400}


def test_two_refunds_borne_by_the_worker_lower_the_base_by_both(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(
        story.event("confirmed"),
        story.event("completed"),
        story.event("refunded", refund_minor=800, refund_borne_by="worker"),
        story.event("refunded", refund_minor=800, refund_borne_by="worker"),
    )
    w = coop.local("a1")
    assert f"2210:{MY}:{w}:{JULY}" not in coop.balances()  # the base is 0 now
    assert coop.balances()["2250"] == 1600


@pytest.mark.parametrize("payment", [CARD, CASH])
def test_a_refund_borne_by_the_cooperative_leaves_the_contribution(
    coop: Coop, payment: PaymentTerms
) -> None:
    story = Story(agent_id="a1", payment=payment)
    coop.happen(story.event("confirmed"), story.event("completed"))
    before = coop.balances()
    coop.happen(story.event("refunded", refund_minor=800, refund_borne_by="cooperative"))
    assert coop.balances() == {**before, "2250": 800, "5030": 800}


@pytest.mark.parametrize(("payment", "holder"), [(CARD, {"1200": 20000}), (CASH, {"1220": 4000})])
def test_a_platform_borne_fee_costs_the_worker_nothing(
    tmp_path: Path, payment: PaymentTerms, holder: dict[str, int]
) -> None:
    coop = ka_coop(tmp_path)
    story = ka_story(payment=payment, lines=fare_of(20_000))
    coop.happen(story.event("confirmed"))
    assert coop.balances() == {"1230": 100, f"2200:{KA}:{UNASSIGNED}:{Q2}": 100}
    coop.happen(story.event("assigned", agent_id="a1"))
    w = coop.local("a1")
    assert coop.balances() == {"1230": 100, f"2200:{KA}:{w}:{Q2}": 100}
    coop.happen(story.event("completed"))
    held = {f"1220:{w}" if key == "1220" else key: value for key, value in holder.items()}
    pay = {} if payment is CASH else {f"2100:{w}": 16_000}
    assert coop.balances() == {
        **held,
        **pay,
        f"2210:{KA}:{w}:{Q2}": 100,
        "4000": 4000,
        f"5000:{KA}": 100,
    }


def test_a_platform_borne_fee_is_taken_back_from_the_cost_after_a_refund(tmp_path: Path) -> None:
    coop = ka_coop(tmp_path, commission_rate="0")
    story = ka_story(agent_id="a1", vehicle_category="TWO_WHEELER", lines=fare_of(6000))
    coop.happen(
        story.event("confirmed"),
        story.event("completed"),
        story.event("refunded", refund_minor=2000, refund_borne_by="worker"),
    )
    assert coop.balances()[f"5000:{KA}"] == 40
    assert coop.balances()[f"2210:{KA}:{coop.local('a1')}:{Q2}"] == 40


def test_tolls_and_taxes_bear_neither_commission_nor_contribution(coop: Coop) -> None:
    lines = (*fare_of(2000), PriceLine("TOLL_CHARGES", 500), PriceLine("TAX", 100))
    story = Story(agent_id="a1", lines=lines)
    coop.happen(story.event("confirmed"), story.event("completed"))
    w = coop.local("a1")
    assert coop.balances() == {
        "1200": 2600,
        f"2100:{w}": 1600 + 500 - 20,
        f"2210:{MY}:{w}:{JULY}": 20,
        "2300": 100,
        "4000": 400,
    }


@pytest.mark.parametrize(("payment", "paid"), [(CARD, "1200"), (CASH, "1220")])
def test_a_discount_that_the_cooperative_bears_lowers_neither_base_nor_pay(
    coop: Coop, payment: PaymentTerms, paid: str
) -> None:
    lines = (*fare_of(2000), PriceLine("DISCOUNT_BORNE_BY_COOPERATIVE", -300))
    story = Story(agent_id="a1", payment=payment, lines=lines)
    coop.happen(story.event("confirmed"), story.event("completed"))
    w, stands = coop.local("a1"), coop.balances()
    assert stands[f"2210:{MY}:{w}:{JULY}"] == 20
    assert stands["4000"] == 400 - 300
    if payment is CARD:
        assert (stands[paid], stands[f"2100:{w}"]) == (1700, 1580)
    else:  # 17.00 in hand, of which 15.80 is the worker's
        assert stands[f"{paid}:{w}"] == 1700 - 1580


def test_a_discount_that_the_worker_bears_lowers_base_and_pay(coop: Coop) -> None:
    lines = (*fare_of(2000), PriceLine("DISCOUNT_BORNE_BY_WORKER", -800))
    story = Story(agent_id="a1", lines=lines)
    coop.happen(story.event("confirmed"), story.event("completed"))
    w = coop.local("a1")
    assert coop.balances()[f"2210:{MY}:{w}:{JULY}"] == 12  # 1.25 % of 12.00 less 2.40


def test_a_discount_beyond_the_fare_leaves_a_base_of_nothing(coop: Coop) -> None:
    lines = (*fare_of(2000), PriceLine("DISCOUNT_BORNE_BY_WORKER", -2000))
    story = Story(agent_id="a1", lines=lines)
    coop.happen(story.event("confirmed"), story.event("completed"))
    assert coop.balances() == {}


def test_an_event_that_posts_nothing_still_has_an_entry_and_a_slip(coop: Coop) -> None:
    story = Story(agent_id="a1", lines=fare_of(10))
    coop.happen(story.event("confirmed"))
    assert (coop.count("entry"), coop.count("transfer"), coop.count("slip")) == (1, 0, 1)


def test_a_finder_fee_is_what_the_collecting_app_keeps(coop: Coop) -> None:
    terms = replace(coop.insurance.keeper.terms, finder_fee_rate=Decimal("0.03"))
    coop.insurance = replace(coop.insurance, keeper=replace(coop.insurance.keeper, terms=terms))
    card, cash = Story(key="o1", agent_id="a1"), Story(key="o2", agent_id="a2", payment=CASH)
    ours = Story(key="o3", agent_id="a3", payment=PaymentTerms("BPP", "PRE-FULFILLMENT"))
    for story in (card, cash, ours):
        coop.happen(story.event("confirmed"), story.event("completed"))
    assert (coop.balances()["1200"], coop.balances()["5050"]) == (3940, 60)


def test_a_scheme_whose_cover_ran_keeps_its_contribution_after_a_cancel(tmp_path: Path) -> None:
    coop = Coop(tmp_path, (replace(load(KA), on_cancel="keep"),))
    story = ka_story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("cancelled"))
    assert coop.balances() == {f"2210:{KA}:{coop.local('a1')}:{Q2}": 16, f"5000:{KA}": 16}


def test_a_scheme_that_must_know_the_worker_waits_for_one(tmp_path: Path) -> None:
    coop = Coop(tmp_path, (replace(load(MY), needs_worker=True),))
    story = Story()
    tags = coop.happen(story.event("confirmed"))
    assert coop.balances() == {}
    assert _values(tags)["STATUS"] == "awaiting_worker"
    coop.happen(story.event("assigned", agent_id="a1"))
    assert coop.balances()[f"2200:{MY}:{coop.local('a1')}:{JULY}"] == 20


def _values(tags: tuple[dict[str, object], ...]) -> dict[str, str]:
    """STATUS and AMOUNT of the one group."""
    from protocol_specs.wire.tags import read

    (found,) = read(list(tags)).values()
    return {key: found[key] for key in ("STATUS", "AMOUNT")}


def _of(coop: Coop, agent_id: str) -> dict[str, int]:
    """The balances of one worker, without the worker's id and the period."""
    worker = coop.local(agent_id)
    return {
        account.replace(f":{worker}", "").replace(f":{JULY}", ""): minor
        for account, minor in coop.balances().items()
        if worker in account
    }
