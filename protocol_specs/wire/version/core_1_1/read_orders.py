"""Reading orders and what is asked about them: select to on_cancel of core 1.1.

Lenient where live traffic needs it; what would make another order of it is refused.
"""

from __future__ import annotations

from typing import Any, Literal

from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import (
    RIDE_CANCELLED,
    RIDE_STATES,
    CancelRequest,
    Fulfillment,
    OrderView,
    Tracking,
)
from protocol_specs.wire.version.core_1_1 import read_money as money
from protocol_specs.wire.version.core_1_1 import read_places as parts
from protocol_specs.wire.version.core_1_1 import vocabulary as words
from protocol_specs.wire.version.core_1_1.read_after import form
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    at,
    each,
    find,
    in_message,
    name,
    need,
    text,
    under,
)


def read_select(message: Any) -> OrderView:
    """An order to be quoted: provider and item; most leave the stops out, the search had them."""
    return in_message(message, "order", _requested)


def read_init(message: Any) -> OrderView:
    """An order with its customer, to be drafted."""
    return in_message(message, "order", _requested)


def read_confirm(message: Any) -> OrderView:
    """The draft that the customer accepts."""
    return in_message(message, "order", _requested)


def read_on_order(message: Any) -> OrderView:
    """The order in on_select, on_init, on_confirm, on_status, on_update and on_cancel."""
    return in_message(message, "order", _order)


def _requested(value: Any) -> OrderView:
    order = an_object(value)
    each(order, "fulfillments", lambda part: parts.refuse_other_stops(an_object(part)))
    return _order(order)


def _order(value: Any) -> OrderView:
    order = an_object(value)
    _refuse_singulars(order)
    item = _only(order, "items")
    fare = find(order, "quote", money.quote)
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
        payments=each(order, "payments", money.payment_reader(fare.currency if fare else None)),
        billing=find(order, "billing", parts.billing),
        cancellation_terms=each(order, "cancellation_terms", money.term),
        cancellation=find(order, "cancellation", money.cancellation),
        created_at=find(order, "created_at", at),
        updated_at=find(order, "updated_at", at),
        tags=parts.groups(order),
        fare_policy=parts.pairs(item, words.FARE_POLICY),
        form=find(order, "xinput", form) or find(item, "xinput", form),
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
    return in_message(message, "tracking", _tracking)


def _tracking(value: Any) -> Tracking:
    given = an_object(value)
    location = find(given, "location", an_object)
    return Tracking(
        status=need(given, "status", _tracking_status),
        location=None if location is None else under("/location", lambda: parts.place(location)),
        updated_at=None if location is None else under("/location", lambda: _seen_at(location)),
        url=find(given, "url", text),
    )


def _seen_at(location: Json) -> int | None:
    """When the vehicle was there: our descriptor, or the member that rides networks add."""
    descriptor = find(location, "descriptor", an_object) or {}
    if descriptor.get("code") == words.SEEN_AT:
        return under("/descriptor", lambda: find(descriptor, "short_desc", at))
    return find(location, "updated_at", at)


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
