"""Which journey and which request a callback belongs to; no match, no effect."""

from __future__ import annotations

from dataclasses import dataclass

from bap import calls, offers, rows
from bap.calls import Call
from bap.journey import Journey
from bap.reading import read_told
from bap.refusals import OutOfSequence, Unasked
from protocol_specs.node.store import Session
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import OrderNotFound, RateLimited
from protocol_specs.wire.parties import callback_of

UNSOLICITED = frozenset({"on_status", "on_update", "on_cancel"})
"""Callbacks that a provider sends on its own (Beckn core 1.1, BECKN-003)."""


@dataclass(frozen=True, slots=True)
class Match:
    """A callback's journey, and the request it answers: None if nobody asked, as for a state."""

    journey: Journey
    call: Call | None


def match(session: Session, envelope: Envelope) -> Match:
    """The journey and request of a callback.

    The request must be one of ours, of this transaction, of this action and to this provider, and
    not replaced by a later one; its time may have passed, because an order made by a late
    on_confirm must not be lost. Without a request, the order and its provider must be known. Raises
    Unasked, OutOfSequence or OrderNotFound.
    """
    call = calls.find_call(session, envelope.message_id)
    if call is not None:
        return Match(_solicited(session, envelope, call), call)
    if envelope.action not in UNSOLICITED:
        raise Unasked("no request of ours has this message_id", path="/context/message_id")
    return Match(_unsolicited(session, envelope), None)


def judge_search(session: Session, envelope: Envelope, now: int, *, answers_max: int) -> Match:
    """As `match`, for an answer to a search: in time, and not one too many of this provider."""
    found = match(session, envelope)
    if found.call is None or now > found.call.expires_at:
        raise OutOfSequence("the search is over", path="/context/message_id")
    if offers.answers(session, envelope.message_id, envelope.peer_id) >= answers_max:
        raise RateLimited(f"more than {answers_max} answers to one search")
    return found


def _solicited(session: Session, envelope: Envelope, call: Call) -> Journey:
    journey = rows.find(session, call.journey_id)
    if journey is None or callback_of(call.action) != envelope.action:
        raise Unasked("this message_id asked for something else", path="/context/action")
    _require_dialect(journey, envelope)
    if (
        journey.transaction_id != envelope.transaction_id
        or journey.domain != envelope.context.domain
    ):
        raise Unasked("this message_id has another transaction", path="/context/transaction_id")
    if call.bpp_id not in (None, envelope.peer_id):
        raise Unasked("another provider was asked", path="/context/bpp_id")
    if call.outcome == "superseded":
        raise OutOfSequence("a later request replaced this one", path="/context/message_id")
    return journey


def _unsolicited(session: Session, envelope: Envelope) -> Journey:
    """By order id and provider; or by transaction, while our confirm there has no answer yet."""
    order_id = read_told(envelope.dialect, envelope.message).view.id
    names = (envelope.peer_id, envelope.transaction_id)
    journey = None
    if order_id is not None:
        journey = rows.find_by_order(session, order_id, *names)
        journey = journey or rows.find_unanswered(session, *names)
    if journey is None:
        raise OrderNotFound("no such order of yours here", path="/message/order/id")
    _require_dialect(journey, envelope)
    return journey


def _require_dialect(journey: Journey, envelope: Envelope) -> None:
    """A conversation is held in one dialect: what another one says is not what we would read."""
    spoken = envelope.dialect.traits.name
    if spoken != journey.dialect:
        raise Unasked(f"this transaction speaks {journey.dialect}, not {spoken}", path="/context")
