"""Reading places, people and parcels of core 0.9 messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any

from protocol_specs.wire import duration
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import Agent, Contact, Parcel, Place, PostalAddress, Vehicle
from protocol_specs.wire.values import replace
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    at,
    each,
    find,
    gps,
    loose_text,
    minor,
    need,
    text,
    under,
)
from protocol_specs.wire.version.log10 import vocabulary as words
from protocol_specs.wire.version.log10.tag_groups import Groups

_GRAMS = {"gram": 1, "grams": 1, "g": 1, "kilogram": 1000, "kilograms": 1000, "kg": 1000}
_WEIGHTS = {unit: Decimal(grams) for unit, grams in _GRAMS.items()} | {"tonne": Decimal(10**6)}
_LENGTHS = {
    **dict.fromkeys(("centimeter", "centimeters", "cm"), Decimal(1)),
    **dict.fromkeys(("meter", "meters", "m"), Decimal(100)),
}
_SIDES = ("length", "breadth", "height")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,20})?([eE]-[0-9]{1,2})?")


def moment(value: Any) -> int | None:
    """A time; None for an empty text or a bare day, which say no moment."""
    given = text(value)
    return at(given) if len(given) > len("2026-01-02") else None


def span_s(value: Any) -> int | None:
    """A duration in seconds; None for a text that is none."""
    try:
        return duration.seconds(text(value))
    except Malformed:
        return None


# Places and people


def place(value: Any) -> Place:
    """A location with its gps, its address as one text and, where all are given, in parts."""
    location = an_object(value)
    point = need(location, "gps", gps)
    given = find(location, "address", an_object) or {}
    told = under("/address", lambda: [find(given, key, text) for key in _ADDRESS_LINES])
    return Place(
        point.lat,
        point.lon,
        ", ".join(line for line in told if line) or None,
        under("/address", lambda: find(given, "area_code", loose_text)),
        postal_address(given),
    )


_ADDRESS_LINES = ("door", "building", "street", "locality", "city", "state")
_ADDRESS_PARTS = ("name", "building", "locality", "city", "state", "country", "area_code")


def postal_address(value: Any) -> PostalAddress | None:
    """An address in its parts; None when one of them is missing."""
    given = an_object(value)
    told = {key: find(given, key, loose_text) for key in _ADDRESS_PARTS}
    parts = {key: part for key, part in told.items() if part}
    return PostalAddress(**parts) if len(parts) == len(_ADDRESS_PARTS) else None


def person_at(stop: Json) -> Contact | None:
    """Whom to ask for at an end of the delivery; drafts have only the name on the door."""
    person = find(stop, "person", an_object) or {}
    contact = find(stop, "contact", an_object) or {}
    door = find(find(stop, "location", an_object) or {}, "address", an_object) or {}
    who = Contact(
        under("/person", lambda: find(person, "name", text)) or find(door, "name", text),
        under("/contact", lambda: find(contact, "phone", loose_text)),
        under("/contact", lambda: find(contact, "email", text)),
    )
    return None if who == Contact() else who


def billing(value: Any) -> Contact:
    """Whom the bill names, with address and tax number."""
    given = an_object(value)
    return Contact(
        find(given, "name", text),
        find(given, "phone", loose_text),
        find(given, "email", text),
        find(given, "address", postal_address),
        find(given, "tax_number", loose_text),
        find(given, "created_at", moment),
    )


def agent(value: Any) -> Agent:
    """Who carries the parcel."""
    given = an_object(value)
    return Agent(find(given, "name", text) or "", find(given, "phone", loose_text))


def vehicle(value: Any) -> Vehicle:
    """What the agent drives; these networks mostly tell its number only."""
    given = an_object(value)
    return Vehicle(
        find(given, "category", text) or "",
        find(given, "variant", text),
        registration=find(given, "registration", text),
    )


# Parcels


def payload(value: Any) -> Parcel:
    """The parcel of a search."""
    given = an_object(value)
    price = find(given, "value", an_object) or {}
    return _parcel(
        need(given, "weight", _weight),
        given,
        value_minor=under("/value", lambda: _value_minor(price)),
        category=find(given, "category", text),
    )


def carried(order: Json, tags: Groups) -> Parcel | None:
    """The parcel of an order: from the linked order, or from the fulfillment's tags; else None."""
    linked = find(order, "@ondc/org/linked_order", an_object)
    if linked is not None:
        return under("/@ondc~1org~1linked_order", lambda: _linked(linked))
    return _tagged(tags.get("linked_order", {}))


def _linked(given: Json) -> Parcel | None:
    inner = find(given, "order", an_object) or {}
    grams = under("/order", lambda: find(inner, "weight", _weight))
    if grams is None:
        return None
    items = each(given, "items", an_object)
    values = each(given, "items", lambda item: find(item, "price", _value_minor))
    names = (find(find(item, "descriptor", an_object) or {}, "name", text) for item in items)
    parcel = under("/order", lambda: _parcel(grams, inner))
    return replace(
        parcel,
        declared_value_minor=sum(value for value in values if value is not None) or None,
        description=", ".join(name for name in names if name) or None,
        category=find(items[0], "category_id", text) if items else None,
    )


def _tagged(tags: Mapping[str, str]) -> Parcel | None:
    if "weight_value" not in tags:
        return None
    unit = tags.get("weight_unit", "kilogram")
    sides = {
        side: {"unit": tags.get("dim_unit", "centimeter"), "value": tags[side]}
        for side in _SIDES
        if side in tags
    }
    value = tags.get("declared_value")
    return _parcel(
        _weight({"unit": unit, "value": tags["weight_value"]}),
        {"dimensions": sides},
        value_minor=minor(value, words.CURRENCY) if value else None,
        category=tags.get("category"),
    )


def _parcel(
    grams: int, given: Json, *, value_minor: int | None = None, category: str | None = None
) -> Parcel:
    sides = find(given, "dimensions", an_object) or {}
    length, width, height = under(
        "/dimensions", lambda: [find(sides, side, _length) for side in _SIDES]
    )
    return Parcel(grams, length, width, height, value_minor or None, category=category)


def _value_minor(value: Any) -> int | None:
    """The declared value. Zero declares none: the networks want the member in any case."""
    price = an_object(value)
    currency = find(price, "currency", text) or words.CURRENCY
    return find(price, "value", lambda part: minor(part, currency)) or None


def _weight(value: Any) -> int:
    return _measure(value, _WEIGHTS, ROUND_HALF_UP)


def _length(value: Any) -> int:
    return _measure(value, _LENGTHS, ROUND_CEILING)


def _measure(value: Any, units: Mapping[str, Decimal], rounding: str) -> int:
    """A measure as a whole number of its smallest unit."""
    given = an_object(value)
    unit = units.get((find(given, "unit", text) or "").lower())
    if unit is None:
        raise Malformed(f"the unit must be one of {', '.join(units)}", path="/unit")

    def read(part: Any) -> int:
        amount = _decimal(loose_text(part))
        if amount is None:
            raise Malformed("this must be a number of zero or more")
        return int((amount * unit).to_integral_value(rounding))

    return need(given, "value", read)


def _decimal(number: str) -> Decimal | None:
    return Decimal(number) if _NUMBER.fullmatch(number) else None


def metres(kilometres: str) -> int | None:
    """A distance in whole metres; None for a text that is no distance."""
    found = _decimal(kilometres)
    return None if found is None else int((found * 1000).to_integral_value(ROUND_HALF_UP))
