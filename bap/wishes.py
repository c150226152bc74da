"""What the citizen may ask for when: pure decisions that give a request to send, or a refusal.

Each refuses what is unknown or not allowed now as an ApiError with a word and a sentence; nothing
is written or sent here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from bap import decide, fees, requests
from bap.consent import changes, terms_from, terms_of
from bap.journey import CHOOSING, UNANSWERED, Journey, Outcome, State, unquoted
from bap.requests import Party
from protocol_specs.node.api import ApiError
from protocol_specs.wire import money, strict_json
from protocol_specs.wire.order import CancelRequest, Contact, OrderView

Offer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send: the journey once it is asked, the message, and which calls it replaces."""

    journey: Journey
    action: str
    message: dict[str, Any]
    supersedes: Sequence[str] = ()
    soft: bool = False


def select(journey: Journey, offer: Offer | None) -> Request:
    """Ask the price of an offer; what was quoted before is set aside."""
    _require_choosing(journey)
    if offer is None:
        raise ApiError(404, "offer_unknown", "there is no such offer on this journey", "/offer_id")
    asked = replace(
        unquoted(journey), offer_id=offer["offer_id"], bpp_id=offer["bpp_id"], error=None
    )
    message = journey.speech.write_select(requests.selected(asked, offer))
    return Request(asked, "select", message, supersedes=("select", "init"))


def init(journey: Journey, offer: Offer | None, party: Party, payment_type: str | None) -> Request:
    """Give name and number, ask for the final terms."""
    _require_choosing(journey)
    quoted = journey.read_quote()
    if quoted is None or quoted.quote is None or offer is None:
        raise ApiError(409, "no_quote", "select an offer and wait for its price first")
    total = quoted.quote.total_minor
    pay = requests.payment(offer, payment_type, total, journey.read_intent())
    if pay is None:
        offered = ", ".join(terms["type"] for terms in offer["payments"])
        reason = f"this cooperative takes {offered}"
        raise ApiError(400, "payment_not_offered", reason, "/payment/type")
    asked = replace(journey, party=strict_json.dumps(asdict(party)), error=None)
    message = journey.speech.write_init(requests.initialised(asked, offer, quoted, party, pay))
    return Request(asked, "init", message, supersedes=("init",))


def confirm(
    journey: Journey,
    offer: Offer | None,
    *,
    quote_hash: str,
    reference: str | None,
    shown: Sequence[Mapping[str, Any]],
    now: int,
) -> Request:
    """Book at exactly the terms that `quote_hash` names: consent is to what was shown.

    `shown` are the quotes of this journey so far, to say what changed when it is another one.
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
    party = read_party(journey.party)
    asked = replace(
        journey,
        state=State.CONFIRMING,
        consented=strict_json.dumps(terms.document()),
        error=None,
    )
    accepted = requests.confirmed(asked, offer, draft, party, reference)
    message = journey.speech.write_confirm(accepted)
    return Request(asked, "confirm", message, supersedes=("select", "init"))


def cancel(journey: Journey, *, reason_id: str, soft: bool, fee_minor: int | None) -> Request:
    """End the order at the fee that was shown; soft: only ask what it would cost."""
    view = _require_order(journey)
    if not fees.cancellable(view):
        raise ApiError(409, "too_late", "the order can no longer be cancelled; call the driver")
    wish = CancelRequest(journey.order_id or "", reason_id, soft)
    asked = replace(journey, error=None)
    if not soft:
        asked = replace(asked, agreed_fee_minor=_agreed_fee(journey, view, fee_minor))
    return Request(asked, "cancel", journey.speech.write_cancel(wish), soft=soft)


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
    _require_order(journey)
    message = journey.speech.write_track(journey.order_id or "")
    return Request(replace(journey, error=None), "track", message)


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
    kept = orjson.loads(document)
    receiver = kept["receiver"]
    return Party(
        customer=Contact(**kept["customer"]),
        billing=Contact(**kept["billing"]),
        receiver=None if receiver is None else Contact(**receiver),
        instructions=kept["instructions"],
    )


def _require_choosing(journey: Journey) -> None:
    if journey.state not in CHOOSING:
        raise ApiError(409, "already_booked", f"this journey is {journey.state}; start a new one")


def _require_order(journey: Journey) -> OrderView:
    view = journey.read_order()
    if view is None or journey.order_id is None:
        raise ApiError(409, "not_booked", "the cooperative has not confirmed an order yet")
    return view


def _agreed_fee(journey: Journey, view: OrderView, fee_minor: int | None) -> int:
    """The fee that the citizen agreed to; it must be the one now shown."""
    fee = fees.fee_minor(journey, view)
    if fee is None or fee == (fee_minor or 0):
        return fee_minor or 0
    currency = view.quote.currency if view.quote else journey.currency
    text = f"cancelling costs {money.amount(fee, currency)} {currency} now"
    raise ApiError(409, "fee_changed", f"{text}; send fee_minor {fee} to agree", "/fee_minor")


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
