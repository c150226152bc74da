"""How far an order has come: which of two statements about it is the later one."""

from __future__ import annotations

from protocol_specs.wire.order import (
    DELIVERY_CANCELLED,
    DELIVERY_STATES,
    RIDE_CANCELLED,
    RIDE_STATES,
    CancelledBy,
    OrderView,
)

ENDED = frozenset({"COMPLETE", "CANCELLED"})
"""Order statuses after which nothing begins again."""

RETURN_ENDED = frozenset({"RTO-Delivered", "RTO-Disposed"})
"""States after which a parcel is no longer on its way back (ONDC LOG10)."""

UNDER_WAY_RANK = 4
"""Rank from which passenger or parcel is on board: RIDE_STARTED, Order-picked-up."""

_RANKS = {
    state: rank for order in (RIDE_STATES, DELIVERY_STATES) for rank, state in enumerate(order)
}
_CANCELLED = frozenset({RIDE_CANCELLED, DELIVERY_CANCELLED})


def is_cancelled(view: OrderView) -> bool:
    """Whether the order itself says that it was cancelled."""
    return view.status == "CANCELLED" or view.fulfillment.state in _CANCELLED


def is_ended(view: OrderView) -> bool:
    """Whether the order is over, done or cancelled."""
    return view.status in ENDED or is_cancelled(view)


def cancelled_by(view: OrderView, bpp_id: str | None) -> CancelledBy | None:
    """Who ended the order; delivery networks name the platform instead."""
    given = view.cancellation
    if given is None or given.cancelled_by is not None or given.party_id is None:
        return None if given is None else given.cancelled_by
    return "PROVIDER" if given.party_id == bpp_id else "CONSUMER"


def rank_of(state: str | None) -> int:
    """Position of a state in its order of states; -1 for none or an unknown word."""
    return _RANKS.get(state or "", -1)


def rank(view: OrderView) -> int:
    """Position of the order's fulfillment state."""
    return rank_of(view.fulfillment.state)


def supersedes(told: OrderView, known: OrderView) -> bool:
    """Whether what is told now may replace what is known: by the order's own clock and state.

    Arrival says nothing (callbacks are repeated, retried and reordered). An ended order stays ended
    the way it ended; a passenger or parcel on board does not go back to waiting. Between those, the
    later `updated_at` wins (an agent may be replaced, which steps the state back); without a later
    one, the state must not step back.
    """
    if is_ended(known) and not (is_ended(told) and is_cancelled(told) == is_cancelled(known)):
        return False
    clocked = told.updated_at is not None and known.updated_at is not None
    later = (told.updated_at or 0) - (known.updated_at or 0) if clocked else 0
    if later < 0:
        return False
    if later == 0 and _is_back(known) and not _is_back(told):
        return False
    if is_ended(told) or (later > 0 and rank(known) < UNDER_WAY_RANK):
        return True
    return rank(told) >= rank(known)


def _is_back(view: OrderView) -> bool:
    """Whether a parcel that nobody took has been brought back, or disposed of."""
    leg = view.fulfillment.return_leg
    return leg is not None and leg.state in RETURN_ENDED


def is_only_told(view: OrderView) -> bool:
    """Whether this is an answer to a question what something would cost; the order stands."""
    return view.status in ("SOFT_CANCEL", "SOFT_UPDATE")
