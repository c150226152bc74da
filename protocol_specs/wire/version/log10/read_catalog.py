"""Reading what is looked for and what is offered: search and on_search of core 0.9."""

from __future__ import annotations

from typing import Any

from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import Catalog, Intent, Kind, Offer, PaymentTerms, Place, Terms
from protocol_specs.wire.version.core_1_1.read_money import currency_of
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    each,
    find,
    in_message,
    minor,
    name,
    need,
    text,
    under,
)
from protocol_specs.wire.version.log10 import read_parts as parts
from protocol_specs.wire.version.log10 import tag_groups
from protocol_specs.wire.version.log10 import vocabulary as words
from protocol_specs.wire.version.log10.read_money import payment_type

_ENDS = ("start", "end")
OFFERS_MAX = 1000
"""Offers read from one catalog: a bound on what one answer can make of a receiver's memory."""


def read_search(message: Any) -> Intent:
    """A parcel to be brought. Both ends are required; a search for whole vehicles has none."""
    return in_message(message, "intent", _intent)


def _intent(value: Any) -> Intent:
    intent = an_object(value)
    fulfillment = need(intent, "fulfillment", an_object)
    category = find(intent, "category", an_object) or {}
    payment = find(intent, "payment", an_object) or {}
    paid = under("/payment", lambda: find(payment, "type", payment_type))
    pickup, drop = under("/fulfillment", lambda: [_stop(fulfillment, end) for end in _ENDS])
    return Intent(
        Kind.DELIVERY,
        pickup,
        drop,
        parcel=find(intent, "@ondc/org/payload_details", parts.payload),
        payment=None if paid is None else PaymentTerms("BAP", paid),
        service_level=under("/category", lambda: find(category, "id", _level)),
    )


def _level(value: Any) -> str | None:
    return words.service_level(text(value))


def _stop(fulfillment: Json, end: str) -> Place:
    return need(fulfillment, end, lambda part: need(an_object(part), "location", parts.place))


# Catalog


def read_on_search(message: Any) -> Catalog:
    """The deliveries of a catalog, each with the price of its way back."""
    return in_message(message, "catalog", _catalog)


def _catalog(value: Any) -> Catalog:
    catalog = an_object(value)
    platform = find(catalog, "bpp/descriptor", an_object) or {}
    offers: list[Offer] = []
    each(catalog, "bpp/providers", lambda provider: _collect(offers, an_object(provider)))
    return Catalog(
        under("/bpp~1descriptor", lambda: find(platform, "name", text)) or "",
        tuple(offers),
        under("/bpp~1descriptor", lambda: _terms(platform)),
    )


def _terms(platform: Json) -> Terms | None:
    told = tag_groups.groups(platform).get("bpp_terms", {})
    url = told.get("static_terms_new") or told.get("static_terms")
    return Terms(static_terms=url) if url else None


def _collect(offers: list[Offer], provider: Json) -> None:
    fulfillments = {
        find(given, "id", text) or "": given for given in each(provider, "fulfillments", an_object)
    }
    returns = _returns(each(provider, "items", an_object), fulfillments)

    def read(item: Json) -> None:
        if not _is_delivery(item, fulfillments):
            return
        if len(offers) == OFFERS_MAX:
            raise Malformed(f"more than {OFFERS_MAX} offers in one catalog")
        offers.append(_offer(provider, item, fulfillments, returns))

    each(provider, "items", read)


def _returns(items: tuple[Json, ...], fulfillments: dict[str, Json]) -> dict[str, Json]:
    """The items of the way back, by the item whose way back they are."""
    return {
        str(item.get("parent_item_id")): item
        for item in items
        if _type(item, fulfillments) == words.RETURN and item.get("parent_item_id")
    }


def _type(item: Json, fulfillments: dict[str, Json]) -> str | None:
    fulfillment = fulfillments.get(str(item.get("fulfillment_id")), {})
    return find(fulfillment, "type", text)


def _is_delivery(item: Json, fulfillments: dict[str, Json]) -> bool:
    """Not a way back, and not a fee for collecting cash."""
    kind = tag_groups.groups(item).get("type", {}).get("type")
    return _type(item, fulfillments) != words.RETURN and kind != "cod"


def _offer(
    provider: Json, item: Json, fulfillments: dict[str, Json], returns: dict[str, Json]
) -> Offer:
    item_id = need(item, "id", name)
    fulfillment_id = need(item, "fulfillment_id", name)
    fulfillment = fulfillments.get(fulfillment_id, {})
    currency, price_minor = need(item, "price", _price)
    back = returns.get(item_id)
    pickup_s = _pickup_s(fulfillment)
    return Offer(
        provider_id=need(provider, "id", name),
        provider_name=find(find(provider, "descriptor", an_object) or {}, "name", text) or "",
        item_id=item_id,
        fulfillment_id=fulfillment_id,
        kind=Kind.DELIVERY,
        name=find(find(item, "descriptor", an_object) or {}, "name", text) or "",
        currency=currency,
        price_minor=price_minor,
        eta_min=None if pickup_s is None else -(-pickup_s // 60),
        service_level=find(item, "category_id", _level),
        turnaround_s=find(find(item, "time", an_object) or {}, "duration", parts.span_s),
        distance_m=_distance_m(fulfillment),
        return_price_minor=None if back is None else need(back, "price", _price)[1],
    )


def _price(value: Any) -> tuple[str, int]:
    price = an_object(value)
    currency = currency_of(price)
    return currency, need(price, "value", lambda part: minor(part, currency))


def _pickup_s(fulfillment: Json) -> int | None:
    start = find(fulfillment, "start", an_object) or {}
    return find(find(start, "time", an_object) or {}, "duration", parts.span_s)


def _distance_m(fulfillment: Json) -> int | None:
    told = tag_groups.groups(fulfillment).get("distance", {})
    km = told.get("motorable_distance")
    if km is None or told.get("motorable_distance_type", "kilometer") != "kilometer":
        return None
    return parts.metres(km)
