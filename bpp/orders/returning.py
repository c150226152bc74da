"""A parcel that nobody takes goes back to its sender: a leg of its own, at the published fee."""

from bpp.orders.decision import Decision
from bpp.orders.order import ACTIVE, CANCELLED, Order, in_state, paid, priced, record
from bpp.orders.provider import Provider, require_return_reason, return_fee
from protocol_specs.wire.errors import ActionNotApplicable
from protocol_specs.wire.order import Cancellation, Kind, PriceLine, ReturnLeg
from protocol_specs.wire.values import replace

LINE = "RTO"
INITIATED, DELIVERED, DISPOSED = "RTO-Initiated", "RTO-Delivered", "RTO-Disposed"


def bring_back(order: Order, reason_id: str, provider: Provider, now: int) -> Decision:
    """The driver turns round: the way there is cancelled, the way back begins and costs its fee.

    The order stays active until the parcel is back. Raises ActionNotApplicable, and
    InvalidCancellationReason.
    """
    reason_id = require_return_reason(provider, reason_id)
    leg = order.view.fulfillment.return_leg
    if leg is not None or order.status != ACTIVE or not order.has_begun():
        raise ActionNotApplicable(f"only a parcel on its way is brought back; it is {order.state}")
    if order.view.fulfillment.kind is not Kind.DELIVERY:
        raise ActionNotApplicable("a ride brings nothing back")
    # After this point the parcel is on its way back.
    fulfillment_id = order.view.fulfillment.id
    back = ReturnLeg(f"{fulfillment_id}-RTO", INITIATED, reason_id, started_at=now)
    fee_minor = return_fee(provider, order.fare_minor)
    if fee_minor:
        order = priced(order, (*order.quote.lines, PriceLine(LINE, fee_minor)))
    turned = in_state(order, order.states.cancelled, now, cancelled_in=order.state, return_leg=back)
    why = Cancellation("PROVIDER", reason_id, now, party_id=provider.subscriber_id)
    turned = replace(turned, view=replace(turned.view, cancellation=why))
    if not fee_minor:
        return Decision(turned, (), ("on_cancel",))
    turned, event = record(turned, "fare_changed", provider, now)
    return Decision(turned, (event,), ("on_cancel",))


def brought_back(
    order: Order, provider: Provider, now: int, *, is_disposed: bool, cash_collected: bool
) -> Decision:
    """The parcel is with its sender again, or `is_disposed` of: the order is over, its work done.

    What was agreed and the fee are earned as with any other job. Raises ActionNotApplicable.
    """
    leg = order.view.fulfillment.return_leg
    if leg is None or leg.ended_at is not None:
        raise ActionNotApplicable("no parcel is on its way back")
    state = DISPOSED if is_disposed else DELIVERED
    if order.payment.collected_by == "BPP" and cash_collected:
        order = paid(order, "PAID")
    ended = in_state(order, order.state, now, return_leg=replace(leg, state=state, ended_at=now))
    ended = replace(ended, view=replace(ended.view, status=CANCELLED))
    ended, completed = record(ended, "completed", provider, now)
    return Decision(ended, (completed,), ("on_status",))
