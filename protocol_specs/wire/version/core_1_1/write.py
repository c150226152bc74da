"""Writing the messages of core 1.1, one function per action; the context is the envelope's.

Each returns the `message` as JSON-ready dicts. A value that core 1.1 cannot say, or that its action
must not lack, is our own mistake and raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

from protocol_specs.wire import tags
from protocol_specs.wire.order import (
    CancelRequest,
    Catalog,
    Intent,
    Offer,
    OrderView,
    PaymentTerms,
    Tracking,
)
from protocol_specs.wire.version.core_1_1 import vocabulary as words
from protocol_specs.wire.version.core_1_1 import write_parts as parts
from protocol_specs.wire.version.core_1_1.write_parts import Json, said

_STATUS = {
    None: None,
    "DRAFT": None,
    "ACTIVE": "ACTIVE",
    "COMPLETE": "COMPLETE",
    "CANCELLED": "CANCELLED",
    # Core has no word for a fee that was only asked for, nor for a change: the order stands.
    "SOFT_CANCEL": "ACTIVE",
    "SOFT_UPDATE": "ACTIVE",
    "UPDATED": "ACTIVE",
}
_NEEDS = {
    "on_select": ("quote",),
    "on_init": ("quote", "payments"),
    "on_confirm": ("id", "status", "quote"),
    "on_status": ("id", "status"),
    "on_update": ("id", "status"),
    "on_cancel": ("id", "status"),
}


# Search


def write_search(intent: Intent) -> Json:
    """A search between two stops."""
    start = said(
        type="START",
        location=parts.location(intent.pickup),
        time=parts.planned(intent.start_at),
    )
    end = {"type": "END", "location": parts.location(intent.drop)}
    fulfillment = said(
        stops=[start, end],
        vehicle=said(category=intent.vehicle_category, **parts.needed(intent.needs)),
        tags=[
            *([parts.parcel(intent.parcel)] if intent.parcel else []),
            *parts.needed_tags(intent.needs),
        ],
    )
    return {
        "intent": said(
            category=parts.coded(words.CATEGORY[intent.kind]),
            fulfillment=fulfillment,
            payment=parts.payment(intent.payment) if intent.payment else None,
        )
    }


def write_on_search(catalog: Catalog, *, intent: Intent) -> Json:
    """A catalog for that intent, the offers of a provider together.

    Raises ValueError for two offers under one item id, and for payments without ids where a
    provider's offers differ in them.
    """
    by_provider = sorted(catalog.offers, key=attrgetter("provider_id"))
    providers = [
        _provider(list(offers), intent)
        for _, offers in groupby(by_provider, key=attrgetter("provider_id"))
    ]
    return {"catalog": {"descriptor": {"name": catalog.name}, "providers": providers}}


def _provider(offers: list[Offer], intent: Intent) -> Json:
    if len({offer.item_id for offer in offers}) < len(offers):
        raise ValueError("two offers of one provider have the same item id")
    fulfillments = {offer.fulfillment_id: _offered(offer, intent) for offer in offers}
    payments = dict.fromkeys(payment for offer in offers for payment in offer.payments)
    share = all(offer.payments == offers[0].payments for offer in offers)
    return said(
        id=offers[0].provider_id,
        descriptor=said(name=offers[0].provider_name),
        fulfillments=list(fulfillments.values()),
        payments=[parts.payment(payment) for payment in payments],
        items=[_item_offered(offer, name_payments=not share) for offer in offers],
    )


def _offered(offer: Offer, intent: Intent) -> Json:
    start = said(location=parts.location(intent.pickup), time=parts.planned(intent.start_at))
    return said(
        id=offer.fulfillment_id,
        type=words.FULFILLMENT_TYPE,
        vehicle=said(category=offer.vehicle_category, variant=offer.vehicle_variant),
        stops=[
            {"type": "START", **start},
            {"type": "END", "location": parts.location(intent.drop)},
        ],
    )


def _item_offered(offer: Offer, *, name_payments: bool) -> Json:
    item = said(
        id=offer.item_id,
        descriptor=said(code=words.ITEM[offer.kind], name=offer.name),
        price=parts.price(offer.price_minor, offer.currency),
        fulfillment_ids=[offer.fulfillment_id],
        xinput=parts.form(offer.form) if offer.form else None,
        tags=[*_offer_tags(offer), *offer.tags],
    )
    if name_payments:
        item["payment_ids"] = _payment_ids(offer.payments)
    return item


def _payment_ids(payments: Iterable[PaymentTerms]) -> list[str]:
    ids = [payment.id for payment in payments]
    if None in ids:
        raise ValueError("offers of one provider differ in payments: give each payment an id")
    return [payment_id for payment_id in ids if payment_id is not None]


def _offer_tags(offer: Offer) -> list[Json]:
    told = {words.ETA_MIN: offer.eta_min, words.DRIVER_DISTANCE_M: offer.distance_to_driver_m}
    info = {code: str(value) for code, value in told.items() if value is not None}
    groups = _fare_policy(offer.fare_policy)
    return [*groups, tags.group(words.INFO, info, name=words.INFO_NAME)] if info else groups


def _fare_policy(policy: tuple[tuple[str, str], ...]) -> list[Json]:
    return [tags.group(words.FARE_POLICY, dict(policy), name="Fare policy")] if policy else []


# Orders


def write_select(view: OrderView) -> Json:
    """What the customer picked."""
    return {"order": _order(view, fulfillment_type=None)}


def write_init(view: OrderView) -> Json:
    """What the customer picked, and who the customer is."""
    return {"order": _order(view, fulfillment_type=None)}


def write_confirm(view: OrderView) -> Json:
    """The draft that the customer accepts."""
    return {"order": _order(view, fulfillment_type=None)}


def write_on_order(view: OrderView, *, action: str) -> Json:
    """The order in a callback. Raises ValueError when the action needs more than the view says."""
    missing = [part for part in _NEEDS[action] if not getattr(view, part)]
    if missing:
        raise ValueError(f"{action} needs {', '.join(missing)} of the order")
    if action == "on_select" and view.fulfillment.agent is not None:
        raise ValueError("on_select names no agent: nobody is assigned to a quote")
    return {"order": _order(view, fulfillment_type=words.FULFILLMENT_TYPE)}


def _order(view: OrderView, *, fulfillment_type: str | None) -> Json:
    if view.status not in _STATUS:
        raise ValueError(f"core 1.1 has no order status {view.status!r}")
    return said(
        id=view.id,
        status=_STATUS[view.status],
        provider={"id": view.provider_id},
        items=[_item(view)],
        billing=parts.billing(view.billing),
        fulfillments=[parts.fulfillment(view.fulfillment, fulfillment_type=fulfillment_type)],
        quote=parts.quote(view.quote) if view.quote else None,
        payments=[parts.payment(payment) for payment in view.payments],
        cancellation_terms=[parts.term(term) for term in view.cancellation_terms],
        cancellation=parts.cancellation(view.cancellation) if view.cancellation else None,
        created_at=parts.time(view.created_at),
        updated_at=parts.time(view.updated_at),
        xinput=parts.form(view.form) if view.form else None,
        tags=list(view.tags),
    )


def _item(view: OrderView) -> Json:
    quote, code = view.quote, words.ITEM[view.fulfillment.kind]
    return said(
        id=view.item_id,
        descriptor=said(code=code, name=view.item_name),
        price=parts.price(quote.total_minor, quote.currency) if quote else None,
        fulfillment_ids=[view.fulfillment.id] if view.fulfillment.id else None,
        payment_ids=[payment.id for payment in view.payments if payment.id],
        tags=_fare_policy(view.fare_policy),
    )


# The small ones


def write_status(order_id: str, *, is_transaction: bool = False) -> Json:
    """Ask how an order stands; one without a known id by its transaction, in the same place."""
    return {"order_id": order_id}


def write_track(order_id: str) -> Json:
    """Ask where the vehicle is."""
    return {"order_id": order_id}


def write_on_track(tracking: Tracking) -> Json:
    """Where the vehicle is, or where to watch it."""
    location: Json = {}
    if tracking.location is not None:
        seen = parts.time(tracking.updated_at)
        descriptor = {"code": words.SEEN_AT, "short_desc": seen} if seen else None
        location = said(**parts.location(tracking.location), descriptor=descriptor)
    return {"tracking": said(status=tracking.status, location=location, url=tracking.url)}


def write_cancel(request: CancelRequest) -> Json:
    """Cancel, or with `soft` ask what it would cost."""
    code = "SOFT_CANCEL" if request.soft else "CONFIRM_CANCEL"
    return said(
        order_id=request.order_id,
        cancellation_reason_id=request.reason_id,
        descriptor=said(code=code, short_desc=request.description),
    )
