"""Reading where, who and what: stops, people, vehicles, parcels and tags of core 1.1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from protocol_specs.wire import tags
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import (
    DELIVERY_CANCELLED,
    RETURN_STATES,
    Agent,
    Contact,
    Fulfillment,
    Kind,
    Parcel,
    Place,
    ReturnLeg,
    TagGroup,
    Vehicle,
    VehicleNeeds,
)
from protocol_specs.wire.version.core_1_1 import vocabulary as words
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    at,
    each,
    find,
    gps,
    loose_text,
    need,
    text,
    under,
    whole,
)

Pairs = tuple[tuple[str, str], ...]


def code_of(value: Any) -> str | None:
    """The code under an object's descriptor, as in `state.descriptor.code`."""
    descriptor = find(an_object(value), "descriptor", an_object)
    return None if descriptor is None else find(descriptor, "code", text)


# Tags


def groups(value: Json) -> tuple[TagGroup, ...]:
    """The TagGroups of an object, untouched."""
    return each(value, "tags", an_object)


def pairs(value: Json, wanted: str) -> Pairs:
    """Code and value of each tag in the group of that code, in order."""
    return tuple(tags.values_of(value.get("tags"), wanted).items())


def number(values: Json, code: str) -> int | None:
    """A tag's value as a whole number, None when it is not given."""
    given = values.get(code)
    if given is None:
        return None
    try:
        return whole(given)
    except Malformed as fault:
        raise Malformed(f"{code}: {fault.reason}", path="/tags") from None


# Places and people


def place(value: Any) -> Place:
    """A location with its gps, which is required, and its address."""
    location = an_object(value)
    spot = need(location, "gps", gps)
    address, area_code = find(location, "address", text), find(location, "area_code", loose_text)
    return Place(spot.lat, spot.lon, address, area_code)


def stop_types(stops: tuple[Json, ...]) -> tuple[str, ...]:
    """The types of the stops in upper case; two stops without a type are START and END."""
    types = tuple((find(stop, "type", text) or "").upper() for stop in stops)
    return ("START", "END") if types == ("", "") else types


def stop_of(stops: tuple[Json, ...], wanted: tuple[str, ...]) -> tuple[int, Json] | None:
    """The first stop whose type is one of the words, and its index."""
    for index, kind in enumerate(stop_types(stops)):
        if kind in wanted:
            return index, stops[index]
    return None


def refuse_other_stops(fulfillment: Json) -> None:
    """For requests: a stop that we would not drive to must not be passed over in silence."""
    known = (*words.START, *words.END)
    for index, kind in enumerate(stop_types(each(fulfillment, "stops", an_object))):
        if kind not in known:
            raise Malformed(
                f"a stop of type {kind[:40]!r} is not served; give START and END only",
                path=f"/stops/{index}/type",
            )


def contact(value: Any) -> Contact | None:
    """Name and numbers from `person` and `contact` beside each other; None if neither is there."""
    holder = an_object(value)
    person = find(holder, "person", an_object) or {}
    numbers = find(holder, "contact", an_object) or {}
    name = find(person, "name", text)
    phone, email = find(numbers, "phone", loose_text), find(numbers, "email", text)
    return None if name is phone is email is None else Contact(name, phone, email)


def billing(value: Any) -> Contact:
    """Whom the bill names."""
    bill = an_object(value)
    return Contact(
        find(bill, "name", text), find(bill, "phone", loose_text), find(bill, "email", text)
    )


def agent(value: Any) -> Agent | None:
    """Who drives; None while nobody is named."""
    holder = an_object(value)
    who = contact(holder)
    if who is None:
        return None
    person = find(holder, "person", an_object) or {}
    image = find(person, "image", lambda part: find(an_object(part), "url", text))
    return Agent(who.name or "", who.phone, image)


def needs(fulfillment: Json) -> VehicleNeeds:
    """What a search asks of the vehicle: core's own members, and our tag for a child seat."""
    wanted = find(fulfillment, "vehicle", an_object) or {}
    access = under("/vehicle", lambda: find(wanted, "wheelchair_access", loose_text)) or ""
    child_seat = dict(pairs(fulfillment, words.NEEDS)).get(words.CHILD_SEAT, "")
    return VehicleNeeds(
        wheelchair=access.lower() in words.YES,
        child_seat=child_seat.lower() in words.YES,
        seats=under("/vehicle", lambda: find(wanted, "capacity", whole)) or None,
    )


def start_at(stop: Json) -> int | None:
    """When the pickup is wanted: a time, or the beginning of a range."""

    def read(value: Any) -> int | None:
        time = an_object(value)
        moment = find(time, "timestamp", at)
        if moment is not None:
            return moment
        span = find(time, "range", an_object) or {}
        return under("/range", lambda: find(span, "start", at))

    return find(stop, "time", read)


def vehicle(value: Any) -> Vehicle:
    """A vehicle, its category in upper case."""
    given = an_object(value)
    return Vehicle(
        category=(find(given, "category", text) or "").upper(),
        variant=find(given, "variant", text),
        make=find(given, "make", text),
        model=find(given, "model", text),
        registration=find(given, "registration", text),
        color=find(given, "color", text),
        energy_type=find(given, "energy_type", text),
    )


# Fulfillment


def parcel(fulfillment: Json, item: Json | None = None) -> Parcel | None:
    """The parcel described by the tags of the fulfillment, or of the item."""
    given = dict(pairs(fulfillment, words.PARCEL))
    if not given and item is not None:
        given = dict(pairs(item, words.PARCEL))
    if not given:
        return None
    weight_grams = number(given, words.PARCEL_WEIGHT)
    if weight_grams is None:
        reason = f"the tags of a parcel must say {words.PARCEL_WEIGHT}"
        raise Malformed(reason, path="/tags")
    return Parcel(
        weight_grams,
        length_cm=number(given, words.PARCEL_LENGTH),
        width_cm=number(given, words.PARCEL_WIDTH),
        height_cm=number(given, words.PARCEL_HEIGHT),
        declared_value_minor=number(given, words.PARCEL_VALUE),
        description=given.get(words.PARCEL_DESCRIPTION),
    )


def state_of(fulfillment: Json) -> str | None:
    """`state.descriptor.code`."""
    return find(fulfillment, "state", code_of)


def fulfillment_reader(
    item: Json, item_code: str | None, fallback_id: str
) -> Callable[[Any], Fulfillment]:
    """A reader of an order's fulfillment; the item says with it whether a parcel is carried."""

    def read(value: Any) -> Fulfillment:
        given = an_object(value)
        stops = each(given, "stops", an_object)
        start, end = _stop(stops, words.START), _stop(stops, words.END)
        carried, state = parcel(given, item), state_of(given)
        fulfillment_id, is_back = find(given, "id", text) or fallback_id, state in RETURN_STATES
        return Fulfillment(
            id=fulfillment_id,
            kind=words.kind_of(item_code, state=state, parcel=carried is not None),
            state=DELIVERY_CANCELLED if is_back else state,
            return_leg=ReturnLeg(f"{fulfillment_id}-RTO", str(state)) if is_back else None,
            pickup=start.place,
            drop=end.place,
            start_at=start.start_at,
            pickup_contact=start.contact,
            drop_contact=end.contact,
            customer=find(given, "customer", contact),
            agent=find(given, "agent", agent),
            vehicle=find(given, "vehicle", vehicle),
            start_code=start.code.token if start.code else None,
            code_claimed=start.code is not None and start.code.is_claimed,
            code_valid_until=start.code.valid_until if start.code else None,
            end_code=end.code.token if end.code else None,
            parcel=carried,
            instructions=start.instructions or end.instructions,
            pickup_picture=start.picture,
            drop_picture=end.picture,
        )

    return read


class _Code(NamedTuple):
    """The authorization of a stop."""

    token: str | None
    is_claimed: bool
    valid_until: int | None


class _Stop(NamedTuple):
    """What one stop says; nothing, where there is none."""

    place: Place | None = None
    contact: Contact | None = None
    code: _Code | None = None
    start_at: int | None = None
    instructions: str | None = None
    picture: str | None = None


def _stop(stops: tuple[Json, ...], wanted: tuple[str, ...]) -> _Stop:
    found = stop_of(stops, wanted)
    if found is None:
        return _Stop()
    index, stop = found
    is_start = wanted == words.START  # when it ends is for nobody to say
    return under(
        f"/stops/{index}",
        lambda: _Stop(
            find(stop, "location", place),
            contact(stop),
            find(stop, "authorization", _code),
            start_at(stop) if is_start else None,
            find(stop, "instructions", _instructions),
            find(stop, "instructions", _picture),
        ),
    )


def _code(value: Any) -> _Code:
    given = an_object(value)
    claimed = (find(given, "status", text) or "").upper() == "CLAIMED"
    return _Code(find(given, "token", loose_text), claimed, find(given, "valid_to", at))


def _instructions(value: Any) -> str | None:
    given = an_object(value)
    return find(given, "short_desc", text) or find(given, "long_desc", text)


def _picture(value: Any) -> str | None:
    """The first picture at the stop: an Image, or its url alone as some write it."""
    images = an_object(value).get("images")
    first = images[0] if isinstance(images, list) and images else None
    url = first.get("url") if isinstance(first, dict) else first
    return url if isinstance(url, str) and url else None


def kind_by(item_code: str | None, fulfillment: Json, item: Json | None = None) -> Kind:
    """A ride or a delivery, from an item and its fulfillment."""
    carried = parcel(fulfillment, item) is not None
    return words.kind_of(item_code, state=state_of(fulfillment), parcel=carried)
