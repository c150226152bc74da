"""What the books say of many workers at once: for the union, the cooperative, and the public.

Every figure is summed from the books when it is asked for. What leaves the cooperative has no cell
of fewer than 10 workers: such a cell says so and nothing else (docs/questions.md).
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import func, select

from bpp.insurance import cash
from bpp.insurance.engine import calendar
from bpp.insurance.people.tables import PersonRow
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.tables import DeclaredPart
from bpp.insurance.scheme_file import load
from bpp.insurance.tables import CashNotice, ContributionRow
from bpp.ledger import balances
from protocol_specs.node.store import Session, Statement

CELL_MIN = 10  # fewer workers than this in a cell that leaves the cooperative: not told
BANDS = ((0, "under 25"), (25, "25 to 39"), (40, "40 to 54"), (55, "55 and over"))

_contribution = ContributionRow.__table__
_newer = _contribution.alias("newer")
_part = DeclaredPart.__table__
_person = PersonRow.__table__
_notice = CashNotice.__table__
_newer_notice = _notice.alias("newer_notice")

_STANDING = Statement(
    select(_contribution)
    .where(
        _contribution.c.seq.is_not(None),
        _contribution.c.seq
        == select(func.max(_newer.c.seq))
        .where(
            _newer.c.worker == _contribution.c.worker,
            _newer.c.scheme == _contribution.c.scheme,
            _newer.c.period == _contribution.c.period,
        )
        .scalar_subquery(),
    )
    .order_by(_contribution.c.scheme, _contribution.c.period, _contribution.c.worker)
)
_PARTS = Statement(
    select(
        _part.c.scheme,
        _part.c.worker,
        _part.c.origin,
        _part.c.remittance,
        func.sum(_part.c.remitted_minor).label("minor"),
        func.sum(_part.c.remitted_worker_minor).label("worker_minor"),
    )
    .where(_part.c.remittance.is_not(None))
    .group_by(_part.c.scheme, _part.c.worker, _part.c.origin, _part.c.remittance)
)
_BORN = Statement(select(_person.c.worker, _person.c.born))
_STOPPED = Statement(
    select(_notice)
    .where(
        _notice.c.state == "reached",
        _notice.c.n
        == select(func.max(_newer_notice.c.n))
        .where(_newer_notice.c.worker == _notice.c.worker)
        .scalar_subquery(),
    )
    .order_by(_notice.c.at, _notice.c.worker)
)
_AMOUNTS = ("set_aside_minor", "due_minor", "by_worker_minor", "by_cooperative_minor")
_SENT = ("declared_minor", "sent_minor", "acknowledged_minor")


def deducted(session: Session, *, is_inside: bool, now: int) -> list[dict[str, Any]]:
    """By scheme, origin period and age band: what was deducted against what was remitted, and who
    bears it; minor units. Not `is_inside`: it leaves the cooperative. Then small cells are not
    told, nor a period that is not over: asked twice, it would tell what one job brought.
    """
    cells: dict[tuple[str, str, str], dict[str, Any]] = defaultdict(_cell)
    born = {row["worker"]: row["born"] for row in session.all(_BORN)}
    for row in session.all(_STANDING):
        cell = cells[row["scheme"], row["period"], _band(born.get(row["worker"]), row["period"])]
        due = row["due_order_minor"] + row["due_period_minor"]
        by_worker = row["due_order_worker_minor"] + row["due_period_worker_minor"]
        cell["workers"].add(row["worker"])
        cell["set_aside_minor"] += row["all_order_minor"] + row["all_period_minor"] - due
        cell["due_minor"] += due
        cell["by_worker_minor"] += by_worker
        cell["by_cooperative_minor"] += due - by_worker
    states = {each.id: each.state for each in reading.remittances(session)}
    for row in session.all(_PARTS):
        cell = cells[row["scheme"], row["origin"], _band(born.get(row["worker"]), row["origin"])]
        cell["workers"].add(row["worker"])
        for name in _reached(states.get(row["remittance"])):
            cell[name] += row["minor"]
    found = [
        {"scheme": scheme, "period": period, "age": band, **cell, "workers": len(cell["workers"])}
        for (scheme, period, band), cell in sorted(cells.items())
    ]
    if is_inside:
        return found
    over = [cell for cell in found if _is_over(cell["scheme"], cell["period"], now)]
    return suppressed(over, (*_AMOUNTS, *_SENT))


def _is_over(scheme: str, period: str, now: int) -> bool:
    return calendar.last_day(period) < calendar.local(now, load(scheme).zone).date()


def _cell() -> dict[str, Any]:
    return {"workers": set(), **dict.fromkeys((*_AMOUNTS, *_SENT), 0)}


def _reached(state: str | None) -> tuple[str, ...]:
    """What a remittance in that state counts under; one still being closed is declared too."""
    if state == "rejected":
        return ()
    return _SENT[: {"sent": 2, "acknowledged": 3}.get(state or "", 1)]


def suppressed(cells: Iterable[dict[str, Any]], figures: Iterable[str]) -> list[dict[str, Any]]:
    """The same where cells of fewer than 10 workers have no figures: `workers` and amounts None.

    The next smallest of its scheme and period go with them until those that are not told are 10
    workers together: else their sum could be had by subtraction from a total known elsewhere.
    """
    names, groups = ("workers", *figures), defaultdict(list)
    for cell in cells:
        groups[cell["scheme"], cell.get("period")].append(cell)
    found = []
    for group in groups.values():
        group.sort(key=lambda cell: cell["workers"])
        hidden = 0
        for n, cell in enumerate(group):
            goes_with = hidden > 0 and (n == 1 or hidden < CELL_MIN)
            is_hidden = cell["workers"] < CELL_MIN or goes_with
            hidden += cell["workers"] if is_hidden else 0
            nothing = dict.fromkeys(names) if is_hidden else {}
            found.append({**cell, **nothing, "fewer_than": CELL_MIN if is_hidden else None})
    keys = ("scheme", "period", "age")
    return sorted(found, key=lambda cell: [str(cell.get(key)) for key in keys])


def cash_debts(session: Session, *, is_inside: bool) -> list[dict[str, Any]]:
    """Who owes fare cash: how many and how much by currency; inside, worker by worker."""
    owed = [
        line
        for line in balances.balances(session)
        if line.number in (1220, 1240) and line.balance_minor > 0
    ]
    if is_inside:
        return [
            {
                "worker": line.account.partition(":")[2],
                "account": line.number,
                "currency": line.currency,
                "owed_minor": line.balance_minor,
            }
            for line in owed
        ]
    sums: dict[tuple[str, int], list[int]] = defaultdict(list)
    for line in owed:
        sums[line.currency, line.number].append(line.balance_minor)
    found = [
        {"scheme": "", "account": number, "currency": currency, "workers": len(each)}
        | {"owed_minor": sum(each)}
        for (currency, number), each in sorted(sums.items())
    ]
    return [
        {k: v for k, v in cell.items() if k != "scheme"}
        for cell in suppressed(found, ("owed_minor",))
    ]


def blocks(session: Session, limit: cash.Limit, *, is_inside: bool) -> list[dict[str, Any]]:
    """Who is offered no cash jobs now because of what they owe, since when, with the notice they
    got; outside, only how many.
    """
    rows = session.all(_STOPPED) if limit.minor is not None else []
    if is_inside:
        names = ("worker", "at", "owed_minor", "limit_minor", "text")
        return [{name: row[name] for name in names} for row in rows]
    workers = len(rows)
    told = workers if workers >= CELL_MIN or workers == 0 else None
    return [{"workers": told, "fewer_than": CELL_MIN if told is None else None}]


def _band(born: str | None, period: str) -> str:
    """By age on the first day of the period."""
    if born is None:
        return "unknown"
    years = calendar.months_of_age(date.fromisoformat(born), _month_of(period)) // 12
    return next(name for least, name in reversed(BANDS) if years >= least)


def _month_of(period: str) -> str:
    return calendar.period_name(calendar.first_day(period), "month")
