"""What the citizen agreed to pay, to whom, and whether a provider's later word goes beyond it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.order import OrderView, PriceLine
from protocol_specs.wire.order import Terms as Conditions
from protocol_specs.wire.values import replace

Payee = tuple[str, str | None]
"""Who collects (BAP or BPP) and the account that the money goes to, None if none was named."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The part of an order that consent is given to. Amounts in minor units of `currency`.

    `conditions` are the provider's own (fees, settlement, law), word by word.
    """

    provider_id: str
    item_id: str
    currency: str
    lines: tuple[tuple[str, int], ...]
    payees: tuple[Payee, ...]
    conditions: tuple[tuple[str, str], ...] = ()

    @property
    def total_minor(self) -> int:
        """What the citizen pays."""
        return sum(amount for _, amount in self.lines)

    @property
    def hash(self) -> str:
        """Names these terms: 32 hex digits of SHA-256 over their RFC 8785 form."""
        return hashlib.sha256(canonical(self.document())).hexdigest()[:32]

    def document(self) -> dict[str, Any]:
        """JSON-ready form, read back by `terms_from`."""
        return {
            "provider_id": self.provider_id,
            "item_id": self.item_id,
            "currency": self.currency,
            "lines": [[code, amount] for code, amount in self.lines],
            "payees": [[collector, account] for collector, account in self.payees],
            "conditions": [[name, said] for name, said in self.conditions],
        }

    def with_line(self, line: PriceLine) -> Terms:
        """These terms and one more line, as for a tip."""
        return replace(self, lines=(*self.lines, (line.code, line.amount_minor)))


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: `what` is a word of ours, before and after are shown to people."""

    what: str
    before: Any
    after: Any
    worse: bool

    def document(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"what": self.what, "before": self.before, "after": self.after, "worse": self.worse}


def terms_of(view: OrderView) -> Terms | None:
    """The terms of an order, None if it names no price."""
    if view.quote is None:
        return None
    lines = tuple((line.code, line.amount_minor) for line in view.quote.lines)
    return _terms(view, view.quote.currency, lines)


def told_terms(view: OrderView, known: Terms) -> Terms:
    """The terms of a word about an order; where it names no price, that of `known` stands."""
    return terms_of(view) or _terms(view, known.currency, known.lines)


def _terms(view: OrderView, currency: str, lines: tuple[tuple[str, int], ...]) -> Terms:
    payees = {(payment.collected_by, payment.account) for payment in view.payments}
    return Terms(
        provider_id=view.provider_id,
        item_id=view.item_id,
        currency=currency,
        lines=lines,
        payees=tuple(sorted(payees, key=str)),
        conditions=conditions_of(view.bpp_terms),
    )


def conditions_of(given: Conditions | None) -> tuple[tuple[str, str], ...]:
    """What a provider's terms say, by name; not the amount to settle, which follows the price."""
    said = {} if given is None else structs.asdict(given)
    return tuple(
        (name, str(value).lower() if isinstance(value, bool) else value)
        for name, value in sorted(said.items())
        if value is not None and name != "settlement_amount"
    )


def terms_from(document: Mapping[str, Any]) -> Terms:
    """Terms from the form that `Terms.document` gave."""
    return Terms(
        provider_id=document["provider_id"],
        item_id=document["item_id"],
        currency=document["currency"],
        lines=tuple((code, amount) for code, amount in document["lines"]),
        payees=tuple((collector, account) for collector, account in document["payees"]),
        conditions=tuple((name, said) for name, said in document["conditions"]),
    )


def changes(before: Terms, after: Terms) -> tuple[Change, ...]:
    """What differs between two terms. A change is worse when the citizen must be asked again.

    A lower price is not worse. Payees and conditions that a provider leaves out later are not a
    change; another account, another collector, or another condition is always worse.
    """
    return tuple(_changes(before, after))


def beyond(consented: Terms, told: Terms) -> tuple[Change, ...]:
    """The changes that go beyond what was agreed to; empty if the consent covers what was told."""
    return tuple(change for change in changes(consented, told) if change.worse)


def _changes(before: Terms, after: Terms) -> Iterable[Change]:
    if after.provider_id != before.provider_id:
        yield Change("provider", before.provider_id, after.provider_id, worse=True)
    if after.item_id != before.item_id:
        yield Change("item", before.item_id, after.item_id, worse=True)
    if after.currency != before.currency:
        yield Change("currency", before.currency, after.currency, worse=True)
    if after.total_minor != before.total_minor:
        more = after.total_minor > before.total_minor
        yield Change("total_minor", before.total_minor, after.total_minor, worse=more)
    yield from _line_changes(before, after)
    if after.payees and set(after.payees) != set(before.payees):
        known = {*before.payees, *((collector, None) for collector, _ in before.payees)}
        new = not set(after.payees) <= known
        yield Change("payee", _names(before.payees), _names(after.payees), worse=new)
    agreed = dict(before.conditions)
    for name, said in after.conditions:
        if agreed.get(name) != said:
            yield Change(f"condition {name}", agreed.get(name), said, worse=True)


def _line_changes(before: Terms, after: Terms) -> Iterable[Change]:
    """Lines whose sum per code differs: shown to explain, never worse by themselves."""
    old, new = _by_code(before), _by_code(after)
    for code in sorted(old.keys() | new.keys()):
        if old.get(code, 0) != new.get(code, 0):
            yield Change(f"line {code}", old.get(code, 0), new.get(code, 0), worse=False)


def _by_code(terms: Terms) -> dict[str, int]:
    sums: dict[str, int] = {}
    for code, amount in terms.lines:
        sums[code] = sums.get(code, 0) + amount
    return sums


def _names(payees: tuple[Payee, ...]) -> list[str]:
    return [f"{collector} {account}" if account else collector for collector, account in payees]
