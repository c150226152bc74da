"""What the citizen may ask of an order that stands: pure decisions that give a request.

As in `wishes`: what is unknown or not allowed now is refused as an ApiError, nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import orjson

from bap import fees
from bap.journey import CHOOSING, Journey, State
from bap.progress import is_ended
from bap.wishes import Request, require_order, said
from protocol_specs.node.api import ApiError
from protocol_specs.wire import money, strict_json
from protocol_specs.wire.order import (
    CancelRequest,
    Fulfillment,
    Kind,
    OrderView,
    Place,
    PriceLine,
    Quote,
    Rating,
    RatingCategory,
    Support,
    UpdateRequest,
)
from protocol_specs.wire.values import replace

TIP = "BUYER_ADDITIONAL_AMOUNT"
"""Code of a tip's line (ONDC TRV10; core 1.1 leaves the words to the network)."""

LISTS = ("get_cancellation_reasons", "get_return_reasons", "get_rating_categories")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different in an order: exactly one of the three."""

    drop: Place | None = None
    tip_minor: int | None = None
    ready_to_ship: bool = False


def cancel(journey: Journey, *, reason_id: str, soft: bool, fee_minor: int | None) -> Request:
    """End the order at the fee that was shown; soft: only ask what it would cost."""
    view = require_order(journey)
    if not fees.cancellable(view):
        raise ApiError(409, "too_late", "the order can no longer be cancelled; call the driver")
    if soft and not journey.speech.traits.has_soft_cancel:
        reason = "this network cannot be asked what cancelling costs; the terms of the order say it"
        raise ApiError(409, "not_sayable", reason)
    wish = CancelRequest(journey.order_id or "", reason_id, soft)
    asked = replace(journey, error=None)
    if not soft:
        asked = replace(asked, agreed_fee_minor=_agreed_fee(journey, view, fee_minor))
    message = said(lambda: journey.speech.write_cancel(wish))
    return Request(asked, "cancel", message, soft=soft)


def status(journey: Journey) -> Request:
    """Ask how the order stands; one without a name yet is asked for by its transaction."""
    if journey.state in CHOOSING:
        raise ApiError(409, "not_booked", "there is no order yet")
    message = journey.speech.write_status(
        journey.order_id or journey.transaction_id, is_transaction=journey.order_id is None
    )
    return Request(replace(journey, error=None), "status", message)


def track(journey: Journey) -> Request:
    """Ask where the vehicle is."""
    require_order(journey)
    message = journey.speech.write_track(journey.order_id or "")
    return Request(replace(journey, error=None), "track", message)


def update(
    journey: Journey,
    change: Change,
    *,
    soft: bool,
    quote_hash: str | None,
    new_code: str,
    now: int,
) -> Request:
    """Change the order; soft: only ask what it would cost.

    Where the network can be asked first, the change is made at the price that `quote_hash` names
    and at no other. Where it cannot, a tip is agreed to by its amount, and any other change that
    makes the order dearer is asked about once the provider has answered. `new_code` becomes the
    code of a pickup that has none.
    """
    view = require_order(journey)
    _require_spoken(journey, "update")
    if is_ended(view):
        raise ApiError(409, "too_late", "the order is over; it cannot be changed any more")
    if journey.pending is not None:
        raise ApiError(409, "consent_needed", "first look at what the cooperative changed")
    if change.ready_to_ship:
        return _ready(journey, view, new_code, now)
    asks_first = journey.speech.traits.has_soft_update
    if soft and not asks_first:
        reason = "this network cannot be asked first; send it, and you are asked if it costs more"
        raise ApiError(409, "not_sayable", reason)
    asked = replace(journey, error=None)
    if soft:
        asked = replace(asked, asked_update=_unpriced(change))
    else:
        granted = _priced(journey, change, quote_hash) if asks_first else _tipped(journey, change)
        asked = replace(asked, asked_update=None, granted=granted)
    wish = _wish(journey, view, change, soft)
    message = said(lambda: journey.speech.write_update(wish))
    return Request(asked, "update", message, soft=soft)


def _ready(journey: Journey, view: OrderView, new_code: str, now: int) -> Request:
    """Say that the parcel can be fetched, and by which code."""
    if journey.kind != Kind.DELIVERY or not journey.speech.traits.consumer_makes_order_id:
        raise ApiError(409, "not_sayable", "nobody has to be told that here")
    if journey.pickup_code is not None:
        raise ApiError(409, "already_asked", "the cooperative was told that already")
    given = view.fulfillment
    wish = UpdateRequest(
        order_id=journey.order_id or "",
        targets=("fulfillment",),
        fulfillment=Fulfillment(
            id=given.id, kind=given.kind, ready_to_ship=True, start_code=new_code
        ),
        item_id=view.item_id,
        at=now,
    )
    told = _unpriced(Change(ready_to_ship=True))
    asked = replace(journey, pickup_code=new_code, asked_update=told, error=None)
    return Request(asked, "update", said(lambda: journey.speech.write_update(wish)))


def _unpriced(change: Change) -> bytes:
    """A change in the form that a journey keeps until the provider has answered."""
    return strict_json.dumps({"change": msgspec.to_builtins(change), "terms": None})


def _priced(journey: Journey, change: Change, quote_hash: str | None) -> bytes:
    """The terms of a change that was asked about; the hash must be that of what was shown."""
    asked = {} if journey.asked_update is None else orjson.loads(journey.asked_update)
    if asked.get("terms") is None or msgspec.convert(asked["change"], Change) != change:
        raise ApiError(409, "no_quote", "ask first what this change would cost: soft")
    if asked["quote_hash"] != quote_hash:
        raise ApiError(409, "quote_changed", "agree to the price that is shown", "/quote_hash")
    return strict_json.dumps(asked["terms"])


def _tipped(journey: Journey, change: Change) -> bytes | None:
    """The terms that a tip leads to: those agreed to, and the tip."""
    consented = journey.read_consented()
    if change.tip_minor is None or consented is None:
        return None
    line = PriceLine(TIP, change.tip_minor)
    return strict_json.dumps(consented.with_line(line).document())


def _wish(journey: Journey, view: OrderView, change: Change, soft: bool) -> UpdateRequest:
    order_id = journey.order_id or ""
    if change.tip_minor is not None:
        quote = _standing_quote(journey, view)
        return UpdateRequest(
            order_id=order_id,
            targets=("quote.breakup",),
            soft=soft,
            lines=(*quote.lines, PriceLine(TIP, change.tip_minor)),
            currency=quote.currency,
        )
    intent, given = journey.read_intent(), view.fulfillment
    return UpdateRequest(
        order_id=order_id,
        targets=("fulfillments",),
        soft=soft,
        fulfillment=Fulfillment(
            id=given.id, kind=given.kind, pickup=given.pickup or intent.pickup, drop=change.drop
        ),
    )


def _standing_quote(journey: Journey, view: OrderView) -> Quote:
    """The price as last told; a word about the order may leave it out."""
    agreed = journey.read_quote()
    quote = view.quote or (agreed.quote if agreed else None)
    if quote is None:
        raise ApiError(409, "no_quote", "the price of this order is not known; ask for its status")
    return quote


def rate(journey: Journey, values: Sequence[tuple[RatingCategory, int]]) -> Request:
    """Say how it was, once it is over. Nobody but the order's provider hears it."""
    view = require_order(journey)
    _require_spoken(journey, "rating")
    if journey.state != State.COMPLETED:
        raise ApiError(409, "not_ended", "an order is rated once it is completed")
    ids = {
        "Item": view.item_id,
        "Order": journey.order_id or "",
        "Fulfillment": view.fulfillment.id,
        "Provider": view.provider_id,
        "Agent": view.fulfillment.id,
        "Support": journey.order_id or "",
    }
    ratings = tuple(Rating(category, ids[category], str(value)) for category, value in values)
    given = [{"category": category, "value": value} for category, value in values]
    asked = replace(journey, ratings=strict_json.dumps(given), error=None)
    return Request(asked, "rating", journey.speech.write_rating(ratings), ("rating",))


def support(journey: Journey, callback_phone: str | None) -> Request:
    """Ask whom to call about the order, or to be called."""
    require_order(journey)
    _require_spoken(journey, "support")
    wish = Support(ref_id=journey.order_id, callback_phone=callback_phone)
    message = journey.speech.write_support(wish)
    return Request(replace(journey, error=None), "support", message, ("support",))


def choices(journey: Journey, action: str) -> Request:
    """Ask for one of LISTS; the context says it all."""
    return Request(journey, action, None, (action,))


def is_spoken(journey: Journey, action: str) -> bool:
    """Whether a provider of the journey's network can be asked `action`."""
    return action in journey.speech.traits.actions


def _require_spoken(journey: Journey, action: str) -> None:
    if not is_spoken(journey, action):
        raise ApiError(409, "not_sayable", f"this network has no {action}; call the cooperative")


def _agreed_fee(journey: Journey, view: OrderView, fee_minor: int | None) -> int:
    """The fee that the citizen agreed to; it must be the one now shown."""
    fee = fees.fee_minor(journey, view)
    if fee is None or fee == (fee_minor or 0):
        return fee_minor or 0
    currency = view.quote.currency if view.quote else journey.currency
    text = f"cancelling costs {money.amount(fee, currency)} {currency} now"
    raise ApiError(409, "fee_changed", f"{text}; send fee_minor {fee} to agree", "/fee_minor")
