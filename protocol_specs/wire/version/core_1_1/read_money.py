"""Reading what is paid, how and what cancelling costs: quotes, payments and terms of core 1.1."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from protocol_specs.wire.duration import seconds
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import (
    Cancellation,
    CancellationTerm,
    CancelledBy,
    CollectedBy,
    PaymentStatus,
    PaymentTerms,
    PaymentType,
    PriceLine,
    Quote,
)
from protocol_specs.wire.version.core_1_1.read_places import code_of
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    at,
    choice,
    each,
    find,
    loose_text,
    minor,
    name,
    need,
    text,
    truth,
    under,
)

_WITHOUT_T = re.compile(r"P\d{1,9}[HS]")
_collected_by = choice("BAP", "BPP")
_payment_type = choice(
    "PRE-ORDER", "PRE-FULFILLMENT", "ON-FULFILLMENT", "POST-FULFILLMENT", "ON-ORDER"
)
_payment_status = choice("PAID", "NOT-PAID")


def currency_of(price: Json) -> str:
    """The ISO 4217 code beside an amount, required."""
    return need(price, "currency", name)


def quote(value: Any) -> Quote:
    """A quote; the sum of its breakup must be its price to the last minor unit.

    Without a breakup the price stands as one line of its own.
    """
    given = an_object(value)
    price = need(given, "price", an_object)
    currency = under("/price", lambda: currency_of(price))
    total = under("/price", lambda: need(price, "value", lambda part: minor(part, currency)))
    lines = each(given, "breakup", _line_reader(currency)) or (PriceLine("FARE", total),)
    summed = sum(line.amount_minor for line in lines)
    if summed != total:
        raise Malformed(
            f"the breakup sums to {summed} minor units of {currency}, the price says {total}",
            path="/price/value",
        )
    if total < 0:
        raise Malformed("a quote cannot be negative", path="/price/value")
    return Quote(find(given, "id", text) or "", currency, lines, find(given, "ttl", _ttl_s))


def lines(value: Any) -> tuple[str | None, tuple[PriceLine, ...]]:
    """Currency and breakup of a quote that is to change; its total, if any, is not looked at.

    Without a price the currency is that of the first line; all lines must be in it.
    """
    given = an_object(value)
    breakup = each(given, "breakup", an_object)
    if not breakup:
        return None, ()
    first = under("/breakup/0", lambda: need(breakup[0], "price", an_object))
    currency = under("/breakup/0/price", lambda: currency_of(first))
    return currency, each(given, "breakup", _line_reader(currency))


def _ttl_s(value: Any) -> int:
    # Live quotes say PT300s and P200S: lower case, or without the T that parts date from time.
    given = text(value).upper()
    return seconds(given.replace("P", "PT") if _WITHOUT_T.fullmatch(given) else given)


def _line_reader(currency: str) -> Callable[[Any], PriceLine]:
    def money(value: Any) -> int:
        price = an_object(value)
        if currency_of(price) != currency:
            raise Malformed(f"the quote is in {currency}, this line is not", path="/currency")
        return need(price, "value", lambda part: minor(part, currency))

    def read(value: Any) -> PriceLine:
        line = an_object(value)
        amount_minor = need(line, "price", money)
        return PriceLine(need(line, "title", name), amount_minor, find(line, "item", _title))

    return read


def _title(item: Any) -> str | None:
    descriptor = find(an_object(item), "descriptor", an_object)
    return None if descriptor is None else find(descriptor, "name", text)


def payment_reader(currency: str | None) -> Callable[[Any], PaymentTerms]:
    """A reader of payment terms; an amount without a currency is taken to be in `currency`."""

    def read(value: Any) -> PaymentTerms:
        given = an_object(value)
        params = find(given, "params", an_object) or {}
        its_currency = find(params, "currency", name)
        amount_minor = None
        if params.get("amount") is not None:
            counted = its_currency = its_currency or currency
            if counted is None:
                raise Malformed("an amount needs a currency", path="/params/currency")
            amount_minor = under(
                "/params", lambda: need(params, "amount", lambda part: minor(part, counted))
            )
        return PaymentTerms(
            collected_by=cast(CollectedBy, need(given, "collected_by", _collected_by)),
            type=cast(PaymentType, _type(given)),
            status=cast(PaymentStatus, find(given, "status", _payment_status) or "NOT-PAID"),
            id=find(given, "id", text),
            reference=find(params, "transaction_id", loose_text),
            amount_minor=amount_minor,
            currency=its_currency,
            account=_account(params),
        )

    return read


_ACCOUNT = ("bank_code", "bank_account_number", "virtual_payment_address")


def _account(params: Json) -> str | None:
    given = (find(params, key, loose_text) for key in _ACCOUNT)
    return under("/params", lambda: " ".join(part for part in given if part)) or None


def _type(payment: Json) -> str:
    # ON-ORDER is the older word for what 1.1 calls PRE-ORDER: paid when the order is made.
    given = find(payment, "type", _payment_type) or "ON-FULFILLMENT"
    return "PRE-ORDER" if given == "ON-ORDER" else given


# Cancellation


def term(value: Any) -> CancellationTerm:
    """What cancelling costs from one state on."""
    given = an_object(value)
    fee = find(given, "cancellation_fee", an_object) or {}
    currency, fee_minor = find(fee, "amount", _amount) or (None, None)
    state = find(given, "fulfillment_state", code_of)
    return CancellationTerm(
        state=state or "",
        fee_minor=fee_minor,
        fee_percentage=find(fee, "percentage", loose_text),
        currency=currency,
        reason_required=find(given, "reason_required", truth) is not False,
    )


def _amount(value: Any) -> tuple[str, int]:
    price = an_object(value)
    currency = currency_of(price)
    return currency, need(price, "value", lambda part: minor(part, currency))


def cancellation(value: Any) -> Cancellation:
    """Who cancelled and why. Some name a subscriber instead of a side: that tells us no side."""
    given = an_object(value)
    by = (find(given, "cancelled_by", text) or "").upper()
    reason = find(given, "reason", an_object) or {}
    told = find(given, "additional_description", an_object) or {}
    return Cancellation(
        cancelled_by=cast(CancelledBy, by) if by in ("CONSUMER", "PROVIDER") else None,
        reason_id=code_of(reason) or find(reason, "id", text),
        at=find(given, "time", at),
        description=find(told, "short_desc", text),
    )
