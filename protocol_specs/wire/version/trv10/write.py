"""Writing what ONDC's ride network asks: core 1.1 writes the narrowed model, this adds the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocol_specs.wire.order import (
    CancelRequest,
    Catalog,
    Intent,
    Offer,
    OrderView,
    Place,
    Quote,
    Terms,
    Tracking,
    UpdateRequest,
    VehicleNeeds,
)
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1 as core
from protocol_specs.wire.version.core_1_1 import write_parts as parts
from protocol_specs.wire.version.core_1_1.write_after import changed
from protocol_specs.wire.version.trv10 import narrow, terms
from protocol_specs.wire.version.trv10 import vocabulary as words
from protocol_specs.wire.version.trv10.vocabulary import Edition

Json = dict[str, Any]

_STATUS = {
    ("on_status", "COMPLETE"): "COMPLETED",
    # The network takes the end of an order from on_status alone.
    ("on_update", "COMPLETE"): "ACTIVE",
}
_TARGETS = {"fulfillments": "order.fulfillments", "quote.breakup": "order.quote.breakup"}
_ASKED = {
    "select": ("provider", "items", "fulfillments"),
    "init": ("provider", "items", "billing", "fulfillments", "payments"),
    "confirm": ("provider", "items", "billing", "fulfillments", "payments"),
}


# Search


def search(edition: Edition, intent: Intent) -> Json:
    """A search for rides. Raises ValueError for a delivery or an unknown category of vehicle."""
    narrow.require_ride(intent.kind)
    if intent.needs != VehicleNeeds():
        raise ValueError("the ride network has no words for what a vehicle must have")
    if intent.vehicle_category is not None:
        narrow.require_category(intent.vehicle_category)
    message = core.write_search(replace(intent, parcel=None, payment=None))
    written: Json = message["intent"]
    written.pop("category", None)
    if edition.has_categories:
        written["category"] = parts.coded(_category(intent))
    payment: Json = {"collected_by": intent.payment.collected_by if intent.payment else "BPP"}
    written["payment"] = payment
    told = terms.asked(intent.bap_terms)
    if edition.has_terms_in_payments:
        payment |= parts.said(tags=terms.payment_groups(told))
    else:
        written |= parts.said(tags=terms.group(terms.BAP_TERMS, told))
    return message


def on_search(edition: Edition, catalog: Catalog, intent: Intent) -> Json:
    """A catalog: what a ride costs, in which class of vehicle, and where free ones stand."""
    offers = tuple(_narrowed(offer) for offer in catalog.offers)
    message = core.write_on_search(replace(catalog, offers=offers), intent=intent)
    written: Json = message["catalog"]
    nearby = {offer.item_id: offer.nearby for offer in catalog.offers}
    for provider in written["providers"]:
        _locate(provider, nearby)
        provider.setdefault("payments", [{"collected_by": "BPP"}])
        if edition.has_categories:
            _categorise(provider, intent)
        if edition.has_terms_in_payments:
            _tag(provider["payments"], catalog.bpp_terms)
    if not edition.has_terms_in_payments:
        written |= parts.said(tags=terms.group(terms.BPP_TERMS, catalog.bpp_terms))
    return message


def _narrowed(offer: Offer) -> Offer:
    """Without the tags that come with on_select, and in the network's words."""
    narrow.require_ride(offer.kind)
    narrow.require_category(offer.vehicle_category)
    return replace(
        offer,
        name=offer.name or words.RIDE_NAME,
        vehicle_variant=offer.vehicle_variant if offer.vehicle_variant in words.VARIANTS else None,
        payments=tuple(narrow.payment(payment) for payment in offer.payments),
        eta_min=None,
        distance_to_driver_m=None,
        fare_policy=(),
        tags=(),
        form=None,
    )


def _locate(provider: Json, nearby: dict[str, tuple[Place, ...]]) -> None:
    """Each item names the locations of the vehicles near by, each location stands once."""
    ids: dict[str, str] = {}
    for item in provider["items"]:
        points = [parts.location(place)["gps"] for place in nearby[item["id"]]]
        named = [ids.setdefault(gps, f"L{len(ids) + 1}") for gps in points]
        item |= parts.said(location_ids=list(dict.fromkeys(named)))
    provider |= parts.said(locations=[{"id": name, "gps": gps} for gps, name in ids.items()])


def _categorise(provider: Json, intent: Intent) -> None:
    category = _category(intent)
    provider["categories"] = [{"id": category, **parts.coded(category)}]
    for item in provider["items"]:
        item["category_ids"] = [category]


def _category(intent: Intent) -> str:
    return words.SCHEDULED if intent.start_at else words.ON_DEMAND


def _tag(payments: list[Json], told: Terms | None) -> None:
    for payment in payments:
        payment |= parts.said(tags=terms.payment_groups(told))


# Orders


def request(edition: Edition, view: OrderView, action: str) -> Json:
    """The order of select, init or confirm: ids and people; the price is the provider's to say.

    A bill needs a name: without one it is made out to the customer.
    """
    narrowed = replace(narrow.order(view), id=None, status=None)
    if narrowed.billing is None or narrowed.billing.name is None:
        narrowed = replace(narrowed, billing=narrowed.fulfillment.customer)
    whole = core.write_init(narrowed)["order"]
    written = {member: whole[member] for member in _ASKED[action] if member in whole}
    written["items"] = [{"id": view.item_id}]
    if action == "init":
        for payment in written.get("payments", ()):
            payment.pop("id", None)
    if action != "select":
        told = {terms.BAP_TERMS: view.bap_terms}
        if action == "confirm":
            told[terms.BPP_TERMS] = view.bpp_terms
        _agree(edition, written, told, view.quote)
    return {"order": written}


def on_order(edition: Edition, view: OrderView, action: str) -> Json:
    """The order in a callback. Raises ValueError when the action needs more than the view says."""
    is_draft = action in ("on_select", "on_init")
    narrowed = replace(narrow.order(view), status=None if is_draft else "ACTIVE")
    if is_draft:
        narrowed = _drafted(narrowed)
    payments = [
        replace(payment, id=payment.id or str(n)) for n, payment in enumerate(narrowed.payments, 1)
    ]
    narrowed = replace(narrowed, payments=() if action == "on_select" else tuple(payments))
    message = core.write_on_order(narrowed, action=action)
    written: Json = message["order"]
    if not is_draft:
        status = view.status or "ACTIVE"
        written["status"] = _STATUS.get((action, status), status)
    item = written["items"][0]
    item["descriptor"].setdefault("name", words.RIDE_NAME)
    if action != "on_select":
        written.setdefault("cancellation_terms", [])
        told = {terms.BPP_TERMS: view.bpp_terms}
        if action != "on_init":
            told[terms.BAP_TERMS] = view.bap_terms
        _agree(edition, written, told, view.quote)
    elif edition.has_terms_in_payments:
        written.pop("cancellation_terms", None)
    return message


def _drafted(view: OrderView) -> OrderView:
    """A draft has no id and nobody drives it."""
    vehicle = view.fulfillment.vehicle
    fulfillment = replace(
        view.fulfillment,
        state=None,
        agent=None,
        vehicle=narrow.vehicle(vehicle, whole=False) if vehicle else None,
        start_code=None,
        code_claimed=False,
    )
    return replace(
        view, id=None, fulfillment=fulfillment, cancellation=None, created_at=None, updated_at=None
    )


def _agree(
    edition: Edition, order: Json, told: Mapping[str, Terms | None], quote: Quote | None
) -> None:
    """Puts the terms where the edition has them.

    2.0.1 has one place for both sides', so there the first ones told stand: the sender's own.
    """
    known = {code: terms.settled(given, quote) for code, given in told.items() if given}
    if edition.has_terms_in_payments:
        _tag(order.get("payments", []), next(iter(known.values()), None))
    else:
        groups = [group for code in sorted(known) for group in terms.group(code, known[code])]
        order |= parts.said(tags=groups)


# The small ones


def status(order_id: str, *, is_transaction: bool) -> Json:
    """Ask how an order stands; one without a known id by its transaction."""
    return {"ref_id" if is_transaction else "order_id": order_id}


def on_track(tracking: Tracking) -> Json:
    """Where the vehicle is. The network wants a position with its time, so none without."""
    message = core.write_on_track(replace(tracking, location=None))
    if tracking.location is not None and tracking.updated_at is not None:
        gps = parts.location(tracking.location)["gps"]
        message["tracking"]["location"] = {
            "gps": gps,
            "updated_at": parts.time(tracking.updated_at),
        }
    return message


def cancel(wish: CancelRequest) -> Json:
    """Ask the fee, or cancel. Raises ValueError without a reason: the network wants one."""
    if wish.reason_id is None:
        raise ValueError("the ride network cancels nothing without a reason of three digits")
    message = core.write_cancel(replace(wish, reason_id=words.reason(wish.reason_id)))
    message["descriptor"]["name"] = words.CANCEL_NAME
    return message


def update(request: UpdateRequest) -> Json:
    """Change the stops or the tip. Raises ValueError for any other part, and for two at once.

    A tip is told as the whole new breakup with its line BUYER_ADDITIONAL_AMOUNT.
    """
    if len(request.targets) != 1 or request.targets[0] not in _TARGETS:
        raise ValueError(f"the ride network changes one of {', '.join(_TARGETS)} at a time")
    fulfillment = request.fulfillment
    narrowed = replace(
        request,
        fulfillment=narrow.fulfillment(fulfillment) if fulfillment else None,
        lines=narrow.lines(request.lines) if request.lines else (),
        payments=(),
    )
    order: Json = changed(narrowed)
    order["status"] = "SOFT_UPDATE" if request.soft else "CONFIRM_UPDATE"
    if narrowed.lines and narrowed.currency:
        total = sum(line.amount_minor for line in narrowed.lines)
        order["quote"]["price"] = parts.price(total, narrowed.currency)
    return {"update_target": _TARGETS[request.targets[0]], "order": order}
