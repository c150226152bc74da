"""What the networks that a cooperative joins need of its settings: said at the start, by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bpp.fleet.workers import VehicleEntry
from protocol_specs.wire import version
from protocol_specs.wire.order import Kind, PaymentTerms, Terms
from protocol_specs.wire.version import Needs

ACCOUNT = "HDFC0000001 00012345678901 coop@upi"
"""How an account is written."""


def lacks(
    dialects: Iterable[str],
    *,
    kind: Kind,
    categories: Sequence[str],
    payments: Sequence[PaymentTerms],
    terms: Terms | None,
) -> Iterator[str]:
    """What could not be told in these dialects: the key, the network, and what it wants there."""
    for name in dialects:
        needs = version.named(name).traits.needs
        if needs.kind not in (None, kind):
            yield f"kind: {name} has no work of kind {kind.lower()}, only {needs.kind.lower()}"
        for category in categories:
            if needs.categories and category not in needs.categories:
                yield f"categories: {name} has no {category}, only {_listed(needs.categories)}"
        yield from _of_payments(name, needs, payments)
        missing = [part for part in needs.terms if getattr(terms, part, None) is None]
        if missing:
            yield f"terms: {name} wants {', '.join(missing)}"


def _of_payments(name: str, needs: Needs, payments: Sequence[PaymentTerms]) -> Iterator[str]:
    for payment in payments:
        if needs.payment_types and payment.type not in needs.payment_types:
            yield f"payments: {name} has no {payment.type}, only {_listed(needs.payment_types)}"
        words = (payment.account or "").split()
        if needs.account and not (len(words) > 2 and any("@" in word for word in words)):
            yield (
                f"payments: {name} wants an account with each: bank code, account number and "
                f"payment address, such as {ACCOUNT!r}"
            )


def vehicles_lack(dialects: Iterable[str], vehicles: Sequence[VehicleEntry]) -> Iterator[str]:
    """Vehicles that could not be told in these dialects."""
    for name in dialects:
        needs = version.named(name).traits.needs
        for vehicle in vehicles:
            if needs.make_and_model and not (vehicle.make and vehicle.model):
                yield f"vehicles: {vehicle.registration}: {name} wants make and model"


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))
