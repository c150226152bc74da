"""Lists that a citizen picks from: the provider's once it was asked, until then the network's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bap.journey import Journey
from protocol_specs.wire.order import Kind, Reason

CANCELLATION = "cancellation_reasons"
RETURN = "return_reasons"
RATED = "rating_categories"

CHOICES_MAX = 50
TEXT_CHARS_MAX = 120
ID_CHARS_MAX = 20

CATEGORIES = ("Item", "Order", "Fulfillment", "Provider", "Agent", "Support")
"""What core 1.1 lets be rated (BECKN-008)."""

_RIDE = (
    ("001", "The driver is not moving"),
    ("002", "The driver cannot be reached"),
    ("003", "The driver asked me to cancel"),
    ("004", "The pick-up place is wrong"),
    ("005", "Booked by mistake"),
)
_DELIVERY = (
    ("004", "It is taking too long"),
    ("005", "The sender called it off"),
)
_CATEGORY_OF = {
    **{category.upper(): category for category in CATEGORIES},
    "RIDER": "Fulfillment",
    "DRIVER": "Agent",
    "SERVICE": "Order",
}
"""Core's words, and those of the ride network's own file for the same things."""


def shown(journey: Journey, callback: str) -> list[dict[str, Any]]:
    """The choices to be shown now."""
    known = journey.read_choices(callback)
    if known is not None:
        return known
    if callback == RATED:
        return [{"id": category, "text": None} for category in CATEGORIES]
    if callback == RETURN:
        return []
    of_network = journey.kind == Kind.DELIVERY and journey.speech.traits.is_flat
    pairs = _DELIVERY if of_network else _RIDE
    return [{"id": reason_id, "text": text} for reason_id, text in pairs]


def usable(callback: str, reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """What a provider lists, as far as it can be shown and said back; bounded."""
    if callback == RATED:
        named = (_CATEGORY_OF.get(reason.id.upper()) for reason in reasons)
        return [{"id": one, "text": None} for one in dict.fromkeys(filter(None, named))]
    return [
        {"id": reason.id, "text": (reason.text or reason.id)[:TEXT_CHARS_MAX]}
        for reason in _short(reasons)
    ]


def _short(reasons: Iterable[Reason]) -> Sequence[Reason]:
    fine = [one for one in reasons if 0 < len(one.id) <= ID_CHARS_MAX and _is_id(one.id)]
    return fine[:CHOICES_MAX]


def _is_id(text: str) -> bool:
    """What POST cancel takes for a reason."""
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum()
