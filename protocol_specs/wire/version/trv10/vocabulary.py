"""The closed lists of ONDC's ride network (TRV10), and how our own words fall into them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocol_specs.wire.errors import (
    AgentUnavailable,
    FulfillmentUnavailable,
    TrackingNotSupported,
)

ACTIONS = frozenset(
    {
        *("search", "select", "init", "confirm"),
        *("status", "track", "cancel", "update", "rating", "support"),
    }
)

ERROR_CODES = {
    FulfillmentUnavailable.code: "90201",
    TrackingNotSupported.code: "90202",
    AgentUnavailable.code: "90203",
}
"""The network's numbers: route not serviceable, tracking off, no driver assigned."""


@dataclass(frozen=True, slots=True)
class Edition:
    """In what the two versions differ.

    2.0.1 puts the terms between the platforms into the tags of each payment; 2.1.0 puts them into
    those of intent, catalog and order, and sorts its offers into categories. `terms` are those
    that a provider must give.
    """

    version: str
    has_terms_in_payments: bool
    has_categories: bool
    terms: tuple[str, ...]


ON_DEMAND, SCHEDULED = "ON_DEMAND_TRIP", "SCHEDULED_TRIP"
RIDE = "RIDE"
RIDE_NAME = "Ride"
CANCEL_NAME = "Ride Cancellation"

VARIANTS = frozenset({"SEDAN", "SUV", "HATCHBACK", "TWO_WHEELER", "AUTO_RICKSHAW"})
ENERGY_TYPES = frozenset({"ELECTRIC", "PETROL", "DIESEL", "HYDROGEN", "BIOFUELS", "CNG", "LPG"})
CATEGORIES = frozenset({"AUTO_RICKSHAW", "CAB", "TWO_WHEELER"})
PAYMENT_TYPES = frozenset({"PRE-ORDER", "ON-FULFILLMENT"})

BASE_FARE, DISTANCE_FARE, TAX = "BASE_FARE", "DISTANCE_FARE", "TAX"
TITLES = frozenset(
    {
        *(BASE_FARE, DISTANCE_FARE, "TOLL_CHARGES", "PARKING_CHARGES", TAX, "WAITING_CHARGES"),
        *("CANCELLATION_CHARGES", "REFUND", "DRIVER_BATA", "NIGHT_CHARGES"),
        *("BUYER_ADDITIONAL_AMOUNT", "ADD_ONS"),
    }
)
"""Titles that a line of a breakup may have."""

_NEAREST = {
    "TIME_FARE": DISTANCE_FARE,
    "ZONE_CHARGES": BASE_FARE,
    "DISCOUNT": BASE_FARE,
    "DISCOUNT_BORNE_BY_COOPERATIVE": BASE_FARE,
    "TIP": "BUYER_ADDITIONAL_AMOUNT",
}

_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]|24:00:00")
_FARE_POLICY = {
    **dict.fromkeys(("MIN_FARE", "MIN_FARE_DISTANCE_KM", "PER_KM_CHARGE"), _DECIMAL),
    **dict.fromkeys(("PICKUP_CHARGE", "WAITING_CHARGE_PER_MIN"), _DECIMAL),
    "NIGHT_CHARGE_MULTIPLIER": _DECIMAL,
    "NIGHT_SHIFT_START_TIME": _CLOCK,
    "NIGHT_SHIFT_END_TIME": _CLOCK,
}
_NOT_DIGITS = re.compile(r"[^0-9]")
_INDIAN = re.compile(r"(?:91|0)?([0-9]{10})")


def title(code: str) -> str:
    """The network's title for a line of ours.

    What the network has no word for at all is a levy by law, such as a contribution that the
    customer bears: it is told as TAX.
    """
    return code if code in TITLES else _NEAREST.get(code, TAX)


def fare_policy(told: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The figures that the network knows by code and form; the others are left out."""
    return tuple(
        (code, value)
        for code, value in told
        if code in _FARE_POLICY and _FARE_POLICY[code].fullmatch(value)
    )


def phone(number: str | None) -> str | None:
    """Ten digits, without +91; a number of another country is left as it is."""
    found = _INDIAN.fullmatch(_NOT_DIGITS.sub("", number)) if number else None
    return found[1] if found else number


def reason(reason_id: str | None) -> str | None:
    """Three digits: live traffic says "1" for "001"."""
    return reason_id.zfill(3) if reason_id and reason_id.isdecimal() else reason_id
