"""Reading what is looked for and what is offered: search and on_search of core 1.1."""

from __future__ import annotations

from typing import Any

from protocol_specs.wire import tags
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import Catalog, Intent, Offer, PaymentTerms, Place, TagGroup
from protocol_specs.wire.version.core_1_1 import read_money as money
from protocol_specs.wire.version.core_1_1 import read_places as parts
from protocol_specs.wire.version.core_1_1 import vocabulary as words
from protocol_specs.wire.version.core_1_1.read_after import form
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    each,
    elements,
    find,
    in_message,
    minor,
    name,
    need,
    text,
    under,
)

OFFERS_MAX = 1000
"""Offers read from one catalog: a bound on what one answer can make of a receiver's memory."""


def read_search(message: Any) -> Intent:
    """What a consumer looks for. Both stops are required, and no others are taken."""
    return in_message(message, "intent", _intent)


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
            payment=find(intent, "payment", money.payment_reader(None)),
            start_at=_start_at(stops),
            needs=parts.needs(given),
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
    return under(f"/stops/{index}", lambda: parts.start_at(stop))


# Catalog


def read_on_search(message: Any) -> Catalog:
    """The offers of a catalog: one for each item and each fulfillment that it names."""
    return in_message(message, "catalog", _catalog)


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
    currency = under("/price", lambda: money.currency_of(price))
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
        form=find(item, "xinput", form),
    )


def _is_not_ours(group: TagGroup) -> bool:
    return not tags.read([group]).keys() & {words.FARE_POLICY, words.INFO}


def _payments_of(item: Json, payer: Json, currency: str) -> tuple[PaymentTerms, ...]:
    payments = each(payer, "payments", money.payment_reader(currency))
    named = find(item, "payment_ids", lambda part: elements(part, text))
    if named is None:
        return payments
    return tuple(payment for payment in payments if payment.id in named)
