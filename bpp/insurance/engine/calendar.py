"""Periods by name, and days: due, working, opting in. All are civil days of a scheme's zone."""

from calendar import monthrange
from collections.abc import Container
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

PeriodKind = Literal["month", "indian_quarter", "indian_year"]

SATURDAY = 5


@lru_cache(maxsize=1024)  # asked for several times in each job
def local(at: int, zone: str) -> datetime:
    """The wall clock of an instant (seconds UTC) in that zone."""
    return datetime.fromtimestamp(at, ZoneInfo(zone))


def period_name(day: date, kind: PeriodKind) -> str:
    """ "2026-07"; an Indian quarter "FY2026-27Q2" or year "FY2026-27", which begins in April."""
    if kind == "month":
        return f"{day.year:04d}-{day.month:02d}"
    year = day.year if day.month >= 4 else day.year - 1
    name = f"FY{year}-{(year + 1) % 100:02d}"
    return name if kind == "indian_year" else f"{name}Q{(day.month - 4) % 12 // 3 + 1}"


def first_day(period: str) -> date:
    """The first day of a period by its name. Raises ValueError for what is not one."""
    kind: PeriodKind = "month"
    if period.startswith("FY"):
        quarter = period.partition("Q")[2]
        kind = "indian_quarter" if quarter else "indian_year"
        first = month_after(date(int(period[2:6]), 4, 1), 3 * (int(quarter or 1) - 1))
    else:
        year, month = map(int, period.split("-"))
        first = date(year, month, 1)
    if period_name(first, kind) != period:
        raise ValueError(f"{period!r} is not a period")
    return first


def last_day(period: str) -> date:
    """The last day of a period by its name."""
    months = 1 if not period.startswith("FY") else 3 if "Q" in period else 12
    return month_after(first_day(period), months) - timedelta(days=1)


def period_after(period: str) -> str:
    """The next period of the same kind."""
    return period_name(last_day(period) + timedelta(days=1), kind_of(period))


def kind_of(period: str) -> PeriodKind:
    """What kind of period a name is of."""
    if not period.startswith("FY"):
        return "month"
    return "indian_quarter" if "Q" in period else "indian_year"


def month_after(day: date, months: int) -> date:
    """The first day of the month that many months after that of `day`."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def working_day_after(day: date, n: int, holidays: Container[date]) -> date:
    """The n-th working day after `day`: Monday to Friday without the holidays."""
    while n > 0:
        day += timedelta(days=1)
        n -= is_working(day, holidays)
    return day


def working_day_from(day: date, holidays: Container[date]) -> date:
    """`day`, or the next working day if it is none."""
    return day if is_working(day, holidays) else working_day_after(day, 1, holidays)


def is_working(day: date, holidays: Container[date]) -> bool:
    return day.weekday() < SATURDAY and day not in holidays


def day_of_next_month(period: str, day: int) -> date:
    """That day of the month after the period, or its last day if it is shorter."""
    first = last_day(period) + timedelta(days=1)
    return first.replace(day=min(day, monthrange(first.year, first.month)[1]))


def opt_in_month(chosen_on: date, last_day_for_next_month: int) -> str:
    """The first month of a choice: the next one up to that day of the month, else the one after."""
    months = 1 if chosen_on.day <= last_day_for_next_month else 2
    return period_name(month_after(chosen_on, months), "month")


def months_of_age(born: date, period: str) -> int:
    """Age in months in a civil month; the month of the birthday still counts as before it."""
    first = first_day(period)
    return (first.year - born.year) * 12 + first.month - born.month
