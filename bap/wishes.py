"""What the citizen may ask for until the order is booked: pure decisions that give a request.

Each refuses what is unknown or not allowed now as an ApiError with a word and a sentence; nothing
is written or sent here. What may be asked of an order that stands is in `order_wishes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from msgspec import json

from bap import decide, requests, views
from bap.consent import changes, terms_from, terms_of
from bap.journey import CHOOSING, UNANSWERED, Event, Journey, Outcome, State, unquoted
from bap.requests import Party, Platform
from protocol_specs.node.api import ApiError
from protocol_specs.wire import money, strict_json
from protocol_specs.wire.order import OrderView
from protocol_specs.wire.values import replace

Offer = Mapping[str, Any]
_PARTY = json.Decoder(Party)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send: the journey once it is asked, the message, and which calls it replaces.

    `message` None: the context says it all.
    """

    journey: Journey
    action: str
    message: dict[str, Any] | None
    supersedes: Sequence[str] = ()
    soft: bool = False


def said(write: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The message that `write` makes. Raises ApiError for what the network has no words for."""
    try:
        return write()
    except ValueError as unsaid:
        reason = f"this network cannot be told that: {unsaid}"
        raise ApiError(400, "not_sayable", reason) from None


def select(journey: Journey, offer: Offer | None) -> Request:
    """Ask the price of an offer; what was quoted before is set aside."""
    asked, offer = _chosen(journey, offer)
    message = said(lambda: journey.speech.write_select(requests.selected(asked, offer)))
    return Request(asked, "select", message, supersedes=("select", "init"))


def pick(journey: Journey, offer: Offer | None) -> Outcome:
    """Take an offer at its own price, in a dialect that has no question for it before init."""
    chosen, offer = _chosen(journey, offer)
    after = replace(chosen, state=State.QUOTED, quote_stage="offer")
    shown = requests.offered(after, offer)
    terms = terms_of(shown)
    document = {"quote": views.quote(after, shown), "terms": terms and terms.document()}
    return after, (Event("quote", document),)


def _chosen(journey: Journey, offer: Offer | None) -> tuple[Journey, Offer]:
    _require_choosing(journey)
    if offer is None:
        raise ApiError(404, "offer_unknown", "there is no such offer on this journey", "/offer_id")
    form = offer["form"]
    if offer["offer_id"] == journey.offer_id:
        kept = journey.form
    else:
        kept = None if form is None else strict_json.dumps({**form, "stage": "search"})
    asked = replace(
        unquoted(journey),
        offer_id=offer["offer_id"],
        bpp_id=offer["bpp_id"],
        return_price_minor=offer["return_price_minor"],
        form=kept,
        error=None,
    )
    return asked, offer


def init(
    journey: Journey,
    offer: Offer | None,
    party: Party,
    payment_type: str | None,
    *,
    platform: Platform,
    now: int,
) -> Request:
    """Give name and number, ask for the final terms."""
    _require_choosing(journey)
    quoted = journey.read_quote()
    if quoted is None and offer is not None and not journey.speech.traits.has_select:
        quoted = requests.offered(journey, offer)
    if quoted is None or quoted.quote is None or offer is None:
        raise ApiError(409, "no_quote", "select an offer and wait for its price first")
    _require_form(journey, asked_by=("search", "select"))
    total = quoted.quote.total_minor
    pay = requests.payment(offer, payment_type, total, journey.read_intent())
    if pay is None:
        offered = ", ".join(terms["type"] for terms in offer["payments"])
        reason = f"this cooperative takes {offered}"
        raise ApiError(400, "payment_not_offered", reason, "/payment/type")
    asked = replace(journey, party=json.encode(party), error=None)
    order = requests.initialised(asked, offer, quoted, party, pay, platform=platform, now=now)
    message = said(lambda: journey.speech.write_init(order))
    return Request(asked, "init", message, supersedes=("init",))


def confirm(
    journey: Journey,
    offer: Offer | None,
    *,
    quote_hash: str,
    reference: str | None,
    shown: Sequence[Mapping[str, Any]],
    platform: Platform,
    new_id: str,
    new_code: str,
    now: int,
) -> Request:
    """Book at exactly the terms that `quote_hash` names: consent is to what was shown.

    `shown` are the quotes of this journey so far, to say what changed when it is another one.
    `new_id` and `new_code` become those of the order and of its pickup where the consumer's
    platform makes them.
    """
    if journey.state in UNANSWERED:
        raise ApiError(409, "already_asked", "the booking was sent; wait for the cooperative")
    _require_choosing(journey)
    draft = journey.read_quote()
    terms = None if draft is None else terms_of(draft)
    if draft is None or terms is None or offer is None:
        raise ApiError(409, "no_quote", "there is no price that could be agreed to")
    if journey.state != State.READY or journey.party is None:
        raise ApiError(409, "not_ready", "give name and phone with init first")
    if quote_hash != terms.hash:
        raise _changed(journey, quote_hash, shown)
    expires_at = journey.quote_expires_at(draft)
    if expires_at is not None and now > expires_at:
        raise ApiError(409, "quote_expired", "this price is no longer offered; select again")
    _require_form(journey, asked_by=("search", "select", "init"))
    _require_start(journey, draft, now)
    is_ours = journey.speech.traits.consumer_makes_order_id
    asked = replace(
        journey,
        state=State.CONFIRMING,
        order_id=new_id if is_ours else None,
        pickup_code=new_code if is_ours and platform.is_ready_at_once else None,
        consented=strict_json.dumps(terms.document()),
        error=None,
    )
    party = read_party(journey.party)
    accepted = requests.confirmed(asked, offer, draft, party, reference, platform=platform, now=now)
    message = said(lambda: journey.speech.write_confirm(accepted))
    return Request(asked, "confirm", message, supersedes=("select", "init"))


def _require_start(journey: Journey, draft: OrderView, now: int) -> None:
    """What was asked for later is booked only of whom says that time back."""
    wanted = journey.read_intent().start_at
    if wanted is not None and wanted > now and draft.fulfillment.start_at != wanted:
        reason = "the cooperative does not promise the time that was asked for"
        raise ApiError(409, "start_not_promised", reason)


def consent(journey: Journey, quote_hash: str) -> Outcome:
    """Agree to what went beyond the earlier consent."""
    pending = {} if journey.pending is None else orjson.loads(journey.pending)
    if pending.get("terms") is None:
        raise ApiError(409, "nothing_to_agree", "there is no changed price to agree to")
    terms = terms_from(pending["terms"])
    if terms.hash != quote_hash:
        raise ApiError(409, "quote_changed", "it changed again; look at the journey once more")
    return decide.agreed(journey, terms)


def read_party(document: bytes) -> Party:
    """Who books, from the form that `init` keeps."""
    return _PARTY.decode(document)


def require_order(journey: Journey) -> OrderView:
    """The order as last told. Raises ApiError while there is none."""
    view = journey.read_order()
    if view is None or journey.order_id is None:
        raise ApiError(409, "not_booked", "the cooperative has not confirmed an order yet")
    return view


def _require_choosing(journey: Journey) -> None:
    if journey.state not in CHOOSING:
        raise ApiError(409, "already_booked", f"this journey is {journey.state}; start a new one")


def _require_form(journey: Journey, *, asked_by: Sequence[str]) -> None:
    """A form that the provider requires is filled in before the request that follows it."""
    form = {} if journey.form is None else orjson.loads(journey.form)
    if form.get("required") and form.get("stage") in asked_by and not form.get("submission_id"):
        raise ApiError(409, "form_needed", "the cooperative wants its form filled in first")


def _changed(journey: Journey, quote_hash: str, shown: Sequence[Mapping[str, Any]]) -> ApiError:
    """The refusal of a consent to another quote, saying what is different now."""
    known = [quote for quote in shown if quote["quote"]["hash"] == quote_hash]
    now = shown[0]["terms"] if shown else None
    if not known or now is None:
        reason = "no quote of this hash was shown on this journey"
        return ApiError(409, "quote_unknown", reason, "/quote_hash")
    before, after = terms_from(known[0]["terms"]), terms_from(now)
    told = "; ".join(
        _told(change.what, change.before, change.after, after.currency)
        for change in changes(before, after)
    )
    reason = f"the quote changed ({told}); look at it and confirm again with its hash"
    return ApiError(409, "quote_changed", reason, "/quote_hash")


def _told(what: str, before: Any, after: Any, currency: str) -> str:
    if isinstance(before, int) and isinstance(after, int):
        before, after = money.amount(before, currency), money.amount(after, currency)
        return f"{what.removesuffix('_minor')}: {before} became {after} {currency}"
    return f"{what}: {before} became {after}"
