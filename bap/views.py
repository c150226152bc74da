"""What the client API shows: the model's values as JSON-ready documents, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from bap import fees, requests
from bap.choices import CANCELLATION, RATED, RETURN, shown
from bap.consent import conditions_of, terms_of
from bap.contributions import contributions
from bap.journey import Journey, State
from bap.progress import cancelled_by, is_ended
from protocol_specs.wire import money
from protocol_specs.wire.order import (
    CancellationTerm,
    Form,
    Offer,
    OrderView,
    Parcel,
    PaymentTerms,
    Place,
    Quote,
    ReturnLeg,
    Support,
    Tracking,
)

Document = dict[str, Any]

TEXT_CHARS_MAX = 120
POLICY_LINES_MAX = 60
"""Of what a provider wrote freely, this much is kept of each of its offers."""


def amount(minor: int, currency: str) -> Document:
    """Money in three forms: for sums, for people, and its currency."""
    return {"currency": currency, "minor": minor, "value": money.amount(minor, currency)}


def place(given: Place | None) -> Document | None:
    """A point; None stays None."""
    if given is None:
        return None
    return {"lat": given.lat, "lon": given.lon, "address": given.address}


def offer(offer_id: str, bpp_id: str, given: Offer) -> Document:
    """One offer. `offer_id` is ours and stays the same when the provider repeats the offer."""
    return {
        "offer_id": offer_id,
        "bpp_id": bpp_id,
        "provider_id": given.provider_id,
        "provider_name": (given.provider_name or bpp_id)[:TEXT_CHARS_MAX],
        "item_id": given.item_id,
        "fulfillment_id": given.fulfillment_id,
        "kind": given.kind.lower(),
        "name": given.name[:TEXT_CHARS_MAX],
        "price": amount(given.price_minor, given.currency),
        "eta_min": given.eta_min,
        "distance_to_driver_m": given.distance_to_driver_m,
        "vehicle_category": given.vehicle_category,
        "vehicle_variant": given.vehicle_variant,
        "payments": [payment(terms) for terms in given.payments],
        "fare_policy": _policy(given.fare_policy),
        "contributions": contributions(given.tags),
        "form": None if given.form is None else form(given.form),
        "service_level": given.service_level,
        "turnaround_s": given.turnaround_s,
        "return_price_minor": given.return_price_minor,
    }


def shown_offer(kept: Document) -> Document:
    """An offer as it is shown: of its form only whether it must be filled in."""
    wanted = kept["form"]
    return {**kept, "form": None if wanted is None else {"required": wanted["required"]}}


def form(given: Form) -> Document:
    """A form to be filled in; its url is for our node alone."""
    return {"url": given.url, "required": given.required, "mime_type": given.mime_type}


def payment(given: PaymentTerms) -> Document:
    """Who collects, when, and where the money goes."""
    return {
        "collected_by": given.collected_by,
        "type": given.type,
        "status": given.status,
        "account": given.account,
        "reference": given.reference,
    }


def quote(journey: Journey, view: OrderView) -> Document | None:
    """The price now on offer, with the hash that consent is given to; None without a price."""
    terms = terms_of(view)
    if view.quote is None or terms is None:
        return None
    return {
        **price(view.quote),
        "hash": terms.hash,
        "stage": journey.quote_stage,
        "expires_at": journey.quote_expires_at(view),
        "provider_id": view.provider_id,
        "item_name": view.item_name,
        "start_at": view.fulfillment.start_at,
        "payments": [payment(given) for given in view.payments],
        "cancellation_terms": [_term(term) for term in view.cancellation_terms],
        "fare_policy": _policy(view.fare_policy),
        "conditions": [
            {"code": code, "value": value[:TEXT_CHARS_MAX]}
            for code, value in conditions_of(view.bpp_terms)
        ],
        "contributions": contributions(view.tags),
    }


def order(journey: Journey, view: OrderView) -> Document:
    """The order as last told. What this word left out is shown as it was agreed."""
    agreed = journey.read_quote()
    priced = view.quote or (agreed.quote if agreed else None)
    fulfillment = view.fulfillment
    return {
        "id": view.id or journey.order_id,
        "status": view.status,
        "state": fulfillment.state,
        "provider_id": view.provider_id,
        "bpp_id": journey.bpp_id,
        "agent": _agent(view),
        "vehicle": _vehicle(view),
        "drop": place(fulfillment.drop),
        "start_at": fulfillment.start_at,
        "start_code": fulfillment.start_code or journey.pickup_code,
        "code_claimed": fulfillment.code_claimed,
        "end_code": fulfillment.end_code,
        "ready_to_ship": _ready_to_ship(journey),
        "pictures": [
            leg
            for leg, url in (
                ("pickup", fulfillment.pickup_picture),
                ("drop", fulfillment.drop_picture),
            )
            if url
        ],
        "return": _return(fulfillment.return_leg),
        "quote": None if priced is None else price(priced),
        "payments": [payment(given) for given in view.payments],
        "cancelled": _cancelled(journey, view),
        "contributions": contributions(view.tags),
        "created_at": view.created_at,
        "updated_at": view.updated_at,
    }


def cancellation(journey: Journey, view: OrderView) -> Document | None:
    """What cancelling would cost now and which reasons there are; None when it is too late.

    The reasons are the provider's once it was asked, until then those of its network.
    """
    if not fees.cancellable(view):
        return None
    fee = fees.fee_minor(journey, view)
    currency = view.quote.currency if view.quote else journey.currency
    return {
        "fee": None if fee is None else amount(fee, currency),
        "reasons": shown(journey, CANCELLATION),
        "asked": journey.read_choices(CANCELLATION) is not None,
        "asks_fee": journey.speech.traits.has_soft_cancel,
    }


def tracking(given: Tracking, now: int) -> Document:
    """Where the vehicle is. `url` is the provider's own page, shown as text."""
    return {
        "status": given.status,
        "location": place(given.location),
        "updated_at": given.updated_at,
        "url": given.url,
        "told_at": now,
    }


def update(given: Journey, view: OrderView) -> Document | None:
    """What can be changed, and what a change that was asked about would cost; None at the end.

    Where the consumer's platform makes the order, a parcel is said to be ready, and no more.
    """
    actions = given.speech.traits.actions
    if is_ended(view) or "update" not in actions:
        return None
    asked = {} if given.asked_update is None else orjson.loads(given.asked_update)
    return {
        "takes": [] if given.speech.traits.consumer_makes_order_id else ["drop", "tip"],
        "asks_first": given.speech.traits.has_soft_update,
        "asked": {key: value for key, value in asked.items() if key != "terms"} or None,
    }


def support(given: Support) -> Document:
    """Whom to call; texts, whatever they look like."""
    return {
        "phone": _short(given.phone),
        "email": _short(given.email),
        "url": _short(given.url),
    }


def rating(given: Journey) -> Document | None:
    """What can be rated once the order is completed, and what was said already."""
    if given.state != State.COMPLETED or "rating" not in given.speech.traits.actions:
        return None
    return {
        "categories": [one["id"] for one in shown(given, RATED)],
        "asked": given.read_choices(RATED) is not None,
        "given": [] if given.ratings is None else orjson.loads(given.ratings),
    }


def journey(given: Journey, *, offers: Iterable[Document], waiting_for: list[str]) -> Document:
    """The whole journey as its citizen sees it."""
    intent = given.read_intent()
    found = list(offers)
    quoted, told = _quoted(given, found), given.read_order()
    return {
        "journey_id": given.id,
        "transaction_id": given.transaction_id,
        "kind": given.kind.lower(),
        "state": given.state,
        "version": given.version,
        "created_at": given.created_at,
        "city": given.city,
        "pickup": place(intent.pickup),
        "drop": place(intent.drop),
        "parcel": _parcel(intent.parcel),
        "start_at": intent.start_at,
        "for_other": _for_other(given.party),
        "offer_id": given.offer_id,
        "asks": sorted(given.speech.traits.actions),
        "waiting_for": waiting_for,
        "offers": [shown_offer(one) for one in found],
        "quote": None if quoted is None else quote(given, quoted),
        "order": None if told is None else order(given, told),
        "consent_needed": _pending(given.pending),
        "cancellation": None if told is None else cancellation(given, told),
        "update": None if told is None else update(given, told),
        "tracking": _kept(given.tracking),
        "form": _form(given.form),
        "rating": rating(given),
        "return_reasons": given.read_choices(RETURN) or [],
        "support": _kept(given.support),
        "error": _kept(given.error),
    }


def _policy(given: tuple[tuple[str, str], ...]) -> list[Document]:
    """How a fare is made, as far as one would read it."""
    shown = given[:POLICY_LINES_MAX]
    return [{"code": code[:40], "value": value[:TEXT_CHARS_MAX]} for code, value in shown]


def price(given: Quote) -> Document:
    """A total and the lines that it is made of."""
    return {
        "currency": given.currency,
        "total": amount(given.total_minor, given.currency),
        "lines": [
            {
                "code": line.code,
                "title": line.title,
                "minor": line.amount_minor,
                "value": money.amount(line.amount_minor, given.currency),
            }
            for line in given.lines
        ],
    }


def _term(term: CancellationTerm) -> Document:
    fee = None
    if term.fee_minor is not None and term.currency is not None:
        fee = amount(term.fee_minor, term.currency)
    return {"state": term.state, "fee": fee, "percentage": term.fee_percentage}


def _agent(view: OrderView) -> Document | None:
    agent = view.fulfillment.agent
    return None if agent is None else {"name": agent.name, "phone": agent.phone}


def _vehicle(view: OrderView) -> Document | None:
    vehicle = view.fulfillment.vehicle
    if vehicle is None:
        return None
    return {
        "category": vehicle.category,
        "variant": vehicle.variant,
        "make": vehicle.make,
        "model": vehicle.model,
        "registration": vehicle.registration,
        "color": vehicle.color,
    }


def _cancelled(journey: Journey, view: OrderView) -> Document | None:
    given = view.cancellation
    if given is None:
        return None
    by = cancelled_by(view, journey.bpp_id)
    return {"by": by, "reason_id": given.reason_id, "at": given.at}


def _ready_to_ship(journey: Journey) -> bool | None:
    """Whether the provider was told that the parcel is ready; None where it need not be told."""
    if not journey.speech.traits.consumer_makes_order_id:
        return None
    return journey.pickup_code is not None


def _return(given: ReturnLeg | None) -> Document | None:
    if given is None:
        return None
    return {
        "state": given.state,
        "reason_id": given.reason_id,
        "started_at": given.started_at,
        "ended_at": given.ended_at,
    }


def _quoted(given: Journey, offers: list[Document]) -> OrderView | None:
    """The quote; the offer's own price where a dialect has none before init."""
    quoted = given.read_quote()
    if quoted is not None or given.quote_stage != "offer":
        return quoted
    chosen = [one for one in offers if one["offer_id"] == given.offer_id]
    return requests.offered(given, chosen[0]) if chosen else None


def _form(document: bytes | None) -> Document | None:
    """The form to be filled in now, without where it is and what stands in its hidden fields."""
    if document is None:
        return None
    known = orjson.loads(document)
    return {
        "stage": known["stage"],
        "required": known["required"],
        "is_submitted": known.get("submission_id") is not None,
        "fields": [field for field in known.get("fields", ()) if field["type"] != "hidden"],
        "errors": known.get("errors", []),
    }


def _short(text: str | None) -> str | None:
    return None if text is None else text[:TEXT_CHARS_MAX]


def _parcel(parcel: Parcel | None) -> Document | None:
    if parcel is None:
        return None
    return {"weight_grams": parcel.weight_grams, "description": parcel.description}


def _for_other(party: bytes | None) -> Document | None:
    """Who travels or sends, where that is not who books and is billed."""
    known = {} if party is None else orjson.loads(party)
    if not known or known["customer"] == known["billing"]:
        return None
    return {name: known["customer"][name] for name in ("name", "phone")}


def _kept(document: bytes | None) -> Mapping[str, Any] | None:
    return None if document is None else orjson.loads(document)


def _pending(document: bytes | None) -> Document | None:
    if document is None:
        return None
    return {key: value for key, value in orjson.loads(document).items() if key != "terms"}
