"""The requests a journey makes of providers, as values: which order is asked for in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bap.journey import Journey
from protocol_specs.wire.order import (
    Contact,
    Fulfillment,
    Intent,
    Kind,
    OrderView,
    PaymentTerms,
    Vehicle,
)

AT_THE_END = PaymentTerms(collected_by="BPP", type="ON-FULFILLMENT")
"""Paid to the driver or courier: what is asked for when a provider names no payments at all."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who books: for the driver, and for the bill. `receiver` is who takes a parcel."""

    customer: Contact
    billing: Contact
    receiver: Contact | None
    instructions: str | None


def selected(journey: Journey, offer: Mapping[str, Any]) -> OrderView:
    """The order that select asks a price for: one offer, on the route that was searched."""
    intent = journey.read_intent()
    return OrderView(
        provider_id=offer["provider_id"],
        item_id=offer["item_id"],
        item_name=offer["name"] or None,
        fulfillment=Fulfillment(
            id=offer["fulfillment_id"],
            kind=Kind(journey.kind),
            pickup=intent.pickup,
            drop=intent.drop,
            vehicle=_vehicle(offer),
            parcel=intent.parcel,
        ),
    )


def initialised(
    journey: Journey, offer: Mapping[str, Any], quoted: OrderView, party: Party, pay: PaymentTerms
) -> OrderView:
    """The order that init asks terms for: the quoted one, with its people and its payment."""
    fulfillment = replace(
        selected(journey, offer).fulfillment,
        customer=party.customer,
        pickup_contact=party.customer,
        drop_contact=party.receiver or party.customer,
        instructions=party.instructions,
    )
    return replace(
        selected(journey, offer),
        fulfillment=fulfillment,
        billing=party.billing,
        payments=(pay,),
        quote=quoted.quote,
    )


def confirmed(
    journey: Journey,
    offer: Mapping[str, Any],
    draft: OrderView,
    party: Party,
    reference: str | None,
) -> OrderView:
    """The draft as the provider gave it, with the people we named: what the citizen agreed to.

    A reference proves a payment made before: those terms are then PAID.
    """
    asked = initialised(journey, offer, draft, party, AT_THE_END)
    payments = tuple(_paid(payment, reference) for payment in draft.payments)
    return replace(asked, payments=payments or asked.payments, quote=draft.quote)


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


def _paid(terms: PaymentTerms, reference: str | None) -> PaymentTerms:
    if reference is None or not terms.type.startswith("PRE-"):
        return terms
    return replace(terms, reference=reference, status="PAID")


def _vehicle(offer: Mapping[str, Any]) -> Vehicle | None:
    category = offer["vehicle_category"]
    return None if category is None else Vehicle(category, offer["vehicle_variant"])
