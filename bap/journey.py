"""A journey as a value: one transaction as its citizen sees it, and what happens on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from msgspec import json

from bap.consent import Terms, terms_from
from protocol_specs.wire.order import Intent, OrderView
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect, named

_INTENT = json.Decoder(Intent)


class State(StrEnum):
    """How far a journey has come. Open requests are told apart by the calls, not by a state."""

    SEARCHING = "searching"
    QUOTED = "quoted"  # a provider named its price
    READY = "ready"  # and took name and phone: only the citizen's word is missing
    CONFIRMING = "confirming"  # the word is given; the provider has not answered
    LOST = "lost"  # and says, when asked, that it knows no such order
    BOOKED = "booked"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


CHOOSING = frozenset({State.SEARCHING, State.QUOTED, State.READY})
UNANSWERED = frozenset({State.CONFIRMING, State.LOST})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on a journey; `document` is JSON-ready and shown to its citizen."""

    kind: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """The row of a journey. Messages and documents are kept as JSON bytes, read when needed."""

    id: str
    secret_hash: bytes
    kind: str
    domain: str
    dialect: str
    city: str
    country: str
    currency: str
    transaction_id: str
    state: str
    version: int
    intent: bytes
    offer_id: str | None = None
    bpp_id: str | None = None
    order_id: str | None = None
    return_price_minor: int | None = None
    pickup_code: str | None = None
    quote: bytes | None = None
    quote_stage: str | None = None
    quote_at: int | None = None
    form: bytes | None = None
    party: bytes | None = None
    consented: bytes | None = None
    granted: bytes | None = None
    pending: bytes | None = None
    agreed_fee_minor: int | None = None
    order_message: bytes | None = None
    fee: bytes | None = None
    asked_update: bytes | None = None
    tracking: bytes | None = None
    choices: bytes | None = None
    support: bytes | None = None
    ratings: bytes | None = None
    error: bytes | None = None
    created_at: int
    updated_at: int

    @property
    def speech(self) -> Dialect:
        """The dialect that this journey is spoken in."""
        return named(self.dialect)

    def read_intent(self) -> Intent:
        """What was searched for."""
        return _INTENT.decode(self.intent)

    def read_quote(self) -> OrderView | None:
        """The order as last quoted, None if no provider named a price that stands."""
        return None if self.quote is None else self.speech.read_on_order(orjson.loads(self.quote))

    def read_order(self) -> OrderView | None:
        """The latest word about the order, None if there is none."""
        if self.order_message is None:
            return None
        return self.speech.read_on_order(orjson.loads(self.order_message))

    def read_consented(self) -> Terms | None:
        """The terms that the citizen agreed to."""
        return None if self.consented is None else terms_from(orjson.loads(self.consented))

    def read_granted(self) -> Terms | None:
        """The terms that the citizen agreed to for a change that the provider has yet to make."""
        return None if self.granted is None else terms_from(orjson.loads(self.granted))

    def read_choices(self, callback: str) -> list[dict[str, Any]] | None:
        """The list that the provider gave in that callback (`cancellation_reasons` ...)."""
        known = {} if self.choices is None else orjson.loads(self.choices)
        found: list[dict[str, Any]] | None = known.get(callback)
        return found

    def quote_expires_at(self, view: OrderView) -> int | None:
        """Until when the quote stands; None if the provider set no limit."""
        if view.quote is None or view.quote.ttl_s is None or self.quote_at is None:
            return None
        return self.quote_at + view.quote.ttl_s


Outcome = tuple[Journey, tuple[Event, ...]]
"""What a decision gives: the journey as it is now, and what happened."""


def intent_bytes(intent: Intent) -> bytes:
    """An intent in the form that a journey keeps, whatever its dialect can say of it."""
    return json.encode(intent)


def unquoted(journey: Journey) -> Journey:
    """The journey without a price that could be agreed to."""
    return replace(journey, quote=None, quote_stage=None, quote_at=None, state=State.SEARCHING)
