"""Reading what the ride network writes: core 1.1 reads the order, this its terms and its words."""

from __future__ import annotations

from typing import Any

from protocol_specs.wire import tags
from protocol_specs.wire.order import (
    CancelRequest,
    Catalog,
    Intent,
    OrderView,
    Place,
    Terms,
)
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1 as core
from protocol_specs.wire.version.core_1_1 import read_places as parts
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    each,
    find,
    gps,
    in_message,
    name,
    need,
    text,
    under,
)
from protocol_specs.wire.version.trv10 import terms
from protocol_specs.wire.version.trv10 import vocabulary as words

_Nearby = dict[tuple[str, str], tuple[Place, ...]]

_STATUS = {"CONFIRM_CANCEL": "CANCELLED", "CONFIRM_UPDATE": "UPDATED"}


def search(message: Any) -> Intent:
    """What a rider looks for, with what the platform asks of the provider."""
    intent = core.read_search(message)
    given = in_message(message, "intent", an_object)
    payment = find(given, "payment", an_object) or {}
    told = terms.of_group(parts.groups(given), terms.BAP_TERMS) or terms.of_payments([payment])
    return replace(intent, bap_terms=told)


def on_search(message: Any) -> Catalog:
    """The offers of a catalog, with the free vehicles near by and the provider's terms."""
    catalog = core.read_on_search(message)
    told, nearby = in_message(message, "catalog", _beside_offers)
    offers = tuple(
        replace(offer, nearby=nearby.get((offer.provider_id, offer.item_id), ()))
        for offer in catalog.offers
    )
    return replace(catalog, offers=offers, bpp_terms=told)


def _beside_offers(catalog: Json) -> tuple[Terms | None, _Nearby]:
    """The provider's terms, and where vehicles stand, by provider and item."""
    nearby: _Nearby = {}
    payments: list[Json] = []

    def read(provider: Json) -> None:
        payments.extend(each(provider, "payments", an_object))
        nearby.update(_nearby(provider))

    each(catalog, "providers", read)
    told = terms.of_group(parts.groups(catalog), terms.BPP_TERMS) or terms.of_payments(payments)
    return told, nearby


def _nearby(provider: Json) -> _Nearby:
    """An id that names no location is passed over."""
    provider_id = need(provider, "id", name)
    known = {
        find(given, "id", text): find(given, "gps", gps)
        for given in each(provider, "locations", an_object)
    }
    found: _Nearby = {}
    for item in each(provider, "items", an_object):
        places = (known.get(one) for one in each(item, "location_ids", text))
        found[provider_id, need(item, "id", name)] = tuple(p for p in places if p is not None)
    return found


def request(view: OrderView, message: Any) -> OrderView:
    """What the platform asks; in 2.0.1 the terms of a request are its sender's."""
    return _agreed(view, message, is_request=True)


def on_order(message: Any) -> OrderView:
    """The order in a callback."""
    view = _agreed(core.read_on_order(message), message, is_request=False)
    return replace(view, status=_STATUS.get(view.status or "", view.status))


def _agreed(view: OrderView, message: Any, *, is_request: bool) -> OrderView:
    """The view with its terms, which are then no tags any more."""
    order = in_message(message, "order", an_object)
    bap = terms.of_group(view.tags, terms.BAP_TERMS)
    bpp = terms.of_group(view.tags, terms.BPP_TERMS)
    told = terms.of_payments(each(order, "payments", an_object))
    why = view.cancellation
    return replace(
        view,
        bap_terms=bap or (told if is_request else None),
        bpp_terms=bpp or (None if is_request else told),
        tags=tuple(group for group in view.tags if not tags.read([group]).keys() & terms.GROUPS),
        cancellation=replace(why, reason_id=words.reason(why.reason_id)) if why else None,
    )


def status(message: Any) -> str:
    """The id of the order asked about, or of its transaction when no order id is known."""

    def read(value: Any) -> str:
        given = an_object(value)
        return find(given, "ref_id", name) or need(given, "order_id", name)

    return under("/message", lambda: read(message))


def cancel(message: Any) -> CancelRequest:
    """A wish to cancel, its reason in three digits."""
    wish = core.read_cancel(message)
    return replace(wish, reason_id=words.reason(wish.reason_id))
