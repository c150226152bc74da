"""The requests a journey makes of providers, as values: which order is asked for in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bap.journey import Journey
from bap.settings import BapSettings
from protocol_specs.wire.order import (
    Contact,
    Form,
    Fulfillment,
    Intent,
    Kind,
    OrderView,
    PaymentTerms,
    PriceLine,
    Quote,
    Terms,
    Vehicle,
)
from protocol_specs.wire.values import replace

AT_THE_END = PaymentTerms(collected_by="BPP", type="ON-FULFILLMENT")
"""Paid to the driver or courier: what is asked for when a provider names no payments at all."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who books: for the driver, and for the bill. `receiver` is who takes a parcel."""

    customer: Contact
    billing: Contact
    receiver: Contact | None
    instructions: str | None


@dataclass(frozen=True, slots=True)
class Platform:
    """What this platform says for itself: its terms, where it is paid, whom it lets be billed.

    `billing` None: the customer is billed. `account` is said in init, where there is one.
    """

    terms: Terms | None = None
    account: str | None = None
    billing: Contact | None = None
    is_ready_at_once: bool = False


def platform_of(settings: BapSettings, journey: Journey) -> Platform:
    """What the settings say for the market of a journey."""
    here = (journey.domain, journey.city, journey.kind, journey.dialect)
    found = [m for m in settings.markets if (m.domain, m.city, m.kind, m.dialect) == here]
    bills_us = bool(found) and found[0].bills == "platform"
    return Platform(
        terms=settings.terms.terms(),
        account=settings.terms.account,
        billing=settings.billing.contact() if bills_us and settings.billing else None,
        is_ready_at_once=bool(found) and found[0].ready_to_ship == "at_once",
    )


def selected(journey: Journey, offer: Mapping[str, Any]) -> OrderView:
    """The order that select asks a price for: one offer, on the route that was searched."""
    intent = journey.read_intent()
    return OrderView(
        provider_id=offer["provider_id"],
        item_id=offer["item_id"],
        item_name=offer["name"] or None,
        service_level=offer["service_level"],
        fulfillment=Fulfillment(
            id=offer["fulfillment_id"],
            kind=Kind(journey.kind),
            pickup=intent.pickup,
            drop=intent.drop,
            start_at=intent.start_at,
            vehicle=_vehicle(offer),
            parcel=intent.parcel,
        ),
        form=submitted(journey),
    )


def offered(journey: Journey, offer: Mapping[str, Any]) -> OrderView:
    """The order at the offer's own price: the quote to look at where none can be asked for."""
    price = offer["price"]
    line = PriceLine("FARE", price["minor"], offer["name"] or None)
    return replace(selected(journey, offer), quote=Quote("", price["currency"], (line,)))


def initialised(
    journey: Journey,
    offer: Mapping[str, Any],
    quoted: OrderView,
    party: Party,
    pay: PaymentTerms,
    *,
    platform: Platform,
    now: int,
) -> OrderView:
    """The order that init asks terms for: the quoted one, with its people and its payment.

    Where the consumer makes the order it also dates it.
    """
    asked = selected(journey, offer)
    made_at = now if journey.speech.traits.consumer_makes_order_id else None
    fulfillment = replace(
        asked.fulfillment,
        customer=party.customer,
        pickup_contact=party.customer,
        drop_contact=party.receiver or party.customer,
        instructions=party.instructions,
    )
    return replace(
        asked,
        fulfillment=fulfillment,
        billing=platform.billing or party.billing,
        payments=(_payable(pay, platform),),
        quote=quoted.quote,
        bap_terms=platform.terms,
        created_at=made_at,
        updated_at=made_at,
    )


def confirmed(
    journey: Journey,
    offer: Mapping[str, Any],
    draft: OrderView,
    party: Party,
    reference: str | None,
    *,
    platform: Platform,
    now: int,
) -> OrderView:
    """The draft as the provider gave it, with the people we named: what the citizen agreed to.

    A reference proves a payment made before: those terms are then PAID. The provider's own terms
    are said back to it. A parcel that is ready at once says so, with the code of its pickup.
    """
    asked = initialised(journey, offer, draft, party, AT_THE_END, platform=platform, now=now)
    payments = tuple(_paid(payment, reference) for payment in draft.payments)
    ready = journey.pickup_code is not None
    fulfillment = replace(
        asked.fulfillment,
        ready_to_ship=ready if journey.kind == Kind.DELIVERY else None,
        start_code=journey.pickup_code,
    )
    return replace(
        asked,
        id=journey.order_id,
        fulfillment=fulfillment,
        payments=payments or asked.payments,
        quote=draft.quote,
        bpp_terms=draft.bpp_terms,
    )


def payment(
    offer: Mapping[str, Any], wanted: str | None, total_minor: int, intent: Intent
) -> PaymentTerms | None:
    """The terms of payment to ask for: one the provider offers, None if it offers no such."""
    offered = [
        PaymentTerms(collected_by=terms["collected_by"], type=terms["type"])
        for terms in offer["payments"]
    ]
    if intent.payment is not None:
        offered = offered or [intent.payment]
    offered = offered or [AT_THE_END]
    fitting = [terms for terms in offered if wanted in (None, terms.type)]
    if not fitting:
        return None
    money = {"amount_minor": total_minor, "currency": offer["price"]["currency"]}
    return replace(fitting[0], **money)


def submitted(journey: Journey) -> Form | None:
    """What was handed in to the provider's form, for the next request; None if nothing was."""
    known = {} if journey.form is None else orjson.loads(journey.form)
    submission_id = known.get("submission_id")
    return None if submission_id is None else Form(submission_id=submission_id)


def _payable(terms: PaymentTerms, platform: Platform) -> PaymentTerms:
    """The terms with our account, where the settings name one: for what is due to us."""
    return terms if platform.account is None else replace(terms, account=platform.account)


def _paid(terms: PaymentTerms, reference: str | None) -> PaymentTerms:
    if reference is None or not terms.type.startswith("PRE-"):
        return terms
    return replace(terms, reference=reference, status="PAID")


def _vehicle(offer: Mapping[str, Any]) -> Vehicle | None:
    category = offer["vehicle_category"]
    return None if category is None else Vehicle(category, offer["vehicle_variant"])
