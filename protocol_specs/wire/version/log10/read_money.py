"""Reading quotes, payment and cancellation of core 0.9 messages."""

from __future__ import annotations

from typing import Any, cast

from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import (
    Cancellation,
    CancelledBy,
    PaymentTerms,
    PaymentType,
    PriceLine,
    Quote,
    Terms,
)
from protocol_specs.wire.values import replace
from protocol_specs.wire.version.core_1_1.read_money import currency_of
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    choice,
    each,
    find,
    loose_text,
    minor,
    name,
    need,
    text,
    under,
)
from protocol_specs.wire.version.log10 import read_parts as parts
from protocol_specs.wire.version.log10 import vocabulary as words

_types = choice("ON-ORDER", "ON-FULFILLMENT", "POST-FULFILLMENT", "PRE-ORDER", "PRE-FULFILLMENT")
_collectors = choice("BAP", "BPP")
_statuses = choice("PAID", "NOT-PAID")


def quote(value: Any) -> Quote:
    """A quote; the sum of its breakup must be its price to the last minor unit."""
    given = an_object(value)
    price = need(given, "price", an_object)
    currency = under("/price", lambda: currency_of(price))
    total = under("/price", lambda: need(price, "value", lambda part: minor(part, currency)))
    lines = each(given, "breakup", lambda part: _line(part, currency))
    summed = sum(line.amount_minor for line in lines)
    if lines and summed != total:
        raise Malformed(
            f"the breakup sums to {summed} minor units of {currency}, the price says {total}",
            path="/price/value",
        )
    if total < 0:
        raise Malformed("a quote cannot be negative", path="/price/value")
    lines = lines or (PriceLine(words.line_code("delivery"), total),)
    return Quote("", currency, lines, find(given, "ttl", parts.span_s))


def _line(value: Any, currency: str) -> PriceLine:
    line = an_object(value)
    price = need(line, "price", an_object)
    if find(price, "currency", text) not in (None, currency):
        raise Malformed(f"all lines must be in {currency}", path="/price/currency")
    return PriceLine(
        words.line_code(need(line, "@ondc/org/title_type", name)),
        under("/price", lambda: need(price, "value", lambda part: minor(part, currency))),
    )


def payment_type(value: Any) -> PaymentType:
    """When it is paid; ON-ORDER is what core calls PRE-ORDER."""
    given = cast(PaymentType, _types(value))
    return "PRE-ORDER" if str(given) == "ON-ORDER" else given


def payments(order: Json) -> tuple[tuple[PaymentTerms, ...], Terms | None]:
    """The one payment of an order, under any of the names it goes by, and how it is settled."""
    for key in ("payment", "payments"):
        given = order.get(key)
        if isinstance(given, list):  # platforms that sell several things pay in parts
            return tuple(each(order, key, lambda part: _payment(an_object(part)))), None
        if given is not None:
            return need(order, key, _single)
    return (), None


def _single(value: Any) -> tuple[tuple[PaymentTerms, ...], Terms | None]:
    payment = an_object(value)
    return (_payment(payment),), _settlement(payment)


def _payment(given: Json) -> PaymentTerms:
    terms = PaymentTerms(
        collected_by=find(given, "collected_by", _collectors) or "BAP",  # type: ignore[arg-type]  # one of its two words
        type=need(given, "type", payment_type),
        status=find(given, "status", _statuses) or "NOT-PAID",  # type: ignore[arg-type]  # as above
    )
    settlements = each(given, "@ondc/org/settlement_details", an_object)
    return replace(terms, account=_account(settlements[0])) if settlements else terms


def _account(settlement: Json) -> str | None:
    keys = ("settlement_ifsc_code", "settlement_bank_account_no", "upi_address")
    told = (find(settlement, key, loose_text) for key in keys)
    return " ".join(part for part in told if part) or None


def _settlement(payment: Json) -> Terms | None:
    terms = Terms(
        settlement_basis=find(payment, "@ondc/org/settlement_basis", text),
        settlement_window=find(payment, "@ondc/org/settlement_window", text),
    )
    return None if terms == Terms() else terms


def cancellation(value: Any) -> Cancellation:
    """Which platform ended an order, and why. Our own two words for who are read too."""
    given = an_object(value)
    reason = find(given, "reason", an_object) or {}
    who = find(given, "cancelled_by", text) or None
    is_word = who in ("CONSUMER", "PROVIDER")
    return Cancellation(
        cancelled_by=cast(CancelledBy, who) if is_word else None,
        reason_id=under("/reason", lambda: find(reason, "id", loose_text)),
        at=None,
        description=_why(reason),
        party_id=None if is_word else who,
    )


def _why(reason: Json) -> str | None:
    descriptor = find(reason, "descriptor", an_object) or {}
    return find(descriptor, "name", text) or find(descriptor, "short_desc", text)
