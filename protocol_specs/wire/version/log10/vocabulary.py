"""The words of ONDC's delivery networks, and in what the two editions of their rules differ."""

from __future__ import annotations

from dataclasses import dataclass

from protocol_specs.wire.errors import (
    AgentUnavailable,
    FulfillmentUnavailable,
    TrackingNotSupported,
)
from protocol_specs.wire.order import DELIVERY_CANCELLED, DELIVERY_STATES, PaymentType

ACTIONS = frozenset({"search", "init", "confirm", "update", "status", "track", "cancel", "support"})

ERROR_CODES = {
    FulfillmentUnavailable.code: "60001",
    AgentUnavailable.code: "60004",
    TrackingNotSupported.code: "60012",
}
"""The network's numbers: pickup not serviceable, no rider, tracking off."""

CURRENCY = "INR"
"""These are networks of one country; a parcel's declared value is in its currency."""
COUNTRY = "IND"
LOCAL_OFFSET_S = 19_800
"""India's clocks: a turnaround time is reckoned for a day there."""

SERVICE_LEVEL = "Immediate Delivery"
"""The on-demand level of service: at the door within the hour."""
TURNAROUND_S = 3600
PICKUP_S = 900
"""An agent is at the sender's within a quarter of an hour unless something else is said."""
QUOTE_TTL_S = 900

DELIVERY = "Delivery"
RETURN = "RTO"
RETURN_SUFFIX = "-RTO"
"""Item and fulfillment of the way back are named after those of the way there."""
RETURN_OVER = ("RTO-Delivered", "RTO-Disposed")
START_ID = "S1"
OTHER_GOODS = "Others"


def service_level(word: str) -> str | None:
    """How soon, in our model: None for the on-demand level."""
    return None if word == SERVICE_LEVEL else word


RETURN_LINE = "RTO"
_TITLES = {
    "TAX": "tax",
    "GST": "tax",
    "CGST": "tax",
    "SGST": "tax",
    "IGST": "tax",
    "DISCOUNT": "discount",
    "COD": "cod",
    "DIFF": "diff",
    "TAX_DIFF": "tax_diff",
    RETURN_LINE: "rto",
}
_CODES = {"delivery": "BASE_FARE"}


def title_type(code: str) -> str:
    """The kind of line a code of ours is: all that makes up a fare is `delivery`."""
    return _TITLES.get(code, "delivery")


def line_code(title: str) -> str:
    """Our code of a kind of line."""
    return _CODES.get(title.lower(), title.upper())


PAYMENT_TYPES = frozenset({"PRE-ORDER", "ON-FULFILLMENT", "POST-FULFILLMENT"})
"""Those that are read back as they were written."""


def payment_type(given: PaymentType) -> str:
    """Both ways of paying beforehand are one here."""
    return "ON-ORDER" if given in ("PRE-ORDER", "PRE-FULFILLMENT") else given


# States

_STATUS = {
    "created": "ACTIVE",
    "accepted": "ACTIVE",
    "in-progress": "ACTIVE",
    "completed": "COMPLETE",
    "cancelled": "CANCELLED",
}
_HUB_STATES = {
    "out-for-pickup": "Agent-assigned",
    "pickup-failed": "Agent-assigned",
    "pickup-rescheduled": "Agent-assigned",
    "in-transit": "Order-picked-up",
    "at-destination-hub": "Order-picked-up",
    "delivery-failed": "At-delivery",
    "delivery-rescheduled": "Out-for-delivery",
    "rto": DELIVERY_CANCELLED,
}
"""States of deliveries between cities, as the step they are in ours."""
_STATES = {state.lower(): state for state in (*DELIVERY_STATES, DELIVERY_CANCELLED)} | _HUB_STATES


def order_status(word: str) -> str | None:
    """Our status of an order's state; None for a word that we do not know."""
    return _STATUS.get(word.lower())


def state(word: str) -> str:
    """Our state of a delivery's; a word that we do not know stays as it is."""
    return _STATES.get(word.lower(), word)


# Yes and no


def yes_no(claim: bool) -> str:
    """How a tag says it."""
    return "yes" if claim else "no"


def is_yes(word: str) -> bool:
    """Whether a tag claims something: "yes", "Y", "Yes" and JSON's true all occur."""
    return word.lower() in ("yes", "y", "true")


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of the rules.

    `is_tagged`: parcel, sender and terms stand in tags throughout. `has_return_state`:
    a delivery on its way back is in the state RTO and its order goes on; without it both are
    cancelled at once. `item_code` stands in each item's descriptor. `payees` are the words for
    who is settled with, by who collects. `reasons` are those a buyer may cancel for; empty: any.
    """

    name: str
    version: str
    is_tagged: bool
    has_return_state: bool
    item_code: str | None
    payees: tuple[str, str]
    terms: tuple[str, ...]
    reasons: frozenset[str]


LOG10_1_2_5 = Edition(
    name="log10-1.2.5",
    version="1.2.5",
    is_tagged=True,
    has_return_state=True,
    item_code=None,
    payees=("lsp", "lbnp"),
    terms=("static_terms",),
    reasons=frozenset(
        ["004", "005", "007", "150", "151", "152", "153", "154", "155", "156", "175", "994", "996"]
    ),
)
LOG_1_2_0 = Edition(
    name="log-1.2.0",
    version="1.2.0",
    is_tagged=False,
    has_return_state=False,
    item_code="P2P",
    payees=("seller-app", "buyer-app"),
    terms=("static_terms", "mandatory_arbitration", "court_jurisdiction", "delay_interest"),
    reasons=frozenset(),
)
