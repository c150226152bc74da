"""A parcel goes back only from on its way there, once, and costs what is published."""

from decimal import Decimal

import pytest

from bpp.orders.decision import Decision
from bpp.orders.order import Order, in_state
from bpp.orders.returning import bring_back, brought_back
from bpp.orders.update import update
from protocol_specs.wire.errors import (
    ActionNotApplicable,
    InvalidCancellationReason,
    UpdateNotPossible,
)
from protocol_specs.wire.order import PriceLine, UpdateRequest
from protocol_specs.wire.values import replace
from tests.bpp.factories import (
    NOW,
    PREPAID,
    an_order,
    delivery_provider,
    office,
    ride_provider,
    worker,
)

PARCELS = delivery_provider(return_percentage=Decimal(50))
WHERE = office(PARCELS)
COURIER = worker(category="TWO_WHEELER")


def at(state: str) -> Order:
    return in_state(an_order(WHERE, COURIER, PREPAID), state, NOW)


def turned(order: Order, reason_id: str = "013") -> Decision:
    return bring_back(order, reason_id, PARCELS, NOW + 60)


@pytest.mark.parametrize("state", ["Order-picked-up", "Out-for-delivery", "At-delivery"])
def test_the_way_back_is_a_leg_of_its_own_at_its_fee_and_the_order_stays_active(state: str) -> None:
    before = at(state)
    order = turned(before).order
    leg = order.view.fulfillment.return_leg
    assert leg is not None
    assert (leg.id, leg.state) == (f"{before.view.fulfillment.id}-RTO", "RTO-Initiated")
    assert (order.status, order.state) == ("ACTIVE", "Cancelled")
    assert order.view.fulfillment.cancelled_in == state
    half = (before.quote.total_minor + 1) // 2
    assert order.quote.lines[-1] == PriceLine("RTO", half)
    assert order.payment.amount_minor == before.quote.total_minor + half
    assert turned(before).events[0].kind == "fare_changed"


@pytest.mark.parametrize("state", ["Searching-for-Agent", "Agent-assigned", "At-pickup"])
def test_what_was_not_fetched_is_not_brought_back(state: str) -> None:
    with pytest.raises(ActionNotApplicable):
        turned(at(state))


def test_a_ride_is_not_brought_back() -> None:
    rides = ride_provider(return_reasons=PARCELS.return_reasons)
    ride = in_state(an_order(office(rides), worker()), "RIDE_STARTED", NOW)
    with pytest.raises(ActionNotApplicable, match="ride"):
        bring_back(ride, "013", rides, NOW)


def test_only_a_published_reason_turns_a_parcel_round() -> None:
    with pytest.raises(InvalidCancellationReason):
        turned(at("At-delivery"), "012")


def test_it_turns_once_and_is_back_once_and_nothing_changes_on_the_way() -> None:
    back = turned(at("At-delivery")).order
    with pytest.raises(ActionNotApplicable):
        turned(back)
    tip = (PriceLine("TIP", 100),)
    with pytest.raises(UpdateNotPossible):
        update(WHERE, back, UpdateRequest(order_id=back.id, targets=("quote",), lines=tip), NOW)
    over = brought_back(back, PARCELS, NOW + 99, is_disposed=True, cash_collected=False).order
    leg = over.view.fulfillment.return_leg
    assert leg is not None
    assert (leg.state, leg.ended_at, over.status) == ("RTO-Disposed", NOW + 99, "CANCELLED")
    assert over.is_done()
    with pytest.raises(ActionNotApplicable):
        brought_back(over, PARCELS, NOW + 99, is_disposed=True, cash_collected=False)


def test_without_a_fee_nothing_is_charged_and_the_books_hear_nothing() -> None:
    free = replace(PARCELS, return_percentage=Decimal(0))
    order = at("At-delivery")
    decision = bring_back(order, "011", free, NOW)
    assert decision.events == ()
    assert decision.order.quote == order.quote
