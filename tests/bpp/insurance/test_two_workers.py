"""Two workers in one order: each has own lines, slips, pay and period; the fare is whole.

Malaysia, 1.25 %. Commission is 20 % where a test does not say otherwise.
"""

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest

from bpp.insurance.slip_check import check
from bpp.orders.events import OrderEvent, Partner, event_document, read_event
from protocol_specs.wire import tags
from protocol_specs.wire.order import PaymentTerms, PriceLine
from tests.bpp.insurance.slip_files import seal, slips
from tests.bpp.insurance.support import (
    CARD,
    CASH,
    KA,
    Coop,
    Story,
    fare_of,
    ka_coop,
    ka_story,
    my_coop,
)

GOODS = (PriceLine("ADD_ONS", 4_000), PriceLine("BASE_FARE", 1_200))


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return my_coop(tmp_path)


def part(minor: int, agent_id: str = "hers", vehicle: str = "HOME") -> Partner:
    return Partner(agent_id, minor, "logistics", vehicle)


def delivery(minor: int = 4_000, **more: Any) -> Story:
    """A parcel of her goods and his way, 40.00 and 12.00."""
    given: dict[str, Any] = {"agent_id": "his", "lines": GOODS, "sector": "logistics", **more}
    return Story(partners=(part(minor),) if minor else (), **given)


def half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def oracle(*parts: int, commission: Fraction = Fraction(1, 5)) -> tuple[int, int]:
    """What somebody's parts of July come to: pay before the contribution, and the contribution."""
    pays = [minor - half_up(minor * commission) for minor in parts]
    return sum(pays), half_up(sum(pays) * Fraction(1, 80))


def of(coop: Coop, agent_id: str) -> dict[str, int]:
    """One worker's accounts by their numbers alone."""
    w = coop.local(agent_id)
    every = coop.balances().items()
    return {account.split(":")[0]: minor for account, minor in every if w in account}


def test_the_vectors_case_leaves_each_their_own_lines_scheme_and_period(tmp_path: Path) -> None:
    coop = my_coop(tmp_path, commission_rate="0")
    story = delivery()
    coop.happen(story.event("confirmed"), story.event("completed"))
    none = Fraction(0)
    assert (oracle(4_000, commission=none)[1], oracle(1_200, commission=none)[1]) == (50, 15)
    assert of(coop, "hers") == {"2100": 3_950, "2210": 50}
    assert of(coop, "his") == {"2100": 1_185, "2210": 15}
    hers, his = (slips(coop, name)[0]["slip"] for name in ("hers", "his"))
    assert hers["base"]["lines"] == [{"code": "ADD_ONS", "amount_minor": 4_000}]
    assert his["base"]["lines"] == [{"code": "BASE_FARE", "amount_minor": 1_200}]


def test_by_card_the_parts_and_the_commission_are_the_fare(coop: Coop) -> None:
    story = delivery(1_500)
    coop.happen(story.event("confirmed"), story.event("completed", tip_minor=100))
    (hers, her_due), (his, his_due) = oracle(1_500), oracle(3_700)
    assert of(coop, "hers") == {"2100": hers - her_due, "2210": her_due}
    assert of(coop, "his") == {"2100": his - his_due, "2110": 100, "2210": his_due}
    stands = coop.balances()
    assert stands["1200"] - 100 == 5_200 == hers + his + stands["4000"]


def test_in_cash_the_driver_holds_it_all_and_owes_her_pay_to_the_cooperative(coop: Coop) -> None:
    story = delivery(1_500, payment=CASH)
    coop.happen(story.event("confirmed"), story.event("completed"))
    (hers, her_due), (his, his_due) = oracle(1_500), oracle(3_700)
    assert of(coop, "his") == {"1220": 5_200 - (his - his_due), "2210": his_due}
    assert of(coop, "hers") == {"2100": hers - her_due, "2210": her_due}
    money_is = {name: slips(coop, name)[0]["slip"]["money_is"] for name in ("hers", "his")}
    assert money_is == {"hers": "taken_from_pay", "his": "advanced_by_cooperative"}


def test_cash_that_was_not_collected_pays_neither_and_nets_no_debt(coop: Coop) -> None:
    debt = Story(key="o1", agent_id="hers", payment=CASH)
    coop.happen(debt.event("confirmed"), debt.event("completed"))
    owed = of(coop, "hers")["1220"]
    story = delivery(1_500, payment=CASH, key="o2")
    coop.happen(story.event("confirmed"), story.event("completed", cash_collected=False))
    assert of(coop, "hers")["1220"] == owed
    assert "1220" not in of(coop, "his")
    assert coop.balances()["1200"] == 5_200


def test_her_own_cash_debt_is_netted_within_her_part(coop: Coop) -> None:
    debt = Story(key="o1", agent_id="hers", payment=CASH)
    coop.happen(debt.event("confirmed"), debt.event("completed"))
    owed = of(coop, "hers")["1220"]
    story = delivery(1_500, payment=CASH, key="o2")
    coop.happen(story.event("confirmed"), story.event("completed"))
    pay, due = oracle(1_500, 2_000)
    assert of(coop, "hers") == {"2100": pay - 1_600 - (due - 20) - owed, "2210": due}


def test_who_joins_later_takes_it_from_the_driver_and_the_driver_gets_a_new_slip(
    coop: Coop,
) -> None:
    story = delivery(0)
    coop.happen(story.event("confirmed"))
    assert of(coop, "his")["2200"] == oracle(5_200)[1]
    coop.happen(story.event("shared", partners=(part(1_500),)))
    assert of(coop, "hers")["2200"] == oracle(1_500)[1]
    assert of(coop, "his")["2200"] == oracle(3_700)[1]
    assert [len(slips(coop, name)) for name in ("hers", "his")] == [1, 2]


def test_another_driver_leaves_her_part_and_her_slip_as_they_were(coop: Coop) -> None:
    story = delivery(1_500)
    coop.happen(story.event("confirmed"), story.event("reassigned", agent_id="next"))
    assert of(coop, "his") == {}
    assert of(coop, "next")["2200"] == oracle(3_700)[1]
    assert of(coop, "hers")["2200"] == oracle(1_500)[1]
    assert [len(slips(coop, name)) for name in ("hers", "his", "next")] == [1, 2, 1]


def test_while_no_driver_is_known_she_is(coop: Coop) -> None:
    story = delivery(1_500, agent_id=None)
    coop.happen(story.event("confirmed"), story.event("assigned", agent_id="his"))
    coop.happen(story.event("completed"))
    assert of(coop, "hers")["2210"] == oracle(1_500)[1]
    assert of(coop, "his")["2210"] == oracle(3_700)[1]


def test_another_partner_gets_the_part_and_the_first_one_s_goes_to_zero(coop: Coop) -> None:
    story = delivery(1_500)
    coop.happen(story.event("confirmed"))
    coop.happen(story.event("shared", partners=(part(1_500, "other"),)))
    coop.happen(story.event("completed"))
    assert of(coop, "hers") == {}
    assert slips(coop, "hers")[0]["slip"]["reason"] == "reassigned"
    assert of(coop, "other")["2210"] == oracle(1_500)[1]


@pytest.mark.parametrize("fee", [0, 800])
def test_a_cancelled_order_nets_to_zero_but_for_the_drivers_fee(coop: Coop, fee: int) -> None:
    story = delivery(1_500)
    coop.happen(story.event("confirmed"), story.event("cancelled", cancellation_fee_minor=fee))
    assert of(coop, "hers") == {}
    due = half_up(fee * Fraction(1, 80))
    assert of(coop, "his") == ({"2100": fee - due, "2210": due} if fee else {})
    assert slips(coop, "hers")[0]["slip"]["reason"] == "cancelled"


def test_a_changed_fare_is_the_drivers_and_her_stated_part_stays(coop: Coop) -> None:
    story = delivery(1_500)
    coop.happen(story.event("confirmed"), story.event("fare_changed", lines=fare_of(6_000)))
    assert of(coop, "hers")["2200"] == oracle(1_500)[1]
    assert of(coop, "his")["2200"] == oracle(4_500)[1]
    coop.happen(story.event("fare_changed", lines=fare_of(1_000)))
    assert of(coop, "hers")["2200"] == oracle(1_000)[1]
    assert of(coop, "his") == {}


@pytest.mark.parametrize("payment", [CARD, CASH])
@pytest.mark.parametrize(("bearer", "hers", "his"), [("hers", 400, 0), ("his", 0, 400), ("", 0, 0)])
def test_a_refund_lowers_the_base_of_whoever_bears_it(
    coop: Coop, payment: PaymentTerms, bearer: str, hers: int, his: int
) -> None:
    story = delivery(1_500, payment=payment)
    who = {
        "refund_borne_by": "worker" if bearer else "cooperative",
        "refund_agent_id": "hers" if bearer == "hers" else None,
    }
    coop.happen(story.event("confirmed"), story.event("completed"))
    coop.happen(story.event("refunded", refund_minor=400, **who))
    her_pay, his_pay = oracle(1_500)[0] - hers, oracle(3_700)[0] - his
    her_due, his_due = (half_up(pay * Fraction(1, 80)) for pay in (her_pay, his_pay))
    assert of(coop, "hers") == {"2100": her_pay - her_due, "2210": her_due}
    own, in_hand = of(coop, "his"), 5_200 - his if payment is CASH else 0
    assert own["2210"] == his_due
    assert own.get("2100", 0) - own.get("1220", 0) == his_pay - his_due - in_hand
    assert coop.balances()["4000"] == 1_040


def test_each_has_the_cap_of_their_own_sector_and_vehicle(tmp_path: Path) -> None:
    coop = ka_coop(tmp_path)
    story = ka_story(agent_id="his", lines=fare_of(60_000))
    story.partners = (Partner("hers", 40_000, "logistics", "HCV"),)
    coop.happen(story.event("confirmed"), story.event("completed"))
    due = {name: f"2210:{KA}:{coop.local(name)}:FY2026-27Q2" for name in ("hers", "his")}
    assert coop.balances()[due["hers"]] == 150
    assert coop.balances()[due["his"]] == 100


def test_the_platform_hears_of_both_and_of_none_who_left(coop: Coop) -> None:
    story = delivery(1_500)
    told = coop.happen(story.event("confirmed"))
    assert amounts(told) == ["0.15", "0.37"]
    told = coop.happen(story.event("reassigned", agent_id="next"))
    assert amounts(told) == ["0.15", "0.37"]
    assert amounts(coop.happen(story.event("shared", partners=()))) == ["0.52"]


def amounts(told: tuple[dict[str, Any], ...]) -> list[str]:
    return sorted(tags.read([each])["@wayfare/contribution"]["AMOUNT"] for each in told)


def test_every_slip_of_both_verifies_with_its_way_into_the_sealed_books(coop: Coop) -> None:
    story = delivery(1_500, payment=CASH)
    coop.happen(story.event("confirmed"), story.event("shared", partners=(part(1_700),)))
    coop.happen(story.event("reassigned", agent_id="next"), story.event("completed"))
    coop.happen(
        story.event("refunded", refund_minor=300, refund_borne_by="worker", refund_agent_id="hers")
    )
    seal(coop)
    names = ("hers", "his", "next")
    verdicts = [
        check(json.dumps(each).encode(), coop.key.public)
        for name in names
        for each in slips(coop, name)
    ]
    assert len(verdicts) == coop.count("slip")
    assert all(verdict.is_sealed for verdict in verdicts)


def test_a_repeat_and_a_later_catching_up_post_the_same(tmp_path: Path) -> None:
    def events() -> list[OrderEvent]:
        story = delivery(0, payment=CASH)
        return [
            story.event("confirmed"),
            story.event("shared", partners=(part(1_500),)),
            story.event("reassigned", agent_id="next"),
            story.event("completed"),
        ]

    at_once, later = my_coop(tmp_path / "a"), my_coop(tmp_path / "b")
    at_once.happen(*events())
    for event in events():
        later.record(event)
    for event in (events()[-1], *events()):
        later.project(event)
    for name in ("hers", "his", "next"):
        assert of(at_once, name) == of(later, name)
    assert later.count("slip") == at_once.count("slip")


def mixes(one: list[OrderEvent], other: list[OrderEvent]) -> Iterator[list[OrderEvent]]:
    """Both orders' events in every order that keeps each order's own."""
    every = range(len(one) + len(other))
    for places in combinations(every, len(one)):
        first, second = iter(one), iter(other)
        yield [next(first) if n in places else next(second) for n in every]


def test_the_totals_of_both_do_not_depend_on_the_order_of_events(tmp_path: Path) -> None:
    def one() -> list[OrderEvent]:
        story = delivery(1_330, key="o1")
        return [
            story.event("confirmed"),
            story.event("shared", partners=(part(1_410),)),
            story.event("completed"),
        ]

    def other() -> list[OrderEvent]:
        story = Story(key="o2", agent_id="hers", lines=fare_of(770))
        story.partners = (Partner("his", 330, "ride", "CAB"),)
        return [story.event("confirmed"), story.event("completed")]

    found = set()
    for n, events in enumerate(mixes(one(), other())):
        coop = my_coop(tmp_path / str(n))
        coop.happen(*events)
        found.add((of(coop, "hers")["2210"], of(coop, "his")["2210"], coop.balances()["4000"]))
        coop.store.close()
    shares = [1_410, 440, 3_790, 330]
    expected = (oracle(*shares[:2])[1], oracle(*shares[2:])[1])
    assert found == {(*expected, sum(half_up(Fraction(minor, 5)) for minor in shares))}


def test_partners_named_in_any_order_have_the_same_amounts(tmp_path: Path) -> None:
    three = [part(1_000, "a"), part(900, "b"), part(700, "c")]
    found = set()
    for n, named in enumerate(permutations(three)):
        coop = my_coop(tmp_path / str(n))
        story = delivery(0)
        coop.happen(story.event("confirmed", partners=named), story.event("completed"))
        found.add(tuple(of(coop, name)["2210"] for name in ("a", "b", "c", "his")))
        coop.store.close()
    assert found == {tuple(oracle(minor)[1] for minor in (1_000, 900, 700, 2_600))}


def test_an_event_keeps_its_partners_and_an_older_row_without_any_is_read() -> None:
    event = delivery(1_500).event("confirmed")
    assert read_event(event_document(event)) == event
    alone = delivery(0).event("confirmed")
    older = (
        event_document(alone)
        .replace(b',"partners":[]', b"")
        .replace(b'"refund_agent_id":null,', b"")
    )
    assert older != event_document(alone)
    assert read_event(older) == alone
