"""The figures of India's yearly self-assessment (Form XX) that the books can tell.

Code on Social Security 2020 section 114; Social Security (Central) Rules 2026, rules 48 and 49. The
turnover is the accountant's and is given; payouts and days of engagement come from the books. No
notified rate is known here, so the rate is given too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from bpp.declined import Declined
from bpp.insurance import table
from bpp.insurance.engine import calendar, yearly
from bpp.insurance.people import reading as people
from bpp.insurance.remittance.files.remittance_csv import OURS
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.insurance.scheme_file import load
from bpp.ledger.tables import AccountRow, EntryRow, TransferRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import money

SCHEME = "in.code2020.s114"
COLUMNS = ("worker", "category", "payouts", "days", "days_needed_here_alone", "reaches_them")
PAY = 2100

_account = AccountRow.__table__
_entry = EntryRow.__table__
_transfer = TransferRow.__table__
_WORKERS = Statement(
    select(_account.c.id, _account.c.worker)
    .where(_account.c.number == PAY, _account.c.currency == bindparam("currency"))
    .order_by(_account.c.worker)
)


def _paid(side: str) -> Statement:
    """What fares moved on one side of a worker's pay, each with its instant."""
    return Statement(
        select(_entry.c.at, _transfer.c.amount_minor)
        .join(_entry, _entry.c.id == _transfer.c.entry)
        .where(
            _transfer.c[side] == bindparam("account"),
            _transfer.c.currency == bindparam("currency"),
            _entry.c.id.like("fare/%"),
            _entry.c.at >= bindparam("first"),
            _entry.c.at < bindparam("end"),
        )
    )


_CREDITS, _DEBITS = _paid("credit"), _paid("debit")


@dataclass(frozen=True, slots=True)
class Given:
    """What the books do not know: the year ("FY2026-27"), its turnover, and the notified rate."""

    year: str
    turnover_minor: int
    rate: Decimal


@dataclass(frozen=True, slots=True)
class _Worker:
    worker: str
    category: str
    payouts_minor: int
    days: frozenset[date] = field(default_factory=frozenset)


def write(session: Session, given: Given, aggregator: str) -> bytes:
    """The figures as CSV; `aggregator` is this node's id. Raises Declined: no year, or no such rate
    under the Code.
    """
    scheme = load(SCHEME)
    last = _last_day(given.year)
    workers = list(_workers(session, scheme, given.year))
    try:
        bounds = scheme.on(scheme.turnover, last, "levy on turnover")
        levy = yearly.levy_of(
            scheme,
            last,
            rate=given.rate,
            turnover_minor=given.turnover_minor,
            payouts_minor=max(0, sum(each.payouts_minor for each in workers)),
        )
    except NotInsurable as fault:
        raise Declined(str(fault)) from None
    rows = []
    for each in workers:
        counted = yearly.engagement(
            [(day, aggregator) for day in sorted(each.days)],
            other_days=0,
            days_one=bounds.days_one,
            days_several=bounds.days_several,
        )
        reaches = "yes" if counted.is_eligible else "no"
        amounts = (_shown(scheme, each.payouts_minor), counted.days, counted.needed, reaches)
        rows.append((each.worker, each.category, *amounts))
    notes = _notes(scheme, given, levy, workers, bounds.days_several)
    return table.write(COLUMNS, rows, notes)


def _notes(
    scheme: Scheme, given: Given, levy: yearly.Levy, workers: list[_Worker], days_several: int
) -> Iterator[str]:
    yield OURS
    yield f"{scheme.title}, {given.year}; NOT VERIFIED: {scheme.open[0]}"
    yield f"turnover as given {_shown(scheme, given.turnover_minor)}, rate as given {given.rate}"
    yield f"by turnover {_shown(scheme, levy.by_turnover_minor)}"
    yield f"at most, of payouts {_shown(scheme, levy.cap_minor)}"
    yield f"due {_shown(scheme, levy.due_minor)}"
    for category in sorted({each.category for each in workers}):
        some = [each.payouts_minor for each in workers if each.category == category]
        yield f"payouts to {category}: {len(some)} workers, {_shown(scheme, sum(some))}"
    yield (
        f"days of this aggregator alone; who worked for several needs {days_several} over all, "
        "which only the fund can count. Workers engaged through third parties are not in here"
    )


def _workers(session: Session, scheme: Scheme, year: str) -> Iterator[_Worker]:
    """Everyone who was paid for a job, payouts less what they bore of refunds; tips apart."""
    first, last = calendar.first_day(year), _last_day(year)
    asked = {
        "currency": scheme.currency,
        "first": _midnight(first, scheme.zone),
        "end": _midnight(last + timedelta(1), scheme.zone),
    }
    for row in session.all(_WORKERS, currency=scheme.currency):
        came = session.all(_CREDITS, account=row["id"], **asked)
        went = session.all(_DEBITS, account=row["id"], **asked)
        if came or went:
            yield _Worker(
                worker=row["worker"],
                category=people.category_on(session, row["worker"], last) or "not recorded",
                payouts_minor=sum(r["amount_minor"] for r in came)
                - sum(r["amount_minor"] for r in went),
                days=frozenset(scheme.day(r["at"]) for r in came),
            )


def _last_day(year: str) -> date:
    try:
        calendar.first_day(year)
    except ValueError:
        raise Declined(f"{year!r} is no year of India's; write one such as FY2026-27") from None
    if calendar.kind_of(year) != "indian_year":
        raise Declined(f"{year!r} is no year of India's; write one such as FY2026-27")
    return calendar.last_day(year)


def _midnight(day: date, zone: str) -> int:
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return int(local.astimezone(UTC).timestamp())


def _shown(scheme: Scheme, minor: int) -> str:
    return money.amount(minor, scheme.currency)
