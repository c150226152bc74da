"""The rows of insurance: local ids, terms, standings, slips and what is still to be posted."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from msgspec import Struct
from sqlalchemy import bindparam, delete, func, insert, select, union_all, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bpp.insurance.engine.shares import Split
from bpp.insurance.engine.standing import Period, Reason, Standing, Totals
from bpp.insurance.entries import Contribution
from bpp.insurance.scheme import Option
from bpp.insurance.slip import text
from bpp.insurance.tables import (
    ContributionRow,
    InsuredOrder,
    LocalWorker,
    Pending,
    Projected,
    SlipRow,
)
from bpp.ledger import chart
from bpp.orders.events import OrderEvent, read_event
from bpp.orders.store import active
from bpp.orders.tables import OrderEventRow, OrderRow
from protocol_specs.node.store import Row, Session, Statement

_contribution = ContributionRow.__table__
_insured = InsuredOrder.__table__
_pending = Pending.__table__
_projected = Projected.__table__
_slip = SlipRow.__table__
_worker = LocalWorker.__table__
_event = OrderEventRow.__table__
_order = OrderRow.__table__

_EVENTS = Statement(
    select(_event.c.document)
    .where(_event.c.order_key == bindparam("order_key"), _event.c.n < bindparam("before"))
    .order_by(_event.c.n)
)
_last_projected = select(func.max(_projected.c.n)).where(
    _projected.c.order_key == bindparam("order_key")
)
_terms = select(_insured.c.terms).where(_insured.c.order_key == bindparam("order_key"))
_LAST_PROJECTED = Statement(_last_projected)
_PROJECTED = Statement(insert(_projected))
_WORKER = Statement(select(_worker.c.worker).where(_worker.c.agent_id == bindparam("agent_id")))
_NEW_WORKER = Statement(insert(_worker))
_OF_SLOT = Statement(
    select(_contribution.c.worker)
    .where(
        _contribution.c.order_key == bindparam("order_key"),
        _contribution.c.slot == bindparam("slot"),
    )
    .limit(1)
)
_TERMS = Statement(_terms)
_POSTED = Statement(
    select(_last_projected.scalar_subquery().label("last"), _terms.scalar_subquery().label("terms"))
)
_NEW_TERMS = Statement(insert(_insured))
_CLAIM = Statement(upsert(_insured).on_conflict_do_nothing())
_STANDING = Statement(
    select(_contribution)
    .where(
        _contribution.c.order_key == bindparam("order_key"),
        _contribution.c.scheme == bindparam("scheme"),
        _contribution.c.slot == bindparam("slot"),
    )
    .order_by(_contribution.c.n.desc())
    .limit(1)
)
_PERIOD = Statement(
    select(_contribution)
    .where(
        _contribution.c.scheme == bindparam("scheme"),
        _contribution.c.worker == bindparam("worker"),
        _contribution.c.period == bindparam("period"),
        _contribution.c.seq.is_not(None),
    )
    .order_by(_contribution.c.seq.desc())
    .limit(1)
)
_UP_TO_EVENT = Statement(
    select(_contribution, _slip.c.id.label("slip"))
    .outerjoin(_slip, _slip.c.entry == _contribution.c.entry)
    .where(_contribution.c.order_key == bindparam("order_key"), _contribution.c.n <= bindparam("n"))
    .order_by(_contribution.c.scheme, _contribution.c.slot, _contribution.c.n)
)
_NEW_CONTRIBUTION = Statement(insert(_contribution))
_NEW_SLIP = Statement(insert(_slip))
_HAS_SLIP = Statement(select(_slip.c.id).where(_slip.c.entry == bindparam("entry")))
_IS_PENDING = Statement(select(_pending).where(_pending.c.order_key == bindparam("order_key")))
_NEW_PENDING = Statement(insert(_pending))
_MORE_PENDING = Statement(
    update(_pending)
    .where(_pending.c.order_key == bindparam("of_order"))
    .values(n=bindparam("up_to"), next_at=bindparam("at"), error=bindparam("why"))
)
_RETRY_PENDING = Statement(
    update(_pending)
    .where(_pending.c.order_key == bindparam("of_order"))
    .values(tries=bindparam("tried"), next_at=bindparam("at"), error=bindparam("why"))
)
_NOT_PENDING = Statement(delete(_pending).where(_pending.c.order_key == bindparam("of_order")))
_DUE_PENDING = Statement(
    select(_pending)
    .where(_pending.c.next_at <= bindparam("now"))
    .order_by(_pending.c.next_at)
    .limit(1)
)
_OLDEST_PENDING = Statement(select(func.min(_pending.c.since)))


# Compared, not looked up: by its time an old order lies among all that are long over.
_is_since = func.unindexed(_order.c.created_at) < bindparam("before")
_OPEN_SINCE = Statement(
    union_all(*(select(_order.c.key).where(*part, _is_since) for part in active()))
)


@dataclass(frozen=True, slots=True)
class SchemeTerms:
    """Who owed a scheme for an order, by what source, funded and consented to how."""

    liable_party: str
    liable_source: str
    funded_by: str | None
    mandate: str | None
    options: dict[Option, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """What an order was confirmed under; later settings do not reach it."""

    commission_rate: Decimal
    finder_fee_rate: Decimal
    schemes: dict[str, SchemeTerms]

    @cached_property
    def text(self) -> str:
        """As JSON, for the row: the same for all orders under the same settings."""
        kept = {
            "commission_rate": str(self.commission_rate),
            "finder_fee_rate": str(self.finder_fee_rate),
            "schemes": {name: _fields(each) for name, each in self.schemes.items()},
        }
        return json.dumps(kept)


def events_before(session: Session, order_key: str, n: int) -> tuple[OrderEvent, ...]:
    """The recorded events of an order below `n`, in order."""
    if n <= 1:
        return ()
    rows = session.all(_EVENTS, order_key=order_key, before=n)
    return tuple(read_event(row["document"]) for row in rows)


def last_projected(session: Session, order_key: str) -> int:
    """The number of the last event that was posted; 0: none."""
    row = session.one(_LAST_PROJECTED, order_key=order_key)
    return int(row[0]) if row and row[0] is not None else 0


def note_projected(session: Session, order_key: str, n: int) -> None:
    session.write(_PROJECTED, order_key=order_key, n=n)


def find_worker(session: Session, agent_id: str) -> str | None:
    """The agent's id in the books; None: never posted to."""
    row = session.one(_WORKER, agent_id=agent_id)
    return str(row["worker"]) if row else None


def worker_of(session: Session, agent_id: str | None, new_id: Callable[[], str]) -> str:
    """The agent's id in the books, drawn by `new_id` when first needed; or UNASSIGNED."""
    if agent_id is None:
        return chart.UNASSIGNED
    worker = find_worker(session, agent_id)
    if worker is None:
        worker = new_id()
        session.run(_NEW_WORKER, agent_id=agent_id, worker=worker)
    return worker


def worker_of_slot(session: Session, order_key: str, slot: int) -> str | None:
    """Under whose id a worker slot of an order was posted; None: it was not yet."""
    row = session.one(_OF_SLOT, order_key=order_key, slot=slot)
    return str(row["worker"]) if row else None


def terms_of(session: Session, order_key: str) -> Terms | None:
    """The terms kept with the order; None: it has none yet."""
    row = session.one(_TERMS, order_key=order_key)
    return None if row is None else _read_terms(row["terms"])


def posted(session: Session, order_key: str) -> tuple[int, Terms | None]:
    """Both at once: the last event that was posted, and the terms."""
    row = session.one(_POSTED, order_key=order_key)
    if row is None:
        return 0, None
    return row["last"] or 0, None if row["terms"] is None else _read_terms(row["terms"])


def _read_terms(text: str) -> Terms:
    found = json.loads(text)
    return Terms(
        commission_rate=Decimal(found["commission_rate"]),
        finder_fee_rate=Decimal(found["finder_fee_rate"]),
        schemes={name: SchemeTerms(**each) for name, each in found["schemes"].items()},
    )


def keep_terms(session: Session, order_key: str, terms: Terms) -> None:
    session.write(_NEW_TERMS, order_key=order_key, terms=terms.text)


def claim(session: Session, order_key: str, terms: Terms) -> bool:
    """Keeps these terms with an order that has none; says whether it had none."""
    return session.run(_CLAIM, order_key=order_key, terms=terms.text) > 0


def _fields(terms: SchemeTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in SchemeTerms.__slots__}


class Stood(Struct, frozen=True):
    """What an order last came to for a worker slot, the entry that says so (None: none yet), and
    why the slot was left out of the scheme when its worker got the job (None: it was not)."""

    standing: Standing = Standing()
    entry: str | None = None
    withheld: Reason | None = None


def stood(session: Session, order_key: str, scheme: str, slot: int) -> Stood:
    """What stood for a worker slot before the next event."""
    row = session.one(_STANDING, order_key=order_key, scheme=scheme, slot=slot)
    if row is None:
        return Stood()
    standing = Standing(Decimal(row["exact"]), _split(row, "amount"), bool(row["is_due"]))
    return Stood(standing, row["entry"], row["withheld"])


def _split(row: Row, name: str) -> Split:
    """A column of the whole, and one of the worker's part of it."""
    worker: int = row[f"{name}_worker_minor"]
    return Split(worker, row[f"{name}_minor"] - worker)


def _totals(row: Row, name: str) -> Totals:
    exact = Decimal(row[f"{name}_exact"])
    return Totals(exact, _split(row, f"{name}_order"), _split(row, f"{name}_period"))


def period(session: Session, scheme: str, worker: str, name: str) -> tuple[Period, int]:
    """What was posted for a worker's period so far, and the number of its last row."""
    row = session.one(_PERIOD, scheme=scheme, worker=worker, period=name)
    if row is None:
        return Period(), 0
    return Period(_totals(row, "all"), _totals(row, "due")), row["seq"]


def keep_contribution(
    session: Session,
    event: OrderEvent,
    contribution: Contribution,
    *,
    entry: str,
    seq: int | None,
    status: str,
    withheld: Reason | None,
    now: Standing,
    after: Period,
) -> None:
    session.write(
        _NEW_CONTRIBUTION,
        entry=entry,
        order_key=event.order_key,
        scheme=contribution.scheme,
        slot=contribution.slot,
        n=event.n,
        worker=contribution.worker,
        period=contribution.origin_period,
        seq=seq,
        status=status,
        withheld=withheld,
        exact=text(now.exact),
        amount_minor=now.amount_minor,
        amount_worker_minor=now.amount.worker,
        is_due=int(now.is_due),
        all_exact=text(after.all.exact),
        all_order_minor=after.all.order_minor,
        all_order_worker_minor=after.all.order.worker,
        all_period_minor=after.all.period_minor,
        all_period_worker_minor=after.all.period.worker,
        due_exact=text(after.due.exact),
        due_order_minor=after.due.order_minor,
        due_order_worker_minor=after.due.order.worker,
        due_period_minor=after.due.period_minor,
        due_period_worker_minor=after.due.period.worker,
    )


Stands = Row | Mapping[str, Any]
"""What stands for a scheme and worker slot: `scheme`, `status`, `amount_minor`,
`amount_worker_minor`, and the id of its `slip` or None."""


def contributions_after(session: Session, order_key: str, n: int) -> list[Row]:
    """What stands after an event: per scheme the newest row of each worker slot not left."""
    rows = session.all(_UP_TO_EVENT, order_key=order_key, n=n)
    newest = {(row["scheme"], row["slot"]): row for row in rows}
    return [row for row in newest.values() if row["status"] != "left"]


def keep_slip(
    session: Session,
    *,
    id: str,
    entry: str,
    worker: str,
    issued_at: int,
    supersedes: str | None,
    document: bytes,
    signature: bytes,
) -> None:
    session.write(
        _NEW_SLIP,
        id=id,
        entry=entry,
        worker=worker,
        issued_at=issued_at,
        supersedes=supersedes,
        document=document,
        signature=signature,
    )


def slip_of_entry(session: Session, entry: str | None) -> str | None:
    """The id of an entry's slip; None: it has none (nobody was assigned)."""
    row = session.one(_HAS_SLIP, entry=entry) if entry else None
    return str(row["id"]) if row else None


def note_pending(session: Session, order_key: str, n: int, now: int, error: str) -> None:
    """Notes that the order's events up to `n` are still to be posted. Tried again at once."""
    if session.one(_IS_PENDING, order_key=order_key) is None:
        values: dict[str, Any] = {"since": now, "tries": 0, "next_at": now, "error": error}
        session.run(_NEW_PENDING, order_key=order_key, n=n, **values)
    else:
        session.run(_MORE_PENDING, of_order=order_key, up_to=n, at=now, why=error)


def due_pending(session: Session, now: int) -> Row | None:
    """An order whose time to be tried again has come."""
    return session.one(_DUE_PENDING, now=now)


def retry_pending(session: Session, order_key: str, *, tries: int, at: int, error: str) -> None:
    session.run(_RETRY_PENDING, of_order=order_key, tried=tries, at=at, why=error)


def not_pending(session: Session, order_key: str) -> None:
    session.run(_NOT_PENDING, of_order=order_key)


def oldest_pending(session: Session) -> int | None:
    """Since when the longest waiting event waits; None: none waits."""
    row = session.one(_OLDEST_PENDING)
    return int(row[0]) if row and row[0] is not None else None


def open_since(session: Session, before: int) -> list[str]:
    """Keys of orders neither completed nor cancelled that were to begin before that instant.

    A job begins when it is confirmed; one booked ahead, at its planned start.
    """
    keys = [row["key"] for row in session.all(_OPEN_SINCE, before=before)]
    return [key for key in keys if _was_to_begin_before(session, key, before)]


def _was_to_begin_before(session: Session, order_key: str, before: int) -> bool:
    first = events_before(session, order_key, 2)
    return not first or first[0].planned_start is None or first[0].planned_start < before
