"""When a scheme's period is to be remitted, and what being late costs, by the scheme's rules."""

from datetime import date, timedelta

from bpp.insurance.engine import calendar, closing
from bpp.insurance.holidays import holidays
from bpp.insurance.scheme import Scheme


def due_day(scheme: Scheme, period: str) -> date | None:
    """The last day to remit that period; None if nobody could tell us the rule.

    Raises NotInsurable where the days of a year's holidays are not known: they are never guessed.
    """
    last = calendar.last_day(period)
    rule = scheme.on(scheme.due, last, "due day")
    if rule.rule == "working_days_after":
        return calendar.working_day_after(last, rule.day, holidays(rule.holidays))
    if rule.rule == "day_of_next_month":
        day = calendar.day_of_next_month(period, rule.day)
        return calendar.working_day_from(day, holidays(rule.holidays)) if rule.rolls else day
    if rule.rule == "day_of_year":
        found = date(last.year, rule.month, rule.day)
        return found if found > last else found.replace(year=last.year + 1)
    if rule.rule == "in_advance":
        return calendar.first_day(period) - timedelta(days=1)
    return None


def interest_minor(scheme: Scheme, amount_minor: int, due: date, paid: date) -> int:
    """Late interest, which never falls on the worker. Raises NotInsurable: no rule is known."""
    if paid <= due:
        return 0
    rule = scheme.on(scheme.late, due, "interest for being late")
    if rule.rule == "simple":
        days = (paid - due).days
        return closing.simple_interest(amount_minor, rule.rate, days, rule.year_days)
    months, days = _months_and_days(due, paid)
    return closing.interest_by_months(amount_minor, rule.rate, months, days)


def _months_and_days(due: date, paid: date) -> tuple[int, int]:
    """Whole months since the due day, and the days beyond them."""
    months = (paid.year - due.year) * 12 + paid.month - due.month
    if _months_later(due, months) > paid:
        months -= 1
    return months, (paid - _months_later(due, months)).days


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or its last one."""
    first = calendar.month_after(day, months)
    return first.replace(day=min(day.day, (calendar.month_after(first, 1) - first).days))
