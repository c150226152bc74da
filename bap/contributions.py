"""What a provider says it sets aside for the worker's social insurance, read from its TagGroups.

Codes: protocol_specs/schemas/contribution-tags.json. What does not follow them is left out: the
citizen is told nothing rather than something doubtful.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from protocol_specs.wire import money, tags
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import TagGroup

GROUP = "@wayfare/contribution"
CONTRIBUTIONS_MAX = 10
_STATUSES = frozenset({"estimate", "pending", "set_aside", "awaiting_worker", "reversed", "due"})
_KINDS = frozenset({"contribution", "fee"})


def contributions(groups: Iterable[TagGroup]) -> list[dict[str, Any]]:
    """The contributions named by an order's tags, at most ten, JSON-ready."""
    found: list[dict[str, Any]] = []
    for group in groups:
        said = tags.read([dict(group)]).get(GROUP)
        shown = None if said is None else _contribution(said)
        if shown is not None and len(found) < CONTRIBUTIONS_MAX:
            found.append(shown)
    return found


def _contribution(said: dict[str, str]) -> dict[str, Any] | None:
    status, kind = said.get("STATUS"), said.get("KIND")
    if status not in _STATUSES or (kind not in _KINDS and status != "pending"):
        return None
    return {
        "status": status,
        "kind": kind,
        "scheme": said.get("SCHEME"),
        "legal_name": said.get("LEGAL_NAME"),
        "borne_by": said.get("BORNE_BY"),
        "verified": said.get("VERIFIED") == "true",
        "amount": _amount(said),
        "slip_id": said.get("SLIP_ID"),
    }


def _amount(said: dict[str, str]) -> dict[str, Any] | None:
    value, currency = said.get("AMOUNT"), said.get("CURRENCY")
    if value is None or currency is None:
        return None
    try:
        minor = money.minor_units(value, currency)
    except Malformed:
        return None
    return {"currency": currency, "minor": minor, "value": money.amount(minor, currency)}
