"""Reading orders and what is asked about them: init to on_cancel of core 0.9."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import (
    CancelRequest,
    Fulfillment,
    Kind,
    OrderView,
    Place,
    ReturnLeg,
    Support,
    Terms,
    Tracking,
    UpdateRequest,
)
from protocol_specs.wire.values import replace
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    at,
    each,
    find,
    gps,
    in_message,
    loose_text,
    name,
    need,
    text,
    under,
)
from protocol_specs.wire.version.log10 import read_money as money
from protocol_specs.wire.version.log10 import read_parts as parts
from protocol_specs.wire.version.log10 import vocabulary as words
from protocol_specs.wire.version.log10.tag_groups import Groups, groups

_FEW = re.compile(r"[0-9]{1,3}")
_PICKUP_CODES = ("2", "3", "4")
_DROP_CODES = ("1", "2")
"""Kinds of instruction whose short text is the code word that proves pickup or drop."""


def read_request(message: Any) -> OrderView:
    """An order to be drafted (init) or made (confirm): no state yet, whatever it says."""
    return replace(in_message(message, "order", _order), status=None)


def read_on_order(message: Any) -> OrderView:
    """The order in on_init, on_confirm, on_update, on_status and on_cancel."""
    return in_message(message, "order", _order)


def _order(value: Any) -> OrderView:
    order = an_object(value)
    fulfillment = _fulfillment(order)
    item = _item_of(order, fulfillment.id)
    provider = need(order, "provider", an_object)
    paid, settlement = money.payments(order)
    return OrderView(
        id=find(order, "id", loose_text),
        status=find(order, "state", lambda word: _status(word, fulfillment.return_leg)),
        provider_id=under("/provider", lambda: need(provider, "id", name)),
        item_id=under("/items/0", lambda: need(item, "id", name)),
        item_name=find(find(item, "descriptor", an_object) or {}, "name", text),
        service_level=find(item, "category_id", lambda part: words.service_level(text(part))),
        fulfillment=fulfillment,
        quote=find(order, "quote", money.quote),
        payments=paid,
        billing=find(order, "billing", parts.billing),
        cancellation=find(order, "cancellation", money.cancellation),
        created_at=find(order, "created_at", parts.moment),
        updated_at=find(order, "updated_at", parts.moment),
        bap_terms=settlement,
        bpp_terms=_bpp_terms(groups(order).get("bpp_terms", {})),
    )


def _status(value: Any, leg: ReturnLeg | None) -> str:
    """What comes back is not cancelled until it is back, whatever word a network has for that."""
    status = words.order_status(text(value))
    if status is None:
        raise Malformed(f"{value[:40]!r} is no state of an order")
    if leg is None:
        return status
    return "CANCELLED" if leg.state in words.RETURN_OVER else "ACTIVE"


def _bpp_terms(told: Any) -> Terms | None:
    arbitration = told.get("mandatory_arbitration")
    terms = Terms(
        static_terms=told.get("static_terms") or None,
        mandatory_arbitration=None if arbitration is None else words.is_yes(arbitration),
        court_jurisdiction=told.get("court_jurisdiction"),
        delay_interest=told.get("delay_interest"),
    )
    return None if terms == Terms() else terms


def _item_of(order: Json, fulfillment_id: str) -> Json:
    """The item that is the way there: others are the way back, or a fee for collecting cash."""
    items = each(order, "items", an_object)
    if not items:
        raise Malformed("an order has an item", path="/items")
    own = [item for item in items if item.get("fulfillment_id") == fulfillment_id]
    return (own or items)[0]


# Fulfillments


def _fulfillment(order: Json) -> Fulfillment:
    given = list(enumerate(each(order, "fulfillments", an_object)))
    back = [(n, one) for n, one in given if one.get("type") == words.RETURN]
    there = [(n, one) for n, one in given if one.get("type") != words.RETURN]
    if len(there) > 1 or len(back) > 1:
        raise Malformed("an order here has one delivery, and one way back", path="/fulfillments")
    if not there:
        items = each(order, "items", an_object)
        fulfillment_id = find(items[0], "fulfillment_id", text) if items else None
        return Fulfillment(id=fulfillment_id or "", kind=Kind.DELIVERY)
    n, one = there[0]
    tags = under(f"/fulfillments/{n}", lambda: groups(one))
    leg = under(f"/fulfillments/{back[0][0]}", lambda: _leg(back[0][1], tags)) if back else None
    delivery = under(f"/fulfillments/{n}", lambda: _delivery(one, tags))
    return replace(delivery, parcel=parts.carried(order, tags), return_leg=leg)


def _delivery(given: Json, tags: Groups) -> Fulfillment:
    start = find(given, "start", an_object) or {}
    end = find(given, "end", an_object) or {}
    ready = tags.get("state", {}).get("ready_to_ship")

    def at_start(key: str, read: Callable[[Any], Any]) -> Any:
        return under("/start", lambda: find(start, key, read))

    def at_end(key: str, read: Callable[[Any], Any]) -> Any:
        return under("/end", lambda: find(end, key, read))

    sender = under("/start", lambda: parts.person_at(start))
    pickup_by, picked_up_at = at_start("time", _times) or (None, None)
    deliver_by, delivered_at = at_end("time", _times) or (None, None)
    return Fulfillment(
        id=find(given, "id", loose_text) or "",
        kind=Kind.DELIVERY,
        state=find(given, "state", _state),
        pickup=at_start("location", _place),
        drop=at_end("location", _place),
        pickup_contact=sender,
        drop_contact=under("/end", lambda: parts.person_at(end)),
        customer=sender,
        agent=find(given, "agent", parts.agent),
        vehicle=find(given, "vehicle", parts.vehicle),
        start_code=at_start("instructions", lambda part: _code_word(part, _PICKUP_CODES)),
        end_code=at_end("instructions", lambda part: _code_word(part, _DROP_CODES)),
        instructions=at_start("instructions", _instructions),
        pickup_picture=at_start("instructions", _picture),
        drop_picture=at_end("instructions", _picture),
        ready_to_ship=None if ready is None else words.is_yes(ready),
        pickup_by=pickup_by,
        deliver_by=deliver_by,
        picked_up_at=picked_up_at,
        delivered_at=delivered_at,
        cancelled_in=_state_before(tags),
    )


def _place(value: Any) -> Place | None:
    """A place without gps is none: such are the ends of some ways back."""
    return parts.place(value) if an_object(value).get("gps") else None


def _state(value: Any) -> str | None:
    code = find(find(an_object(value), "descriptor", an_object) or {}, "code", text)
    return None if code is None else words.state(code)


def _state_before(tags: Groups) -> str | None:
    code = tags.get("precancel_state", {}).get("fulfillment_state")
    return None if code is None else words.state(code)


def _times(value: Any) -> tuple[int | None, int | None]:
    """By when it is promised, and when it was done."""
    time = an_object(value)
    span = find(time, "range", an_object) or {}
    return find(span, "end", parts.moment), find(time, "timestamp", parts.moment)


def _code_word(value: Any, codes: tuple[str, ...]) -> str | None:
    given = an_object(value)
    word = find(given, "short_desc", loose_text)
    return word or None if find(given, "code", loose_text) in codes else None


def _picture(value: Any) -> str | None:
    """The first of the urls: proof of pickup at the start, of delivery at the end."""
    urls = an_object(value).get("images")
    first = urls[0] if isinstance(urls, list) and urls else None
    return first if isinstance(first, str) and first else None


def _instructions(value: Any) -> str | None:
    return find(an_object(value), "long_desc", text) or None


def _leg(given: Json, tags: Groups) -> ReturnLeg | None:
    """The way back, once it has a state; before, it only says that there would be one."""
    state = find(given, "state", _state)
    if state is None:
        return None
    start = find(given, "start", an_object) or {}
    end = find(given, "end", an_object) or {}
    event = tags.get("rto_event", {})
    attempts = event.get("retry_count", "")
    return ReturnLeg(
        id=need(given, "id", name),
        state=state,
        reason_id=event.get("cancellation_reason_id"),
        started_at=under("/start", lambda: (find(start, "time", _times) or (None, None))[1]),
        ended_at=under("/end", lambda: (find(end, "time", _times) or (None, None))[1]),
        attempts=int(attempts) if _FEW.fullmatch(attempts) else 1,
    )


# The small ones


def read_order_id(message: Any) -> str:
    """The id of the order asked about: status and track."""
    return under("/message", lambda: need(an_object(message), "order_id", name))


def read_on_track(message: Any) -> Tracking:
    """Where the parcel is, or where to watch it."""
    return in_message(message, "tracking", _tracking)


def _tracking(value: Any) -> Tracking:
    given = an_object(value)
    location = find(given, "location", an_object) or {}
    time = under("/location", lambda: find(location, "time", an_object)) or {}
    seen = under("/location/time", lambda: find(time, "timestamp", parts.moment))
    return Tracking(
        status=need(given, "status", _tracking_status),
        location=under("/location", lambda: find(location, "gps", gps)),
        updated_at=seen or under("/location", lambda: find(location, "updated_at", parts.moment)),
        url=find(given, "url", text),
        order_id=groups(given).get("order", {}).get("id"),
        fulfillment_id=find(given, "id", text),
    )


def _tracking_status(value: Any) -> Literal["active", "inactive"]:
    word = text(value).lower()
    if word in ("active", "inactive"):
        return "active" if word == "active" else "inactive"
    raise Malformed(f"{value[:40]!r} is neither active nor inactive")


def read_cancel(message: Any) -> CancelRequest:
    """A wish to cancel. There is no asking for the fee first."""
    given = under("/message", lambda: an_object(message))
    return under(
        "/message",
        lambda: CancelRequest(
            need(given, "order_id", name), find(given, "cancellation_reason_id", loose_text)
        ),
    )


def read_update(message: Any) -> UpdateRequest:
    """That a parcel may be fetched, or other instructions for it."""
    given = under("/message", lambda: an_object(message))
    target = under("/message", lambda: find(given, "update_target", text))

    def read(value: Any) -> UpdateRequest:
        order = an_object(value)
        items = each(order, "items", an_object)
        return UpdateRequest(
            order_id=need(order, "id", loose_text),
            targets=("fulfillments",) if target in (None, "fulfillment") else (target,),
            fulfillment=_fulfillment(order),
            item_id=under("/items/0", lambda: find(items[0], "id", text)) if items else None,
            at=find(order, "updated_at", at),
        )

    return under("/message", lambda: need(given, "order", read))


def read_support(message: Any) -> Support:
    """What help is asked for, or whom to call: members of the message itself."""
    given = under("/message", lambda: an_object(message))
    return under(
        "/message",
        lambda: Support(
            ref_id=find(given, "ref_id", loose_text),
            phone=find(given, "phone", loose_text),
            email=find(given, "email", text),
            url=find(given, "uri", text),
        ),
    )
