"""Closes a scheme's period while orders flow: one short transaction, then chunks of workers.

The first writes the closed period: from then on late events are declared later. Each chunk declares
some workers; a worker's entry is unrepeatable, so what a crash left is simply gone on with. A late
event of a worker whose line is still to come has that line written first, in its own transaction.
The remittance's row comes last: it is there when every line is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, case, func, insert, select

from bpp.declined import Declined
from bpp.insurance import books, due
from bpp.insurance.agents import filing
from bpp.insurance.agents.filing import Filer
from bpp.insurance.engine import calendar
from bpp.insurance.remittance import declaring, periods
from bpp.insurance.remittance.declaring import Draft, Known
from bpp.insurance.remittance.tables import (
    ClosedPeriod,
    RemittanceLine,
    RemittanceRow,
    ToDeclare,
)
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.insurance.tables import ContributionRow
from protocol_specs.node.store import Row, Session, Statement

CHANNEL = "closing"  # hears that a close was begun
CHUNK = 50  # workers in one transaction, and fewer where they have more rows than these between
ROWS = 10_000  # them: some tens of milliseconds, so that no order waits, however long the period

_closed = ClosedPeriod.__table__
_contribution = ContributionRow.__table__
_line = RemittanceLine.__table__
_remittance = RemittanceRow.__table__
_touched = ToDeclare.__table__

_CLOSE = Statement(insert(_closed))
_OF_PERIOD = Statement(
    select(_closed.c.remittance).where(
        _closed.c.scheme == bindparam("scheme"), _closed.c.period == bindparam("period")
    )
)
_UNFINISHED = Statement(
    select(_closed)
    .outerjoin(_remittance, _remittance.c.id == _closed.c.remittance)
    .where(_remittance.c.id.is_(None))
    .order_by(_closed.c.at, _closed.c.scheme, _closed.c.period)
)
_FIRST_OPEN = Statement(
    select(func.min(_touched.c.declared_in)).where(
        _touched.c.scheme == bindparam("scheme"), _touched.c.declared_in > bindparam("after")
    )
)
_OPEN_IN = Statement(
    select(_contribution.c.order_key)
    .where(
        _contribution.c.order_key == bindparam("order_key"),
        _contribution.c.scheme == bindparam("scheme"),
        _contribution.c.period <= bindparam("period"),
    )
    .limit(1)
)
_SUMS = Statement(
    select(
        func.coalesce(func.sum(case((_line.c.amount_minor > 0, 1), else_=0)), 0).label("workers"),
        *(
            func.coalesce(func.sum(_line.c[name]), 0).label(name)
            for name in ("amount_minor", "worker_minor", "cooperative_minor")
        ),
    ).where(_line.c.remittance == bindparam("remittance"))
)
_NEW_REMITTANCE = Statement(insert(_remittance))


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A closed period whose lines are not all written yet."""

    scheme: str
    period: str
    remittance: str
    at: int
    by: str


def begin(
    session: Session,
    scheme: Scheme,
    period: str,
    *,
    by: str,
    now: int,
    leave_open: bool = False,
    filer: Filer | None = None,
) -> str:
    """Closes the period and returns the remittance's id; again, it returns the same.

    `leave_open`: jobs of it that are not over yet are declared later. Raises Declined.
    """
    check_name(scheme, period)
    periods.lock(session, scheme.id, period, exclusive=True)
    row = session.one(_OF_PERIOD, scheme=scheme.id, period=period)
    if row is not None:
        return str(row["remittance"])
    check(session, scheme, period, now=now, leave_open=leave_open)
    id = f"{scheme.id}/{period}/1"
    session.run(_CLOSE, scheme=scheme.id, period=period, at=now, by=by, remittance=id)
    session.notify(CHANNEL, id)
    filing.note(session, scheme.id, action="close", subject=id, by=by, at=now, filer=filer)
    return id


def check_name(scheme: Scheme, period: str) -> None:
    """Raises Declined for what is no period of this scheme."""
    try:
        calendar.first_day(period)
        fits = calendar.kind_of(period) == scheme.period
    except ValueError:
        fits = False
    if not fits or not scheme.is_per_job:
        shown = {"month": "2026-07", "indian_quarter": "FY2026-27Q2", "indian_year": "FY2026-27"}
        raise Declined(
            f"{period!r} is no period of {scheme.id}; write one such as {shown[scheme.period]}"
            if scheme.is_per_job
            else f"{scheme.id} has no amounts per job: there is nothing to close"
        )


def check(
    session: Session, scheme: Scheme, period: str, *, now: int, leave_open: bool = False
) -> None:
    """Raises Declined where the period must not be closed now, and says why."""
    last = calendar.last_day(period)
    if scheme.day(now) <= last:
        raise Declined(f"{period} of {scheme.id} is not over before the end of {last}")
    newest = periods.newest_closed(session, scheme.id)
    if newest is not None and period <= newest:
        raise Declined(f"{newest} of {scheme.id} is closed already, and {period} with it")
    going_on = [each for each in unfinished(session) if each.scheme == scheme.id]
    if going_on:
        raise Declined(f"{going_on[0].period} of {scheme.id} is still being closed: wait for it")
    first = session.one(_FIRST_OPEN, scheme=scheme.id, after=newest or "")
    if first is not None and first[0] is not None and first[0] < period:
        raise Declined(f"close {first[0]} of {scheme.id} first: periods are closed in order")
    if leave_open:
        return
    waiting = still_open(session, scheme, period)
    if waiting:
        raise Declined(
            f"{len(waiting)} confirmed jobs of {period} are not over (one is {waiting[0]}): end "
            "them, or say --leave-open, and they are declared later"
        )
    if books.oldest_pending(session) is not None:
        raise Declined(
            "an event is still to be posted (see wayfare ledger pending): mend it, or say "
            "--leave-open, and it is declared later"
        )


def still_open(session: Session, scheme: Scheme, period: str) -> list[str]:
    """Keys of orders of the period, or of an earlier one, that are neither completed nor ended."""
    over = datetime.combine(
        calendar.last_day(period) + timedelta(days=1), datetime.min.time(), ZoneInfo(scheme.zone)
    )
    keys = books.open_since(session, int(over.astimezone(UTC).timestamp()))
    asked = {"scheme": scheme.id, "period": period}
    return [key for key in keys if session.one(_OPEN_IN, order_key=key, **asked) is not None]


def unfinished(session: Session) -> list[Unfinished]:
    """The closes that are still going on, the oldest first."""
    return [_unfinished(row) for row in session.all(_UNFINISHED)]


def next_chunk(
    session: Session, known: Known, close: Unfinished, after: str, now: int
) -> str | None:
    """Declares the next workers beyond `after` and returns the last of them; with none left it
    writes the remittance and returns None. For a loop that keeps `after`, or begins again at "".
    """
    scheme = known.scheme(close.scheme)
    workers = declaring.next_workers(
        session, scheme.id, close.period, close.remittance, after, CHUNK
    )
    if not workers and after:  # whoever was passed over: none, unless another writer was here
        return ""
    if not workers:
        _finish(session, scheme, close, now)
        return None
    workers = _within_rows(session, scheme, close.period, workers)
    _declare(session, known, scheme, close, (workers[0], workers[-1]))
    return workers[-1]


def _within_rows(session: Session, scheme: Scheme, period: str, workers: list[str]) -> list[str]:
    """The first of them, at least one, who have no more than ROWS postings of the period."""
    rows = 0
    for count, worker in enumerate(workers):
        rows += books.period(session, scheme.id, worker, period)[1]
        if rows > ROWS and count:
            return workers[:count]
    return workers


def declare_first(session: Session, known: Known, scheme: Scheme, worker: str) -> None:
    """Before a late event of a worker: writes the worker's line where a close has yet to reach it,
    so that what happens now cannot change what is being declared."""
    for close in unfinished(session):
        if close.scheme == scheme.id:
            _declare(session, known, scheme, close, (worker, worker))


def dry_run(session: Session, known: Known, scheme: Scheme, period: str) -> Iterator[Draft]:
    """The lines that a close would write now, by worker; nothing is written."""
    after, remittance = "", f"{scheme.id}/{period}/1"
    while workers := declaring.next_workers(session, scheme.id, period, remittance, after, CHUNK):
        after = workers[-1]
        asked = (workers[0], after)
        yield from declaring.drafts(session, known, scheme, period, remittance, asked)


def due_day_of(scheme: Scheme, period: str) -> str | None:
    """The last day to remit, as a date; None: nobody could tell it."""
    try:
        day = due.due_day(scheme, period)
    except NotInsurable:
        return None
    return None if day is None else day.isoformat()


def _declare(
    session: Session, known: Known, scheme: Scheme, close: Unfinished, workers: tuple[str, str]
) -> None:
    found = list(declaring.drafts(session, known, scheme, close.period, close.remittance, workers))
    for draft in found:
        declaring.write(session, scheme, close.period, close.remittance, draft, close.at)


def _finish(session: Session, scheme: Scheme, close: Unfinished, now: int) -> None:
    sums = session.one(_SUMS, remittance=close.remittance)
    session.run(
        _NEW_REMITTANCE,
        id=close.remittance,
        scheme=scheme.id,
        period=close.period,
        currency=scheme.currency,
        due_day=due_day_of(scheme, close.period),
        at=now,
        by=close.by,
        **{name: sums[name] for name in sums.keys()} if sums else {},  # noqa: SIM118 - a Row
    )


def _unfinished(row: Row) -> Unfinished:
    return Unfinished(**{key: row[key] for key in Unfinished.__slots__})
