"""Reading the parts that core 1.1 messages share: stops, people, payments, quotes, tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from protocol_specs.wire import tags
from protocol_specs.wire.duration import seconds
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import (
    Agent,
    Cancellation,
    CancellationTerm,
    CancelledBy,
    CollectedBy,
    Contact,
    Fulfillment,
    Kind,
    Parcel,
    PaymentStatus,
    PaymentTerms,
    PaymentType,
    Place,
    PriceLine,
    Quote,
    TagGroup,
    Vehicle,
)
from protocol_specs.wire.version.core_1_1 import vocabulary as words
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    at,
    choice,
    each,
    find,
    gps,
    loose_text,
    minor,
    name,
    need,
    text,
    truth,
    under,
    whole,
)

_WITHOUT_T = re.compile(r"P\d{1,9}[HS]")

Pairs = tuple[tuple[str, str], ...]

_collected_by = choice("BAP", "BPP")
_payment_type = choice(
    "PRE-ORDER", "PRE-FULFILLMENT", "ON-FULFILLMENT", "POST-FULFILLMENT", "ON-ORDER"
)
_payment_status = choice("PAID", "NOT-PAID")


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
    return tuple(tags.read(value.get("tags")).get(wanted, {}).items())


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
    return replace(
        need(location, "gps", gps),
        address=find(location, "address", text),
        area_code=find(location, "area_code", loose_text),
    )


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
    found = Contact(
        find(person, "name", text), find(numbers, "phone", loose_text), find(numbers, "email", text)
    )
    return None if found == Contact() else found


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
        start, end = stop_of(stops, words.START), stop_of(stops, words.END)
        carried, state = parcel(given, item), state_of(given)
        code, claimed, told = _at_start(start)
        return Fulfillment(
            id=find(given, "id", text) or fallback_id,
            kind=words.kind_of(item_code, state=state, parcel=carried is not None),
            state=state,
            pickup=_stop_part(start, _stop_place),
            drop=_stop_part(end, _stop_place),
            pickup_contact=_stop_part(start, contact),
            drop_contact=_stop_part(end, contact),
            customer=find(given, "customer", contact),
            agent=find(given, "agent", agent),
            vehicle=find(given, "vehicle", vehicle),
            start_code=code,
            code_claimed=claimed,
            parcel=carried,
            instructions=told or _stop_part(end, _instructions),
        )

    return read


def _stop_place(stop: Json) -> Place | None:
    return find(stop, "location", place)


def _stop_part(stop: tuple[int, Json] | None, read: Callable[[Json], Any]) -> Any:
    if stop is None:
        return None
    index, value = stop
    return under(f"/stops/{index}", lambda: read(value))


def _at_start(stop: tuple[int, Json] | None) -> tuple[str | None, bool, str | None]:
    def read(value: Json) -> tuple[str | None, bool, str | None]:
        given = find(value, "authorization", an_object) or {}
        claimed = (find(given, "status", text) or "").upper() == "CLAIMED"
        return find(given, "token", loose_text), claimed, _instructions(value)

    return _stop_part(stop, read) or (None, False, None)


def _instructions(stop: Json) -> str | None:
    given = find(stop, "instructions", an_object) or {}
    return find(given, "short_desc", text) or find(given, "long_desc", text)


# Money


def currency_of(price: Json) -> str:
    """The ISO 4217 code beside an amount, required."""
    return need(price, "currency", name)


def quote(value: Any) -> Quote:
    """A quote; the sum of its breakup must be its price to the last minor unit.

    Without a breakup the price stands as one line of its own.
    """
    given = an_object(value)
    price = need(given, "price", an_object)
    currency = under("/price", lambda: currency_of(price))
    total = under("/price", lambda: need(price, "value", lambda part: minor(part, currency)))
    lines = each(given, "breakup", _line_reader(currency)) or (PriceLine("FARE", total),)
    summed = sum(line.amount_minor for line in lines)
    if summed != total:
        raise Malformed(
            f"the breakup sums to {summed} minor units of {currency}, the price says {total}",
            path="/price/value",
        )
    if total < 0:
        raise Malformed("a quote cannot be negative", path="/price/value")
    return Quote(find(given, "id", text) or "", currency, lines, find(given, "ttl", _ttl_s))


def _ttl_s(value: Any) -> int:
    # Live quotes say PT300s and P200S: lower case, or without the T that parts date from time.
    given = text(value).upper()
    return seconds(given.replace("P", "PT") if _WITHOUT_T.fullmatch(given) else given)


def _line_reader(currency: str) -> Callable[[Any], PriceLine]:
    def money(value: Any) -> int:
        price = an_object(value)
        if currency_of(price) != currency:
            raise Malformed(f"the quote is in {currency}, this line is not", path="/currency")
        return need(price, "value", lambda part: minor(part, currency))

    def read(value: Any) -> PriceLine:
        line = an_object(value)
        amount_minor = need(line, "price", money)
        return PriceLine(need(line, "title", name), amount_minor, find(line, "item", _title))

    return read


def _title(item: Any) -> str | None:
    descriptor = find(an_object(item), "descriptor", an_object)
    return None if descriptor is None else find(descriptor, "name", text)


def payment_reader(currency: str | None) -> Callable[[Any], PaymentTerms]:
    """A reader of payment terms; an amount without a currency is taken to be in `currency`."""

    def read(value: Any) -> PaymentTerms:
        given = an_object(value)
        params = find(given, "params", an_object) or {}
        its_currency = find(params, "currency", name)
        amount_minor = None
        if params.get("amount") is not None:
            counted = its_currency = its_currency or currency
            if counted is None:
                raise Malformed("an amount needs a currency", path="/params/currency")
            amount_minor = under(
                "/params", lambda: need(params, "amount", lambda part: minor(part, counted))
            )
        return PaymentTerms(
            collected_by=cast(CollectedBy, need(given, "collected_by", _collected_by)),
            type=cast(PaymentType, _type(given)),
            status=cast(PaymentStatus, find(given, "status", _payment_status) or "NOT-PAID"),
            id=find(given, "id", text),
            reference=find(params, "transaction_id", loose_text),
            amount_minor=amount_minor,
            currency=its_currency,
        )

    return read


def _type(payment: Json) -> str:
    # ON-ORDER is the older word for what 1.1 calls PRE-ORDER: paid when the order is made.
    given = find(payment, "type", _payment_type) or "ON-FULFILLMENT"
    return "PRE-ORDER" if given == "ON-ORDER" else given


# Cancellation


def term(value: Any) -> CancellationTerm:
    """What cancelling costs from one state on."""
    given = an_object(value)
    fee = find(given, "cancellation_fee", an_object) or {}
    currency, fee_minor = find(fee, "amount", _amount) or (None, None)
    state = find(given, "fulfillment_state", code_of)
    return CancellationTerm(
        state=state or "",
        fee_minor=fee_minor,
        fee_percentage=find(fee, "percentage", loose_text),
        currency=currency,
        reason_required=find(given, "reason_required", truth) is not False,
    )


def _amount(value: Any) -> tuple[str, int]:
    price = an_object(value)
    currency = currency_of(price)
    return currency, need(price, "value", lambda part: minor(part, currency))


def cancellation(value: Any) -> Cancellation:
    """Who cancelled and why. Some name a subscriber instead of a side: that tells us no side."""
    given = an_object(value)
    by = (find(given, "cancelled_by", text) or "").upper()
    reason = find(given, "reason", an_object) or {}
    told = find(given, "additional_description", an_object) or {}
    return Cancellation(
        cancelled_by=cast(CancelledBy, by) if by in ("CONSUMER", "PROVIDER") else None,
        reason_id=code_of(reason) or find(reason, "id", text),
        at=find(given, "time", at),
        description=find(told, "short_desc", text),
    )


def kind_by(item_code: str | None, fulfillment: Json, item: Json | None = None) -> Kind:
    """A ride or a delivery, from an item and its fulfillment."""
    carried = parcel(fulfillment, item) is not None
    return words.kind_of(item_code, state=state_of(fulfillment), parcel=carried)
