"""The fare as confirmed against the fare in the end, and what that did to the contribution."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, select

from bpp.insurance.tables import ContributionRow
from bpp.orders.tables import OrderEventRow
from protocol_specs.node.store import Row, Session, Statement

ORDERS_AT_ONCE = 500

_event = OrderEventRow.__table__
_contribution = ContributionRow.__table__
_KEYS = Statement(
    select(_event.c.order_key)
    .where(
        _event.c.n == 1,
        _event.c.order_key > bindparam("after"),
        _event.c.at >= bindparam("first"),
        _event.c.at <= bindparam("last"),
    )
    .order_by(_event.c.order_key)
    .limit(ORDERS_AT_ONCE)
)
_between = (
    _event.c.order_key >= bindparam("from_key"),
    _event.c.order_key <= bindparam("to_key"),
)
_EVENTS = Statement(
    select(_event.c.order_key, _event.c.n, _event.c.kind, _event.c.document)
    .where(*_between, _event.c.kind != "assigned")
    .order_by(_event.c.order_key, _event.c.n)
)
_newer = _contribution.alias("newer")
_NEWEST = Statement(
    select(_contribution)
    .outerjoin(
        _newer,
        and_(
            _newer.c.order_key == _contribution.c.order_key,
            _newer.c.scheme == _contribution.c.scheme,
            _newer.c.slot == _contribution.c.slot,
            _newer.c.n > _contribution.c.n,
        ),
    )
    .where(
        _contribution.c.order_key >= bindparam("from_key"),
        _contribution.c.order_key <= bindparam("to_key"),
        _newer.c.n.is_(None) | (_contribution.c.n == 1),
    )
    .order_by(_contribution.c.order_key, _contribution.c.n)
)


@dataclass(frozen=True, slots=True)
class Compared:
    """One order whose job is over; minor units. The contribution is of all schemes and workers.

    `is_open`: the job is over, and a contribution of it is not due: look at `reconcile orders`.
    """

    order: str
    ended: str
    currency: str
    estimate_minor: int
    final_minor: int
    contribution_at_confirm_minor: int
    contribution_minor: int
    is_open: bool

    @property
    def changed(self) -> bool:
        """Whether the fare or the contribution is another than at the confirm."""
        return (
            self.estimate_minor != self.final_minor
            or self.contribution_at_confirm_minor != self.contribution_minor
        )


def reconcile(session: Session, first: int, last: int) -> Iterator[Compared]:
    """The orders confirmed from `first` through `last` (seconds UTC) whose job is over, in turn."""
    after = ""
    while keys := [row[0] for row in session.all(_KEYS, after=after, first=first, last=last)]:
        wanted, after = set(keys), keys[-1]
        asked = {"from_key": keys[0], "to_key": after}
        events: dict[str, list[Row]] = {key: [] for key in keys}
        for row in session.all(_EVENTS, **asked):
            if row["order_key"] in wanted:
                events[row["order_key"]].append(row)
        stands: dict[str, list[Row]] = {key: [] for key in keys}
        for row in session.all(_NEWEST, **asked):
            if row["order_key"] in wanted:
                stands[row["order_key"]].append(row)
        for key in keys:
            found = _compared(key, events[key], stands[key])
            if found is not None:
                yield found


def _compared(key: str, events: list[Row], stands: list[Row]) -> Compared | None:
    ends = [row["kind"] for row in events if row["kind"] in ("completed", "cancelled")]
    if not ends:
        return None
    opening, closing = json.loads(events[0]["document"]), json.loads(events[-1]["document"])
    newest = {(row["scheme"], row["slot"]): row for row in stands}.values()
    at_confirm = sum(row["amount_minor"] for row in stands if row["n"] == 1)
    is_due = all(row["is_due"] or row["status"] in ("left", "reversed") for row in newest)
    final = _fee(closing) if ends[-1] == "cancelled" else _total(closing)
    return Compared(
        order=key,
        ended=ends[-1],
        currency=opening["currency"],
        estimate_minor=_total(opening),
        final_minor=final,
        contribution_at_confirm_minor=at_confirm,
        contribution_minor=sum(row["amount_minor"] for row in newest),
        is_open=not (newest and is_due),
    )


def _total(event: dict[str, object]) -> int:
    lines = event["lines"]
    return sum(line["amount_minor"] for line in lines) if isinstance(lines, list) else 0


def _fee(event: dict[str, object]) -> int:
    return int(str(event.get("cancellation_fee_minor", 0)))
