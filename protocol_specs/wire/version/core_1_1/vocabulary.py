"""The words by which core 1.1 messages tell a ride from a delivery, and the codes of our tags.

Core 1.1.1 leaves these words to the network. Ours are those of ONDC's ride rules and, for parcels,
tags whose codes carry their unit, because a tag's value is a string without one.
"""

from __future__ import annotations

from protocol_specs.wire.order import DELIVERY_CANCELLED, DELIVERY_STATES, RETURN_STATES, Kind

ACTIONS = frozenset(
    {
        *("search", "select", "init", "confirm"),
        *("status", "track", "cancel", "update", "rating", "support"),
        *("get_cancellation_reasons", "get_return_reasons", "get_rating_categories"),
    }
)

CATEGORY = {Kind.RIDE: "ON_DEMAND_TRIP", Kind.DELIVERY: "IMMEDIATE_DELIVERY"}
ITEM = {Kind.RIDE: "RIDE", Kind.DELIVERY: "IMMEDIATE_DELIVERY"}
FULFILLMENT_TYPE = "DELIVERY"
"""Of rides too: the vehicle comes to the customer (the other word is SELF_PICKUP)."""

FARE_POLICY = "FARE_POLICY"
INFO = "INFO"
INFO_NAME = "General Information"
ETA_MIN = "ETA_TO_NEAREST_DRIVER_MIN"
DRIVER_DISTANCE_M = "DISTANCE_TO_NEAREST_DRIVER_METER"

SEEN_AT = "SEEN_AT"
"""Descriptor code of a tracked location: its short_desc is the time. Core gives a location none."""

PARCEL = "PARCEL"
PARCEL_WEIGHT = "PACKAGE_WEIGHT_GRAMS"
PARCEL_LENGTH = "PACKAGE_LENGTH_CM"
PARCEL_WIDTH = "PACKAGE_WIDTH_CM"
PARCEL_HEIGHT = "PACKAGE_HEIGHT_CM"
PARCEL_VALUE = "DECLARED_VALUE_MINOR_UNITS"
PARCEL_DESCRIPTION = "DESCRIPTION"

NEEDS, CHILD_SEAT = "VEHICLE_NEEDS", "CHILD_SEAT"
YES = ("yes", "true", "y", "1")

START = ("START", "PICKUP")
END = ("END", "DROP")

_DELIVERY_STATES = frozenset((*DELIVERY_STATES, DELIVERY_CANCELLED, *RETURN_STATES))


def kind_of(*codes: str | None, state: str | None = None, parcel: bool = False) -> Kind:
    """What a message is about, from its category, item code or type, state, and parcel.

    A message that says nothing of a delivery is about a ride.
    """
    delivers = any(code is not None and "DELIVERY" in code.upper() for code in codes)
    return Kind.DELIVERY if parcel or delivers or state in _DELIVERY_STATES else Kind.RIDE


SOFT_UPDATE = "SOFT_UPDATE"
CONFIRM_UPDATE = "CONFIRM_UPDATE"
"""Order status of an update that asks the price first, and of the one that means it. Words of
ONDC's ride rules; core says neither, and an update without one is meant."""
