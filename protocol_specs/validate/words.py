"""What each dialect says, as data: its shape, states, order words, terms and who answers whom.

Sources: Beckn core 1.1.1 with BECKN-003; ONDC's published rules for TRV10 2.0.1 and 2.1.0 and for
LOG10 and LOG11 1.2.5; the logistics contract 1.2.0 of nic2004:60232.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocol_specs.wire.errors import NotServed
from protocol_specs.wire.version import Dialects

CORE, TRV_20, TRV_21 = "core-1.1", "trv10-2.0.1", "trv10-2.1.0"
LOG_125, LOG_120 = "log10-1.2.5", "log-1.2.0"
RIDES = frozenset({TRV_20, TRV_21})
DELIVERIES = frozenset({LOG_125, LOG_120})

UNSOLICITED = frozenset({"on_status", "on_update", "on_cancel"})
"""Callbacks that a provider also sends unasked (BECKN-003)."""

META = {
    "get_cancellation_reasons": "cancellation_reasons",
    "get_return_reasons": "return_reasons",
    "get_rating_categories": "rating_categories",
}
"""The meta calls; their callbacks carry no on_."""

ACTIONS = ("search", "select", "init", "confirm", "status", "track", "cancel", "update", "rating")
REQUESTS = frozenset({*ACTIONS, "support", *META})
CALLBACKS = {f"on_{action}": action for action in (*ACTIONS, "support")} | {
    callback: action for action, callback in META.items()
}
"""The request that each callback answers."""

RIDE_LADDER = {
    "RIDE_CONFIRMED": 0,
    "RIDE_ASSIGNED": 1,
    "RIDE_ENROUTE_PICKUP": 2,
    "RIDE_ARRIVED_PICKUP": 3,
    "RIDE_STARTED": 4,
    "RIDE_ENDED": 5,
}
DELIVERY_LADDER = {
    "Pending": 0,
    "Searching-for-Agent": 1,
    "Agent-assigned": 2,
    "At-pickup": 3,
    "Out-for-pickup": 3,
    "Pickup-failed": 3,
    "Pickup-rescheduled": 3,
    "Order-picked-up": 4,
    "In-transit": 5,
    "At-destination-hub": 5,
    "Out-for-delivery": 6,
    "Delivery-failed": 6,
    "Delivery-rescheduled": 6,
    "At-delivery": 7,
    "Order-delivered": 8,
}
RETURN_LADDER = {"RTO-Initiated": 0, "RTO-Delivered": 1, "RTO-Disposed": 1}


@dataclass(frozen=True, slots=True)
class Ladder:
    """States in their order; equal ranks may alternate. `assigned`, `begun`, `ended` are ranks:
    from when an agent is there, from when it cannot be cancelled, and the last one."""

    ranks: Mapping[str, int]
    cancelled: frozenset[str]
    assigned: int
    begun: int
    ended: int


RIDE = Ladder(RIDE_LADDER, frozenset({"RIDE_CANCELLED"}), assigned=1, begun=4, ended=5)
DELIVERY = Ladder(DELIVERY_LADDER, frozenset({"Cancelled", "RTO"}), assigned=2, begun=9, ended=8)
RETURN = Ladder(RETURN_LADDER, frozenset(), assigned=9, begun=9, ended=1)


def ladder_of(state: str) -> Ladder | None:
    """The ladder that a state stands on; None for a word of none."""
    for ladder in (RIDE, DELIVERY, RETURN):
        if state in ladder.ranks or state in ladder.cancelled:
            return ladder
    return None


@dataclass(frozen=True, slots=True)
class Words:
    """How one dialect speaks.

    `flat`: the shape of core 0.9 (flat context, one payment, order.state). `statuses`: the order
    words each callback may carry. `ended`, `cancelled`: the words of a finished and a cancelled
    order. `order_id_from`: the action whose order.id is the order's. `millis`: times are UTC with
    three decimals. `near`: versions and domains without rules of their own here.
    """

    dialect: str
    flat: bool
    has_select: bool
    order_id_from: str
    statuses: Mapping[str, frozenset[str]]
    ended: frozenset[str]
    cancelled: frozenset[str]
    search_is_open: bool
    millis: bool
    near: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RIDE_STATUSES = {
    "on_confirm": _words("ACTIVE"),
    "on_status": _words("ACTIVE COMPLETE COMPLETED CANCELLED SOFT_CANCEL SOFT_UPDATE UPDATED"),
    "on_update": _words("ACTIVE COMPLETE COMPLETED SOFT_UPDATE CONFIRM_UPDATE UPDATED"),
    "on_cancel": _words("SOFT_CANCEL CONFIRM_CANCEL CANCELLED"),
}
_CORE_STATUSES = _RIDE_STATUSES | {"on_cancel": _words("ACTIVE SOFT_CANCEL CANCELLED")}
"""Core 1.1.1 has no word for an order whose cancellation was only asked about: it stays ACTIVE."""

_DELIVERY_STATUSES = {
    "confirm": _words("Created"),
    "on_confirm": _words("Created Accepted"),
    "on_update": _words("Created Accepted In-progress Completed Cancelled"),
    "on_status": _words("Created Accepted In-progress Completed Cancelled"),
    "on_cancel": _words("Cancelled In-progress"),
}


def _ride(dialect: str, *, ondc: bool, near: str = "") -> Words:
    return Words(
        dialect=dialect,
        flat=False,
        has_select=True,
        order_id_from="on_confirm",
        statuses=_RIDE_STATUSES if ondc else _CORE_STATUSES,
        ended=_words("COMPLETE COMPLETED"),
        cancelled=_words("CANCELLED"),
        search_is_open=ondc,
        millis=ondc,
        near=_words(near),
    )


def _delivery(dialect: str, *, near: str = "") -> Words:
    return Words(
        dialect=dialect,
        flat=True,
        has_select=False,
        order_id_from="confirm",
        statuses=_DELIVERY_STATUSES,
        ended=_words("Completed"),
        cancelled=_words("Cancelled"),
        search_is_open=True,
        millis=True,
        near=_words(near),
    )


WORDS = {
    words.dialect: words
    for words in (
        _ride(CORE, ondc=False),
        _ride(TRV_20, ondc=True, near="2.0.0"),
        _ride(TRV_21, ondc=True),
        _delivery(LOG_125, near="ONDC:LOG11"),
        _delivery(LOG_120),
    )
}


_SPOKEN = Dialects.every()
_NEAR = {"ONDC:LOG11": "ONDC:LOG10"}


def dialect_of(document: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    """The dialect by whose rules a message is judged: its own, or that of a neighbour.

    None for a contract that is not known here: to judge it by other rules would mislead.
    """
    near = _NEAR.get(str(context.get("domain")))
    if near is not None:
        document = {"context": {**context, "domain": near}}
    try:
        return _SPOKEN.of(document).traits.name
    except NotServed:
        return None
