"""How far an order has come: which of two statements about it is the later one."""

from __future__ import annotations

from protocol_specs.wire.order import (
    DELIVERY_CANCELLED,
    DELIVERY_STATES,
    RIDE_CANCELLED,
    RIDE_STATES,
    OrderView,
)

ENDED = frozenset({"COMPLETE", "CANCELLED"})
"""Order statuses after which nothing begins again."""

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
    if is_ended(told) or (later > 0 and rank(known) < UNDER_WAY_RANK):
        return True
    return rank(told) >= rank(known)
