"""Reading the messages of core 1.1, one function per action; lenient where live traffic needs it.

Each takes the `message` of an envelope and returns the model's value. A fault is Malformed with
the JSON pointer of the place, from `/message` on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from protocol_specs.wire import tags
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import (
    RIDE_CANCELLED,
    RIDE_STATES,
    CancelRequest,
    Catalog,
    Fulfillment,
    Intent,
    Offer,
    OrderView,
    PaymentTerms,
    Place,
    TagGroup,
    Tracking,
)
from protocol_specs.wire.version.core_1_1 import read_parts as parts
from protocol_specs.wire.version.core_1_1 import vocabulary as words
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    at,
    each,
    elements,
    find,
    minor,
    name,
    need,
    text,
    under,
)

T = TypeVar("T")

OFFERS_MAX = 1000
"""Offers read from one catalog: a bound on what one answer can make of a receiver's memory."""


def _in_message(message: Any, key: str, read: Callable[[Any], T]) -> T:
    return under("/message", lambda: need(an_object(message), key, read))


# Search


def read_search(message: Any) -> Intent:
    """What a consumer looks for. Both stops are required, and no others are taken."""
    return _in_message(message, "intent", _intent)


def _intent(value: Any) -> Intent:
    intent = an_object(value)
    category = find(intent, "category", _category)
    item_code = find(intent, "item", parts.code_of)

    def read(fulfillment: Any) -> Intent:
        given = an_object(fulfillment)
        parts.refuse_other_stops(given)
        stops = each(given, "stops", an_object)
        carried = parts.parcel(given)
        vehicle = find(given, "vehicle", parts.vehicle)
        return Intent(
            kind=words.kind_of(category, item_code, parcel=carried is not None),
            pickup=_place_of(stops, words.START),
            drop=_place_of(stops, words.END),
            vehicle_category=(vehicle.category or None) if vehicle else None,
            parcel=carried,
            payment=find(intent, "payment", parts.payment_reader(None)),
            start_at=_start_at(stops),
        )

    return need(intent, "fulfillment", read)


def _category(value: Any) -> str | None:
    category = an_object(value)
    descriptor = find(category, "descriptor", an_object) or {}
    return find(descriptor, "code", text) or find(descriptor, "name", text)


def _place_of(stops: tuple[Json, ...], wanted: tuple[str, ...]) -> Place:
    found = parts.stop_of(stops, wanted)
    if found is None:
        raise Malformed(
            f"there is no {wanted[0]} stop; give both stops with location.gps", path="/stops"
        )
    index, stop = found
    return under(f"/stops/{index}", lambda: need(stop, "location", parts.place))


def _start_at(stops: tuple[Json, ...]) -> int | None:
    start = parts.stop_of(stops, words.START)
    if start is None:
        return None
    index, stop = start
    return under(f"/stops/{index}", lambda: find(stop, "time", _timestamp))


def _timestamp(value: Any) -> int | None:
    time = an_object(value)
    moment = find(time, "timestamp", at)
    if moment is not None:
        return moment
    return find(time, "range", lambda part: find(an_object(part), "start", at))


# Catalog


def read_on_search(message: Any) -> Catalog:
    """The offers of a catalog: one for each item and each fulfillment that it names."""
    return _in_message(message, "catalog", _catalog)


def _catalog(value: Any) -> Catalog:
    catalog = an_object(value)
    descriptor = find(catalog, "descriptor", an_object) or {}
    offers: list[Offer] = []
    each(catalog, "providers", lambda provider: _collect(offers, catalog, an_object(provider)))
    return Catalog(find(descriptor, "name", text) or "", tuple(offers))


def _collect(offers: list[Offer], catalog: Json, provider: Json) -> None:
    own = each(provider, "fulfillments", an_object)
    fulfillments = {
        find(given, "id", text) or "": given
        for given in own or each(catalog, "fulfillments", an_object)
    }
    payments = provider if provider.get("payments") is not None else catalog

    def read(value: Any) -> None:
        item = an_object(value)
        for fulfillment_id in _fulfillment_ids(item, fulfillments):
            if len(offers) == OFFERS_MAX:
                raise Malformed(f"more than {OFFERS_MAX} offers in one catalog")
            offers.append(
                _offer(provider, item, fulfillment_id, fulfillments[fulfillment_id], payments)
            )

    each(provider, "items", read)


def _fulfillment_ids(item: Json, known: dict[str, Json]) -> tuple[str, ...]:
    ids = each(item, "fulfillment_ids", text)
    if not ids and len(known) == 1:
        return tuple(known)
    for index, fulfillment_id in enumerate(ids):
        if fulfillment_id not in known:
            reason = f"the provider has no fulfillment {fulfillment_id[:80]!r}"
            raise Malformed(reason, path=f"/fulfillment_ids/{index}")
    if not ids:
        raise Malformed("an item must name its fulfillment", path="/fulfillment_ids")
    return ids


def _offer(
    provider: Json, item: Json, fulfillment_id: str, fulfillment: Json, payer: Json
) -> Offer:
    price = need(item, "price", an_object)
    currency = under("/price", lambda: parts.currency_of(price))
    descriptor = find(item, "descriptor", an_object) or {}
    info = dict(parts.pairs(item, words.INFO))
    vehicle = find(fulfillment, "vehicle", parts.vehicle)
    return Offer(
        provider_id=need(provider, "id", name),
        provider_name=find(find(provider, "descriptor", an_object) or {}, "name", text) or "",
        item_id=need(item, "id", name),
        fulfillment_id=fulfillment_id,
        kind=parts.kind_by(find(descriptor, "code", text), fulfillment, item),
        vehicle_category=(vehicle.category or None) if vehicle else None,
        vehicle_variant=vehicle.variant if vehicle else None,
        name=find(descriptor, "name", text) or "",
        currency=currency,
        price_minor=under(
            "/price", lambda: need(price, "value", lambda part: minor(part, currency))
        ),
        eta_min=parts.number(info, words.ETA_MIN),
        distance_to_driver_m=parts.number(info, words.DRIVER_DISTANCE_M),
        payments=_payments_of(item, payer, currency),
        fare_policy=parts.pairs(item, words.FARE_POLICY),
        tags=tuple(filter(_is_not_ours, parts.groups(item))),
    )


def _is_not_ours(group: TagGroup) -> bool:
    return not tags.read([group]).keys() & {words.FARE_POLICY, words.INFO}


def _payments_of(item: Json, payer: Json, currency: str) -> tuple[PaymentTerms, ...]:
    payments = each(payer, "payments", parts.payment_reader(currency))
    named = find(item, "payment_ids", lambda part: elements(part, text))
    if named is None:
        return payments
    return tuple(payment for payment in payments if payment.id in named)


# Orders


def read_select(message: Any) -> OrderView:
    """An order to be quoted: provider and item; most leave the stops out, the search had them."""
    return _in_message(message, "order", _requested)


def read_init(message: Any) -> OrderView:
    """An order with its customer, to be drafted."""
    return _in_message(message, "order", _requested)


def read_confirm(message: Any) -> OrderView:
    """The draft that the customer accepts."""
    return _in_message(message, "order", _requested)


def read_on_order(message: Any) -> OrderView:
    """The order in on_select, on_init, on_confirm, on_status, on_update and on_cancel."""
    return _in_message(message, "order", _order)


def _requested(value: Any) -> OrderView:
    order = an_object(value)
    each(order, "fulfillments", lambda part: parts.refuse_other_stops(an_object(part)))
    return _order(order)


def _order(value: Any) -> OrderView:
    order = an_object(value)
    _refuse_singulars(order)
    item = _only(order, "items")
    fare = find(order, "quote", parts.quote)
    descriptor = find(item, "descriptor", an_object) or {}
    provider = need(order, "provider", an_object)
    return OrderView(
        id=find(order, "id", text),
        status=_order_status(order),
        provider_id=under("/provider", lambda: need(provider, "id", name)),
        item_id=under("/items/0", lambda: need(item, "id", name)),
        item_name=find(descriptor, "name", text),
        fulfillment=_fulfillment(order, item, find(descriptor, "code", text)),
        quote=fare,
        payments=each(order, "payments", parts.payment_reader(fare.currency if fare else None)),
        billing=find(order, "billing", parts.billing),
        cancellation_terms=each(order, "cancellation_terms", parts.term),
        cancellation=find(order, "cancellation", parts.cancellation),
        created_at=find(order, "created_at", at),
        updated_at=find(order, "updated_at", at),
        tags=parts.groups(order),
        fare_policy=parts.pairs(item, words.FARE_POLICY),
    )


def _refuse_singulars(order: Json) -> None:
    """The names of 0.9 pass an open schema and are then overlooked: better to say so."""
    for singular in ("fulfillment", "payment", "item"):
        if singular in order and f"{singular}s" not in order:
            reason = f"{singular} is the 0.9 spelling; core 1.1 has the list {singular}s"
            raise Malformed(reason, path=f"/{singular}")


def _only(order: Json, key: str) -> Json:
    found = each(order, key, an_object)
    if len(found) != 1:
        reason = f"an order here has one of {key}, not {len(found)}"
        raise Malformed(reason, path=f"/{key}")
    return found[0]


def _order_status(order: Json) -> str | None:
    # ONDC's rules and recorded flows say COMPLETED where core says COMPLETE.
    status = find(order, "status", text)
    return "COMPLETE" if status == "COMPLETED" else status


def _fulfillment(order: Json, item: Json, item_code: str | None) -> Fulfillment:
    ids = under("/items/0", lambda: each(item, "fulfillment_ids", text))
    read = parts.fulfillment_reader(item, item_code, ids[0] if ids else "")
    given = each(order, "fulfillments", an_object)
    if len(given) > 1:
        reason = f"an order here has one of fulfillments, not {len(given)}"
        raise Malformed(reason, path="/fulfillments")
    return under("/fulfillments/0", lambda: read(given[0] if given else {}))


# The small ones


def _order_id(message: Any) -> str:
    return under("/message", lambda: need(an_object(message), "order_id", name))


def read_status(message: Any) -> str:
    """The id of the order asked about."""
    return _order_id(message)


def read_track(message: Any) -> str:
    """The id of the order to be followed."""
    return _order_id(message)


def read_on_track(message: Any) -> Tracking:
    """Where the vehicle is, or where to watch it."""
    return _in_message(message, "tracking", _tracking)


def _tracking(value: Any) -> Tracking:
    given = an_object(value)
    location = find(given, "location", an_object)
    return Tracking(
        status=need(given, "status", _tracking_status),
        location=None if location is None else under("/location", lambda: parts.place(location)),
        updated_at=None
        if location is None
        else under("/location", lambda: find(location, "updated_at", at)),
        url=find(given, "url", text),
    )


def _tracking_status(value: Any) -> Literal["active", "inactive"]:
    """Live peers say it in any case, or give the ride's state in its place."""
    status = text(value).upper()
    if status == "ACTIVE" or status in RIDE_STATES[:-1]:
        return "active"
    if status == "INACTIVE" or status in (RIDE_STATES[-1], RIDE_CANCELLED):
        return "inactive"
    raise Malformed(f"{value[:40]!r} is neither active nor inactive")


def read_cancel(message: Any) -> CancelRequest:
    """A wish to cancel; soft when its descriptor says SOFT_CANCEL."""
    given = under("/message", lambda: an_object(message))
    descriptor = under("/message", lambda: find(given, "descriptor", an_object)) or {}

    def read() -> CancelRequest:
        return CancelRequest(
            order_id=need(given, "order_id", name),
            reason_id=find(given, "cancellation_reason_id", text),
            soft=(find(descriptor, "code", text) or "").upper() == "SOFT_CANCEL",
            description=find(descriptor, "short_desc", text),
        )

    return under("/message", read)
