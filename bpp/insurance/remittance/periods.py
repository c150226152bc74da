"""In which period a fact is declared, and what of a worker's period was declared already.

Posting and closing meet here. Posting takes the period's row shared, closing exclusive; whether the
period is closed is asked in a statement of its own after the lock, so the same two statements hold
on PostgreSQL at READ COMMITTED, where each statement sees what was committed before it. On SQLite
FOR SHARE and FOR UPDATE are nothing: the store's one writer lets transactions pass one by one, and
a period's row is looked for once.
"""

from sqlalchemy import bindparam, case, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bpp.insurance.engine import calendar
from bpp.insurance.engine.shares import Split
from bpp.insurance.remittance.tables import ClosedPeriod, DeclaredPart, SchemePeriod, ToDeclare
from protocol_specs.node.store import Conflict, Session, Statement

_period = SchemePeriod.__table__
_closed = ClosedPeriod.__table__
_part = DeclaredPart.__table__
_touched = ToDeclare.__table__

_row = select(_period.c.period).where(
    _period.c.scheme == bindparam("scheme"), _period.c.period == bindparam("period")
)
_SHARED = Statement(_row.with_for_update(read=True))
_EXCLUSIVE = Statement(_row.with_for_update())
_NEW_ROW = Statement(insert(_period))
_NEWEST = Statement(
    select(func.max(_closed.c.period)).where(_closed.c.scheme == bindparam("scheme"))
)
_IS_TOUCHED = Statement(
    select(_touched.c.origin).where(
        *(_touched.c[key] == bindparam(key) for key in ("scheme", "declared_in", "worker")),
        _touched.c.origin == bindparam("origin"),
    )
)
_TOUCH = Statement(upsert(_touched).on_conflict_do_nothing())
# Excess carried here is still to be declared; of what was, all but the excess counts.
_counts = case((_part.c.kind == "carried", 0), else_=_part.c.amount_minor - _part.c.excess_minor)
_DECLARED = Statement(
    select(
        func.coalesce(func.sum(_part.c.amount_minor), 0).label("amount"),
        func.coalesce(func.sum(_part.c.worker_minor), 0).label("worker"),
        func.coalesce(func.sum(_counts), 0).label("counts"),
        func.coalesce(func.max(_part.c.n), 0).label("n"),
    ).where(*(_part.c[key] == bindparam(key) for key in ("scheme", "worker", "origin")))
)
_EXCESS = Statement(
    select(func.coalesce(func.sum(_part.c.excess_minor), 0)).where(
        *(_part.c[key] == bindparam(key) for key in ("scheme", "worker", "origin"))
    )
)
_NEW_PART = Statement(insert(_part))


def lock(session: Session, scheme: str, period: str, *, exclusive: bool = False) -> None:
    """Takes the period's row, which is made when it is first asked for."""
    key = ("scheme_period", scheme, period)
    if session.is_alone and key in session.seen:
        return
    asked = _EXCLUSIVE if exclusive else _SHARED
    if session.one(asked, scheme=scheme, period=period) is not None:
        session.remember((key,))
        return
    try:
        with session.savepoint():  # beside another writer the row may be there by now
            session.run(_NEW_ROW, scheme=scheme, period=period)
    except Conflict:
        session.one(asked, scheme=scheme, period=period)


def newest_closed(session: Session, scheme: str) -> str | None:
    """The last period of the scheme that was closed; all before it are closed with it."""
    row = session.one(_NEWEST, scheme=scheme)
    return str(row[0]) if row and row[0] is not None else None


def declared_in(session: Session, scheme: str, period: str) -> str:
    """The period in whose declaration counts what now happens to `period`: itself, or the first one
    that is open. It stays open until the caller's transaction ends.
    """
    while True:
        lock(session, scheme, period)
        newest = newest_closed(session, scheme)
        if newest is None or period > newest:
            return period
        period = calendar.period_after(newest)


def touch(session: Session, scheme: str, declared: str, worker: str, origin: str) -> None:
    """Notes that the close of `declared` is to look at this worker's origin period."""
    key = {"scheme": scheme, "declared_in": declared, "worker": worker, "origin": origin}
    if session.one(_IS_TOUCHED, **key) is None:
        session.run(_TOUCH, **key)


def declared(session: Session, scheme: str, worker: str, origin: str) -> tuple[Split, int]:
    """What of the worker's due money of that period is not on 2210 any more, by who bears it; and
    how much of it counts as contributed: remitted, or covered by credit, and not come back.
    """
    row = session.one(_DECLARED, scheme=scheme, worker=worker, origin=origin)
    if row is None:
        return Split(), 0
    return Split(row["worker"], row["amount"] - row["worker"]), int(row["counts"])


def excess_minor(session: Session, scheme: str, worker: str, origin: str) -> int:
    """What of that period was beyond the plan, and the worker's own to decide about."""
    row = session.one(_EXCESS, scheme=scheme, worker=worker, origin=origin)
    return int(row[0]) if row else 0


def add_part(
    session: Session,
    kind: str,
    *,
    scheme: str,
    worker: str,
    origin: str,
    entry: str,
    amount: Split,
    remitted: Split = Split(),  # noqa: B008 - frozen
    excess_minor: int = 0,
    credit: Split = Split(),  # noqa: B008 - frozen
    remittance: str | None = None,
) -> None:
    """One more step of what was declared of a worker's period, in the transaction of its entry."""
    row = session.one(_DECLARED, scheme=scheme, worker=worker, origin=origin)
    session.run(
        _NEW_PART,
        scheme=scheme,
        worker=worker,
        origin=origin,
        n=1 + (int(row["n"]) if row else 0),
        kind=kind,
        remittance=remittance,
        entry=entry,
        amount_minor=amount.total,
        worker_minor=amount.worker,
        remitted_minor=remitted.total,
        remitted_worker_minor=remitted.worker,
        excess_minor=excess_minor,
        credit_worker_minor=credit.worker,
        credit_own_minor=credit.cooperative,
    )
