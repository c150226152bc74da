"""update: another drop, a tip, another payment; asked first or meant, and nothing beside."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.orders.decision import Decision, Told
from bpp.orders.order import Order, in_state
from bpp.orders.update import FACTS_MAX, update
from protocol_specs.wire.errors import (
    ChangedOutsideTarget,
    FulfillmentUnavailable,
    InvalidUpdateTarget,
    Refused,
    UpdateNotPossible,
)
from protocol_specs.wire.order import (
    Fulfillment,
    Kind,
    PaymentTerms,
    Place,
    PriceLine,
    UpdateRequest,
)
from protocol_specs.wire.values import replace
from tests.bpp.cooperative import CASH as CASH_SAID
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.factories import (
    CASH,
    KL,
    NOW,
    PARIS,
    PREPAID,
    an_order,
    delivery_provider,
    office,
    ride_provider,
    worker,
)

WHERE = office()
NEARER = Place(3.145000, 101.690000)
TIP = "BUYER_ADDITIONAL_AMOUNT"


def an_active(payment: PaymentTerms = CASH) -> Order:
    return an_order(WHERE, worker(), payment)


def to(place: Place, order: Order, **changes: Any) -> UpdateRequest:
    fulfillment = Fulfillment(id="f1", kind=Kind.RIDE, drop=place)
    wish = UpdateRequest(order_id=order.id, targets=("fulfillments",), fulfillment=fulfillment)
    return replace(wish, **changes)


def tip(order: Order, minor: int, **changes: Any) -> UpdateRequest:
    lines = (*order.quote.lines, PriceLine(TIP, minor))
    wish = UpdateRequest(order_id=order.id, targets=("quote.breakup",), lines=lines, currency="MYR")
    return replace(wish, **changes)


def meant(order: Order, wish: UpdateRequest) -> Decision:
    decision = update(WHERE, order, wish, NOW + 60)
    assert isinstance(decision, Decision)
    return decision


def test_another_drop_is_priced_by_our_fares_and_the_event_tells_the_new_lines() -> None:
    order = an_active()
    decision = meant(order, to(NEARER, order))
    (event,) = decision.events
    assert decision.order.quote.total_minor < order.quote.total_minor
    assert (event.kind, event.lines) == ("fare_changed", decision.order.quote.lines)
    assert decision.order.payment.amount_minor == decision.order.quote.total_minor
    assert decision.order.view.fulfillment.drop == NEARER
    assert (decision.callbacks, decision.answer_status) == (("on_update",), "UPDATED")
    back = meant(decision.order, to(order.view.fulfillment.route()[1], order))
    assert back.order.quote.lines == order.quote.lines


def test_a_soft_update_tells_the_price_and_is_no_decision() -> None:
    order = an_active()
    told = update(WHERE, order, to(NEARER, order, soft=True), NOW)
    assert isinstance(told, Told)
    assert told.view.status == "SOFT_UPDATE"
    assert told.view.quote == meant(order, to(NEARER, order)).order.quote


def test_a_ride_that_has_begun_may_still_go_elsewhere() -> None:
    order = in_state(an_active(), "RIDE_STARTED", NOW)
    decision = meant(order, to(NEARER, order))
    assert decision.order.view.fulfillment.drop == NEARER
    # Else who was driven almost to the goal would name one next to the pickup and pay for that.
    assert (decision.order.quote, decision.events) == (order.quote, ())
    farther = meant(order, to(Place(3.20, 101.75), order)).order
    assert farther.fare_minor > order.fare_minor
    assert meant(farther, to(KL, order)).order.quote == farther.quote


@pytest.mark.parametrize("status", ["COMPLETE", "CANCELLED"])
def test_nothing_changes_after_the_end(status: str) -> None:
    order = an_active()
    over = replace(order, view=replace(order.view, status=status))
    for wish in (to(NEARER, order), tip(order, 100), to(NEARER, order, soft=True)):
        with pytest.raises(UpdateNotPossible) as refused:
            update(WHERE, over, wish, NOW)
        assert refused.value.code == "50002"


def test_a_tip_is_a_line_of_its_own_and_stays_with_another_drop() -> None:
    order = an_active()
    tipped = meant(order, tip(order, 500)).order
    assert tipped.quote.total_minor == order.quote.total_minor + 500
    assert (tipped.tip_minor, tipped.fare_minor) == (500, order.quote.total_minor)
    moved = meant(tipped, to(NEARER, order)).order
    assert moved.tip_minor == 500


def test_a_tip_given_twice_is_given_once_and_is_never_taken_back() -> None:
    order = meant(an_active(), tip(an_active(), 500)).order
    fare = replace(order.quote, lines=order.quote.lines[:-1])
    again = tip(replace(order, view=replace(order.view, quote=fare)), 500)
    assert isinstance(update(WHERE, order, again, NOW), Told)
    for less in (499, 0, -1):
        with pytest.raises(UpdateNotPossible):
            update(WHERE, order, replace(again, lines=(PriceLine(TIP, less),)), NOW)


def test_the_fare_is_not_the_consumers_to_change() -> None:
    order = an_active()
    cheaper = tip(order, 100, lines=(PriceLine("BASE_FARE", 1), PriceLine(TIP, 100)))
    with pytest.raises(UpdateNotPossible):
        update(WHERE, order, cheaper, NOW)


@pytest.mark.parametrize("targets", [("billing",), (), ("fulfillments", "items")])
def test_a_part_that_is_not_changed_here_is_refused(targets: tuple[str, ...]) -> None:
    order = an_active()
    with pytest.raises(InvalidUpdateTarget) as refused:
        update(WHERE, order, to(NEARER, order, targets=targets), NOW)
    assert refused.value.code == "30012"


def test_what_the_target_does_not_name_must_be_as_it_was() -> None:
    order = an_active()
    prepaid = (PREPAID,)
    outside = (
        tip(order, 100, fulfillment=to(NEARER, order).fulfillment),
        to(NEARER, order, lines=(PriceLine("BASE_FARE", 1),)),
        to(NEARER, order, payments=prepaid),
    )
    for wish in outside:
        with pytest.raises(ChangedOutsideTarget) as refused:
            update(WHERE, order, wish, NOW)
        assert refused.value.code == "30013"
    same = to(NEARER, order, lines=order.quote.lines, payments=order.view.payments)
    assert meant(order, same).order.view.fulfillment.drop == NEARER


def test_neither_the_pickup_nor_the_service_area_is_left() -> None:
    order = an_active()
    with pytest.raises(FulfillmentUnavailable):
        update(WHERE, order, to(PARIS, order), NOW)
    moved = Fulfillment(id="f1", kind=Kind.RIDE, pickup=NEARER)
    with pytest.raises(UpdateNotPossible, match="pickup"):
        update(WHERE, order, to(KL, order, fulfillment=moved), NOW)


def test_cash_may_become_prepaid_and_what_is_paid_stays_so() -> None:
    order = an_active()
    said = replace(PREPAID, reference="TXN-1")
    wish = UpdateRequest(order_id=order.id, targets=("payments",), payments=(said,))
    paid = meant(order, wish).order
    assert (paid.payment.collected_by, paid.payment.status) == ("BAP", "PAID")
    assert (paid.payment.reference, paid.payment.id) == ("TXN-1", order.payment.id)
    with pytest.raises(UpdateNotPossible):
        update(WHERE, paid, replace(wish, payments=(CASH,)), NOW)


def test_how_it_is_paid_is_settled_once_it_has_begun() -> None:
    """Else a fare said to be prepaid at the last moment would be spared its waiting charge."""
    order = in_state(an_active(), "RIDE_STARTED", NOW)
    wish = UpdateRequest(order_id=order.id, targets=("payments",), payments=(PREPAID,))
    with pytest.raises(UpdateNotPossible, match="begun"):
        update(WHERE, order, wish, NOW)
    same = replace(wish, payments=(CASH,))
    assert isinstance(update(WHERE, order, same, NOW), Told)


def test_another_way_to_pay_has_its_own_account() -> None:
    at_ours = replace(CASH, account="coop@bank")
    where = office(ride_provider(payments=(at_ours, PREPAID)))
    order = an_order(where, worker())
    wish = UpdateRequest(order_id=order.id, targets=("payments",), payments=(PREPAID,))
    decision = update(where, order, wish, NOW)
    assert isinstance(decision, Decision)
    assert (order.payment.account, decision.order.payment.account) == ("coop@bank", None)


def test_a_parcel_said_to_be_ready_takes_its_senders_code() -> None:
    where = office(delivery_provider())
    order = replace(
        in_state(an_order(where), "Pending", NOW, ready_to_ship=False), category="TWO_WHEELER"
    )
    ready = Fulfillment(id="", kind=Kind.DELIVERY, ready_to_ship=True, start_code="7788")
    wish = UpdateRequest(order_id=order.id, targets=("fulfillment",), fulfillment=ready)
    decision = update(where, order, wish, NOW + 60)
    assert isinstance(decision, Decision)
    assert (decision.order.state, decision.order.is_open()) == ("Searching-for-Agent", True)
    assert decision.order.view.fulfillment.start_code == "7788"
    assert not order.is_open()


def test_an_order_is_changed_so_often_and_no_more() -> None:
    order = replace(an_active(), events=FACTS_MAX)
    with pytest.raises(UpdateNotPossible, match="too often"):
        update(WHERE, order, to(NEARER, order), NOW)


wishes = st.one_of(
    st.builds(lambda m: ("tip", m), st.integers(-5, 10**7)),
    st.builds(
        lambda lat, lon: ("drop", Place(3.139 + lat / 1000, 101.6869 + lon / 1000)),
        st.integers(-300, 300),
        st.integers(-300, 300),
    ),
)


@given(st.lists(wishes, max_size=6))
def test_whatever_is_wished_the_quote_sums_and_no_tip_is_lost(asked: list[Any]) -> None:
    order = an_active()
    for kind, value in asked:
        before = order
        wish = to(value, order) if kind == "drop" else tip(order, 0, lines=(PriceLine(TIP, value),))
        try:
            decision = update(WHERE, order, wish, NOW)
        except Refused:
            continue
        order = decision.order if isinstance(decision, Decision) else order
        assert order.payment.amount_minor == order.quote.total_minor
        assert order.tip_minor >= before.tip_minor
        assert order.fare_minor > 0


# At the real door


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path) as running:
        await running.online("D1")
        yield running


def wish_of(order: dict[str, Any], **changes: Any) -> dict[str, Any]:
    stops = [{"type": "END", "location": {"gps": "3.145000,101.690000"}}]
    fulfillments = [{"id": order["fulfillments"][0]["id"], "stops": stops}]
    asked = {"id": order["id"], "fulfillments": fulfillments, **changes}
    return {"update_target": "fulfillments", "order": asked}


async def test_a_soft_update_again_and_again_stores_nothing_and_a_meant_one_is_told(
    there: Cooperative,
) -> None:
    order = await there.confirmed()
    before = there.books()
    prices = set()
    for _ in range(3):
        told = await there.ask("update", wish_of(order, status="SOFT_UPDATE"))
        prices.add(told["message"]["order"]["quote"]["price"]["value"])
    assert (len(prices), there.books()) == (1, before)
    told = await there.ask("update", wish_of(order))
    assert {told["message"]["order"]["quote"]["price"]["value"]} == prices
    kept = there.order(order["id"])
    assert kept.view.fulfillment.route()[1].lat == 3.145
    assert await there.drive("D1", "GET", "job") != (200, {"job": None})


@pytest.mark.parametrize(
    ("changes", "target", "code"),
    [
        ({}, "billing", "30012"),
        ({"payments": [{**CASH_SAID, "type": "POST-FULFILLMENT"}]}, "fulfillments", "30013"),
        ({"id": "another"}, "fulfillments", "30010"),
        ({"fulfillments": [{"stops": [{"type": "INTERMEDIATE_STOP"}]}]}, "fulfillments", "30000"),
    ],
)
async def test_a_refused_update_is_answered_with_its_code_and_stores_nothing(
    there: Cooperative, changes: dict[str, Any], target: str, code: str
) -> None:
    order = await there.confirmed()
    before = there.books()
    told = await there.ask("update", {**wish_of(order, **changes), "update_target": target})
    assert told["error"]["code"] == code
    assert "message" not in told
    assert there.books() == before


async def test_an_update_after_the_ride_is_too_late(there: Cooperative) -> None:
    order = await there.confirmed()
    await there.carried_out(order["id"])
    before = there.books()
    told = await there.ask("update", wish_of(order))
    assert told["error"]["code"] == "50002"
    assert there.books() == before
