"""Writing places, people, parcels and times of core 0.9 messages, as the networks' rules want them.

What the rules want and the model does not say raises ValueError: half an address helps no agent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from protocol_specs.wire.money import amount
from protocol_specs.wire.order import Agent, Contact, Parcel, Place, PostalAddress, Vehicle
from protocol_specs.wire.version.core_1_1.write_parts import Json, price, said, time
from protocol_specs.wire.version.log10 import vocabulary as words

__all__ = ["Json", "price", "said", "time"]


def wanted(value: Any, what: str) -> Any:
    """The value; raises ValueError naming what is missing."""
    if value in (None, ""):
        raise ValueError(f"these networks want {what}")
    return value


def span(seconds: int) -> str:
    """A duration in the largest whole unit: PT15M, PT1H, P2D."""
    for unit_s, form in ((86400, "P{}D"), (3600, "PT{}H"), (60, "PT{}M")):
        if seconds and seconds % unit_s == 0 and (unit_s != 3600 or seconds > 3600):
            return form.format(seconds // unit_s)
    return f"PT{seconds}S"


def turnaround(ordered_at: int, duration_s: int) -> Json:
    """How long it takes, and the day of the drop on local clocks."""
    day = datetime.fromtimestamp(ordered_at + duration_s + words.LOCAL_OFFSET_S, UTC).date()
    return {"label": "TAT", "duration": span(duration_s), "timestamp": day.isoformat()}


# Places and people


def gps(place: Place) -> str:
    """Six decimals, the form that every known peer reads."""
    return f"{place.lat:.6f},{place.lon:.6f}"


def sought(place: Place) -> Json:
    """All that a search tells of a place."""
    return {"gps": gps(place), "address": {"area_code": wanted(place.area_code, "an area_code")}}


def location(place: Place, who: Contact | None) -> Json:
    """A location with its address in parts; the name on the door is the person's."""
    name = who.name if who is not None else None
    return {"gps": gps(place), "address": address(place.parts or _parts(place, name))}


def address(parts: PostalAddress) -> Json:
    """An address in its parts."""
    return {
        "name": parts.name,
        "building": parts.building,
        "locality": parts.locality,
        "city": parts.city,
        "state": parts.state,
        "country": parts.country,
        "area_code": parts.area_code,
    }


def _parts(place: Place, name: str | None) -> PostalAddress:
    """An address text in its parts, as letters are addressed: building, locality, city, state.

    Of a shorter text the last part stands for those that follow: the postal code tells the rest.
    """
    lines = [line.strip() for line in (place.address or "").split(",") if line.strip()]
    wanted("".join(lines), "an address at both ends")
    building, *rest = lines
    rest = [*rest, *[lines[-1]] * (3 - len(rest))]
    return PostalAddress(
        name=wanted(name, "the name of a person at both ends"),
        building=building,
        locality=", ".join(rest[:-2]),
        city=rest[-2],
        state=rest[-1],
        country=words.COUNTRY,
        area_code=wanted(place.area_code, "an area_code"),
    )


def contact(who: Contact | None, *, email: str | None = None) -> Json:
    """Phone, and e-mail if there is one."""
    phone = wanted(who.phone if who else None, "a phone number at both ends")
    return said(phone=phone, email=(who.email if who else None) or email)


def billing(who: Contact | None, ordered_at: int | None) -> Json:
    """Whom the bill names: the buyer's platform, with its address and tax number.

    Details that are not dated are as old as the order.
    """
    given = wanted(who, "billing")
    since = wanted(ordered_at if given.since is None else given.since, "created_at, dating a bill")
    return {
        "name": wanted(given.name, "a name in billing"),
        "address": address(wanted(given.address, "an address in billing")),
        "tax_number": wanted(given.tax_number, "a tax_number in billing"),
        "phone": wanted(given.phone, "a phone in billing"),
        "email": wanted(given.email, "an email in billing"),
        "created_at": time(since),
        "updated_at": time(since),
    }


def agent(who: Agent) -> Json:
    """Who carries the parcel."""
    return said(name=who.name, phone=who.phone)


def vehicle(given: Vehicle) -> Json:
    """These networks know a vehicle by its number."""
    return said(registration=given.registration)


# Parcels


def kilograms(grams: int) -> int | float:
    """A weight as a JSON number."""
    return grams // 1000 if grams % 1000 == 0 else grams / 1000


def weight(parcel: Parcel) -> Json:
    """A weight with its unit."""
    return {"unit": "kilogram", "value": kilograms(parcel.weight_grams)}


def sides(parcel: Parcel) -> dict[str, int] | None:
    """The three sides in centimetres, if all are known."""
    given = {
        "length": parcel.length_cm,
        "breadth": parcel.width_cm,
        "height": parcel.height_cm,
    }
    told = {side: cm for side, cm in given.items() if cm is not None}
    return told if len(told) == len(given) else None


def dimensions(parcel: Parcel) -> Json | None:
    """The three sides with their unit."""
    told = sides(parcel)
    return told and {side: {"unit": "centimeter", "value": cm} for side, cm in told.items()}


def value(parcel: Parcel) -> Json:
    """The declared value; zero declares none."""
    return price(parcel.declared_value_minor or 0, words.CURRENCY)


def category(parcel: Parcel) -> str:
    """What kind of goods it is."""
    return parcel.category or words.OTHER_GOODS


def payload(parcel: Parcel) -> Json:
    """The parcel of a search."""
    return said(
        weight=weight(parcel),
        dimensions=dimensions(parcel),
        category=category(parcel),
        value=value(parcel),
        dangerous_goods=False,
    )


def linked_order(parcel: Parcel, *, order_id: str, sender: Json, name: str) -> Json:
    """What is in the parcel of an order, and whose it is; `sender` is their address."""
    item = {
        "category_id": category(parcel),
        "descriptor": {"name": parcel.description or "Parcel"},
        "quantity": {"count": 1, "measure": weight(parcel)},
        "price": value(parcel),
    }
    return {
        "items": [item],
        "provider": {"descriptor": {"name": name}, "address": sender},
        "order": said(id=order_id, weight=weight(parcel), dimensions=dimensions(parcel)),
    }


def linked_tags(parcel: Parcel, order_id: str | None) -> dict[str, str | None]:
    """The parcel as tags."""
    told = sides(parcel) or {}
    return {
        "id": order_id,
        "currency": words.CURRENCY,
        "declared_value": amount(parcel.declared_value_minor or 0, words.CURRENCY),
        "category": category(parcel),
        "weight_unit": "kilogram",
        "weight_value": str(kilograms(parcel.weight_grams)),
        "dim_unit": "centimeter" if told else None,
        **{side: str(cm) for side, cm in told.items()},
    }
