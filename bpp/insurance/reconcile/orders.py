"""Confirmed orders against contributions: what is missing, what is twice, named exactly.

Each recorded event of an order is posted once, and leaves one contribution for each scheme that the
order's terms name. All of it is asked of the database along its indexes; nothing is held in memory.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, and_, bindparam, func, literal, null, select

from bpp.insurance.tables import ContributionRow, InsuredOrder, Pending, Projected
from bpp.ledger.tables import EntryRow
from bpp.orders.tables import OrderEventRow
from protocol_specs.node.store import Session, Statement

Fault = Literal[
    "not_posted",
    "waits",
    "no_contribution",
    "no_event",
    "no_entry",
    "doubled_entry",
    "doubled_confirm",
    "gap",
]
SAYS: dict[str, str] = {
    "not_posted": "the event was never posted",
    "waits": "the event waits to be posted again, see /ready",
    "no_contribution": "the event was posted, but its contribution is gone",
    "no_event": "a contribution of an event that the order never had",
    "no_entry": "a contribution whose entry is gone",
    "doubled_entry": "an entry that no contribution stands for: posted beside another",
    "doubled_confirm": "the order was confirmed twice",
    "gap": "a posting of this worker's period is gone",
}
FOUND_MAX = 1000  # of each kind
FOREVER = 2**62

_event = OrderEventRow.__table__
_projected = Projected.__table__
_pending = Pending.__table__
_order = InsuredOrder.__table__
_contribution = ContributionRow.__table__
_entry = EntryRow.__table__

_of_terms = func.json_each(_order.c.terms, "$.schemes").table_valued("key").alias("of_terms")
_in_time = and_(_event.c.at >= bindparam("first"), _event.c.at <= bindparam("last"))


def _limited(asked: Select[tuple[object, ...]]) -> Statement:
    return Statement(asked.limit(FOUND_MAX))


_SINGLE = (_event.c.order_key, _event.c.n, null().label("scheme"), null().label("entry"))
_NOT_POSTED = _limited(
    select(*_SINGLE, _pending.c.order_key.label("waiting"))
    .outerjoin(
        _projected,
        and_(_projected.c.order_key == _event.c.order_key, _projected.c.n == _event.c.n),
    )
    .outerjoin(_pending, _pending.c.order_key == _event.c.order_key)
    .where(_projected.c.n.is_(None), _in_time)
    .order_by(_event.c.order_key, _event.c.n)
)
_NO_CONTRIBUTION = _limited(
    select(_event.c.order_key, _event.c.n, _of_terms.c.key.label("scheme"), null().label("entry"))
    .select_from(_event)
    .join(
        _projected,
        and_(_projected.c.order_key == _event.c.order_key, _projected.c.n == _event.c.n),
    )
    .join(_order, _order.c.order_key == _event.c.order_key)
    .join(_of_terms, literal(1) == 1)
    .outerjoin(
        _contribution,
        and_(
            _contribution.c.order_key == _event.c.order_key,
            _contribution.c.scheme == _of_terms.c.key,
            _contribution.c.n == _event.c.n,
        ),
    )
    .where(_contribution.c.entry.is_(None), _in_time)
    .order_by(_event.c.order_key, _event.c.n)
)
_NO_EVENT = _limited(
    select(
        _contribution.c.order_key,
        _contribution.c.n,
        _contribution.c.scheme,
        _contribution.c.entry,
    )
    .outerjoin(
        _event,
        and_(_event.c.order_key == _contribution.c.order_key, _event.c.n == _contribution.c.n),
    )
    .where(_event.c.n.is_(None))
    .order_by(_contribution.c.order_key, _contribution.c.n)
)
_NO_ENTRY = _limited(
    select(
        _contribution.c.order_key,
        _contribution.c.n,
        _contribution.c.scheme,
        _contribution.c.entry,
    )
    .outerjoin(_entry, _entry.c.id == _contribution.c.entry)
    .where(_entry.c.id.is_(None))
    .order_by(_contribution.c.order_key, _contribution.c.n)
)
_DOUBLED_ENTRY = _limited(
    select(
        _entry.c.order_key,
        null().label("n"),
        null().label("scheme"),
        _entry.c.id.label("entry"),
    )
    .outerjoin(_contribution, _contribution.c.entry == _entry.c.id)
    .where(
        _contribution.c.entry.is_(None),
        _entry.c.order_key.is_not(None),
        _entry.c.origin_period.is_not(None),  # of a scheme: no fare, no netting
        _entry.c.at >= bindparam("first"),
        _entry.c.at <= bindparam("last"),
    )
    .order_by(_entry.c.order_key, _entry.c.id)
)
_again = _event.alias("again")
_DOUBLED_CONFIRM = _limited(
    select(*_SINGLE)
    .where(
        _event.c.kind == "confirmed",
        _event.c.n > 1,
        select(_again.c.n)
        .where(
            _again.c.order_key == _event.c.order_key,
            _again.c.n < _event.c.n,
            _again.c.kind == "confirmed",
        )
        .exists(),
        _in_time,
    )
    .order_by(_event.c.order_key, _event.c.n)
)
_GAP = _limited(
    select(
        _contribution.c.worker.label("order_key"),
        null().label("n"),
        _contribution.c.scheme,
        _contribution.c.period.label("entry"),
    )
    .where(_contribution.c.seq.is_not(None))
    .group_by(_contribution.c.worker, _contribution.c.scheme, _contribution.c.period)
    .having(func.max(_contribution.c.seq) != func.count())
)
_COUNTS = Statement(select(func.count(), func.count(_event.c.order_key.distinct())).where(_in_time))
_SEARCHES: tuple[tuple[Fault, Statement], ...] = (
    ("not_posted", _NOT_POSTED),
    ("no_contribution", _NO_CONTRIBUTION),
    ("no_event", _NO_EVENT),
    ("no_entry", _NO_ENTRY),
    ("doubled_entry", _DOUBLED_ENTRY),
    ("doubled_confirm", _DOUBLED_CONFIRM),
    ("gap", _GAP),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that does not agree. For a gap `order` is None, and worker and period say whose."""

    fault: Fault
    order: str | None
    n: int | None
    scheme: str | None
    entry: str | None
    worker: str | None = None
    period: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How much was looked at, and what does not agree: up to 1,000 of each kind."""

    orders: int
    events: int
    found: tuple[Found, ...]


def reconcile(session: Session, first: int = 0, last: int = FOREVER) -> Result:
    """Events from `first` through `last` (seconds UTC) against what they left in the books.

    Gaps, lost events and lost entries are looked for in all of the books.
    """
    counted = session.one(_COUNTS, first=first, last=last)
    events, orders = (int(counted[0]), int(counted[1])) if counted else (0, 0)
    found: list[Found] = []
    for fault, search in _SEARCHES:
        has_time = fault not in ("no_event", "no_entry", "gap")
        asked = {"first": first, "last": last} if has_time else {}
        for row in session.all(search, **asked):
            if fault == "gap":
                found.append(
                    Found(fault, None, None, row["scheme"], None, row["order_key"], row["entry"])
                )
                continue
            is_waiting = fault == "not_posted" and row["waiting"] is not None
            kind: Fault = "waits" if is_waiting else fault
            found.append(Found(kind, row["order_key"], row["n"], row["scheme"], row["entry"]))
    return Result(orders, events, tuple(found))
