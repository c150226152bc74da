"""Writing what is looked for and what is offered: search and on_search of core 0.9."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from protocol_specs.wire.order import (
    Catalog,
    Intent,
    Kind,
    Offer,
    Parcel,
    Terms,
    VehicleNeeds,
)
from protocol_specs.wire.version.log10 import tag_groups
from protocol_specs.wire.version.log10 import vocabulary as words
from protocol_specs.wire.version.log10 import write_parts as parts
from protocol_specs.wire.version.log10.vocabulary import Edition
from protocol_specs.wire.version.log10.write_parts import Json, said, wanted

_ANY_TIME = {
    "days": "1,2,3,4,5,6,7",
    # The rules want a day on which the sender is away, and a citizen has none.
    "schedule": {"holidays": ["2099-12-31"]},
    "duration": "PT0M",
    "range": {"start": "0000", "end": "2359"},
}


def search(edition: Edition, intent: Intent) -> Json:
    """A parcel to be brought. Raises ValueError for a ride, or for a parcel left unsaid."""
    if intent.kind is not Kind.DELIVERY or intent.parcel is None:
        raise ValueError("these networks carry parcels: the intent must have one")
    if intent.start_at is not None or intent.needs != VehicleNeeds():
        # What is for later is ordered now, and said to be ready then (update).
        raise ValueError("these networks take no day and time, and no wishes about the vehicle")
    payment = intent.payment
    fulfillment = said(
        type=words.DELIVERY,
        start={"location": {"id": words.START_ID, **parts.sought(intent.pickup)}},
        end={"location": parts.sought(intent.drop)},
        tags=_sought_tags(intent.parcel) if edition.is_tagged else None,
    )
    return {
        "intent": {
            "category": {"id": intent.service_level or words.SERVICE_LEVEL},
            "provider": {"time": _ANY_TIME},
            "fulfillment": fulfillment,
            "payment": {
                "type": words.payment_type(payment.type if payment else "POST-FULFILLMENT")
            },
            "@ondc/org/payload_details": parts.payload(intent.parcel),
        }
    }


def _sought_tags(parcel: Parcel) -> list[Json]:
    return [tag_groups.group("linked_order", **parts.linked_tags(parcel, None))]


# Catalog


def on_search(edition: Edition, catalog: Catalog, intent: Intent) -> Json:
    """A catalog for that intent, the offers of a provider together.

    Raises ValueError for two offers under one item id, and without `made_at`.
    """
    made_at: int = wanted(catalog.made_at, "made_at, which turnaround times are reckoned from")
    by_provider = sorted(catalog.offers, key=attrgetter("provider_id"))
    providers = [
        _provider(edition, list(offers), intent, made_at)
        for _, offers in groupby(by_provider, key=attrgetter("provider_id"))
    ]
    platform = said(name=catalog.name, tags=_platform_tags(edition, catalog.bpp_terms, made_at))
    return {"catalog": {"bpp/descriptor": platform, "bpp/providers": providers}}


def _platform_tags(edition: Edition, terms: Terms | None, made_at: int) -> list[Json]:
    """A new url of terms needs the day it holds from."""
    if terms is None or terms.static_terms is None:
        return [tag_groups.group("bpp_terms", static_terms="")] if edition.is_tagged else []
    return [
        tag_groups.group(
            "bpp_terms",
            static_terms="",
            static_terms_new=terms.static_terms,
            effective_date=parts.time(made_at),
        )
    ]


def _provider(edition: Edition, offers: list[Offer], intent: Intent, made_at: int) -> Json:
    if len({offer.item_id for offer in offers}) < len(offers):
        raise ValueError("two offers of one provider have the same item id")
    levels = {_level(offer, intent): _turnaround(offer, made_at) for offer in offers}
    there = {offer.fulfillment_id: _way_there(offer) for offer in offers}
    back = [{"id": f"{one}{words.RETURN_SUFFIX}", "type": words.RETURN} for one in there]
    name = offers[0].provider_name
    return {
        "id": offers[0].provider_id,
        "descriptor": _descriptor(wanted(name, "a name of each provider"), None),
        "categories": [{"id": level, "time": time} for level, time in levels.items()],
        "fulfillments": [*there.values(), *back],
        "items": [
            item
            for offer in offers
            for item in _items(edition, offer, _level(offer, intent), made_at)
        ],
    }


def _level(offer: Offer, intent: Intent) -> str:
    return offer.service_level or intent.service_level or words.SERVICE_LEVEL


def _turnaround(offer: Offer, made_at: int) -> Json:
    return parts.turnaround(made_at, offer.turnaround_s or words.TURNAROUND_S)


def _way_there(offer: Offer) -> Json:
    pickup_s = words.PICKUP_S if offer.eta_min is None else 60 * offer.eta_min
    return said(
        id=offer.fulfillment_id,
        type=words.DELIVERY,
        start={"time": {"duration": parts.span(pickup_s)}},
        tags=_distance(offer.distance_m),
    )


def _distance(metres: int | None) -> list[Json]:
    if metres is None:
        return []
    far = f"{metres // 1000}.{metres % 1000:03d}"
    return [
        tag_groups.group("distance", motorable_distance_type="kilometer", motorable_distance=far)
    ]


def _items(edition: Edition, offer: Offer, level: str, made_at: int) -> tuple[Json, Json]:
    """The way there and the way back, which costs what the provider says or nothing."""
    shared = {"category_id": level, "time": _turnaround(offer, made_at)}
    there = {
        "id": offer.item_id,
        "parent_item_id": "",
        "fulfillment_id": offer.fulfillment_id,
        "descriptor": _descriptor(offer.name, edition.item_code),
        "price": parts.price(offer.price_minor, offer.currency),
    }
    back = {
        "id": f"{offer.item_id}{words.RETURN_SUFFIX}",
        "parent_item_id": offer.item_id,
        "fulfillment_id": f"{offer.fulfillment_id}{words.RETURN_SUFFIX}",
        "descriptor": _descriptor("Return to origin", edition.item_code),
        "price": parts.price(offer.return_price_minor or 0, offer.currency),
    }
    return there | shared, back | shared


def _descriptor(name: str, code: str | None) -> Json:
    return said(name=name, code=code, short_desc=name, long_desc=name)
