"""What anybody may know: workers, collected, remitted, acknowledged, days to remit.

The figures stand still for a month, and for longer where a month touched fewer than 10 workers: who
asks every hour and subtracts learns of no single job, nor of a small remittance.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select

from bpp.insurance.engine import calendar
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.tables import RemittanceEvent, RemittanceLine, RemittanceRow
from bpp.insurance.remittance.values import Remittance
from bpp.insurance.report.figures import CELL_MIN, suppressed
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from bpp.insurance.tables import ContributionRow
from bpp.ledger import chart
from bpp.ledger.tables import EntryRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire.values import replace

FIGURES = ("collected_minor", "remitted_minor", "acknowledged_minor", "days_to_remit")

_contribution = ContributionRow.__table__
_newer = _contribution.alias("newer")
_entry = EntryRow.__table__
_entry_of_newer = _entry.alias("entry_of_newer")
_remittance = RemittanceRow.__table__
_event = RemittanceEvent.__table__
_line = RemittanceLine.__table__

_SCHEMES = Statement(select(_contribution.c.scheme).distinct().order_by(_contribution.c.scheme))
_of_scheme = (
    _contribution.c.scheme == bindparam("scheme"),
    _contribution.c.worker != chart.UNASSIGNED,
)
_FIRST = Statement(
    select(func.min(_entry.c.at))
    .join(_contribution, _contribution.c.entry == _entry.c.id)
    .where(*_of_scheme)
)
_WORKERS = Statement(
    select(func.count(_contribution.c.worker.distinct()))
    .join(_entry, _entry.c.id == _contribution.c.entry)
    .where(*_of_scheme, _entry.c.at >= bindparam("first"), _entry.c.at < bindparam("end"))
)
_COLLECTED = Statement(
    select(
        func.coalesce(func.sum(_contribution.c.all_order_minor), 0)
        + func.coalesce(func.sum(_contribution.c.all_period_minor), 0)
    ).where(
        *_of_scheme,
        _contribution.c.seq
        == select(func.max(_newer.c.seq))
        .join(_entry_of_newer, _entry_of_newer.c.id == _newer.c.entry)
        .where(
            *(_newer.c[key] == _contribution.c[key] for key in ("worker", "scheme", "period")),
            _entry_of_newer.c.at < bindparam("end"),
        )
        .scalar_subquery(),
    )
)
_TOLD_OF = Statement(
    select(func.count(_line.c.worker.distinct()))
    .join(_event, _event.c.remittance == _line.c.remittance)
    .join(_remittance, _remittance.c.id == _line.c.remittance)
    .where(
        _remittance.c.scheme == bindparam("scheme"),
        _event.c.kind == bindparam("kind"),
        _event.c.at >= bindparam("first"),
        _event.c.at < bindparam("end"),
        _line.c.amount_minor > 0,
    )
)


def public(session: Session, now: int) -> list[dict[str, Any]]:
    """By scheme; `until` is the first day that is not counted. With fewer than 10 workers there are
    no figures at all.
    """
    names = [row[0] for row in session.all(_SCHEMES)]
    return suppressed([_of(session, load(name), now) for name in names], FIGURES)


def _of(session: Session, scheme: Scheme, now: int) -> dict[str, Any]:
    end = _told_until(session, scheme, now)
    found = [_as_it_stood(each, end) for each in reading.remittances(session, scheme=scheme.id)]
    gone = [each for each in found if each.state in ("sent", "acknowledged")]
    here = [each for each in gone if each.state == "acknowledged"]
    days = sorted(_days(scheme, each) for each in gone)
    asked = {"scheme": scheme.id, "end": end}
    return {
        "scheme": scheme.id,
        "currency": scheme.currency,
        "verified": not scheme.unverified(),
        "until": calendar.local(end, scheme.zone).date().isoformat(),
        "workers": _count(session, _WORKERS, first=0, **asked),
        "collected_minor": _count(session, _COLLECTED, **asked),
        "remitted_minor": sum(each.amount_minor - each.rejected_minor for each in gone),
        "acknowledged_minor": sum(each.amount_minor - each.rejected_minor for each in here),
        "days_to_remit": days[len(days) // 2] if days else None,
    }


def _told_until(session: Session, scheme: Scheme, now: int) -> int:
    """The end of the last month up to which everything that changed is of 10 workers or more."""
    first = _count(session, _FIRST, scheme=scheme.id)
    told = start = _midnight(_month_of(scheme, first), scheme.zone)
    for end in _month_ends(scheme, start, now):
        if _is_of_many(session, scheme, told, end):
            told = end
    return told


def _month_of(scheme: Scheme, at: int) -> date:
    return calendar.local(at, scheme.zone).date().replace(day=1)


def _midnight(day: date, zone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def _month_ends(scheme: Scheme, start: int, now: int) -> Iterator[int]:
    day = calendar.month_after(_month_of(scheme, start), 1)
    while (end := _midnight(day, scheme.zone)) <= now:
        yield end
        day = calendar.month_after(day, 1)


def _is_of_many(session: Session, scheme: Scheme, first: int, end: int) -> bool:
    asked = {"scheme": scheme.id, "first": first, "end": end}
    counts = [_count(session, _WORKERS, **asked)]
    counts += [_count(session, _TOLD_OF, kind=kind, **asked) for kind in ("sent", "acknowledged")]
    came_back = _count(session, _TOLD_OF, kind="rejected", **asked)
    is_alone = came_back > 0 and counts[1] == 0  # else one line that came back could be had
    return not is_alone and all(count == 0 or count >= CELL_MIN for count in counts)


def _as_it_stood(found: Remittance, end: int) -> Remittance:
    return replace(found, events=tuple(each for each in found.events if each.at < end))


def _days(scheme: Scheme, found: Remittance) -> int:
    at = next(event.at for event in found.events if event.kind == "sent")
    return (calendar.local(at, scheme.zone).date() - calendar.last_day(found.period)).days


def _count(session: Session, statement: Statement, **asked: Any) -> int:
    row = session.one(statement, **asked)
    return int(row[0] or 0) if row else 0
