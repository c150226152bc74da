"""cancel: the published fee by state, a quote that sums to the cent, and no way back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.orders.cancel import cancel, cancel_by_provider
from bpp.orders.decision import Decision, Told
from bpp.orders.order import Order, in_state
from bpp.orders.provider import cancellation_fee
from protocol_specs.wire.errors import CancellationNotPossible, InvalidCancellationReason
from protocol_specs.wire.order import CancellationTerm, CancelRequest, PriceLine
from protocol_specs.wire.values import replace
from tests.bpp.factories import NOW, PREPAID, an_order, office, ride_provider, worker

PROVIDER = ride_provider()


def cancelled(order: Order, reason_id: str | None = "001") -> Decision:
    decision = cancel(order, CancelRequest(order.id, reason_id), PROVIDER, NOW)
    assert isinstance(decision, Decision)
    return decision


def at(state: str) -> Order:
    return in_state(an_order(office(), worker()), state, NOW)


@pytest.mark.parametrize(
    ("state", "fee_minor"),
    [("RIDE_CONFIRMED", 0), ("RIDE_ASSIGNED", 0), ("RIDE_ENROUTE_PICKUP", 200)],
)
def test_the_fee_is_the_published_one_of_the_state(state: str, fee_minor: int) -> None:
    decision = cancelled(at(state))
    assert decision.order.quote.total_minor == fee_minor
    assert decision.events[0].cancellation_fee_minor == fee_minor


def test_a_fee_holds_until_the_next_state_that_has_one() -> None:
    """Else who comes to the door would get nothing, where only the way there was priced."""
    terms = (CancellationTerm("RIDE_ENROUTE_PICKUP", fee_minor=200, currency="MYR"),)
    for state, fee_minor in (("RIDE_ASSIGNED", 0), ("RIDE_ARRIVED_PICKUP", 200)):
        order = at(state)
        order = replace(order, view=replace(order.view, cancellation_terms=terms))
        assert cancelled(order).order.quote.total_minor == fee_minor


def test_a_percentage_fee_is_rounded_half_up() -> None:
    order = at("RIDE_ARRIVED_PICKUP")
    fee = cancelled(order).order.quote.total_minor
    exact = Decimal(order.quote.total_minor) * Decimal("33.3") / 100
    assert fee == int(exact + Decimal("0.5"))


def test_a_cancelled_order_shows_fare_fee_and_refund_and_who_cancelled_why() -> None:
    before = at("RIDE_ENROUTE_PICKUP")
    decision = cancelled(before, "003")
    view = decision.order.view
    assert view.quote is not None
    assert view.quote.lines[-2:] == (
        PriceLine("CANCELLATION_CHARGES", 200),
        PriceLine("REFUND", -before.quote.total_minor),
    )
    assert view.cancellation is not None
    assert (view.cancellation.cancelled_by, view.cancellation.reason_id) == ("CONSUMER", "003")
    assert (view.status, view.fulfillment.state) == ("CANCELLED", "RIDE_CANCELLED")
    assert decision.callbacks == ("on_cancel",)


def test_of_a_prepaid_order_all_but_the_fee_is_refunded_and_of_a_cash_order_nothing() -> None:
    prepaid = in_state(an_order(office(), worker(), PREPAID), "RIDE_ENROUTE_PICKUP", NOW)
    assert cancelled(prepaid).events[0].refund_minor == prepaid.quote.total_minor - 200
    assert cancelled(at("RIDE_ENROUTE_PICKUP")).events[0].refund_minor == 0


@pytest.mark.parametrize("state", ["RIDE_STARTED", "RIDE_ENDED"])
def test_a_ride_that_has_begun_is_not_cancelled_by_anybody(state: str) -> None:
    with pytest.raises(CancellationNotPossible) as refused:
        cancelled(at(state))
    assert refused.value.code == "50001"
    with pytest.raises(CancellationNotPossible):
        cancel_by_provider(at(state), "012", PROVIDER, NOW)


def test_a_cancelled_order_is_not_cancelled_again() -> None:
    once = cancelled(at("RIDE_ASSIGNED")).order
    with pytest.raises(CancellationNotPossible, match="CANCELLED already"):
        cancelled(once)


@pytest.mark.parametrize("reason_id", [None, "1", "011", "999"])
def test_a_reason_that_was_not_published_is_refused(reason_id: str | None) -> None:
    with pytest.raises(InvalidCancellationReason) as refused:
        cancelled(at("RIDE_ASSIGNED"), reason_id)
    assert refused.value.code == "30011"


def test_a_soft_cancel_tells_the_fee_and_changes_nothing() -> None:
    order = at("RIDE_ENROUTE_PICKUP")
    told = cancel(order, CancelRequest(order.id, soft=True), PROVIDER, NOW)
    assert isinstance(told, Told)
    assert told.view.quote is not None
    assert told.view.quote.total_minor == 200
    assert (told.view.status, told.view.fulfillment.state) == ("SOFT_CANCEL", order.state)


def test_a_provider_that_cancels_charges_nothing() -> None:
    decision = cancel_by_provider(at("RIDE_ARRIVED_PICKUP"), "012", PROVIDER, NOW)
    assert decision.order.quote.total_minor == 0
    assert decision.events[0].cancelled_by == "PROVIDER"


fees = st.builds(CancellationTerm, st.just("S"), fee_minor=st.integers(0, 10**6)) | st.builds(
    CancellationTerm,
    st.just("S"),
    fee_percentage=st.decimals(0, 100, places=2).map(str),
)


@given(fees, st.integers(0, 10**6))
def test_no_fee_is_above_the_fare_or_below_zero(term: CancellationTerm, total_minor: int) -> None:
    assert 0 <= cancellation_fee(term, total_minor) <= total_minor


@given(fees)
def test_a_cancelled_quote_always_sums_to_the_fee(term: CancellationTerm) -> None:
    order = an_order(office(), worker())
    term = replace(term, state=order.state, reason_required=False)
    order = replace(order, view=replace(order.view, cancellation_terms=(term,)))
    fee = cancellation_fee(term, order.quote.total_minor)
    assert cancelled(order).order.quote.total_minor == fee
