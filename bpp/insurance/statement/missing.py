"""What is missing in a statement, and by when money is due: pure, shown rather than passed over."""

from collections.abc import Iterable, Sequence
from datetime import date

from bpp.insurance import due
from bpp.insurance.engine import calendar
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.insurance.statement.values import Job, Missing, SchemePeriod


def due_day(scheme: Scheme, period: str) -> date | None:
    """The last day to remit a period; None: nobody could tell the rule, or the year's holidays."""
    try:
        return due.due_day(scheme, period)
    except NotInsurable:
        return None


def found(
    jobs: Iterable[Job],
    periods: Iterable[SchemePeriod],
    waiting: Sequence[str],
    today: date,
) -> tuple[Missing, ...]:
    """Jobs first, then periods. `waiting` are orders with an event that is not posted yet."""
    lacking = [
        Missing("no_slip", each.scheme, job.order_key, each.amount_minor, None)
        for job in jobs
        for each in job.contributions
        if each.slip_id is None
    ]
    lacking += [Missing("not_posted", "", key, 0, None) for key in waiting]
    for period in periods:
        lacking += _of_period(period, today)
    return tuple(lacking)


def _of_period(period: SchemePeriod, today: date) -> Iterable[Missing]:
    def says(what: str, minor: int) -> Missing:
        return Missing(what, period.scheme, period.period, minor, period.due_day)  # type: ignore[arg-type]  # one of the words of What, below

    accounted = sum(p.amount_minor for p in period.places if p.stands != "rejected")
    if accounted != period.total_minor:
        yield says("gap", period.total_minor - accounted)
    back = period.standing("rejected")
    kept = period.standing("due", "declared")
    if back and kept:
        yield says("rejected", back)
    if period.due_day is None and kept and today > calendar.last_day(period.period):
        yield says("no_due_day", kept)
    if period.due_day is None or today <= period.due_day:
        return
    if kept:
        yield says("not_remitted", kept)
    if on_the_way := period.standing("sent"):
        yield says("not_acknowledged", on_the_way)
