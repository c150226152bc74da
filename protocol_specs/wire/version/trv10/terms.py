"""The terms between the two platforms, as tags: fees, settlement, law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from protocol_specs.wire import tags
from protocol_specs.wire.money import amount, apply_rate, round_half_up
from protocol_specs.wire.order import Quote, Terms
from protocol_specs.wire.values import replace

Json = dict[str, Any]

BAP_TERMS, BPP_TERMS = "BAP_TERMS", "BPP_TERMS"
_NAMES = {BAP_TERMS: "BAP Terms of Engagement", BPP_TERMS: "BPP Terms of Engagement"}
_FEES, _SETTLEMENT = "BUYER_FINDER_FEES", "SETTLEMENT_TERMS"
GROUPS = frozenset({BAP_TERMS, BPP_TERMS})

_CODES = {
    "finder_fee_percentage": "BUYER_FINDER_FEES_PERCENTAGE",
    "settlement_window": "SETTLEMENT_WINDOW",
    "settlement_basis": "SETTLEMENT_BASIS",
    "settlement_type": "SETTLEMENT_TYPE",
    "settlement_amount": "SETTLEMENT_AMOUNT",
    "mandatory_arbitration": "MANDATORY_ARBITRATION",
    "court_jurisdiction": "COURT_JURISDICTION",
    "delay_interest": "DELAY_INTEREST",
    "static_terms": "STATIC_TERMS",
}
_FEE_CODE = _CODES["finder_fee_percentage"]


def asked(terms: Terms | None) -> Terms | None:
    """What a search says of them: the fee, the interest and where the rest can be read."""
    if terms is None:
        return None
    return Terms(
        finder_fee_percentage=terms.finder_fee_percentage,
        delay_interest=terms.delay_interest,
        static_terms=terms.static_terms,
    )


def settled(terms: Terms | None, quote: Quote | None) -> Terms | None:
    """The terms with what the fee comes to at this price, unless they say it themselves."""
    if terms is None or quote is None or terms.settlement_amount or not terms.finder_fee_percentage:
        return terms
    try:
        rate = Decimal(terms.finder_fee_percentage) / 100
    except InvalidOperation:
        return terms
    fee_minor = round_half_up(apply_rate(quote.total_minor, rate))
    return replace(terms, settlement_amount=amount(fee_minor, quote.currency))


def group(code: str, terms: Terms | None) -> list[Json]:
    """The group of 2.1.0, in a list; an empty list without terms."""
    values = _values(terms)
    return [tags.group(code, values, display=False, name=_NAMES[code])] if values else []


def payment_groups(terms: Terms | None) -> list[Json]:
    """The two groups that 2.0.1 puts into each payment."""
    values = _values(terms)
    fee = {_FEE_CODE: values.pop(_FEE_CODE)} if _FEE_CODE in values else {}
    told = ((_FEES, fee), (_SETTLEMENT, values))
    return [tags.group(code, part, display=False) for code, part in told if part]


def of_group(groups: Sequence[Mapping[str, Any]], code: str) -> Terms | None:
    """The terms in the group of that code; None if it is not there."""
    return _terms(tags.read(list(groups)).get(code))


def of_payments(payments: Sequence[Mapping[str, Any]]) -> Terms | None:
    """The terms in the tags of the first payment that has any."""
    for payment in payments:
        found = tags.read(payment.get("tags"))
        terms = _terms({**found.get(_FEES, {}), **found.get(_SETTLEMENT, {})})
        if terms is not None:
            return terms
    return None


def _values(terms: Terms | None) -> dict[str, str]:
    given = {} if terms is None else {code: getattr(terms, name) for name, code in _CODES.items()}
    texts = {c: str(v).lower() if isinstance(v, bool) else v for c, v in given.items()}
    return {code: value for code, value in texts.items() if value}


def _terms(values: Mapping[str, str] | None) -> Terms | None:
    if not values:
        return None
    found: dict[str, Any] = {name: values.get(code) or None for name, code in _CODES.items()}
    arbitration = (found["mandatory_arbitration"] or "").lower()
    found["mandatory_arbitration"] = {"true": True, "false": False}.get(arbitration)
    terms = Terms(**found)
    return None if terms == Terms() else terms
