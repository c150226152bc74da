"""What is due when, what is late, and how long the money lay here: for alarms and for people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam, func, select

from bpp.insurance.due import due_day
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.tables import (
    ClosedPeriod,
    DeclaredPart,
    RemittanceRow,
    SchemePeriod,
    ToDeclare,
)
from bpp.insurance.remittance.values import Remittance
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.ledger.tables import EntryRow, TransferRow
from protocol_specs.node.store import Session, Statement

DAYS_BEFORE = 3  # from so many days before the due day on, every day says it again
DAY_S = 86_400

_closed = ClosedPeriod.__table__
_entry = EntryRow.__table__
_part = DeclaredPart.__table__
_period = SchemePeriod.__table__
_remittance = RemittanceRow.__table__
_touched = ToDeclare.__table__
_transfer = TransferRow.__table__

_PERIODS = Statement(
    select(
        _touched.c.scheme,
        _touched.c.declared_in.label("period"),
        func.count(_touched.c.worker.distinct()).label("workers"),
    )
    .group_by(_touched.c.scheme, _touched.c.declared_in)
    .order_by(_touched.c.scheme, _touched.c.declared_in)
)
_CLOSED = Statement(select(_closed))
_IS_MINE = Statement(
    select(_touched.c.origin)
    .where(*(_touched.c[key] == bindparam(key) for key in ("scheme", "declared_in", "worker")))
    .limit(1)
)
_KNOWN = Statement(select(_period).order_by(_period.c.scheme, _period.c.period))
_due_account = "2210:" + _part.c.scheme + ":" + _part.c.worker + ":" + _part.c.origin


def _held(side: str) -> Statement:
    """What came to 2210 (or left it again by an event) of the workers and periods of a remittance,
    and when: an amount's days are counted from the entry that made it due."""
    return Statement(
        select(
            func.coalesce(func.sum(_transfer.c.amount_minor), 0).label("minor"),
            func.coalesce(func.sum(_transfer.c.amount_minor * (_entry.c.at // DAY_S)), 0).label(
                "minor_days"
            ),
            func.min(_entry.c.at).label("oldest"),
        )
        .select_from(_part)
        .join(_transfer, _transfer.c[side] == _due_account)
        .join(_entry, _entry.c.id == _transfer.c.entry)
        .where(
            _part.c.remittance == bindparam("remittance"),
            _part.c.kind == "declared",
            _entry.c.declared_in == bindparam("period"),
            _entry.c.kind != "declared",
        )
    )


_CAME, _LEFT = _held("credit"), _held("debit")


@dataclass(frozen=True, slots=True)
class Deadline:
    """One period of a scheme that has something to declare, or was closed.

    `remittance` None: not closed, or the close is going on. `due_day` None: nobody could tell.
    """

    scheme: str
    period: str
    workers: int
    due_day: date | None
    is_closed: bool
    remittance: Remittance | None

    @property
    def state(self) -> str:
        """open, closing, or the remittance's own."""
        if self.remittance is not None:
            return self.remittance.state
        return "closing" if self.is_closed else "open"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do: acknowledged, rejected (it is due in another period), or
        not a cent of it."""
        found = self.remittance
        return found is not None and (
            found.state in ("acknowledged", "rejected") or not found.payable_minor
        )

    def days_left(self, today: date) -> int | None:
        """Until the due day; below zero, it is past."""
        return None if self.due_day is None else (self.due_day - today).days


@dataclass(frozen=True, slots=True)
class HeldFor:
    """How long the money of a remittance lay here until it was sent (or lies here now), in days.

    `mean_days` is weighted by amount, in tenths; `oldest_at` is when its first part became due.
    """

    remittance: str
    amount_minor: int
    mean_days_tenths: int
    oldest_at: int | None
    oldest_days: int
    until: int


SchemeOf = Callable[[str], Scheme]


def deadlines(session: Session, scheme: SchemeOf) -> list[Deadline]:
    """Every period that has anything, by scheme and period."""
    workers = {(row["scheme"], row["period"]): row["workers"] for row in session.all(_PERIODS)}
    closed = _closed_periods(session)
    return [
        _deadline(session, scheme(name), period, closed, workers.get((name, period), 0))
        for name, period in sorted(workers.keys() | closed.keys())
    ]


def alarming(session: Session, scheme: SchemeOf, now: int) -> Iterator[tuple[Deadline, int]]:
    """What is due within three days, today, or was, and is not acknowledged; with the days left."""
    for each in deadlines(session, scheme):
        left = each.days_left(scheme(each.scheme).day(now))
        if left is not None and left <= DAYS_BEFORE and not each.is_done:
            yield each, left


def late_for(session: Session, scheme: SchemeOf, worker: str, now: int) -> list[Deadline]:
    """What this worker must hear of: periods with money of theirs whose due day has come, and that
    their institution has not acknowledged. `worker` is the local id. Asked by each driver's app: it
    looks at this worker's rows alone, and counts nobody (`workers` is 1).
    """
    closed, found = _closed_periods(session), []
    for row in session.all(_KNOWN):
        name, period = row["scheme"], row["period"]
        day = _due_day(scheme(name), period)
        if day is None or day > scheme(name).day(now):
            continue
        if session.one(_IS_MINE, scheme=name, declared_in=period, worker=worker) is None:
            continue
        each = _deadline(session, scheme(name), period, closed, 1)
        if not each.is_done:
            found.append(each)
    return found


def _closed_periods(session: Session) -> dict[tuple[str, str], str]:
    """The remittance of each closed period."""
    return {(row["scheme"], row["period"]): row["remittance"] for row in session.all(_CLOSED)}


def _deadline(
    session: Session,
    scheme: Scheme,
    period: str,
    closed: dict[tuple[str, str], str],
    workers: int,
) -> Deadline:
    return Deadline(
        scheme=scheme.id,
        period=period,
        workers=workers,
        due_day=_due_day(scheme, period),
        is_closed=reading.is_closed(session, scheme.id, period),
        remittance=reading.remittance(session, closed.get((scheme.id, period), "")),
    )


def held_for(session: Session, found: Remittance, now: int) -> HeldFor:
    """How long its money lay here: from the day it was due by the books to the day it was sent."""
    sent = [event.at for event in found.events if event.kind == "sent"]
    until = sent[0] if sent else now
    asked = {"remittance": found.id, "period": found.period}
    came, left = session.one(_CAME, **asked), session.one(_LEFT, **asked)
    if came is None or left is None or came["minor"] <= left["minor"]:
        return HeldFor(found.id, 0, 0, None, 0, until)
    minor = came["minor"] - left["minor"]
    days = minor * (until // DAY_S) - (came["minor_days"] - left["minor_days"])
    return HeldFor(
        remittance=found.id,
        amount_minor=minor,
        mean_days_tenths=(10 * days + minor // 2) // minor,
        oldest_at=came["oldest"],
        oldest_days=until // DAY_S - came["oldest"] // DAY_S,
        until=until,
    )


def _due_day(scheme: Scheme, period: str) -> date | None:
    try:
        return due_day(scheme, period)
    except NotInsurable:  # a year whose holidays no file lists: never guessed
        return None
