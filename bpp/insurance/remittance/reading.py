"""What is known of remittances: for slips, statements, files, the desk and the worker."""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import bindparam, func, select

from bpp.insurance import books
from bpp.insurance.engine.shares import Split
from bpp.insurance.remittance import periods
from bpp.insurance.remittance.tables import (
    ClosedPeriod,
    DeclaredPart,
    RemittanceEvent,
    RemittanceLine,
    RemittanceRow,
)
from bpp.insurance.remittance.values import Event, Line, Remittance, Share, Stands, State
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire.values import replace

LINES_AT_ONCE = 500

_closed = ClosedPeriod.__table__
_event = RemittanceEvent.__table__
_line = RemittanceLine.__table__
_part = DeclaredPart.__table__
_remittance = RemittanceRow.__table__

_in_order = (_remittance.c.scheme, _remittance.c.period, _remittance.c.id)
_ALL = Statement(select(_remittance).order_by(*_in_order))
_OF_SCHEME = Statement(
    select(_remittance).where(_remittance.c.scheme == bindparam("scheme")).order_by(*_in_order)
)
_ONE = Statement(select(_remittance).where(_remittance.c.id == bindparam("id")))
_EVENTS = Statement(
    select(_event).where(_event.c.remittance == bindparam("remittance")).order_by(_event.c.n)
)
_came_back = (
    select(func.count())
    .where(
        _part.c.remittance == _line.c.remittance,
        _part.c.worker == _line.c.worker,
        _part.c.kind == "rejected",
    )
    .scalar_subquery()
    .label("came_back")
)
_LINES = Statement(
    select(_line, _came_back)
    .where(_line.c.remittance == bindparam("remittance"), _line.c.worker > bindparam("after"))
    .order_by(_line.c.worker)
    .limit(LINES_AT_ONCE)
)
_LINE = Statement(
    select(_line, _came_back).where(
        _line.c.remittance == bindparam("remittance"), _line.c.worker == bindparam("worker")
    )
)
_OWN_REJECTED = Statement(
    select(
        func.coalesce(func.sum(_part.c.remitted_minor - _part.c.remitted_worker_minor), 0)
    ).where(_part.c.remittance == bindparam("remittance"))
)
_PARTS = Statement(
    select(_part, _closed.c.period.label("declared_in"))
    .outerjoin(_closed, _closed.c.remittance == _part.c.remittance)
    .where(*(_part.c[key] == bindparam(key) for key in ("scheme", "worker", "origin")))
    .order_by(_part.c.n)
)


def remittances(session: Session, scheme: str | None = None) -> list[Remittance]:
    """Every remittance, or those of a scheme, by scheme, period and number."""
    rows = session.all(_ALL) if scheme is None else session.all(_OF_SCHEME, scheme=scheme)
    return [_shown(session, row) for row in rows]


def remittance(session: Session, id: str) -> Remittance | None:
    """One, with its events; None: there is none of this id (or its close is not finished)."""
    row = session.one(_ONE, id=id)
    return None if row is None else _shown(session, row)


def lines(session: Session, id: str) -> Iterator[Line]:
    """The workers of a remittance by their local id, read as they are needed."""
    after = ""
    while rows := session.all(_LINES, remittance=id, after=after):
        yield from map(_line_of, rows)
        after = rows[-1]["worker"]


def line_of(session: Session, id: str, worker: str) -> Line | None:
    """One worker's line; None: the remittance has none of them."""
    row = session.one(_LINE, remittance=id, worker=worker)
    return None if row is None else _line_of(row)


def own_minor(session: Session, id: str) -> int:
    """What the cooperative bears of the lines that still stand."""
    row = session.one(_OWN_REJECTED, remittance=id)
    return int(row[0]) if row else 0


def status_of(session: Session, scheme: str, worker: str, period: str) -> list[Share]:
    """Where the worker's money of that origin period is."""
    stands, _ = books.period(session, scheme, worker, period)
    before, _ = periods.declared(session, scheme, worker, period)
    shares = [
        _share("not_due", stands.all.posted - stands.due.posted),
        _share("due", stands.due.posted - before),
    ]
    rows = session.all(_PARTS, scheme=scheme, worker=worker, origin=period)
    back = {row["remittance"] for row in rows if row["kind"] == "rejected"}
    for row in rows:
        if row["kind"] == "declared":
            shares += _of_part(session, row, is_back=row["remittance"] in back)
    return [share for share in shares if share.amount_minor]


def is_closed(session: Session, scheme: str, period: str) -> bool:
    """Whether what happens now to that period is declared in a later one."""
    newest = periods.newest_closed(session, scheme)
    return newest is not None and period <= newest


def _of_part(session: Session, row: Row, *, is_back: bool) -> list[Share]:
    """One part of a declaration: remitted, held as excess, covered by credit."""
    remitted = Split(
        row["remitted_worker_minor"], row["remitted_minor"] - row["remitted_worker_minor"]
    )
    found = remittance(session, row["remittance"])
    state: State = found.state if found is not None else "collected"
    stands: Stands = "declared" if state == "collected" else state
    if is_back:
        stands = "rejected"
    return [
        replace(_share(name, amount), remittance=row["remittance"], declared_in=row["declared_in"])
        for name, amount in (
            (stands, remitted),
            ("excess", Split(worker=row["excess_minor"])),
            ("credit_used", Split(row["credit_worker_minor"], row["credit_own_minor"])),
        )
    ]


def _share(stands: Stands, amount: Split) -> Share:
    return Share(stands, amount.total, amount.worker)


def _shown(session: Session, row: Row) -> Remittance:
    events = session.all(_EVENTS, remittance=row["id"])
    return Remittance(
        **{key: row[key] for key in ("id", "scheme", "period", "currency", "workers", "at", "by")},
        **{key: row[key] for key in ("amount_minor", "worker_minor", "cooperative_minor")},
        due_day=date.fromisoformat(row["due_day"]) if row["due_day"] else None,
        events=tuple(Event(**{key: each[key] for key in Event.__slots__}) for each in events),
    )


def _line_of(row: Row) -> Line:
    kept = {key: row[key] for key in Line.__slots__ if key != "is_rejected"}
    return Line(**kept, is_rejected=bool(row["came_back"]))
