"""What cancelling costs now, as far as the provider has said."""

from __future__ import annotations

import re
from decimal import Decimal

import orjson

from bap.journey import Journey
from bap.progress import UNDER_WAY_RANK, is_ended, rank, rank_of
from protocol_specs.wire.money import apply_rate, round_half_up
from protocol_specs.wire.order import CancellationTerm, OrderView

_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?) ?%?", re.ASCII)


def cancellable(view: OrderView) -> bool:
    """Whether cancelling is still possible: until passenger or parcel is on board."""
    return not is_ended(view) and rank(view) < UNDER_WAY_RANK


def fee_minor(journey: Journey, view: OrderView) -> int | None:
    """The fee in minor units; None when the provider has not said.

    What it answered when asked (a soft cancel, in the same state of the order) goes before the
    terms it published with the order.
    """
    if journey.fee is not None:
        told = orjson.loads(journey.fee)
        if told["state"] == view.fulfillment.state:
            return int(told["minor"])
    term = _term(view)
    return None if term is None else _amount(term, view)


def _term(view: OrderView) -> CancellationTerm | None:
    """The term that holds in the present state: the last one that begins at or before it."""
    here = max(rank(view), 0)
    begun = [term for term in view.cancellation_terms if 0 <= rank_of(term.state) <= here]
    return max(begun, key=lambda term: rank_of(term.state), default=None)


def _amount(term: CancellationTerm, view: OrderView) -> int | None:
    if term.fee_minor is not None:
        return term.fee_minor
    percentage = _PERCENTAGE.fullmatch(term.fee_percentage or "")
    if percentage is None or view.quote is None:
        return None
    share = Decimal(percentage[1]) / 100
    return round_half_up(apply_rate(view.quote.total_minor, share))
