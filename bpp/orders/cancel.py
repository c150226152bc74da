"""cancel: what it costs by the published terms, and the order ended."""

from bpp.orders.decision import Decision, Told
from bpp.orders.order import ACTIVE, CANCELLED, Order, in_state, priced, record
from bpp.orders.provider import Provider, cancellation_fee, require_reason
from protocol_specs.wire.errors import CancellationNotPossible, InvalidCancellationReason
from protocol_specs.wire.order import (
    Cancellation,
    CancellationTerm,
    CancelledBy,
    CancelRequest,
    PriceLine,
)
from protocol_specs.wire.values import replace


def cancel(order: Order, request: CancelRequest, provider: Provider, now: int) -> Decision | Told:
    """The consumer's wish, carried out; a soft one is only answered. Raises Refused."""
    require_cancellable(order)
    reason_id = _reason(order, request, provider)
    fee_minor = cancellation_fee(standing_term(order), order.fare_minor)
    if request.soft:
        why = Cancellation("CONSUMER", reason_id, now, party_id=order.peer.bap_id)
        would_be = priced(order, cancelled_lines(order, fee_minor)).shown()
        return Told(replace(would_be, status="SOFT_CANCEL", cancellation=why))
    return _ended(order, provider, now, by="CONSUMER", reason_id=reason_id, fee_minor=fee_minor)


def cancel_by_provider(order: Order, reason_id: str, provider: Provider, now: int) -> Decision:
    """The driver's or the desk's cancellation: free of charge. Raises CancellationNotPossible."""
    require_cancellable(order)
    return _ended(order, provider, now, by="PROVIDER", reason_id=reason_id, fee_minor=0)


def require_cancellable(order: Order) -> None:
    """Raises CancellationNotPossible unless the order is active and not begun."""
    if order.status != ACTIVE:
        raise CancellationNotPossible(f"the order is {order.status} already")
    if order.has_begun():
        raise CancellationNotPossible(
            f"the order has gone too far to be cancelled ({order.state}); call the provider"
        )


def standing_term(order: Order) -> CancellationTerm | None:
    """The published term that holds now: the last that begins at or before the order's state."""
    published = {term.state: term for term in order.view.cancellation_terms}
    begun = order.states.all[: order.states.all.index(order.state) + 1]
    return next((published[state] for state in reversed(begun) if state in published), None)


def cancelled_lines(order: Order, fee_minor: int) -> tuple[PriceLine, ...]:
    """The fare, the fee, and the fare taken back: their sum is the fee (TRV10's example)."""
    refund = PriceLine("REFUND", -order.quote.total_minor)
    return (*order.quote.lines, PriceLine("CANCELLATION_CHARGES", fee_minor), refund)


def _reason(order: Order, request: CancelRequest, provider: Provider) -> str:
    term = standing_term(order)
    if request.reason_id is None and (request.soft or (term and not term.reason_required)):
        return "000"
    if request.reason_id is None:
        raise InvalidCancellationReason(
            "a reason is required to cancel", path="/message/cancellation_reason_id"
        )
    return require_reason(provider, request.reason_id)


def _ended(
    order: Order, provider: Provider, now: int, *, by: CancelledBy, reason_id: str, fee_minor: int
) -> Decision:
    paid_minor = order.quote.total_minor if order.payment.status == "PAID" else 0
    party_id = order.peer.bap_id if by == "CONSUMER" else provider.subscriber_id
    ended = priced(order, cancelled_lines(order, fee_minor))
    ended = replace(
        ended,
        view=replace(
            ended.view,
            status=CANCELLED,
            cancellation=Cancellation(by, reason_id, now, party_id=party_id),
        ),
    )
    ended = in_state(ended, order.states.cancelled, now)
    ended, event = record(
        ended,
        "cancelled",
        provider,
        now,
        cancelled_by=by,
        cancellation_fee_minor=fee_minor,
        refund_minor=max(0, paid_minor - fee_minor),
    )
    return Decision(ended, (event,), ("on_cancel",))
