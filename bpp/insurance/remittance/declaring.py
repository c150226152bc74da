"""What one worker's line of a declaration comes to, built from the books, and its entry.

docs/ledger.md, period close: Dr 2210 / Cr 2220, beyond the plan Dr 2210 / Cr 2240, credit that the
institution holds Dr 2220 / Cr 1260.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, and_, bindparam, case, func, insert, select

from bpp.insurance import books
from bpp.insurance.engine import calendar, plans
from bpp.insurance.engine.facts import Person
from bpp.insurance.engine.shares import NONE, Split, borne
from bpp.insurance.remittance import periods
from bpp.insurance.remittance.tables import DeclaredPart, RemittanceLine, ToDeclare
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.insurance.slip import text
from bpp.insurance.tables import ContributionRow
from bpp.ledger import balances, chart, journal
from bpp.ledger.entry import Entry, LedgerError, Transfer, move
from bpp.ledger.tables import TransferRow
from protocol_specs.node.store import Row, Session, Statement

DECLARED, OWN_CREDIT = "declared", "own-credit"

_contribution = ContributionRow.__table__
_line = RemittanceLine.__table__
_part = DeclaredPart.__table__
_touched = ToDeclare.__table__
_transfer = TransferRow.__table__

_account = "2210:" + _touched.c.scheme + ":" + _touched.c.worker + ":" + _touched.c.origin


def _moved(side: str) -> ColumnElement[int]:
    """What moved on one side of the worker's account, along the index that holds the amounts."""
    return (
        select(func.coalesce(func.sum(_transfer.c.amount_minor), 0))
        .where(_transfer.c[side] == _account, _transfer.c.currency == bindparam("currency"))
        .scalar_subquery()
    )


_has_line = (
    select(_line.c.worker)
    .where(_line.c.remittance == bindparam("remittance"), _line.c.worker == _touched.c.worker)
    .exists()
)
_of_period = and_(
    _touched.c.scheme == bindparam("scheme"), _touched.c.declared_in == bindparam("period")
)
_WORKERS = Statement(
    select(_touched.c.worker)
    .where(_of_period, _touched.c.worker > bindparam("after"), ~_has_line)
    .distinct()
    .order_by(_touched.c.worker)
    .limit(bindparam("count"))
)
_DUE = Statement(
    select(
        _touched.c.worker,
        _touched.c.origin,
        (_moved("credit") - _moved("debit")).label("minor"),
    )
    .where(
        _of_period,
        _touched.c.worker >= bindparam("first"),
        _touched.c.worker <= bindparam("last"),
        ~_has_line,
    )
    .order_by(_touched.c.worker, _touched.c.origin)
)
_ORDERS = Statement(
    select(func.count(_contribution.c.order_key.distinct())).where(
        *(_contribution.c[key] == bindparam(key) for key in ("worker", "scheme", "period")),
        _contribution.c.is_due == 1,
    )
)
_is_returned = case((_part.c.kind == "returned", 1), else_=0)
_CREDIT = Statement(
    select(
        func.coalesce(
            func.sum(
                -_is_returned * (_part.c.worker_minor - _part.c.excess_minor)
                - _part.c.credit_worker_minor
            ),
            0,
        ).label("worker"),
        func.coalesce(
            func.sum(
                -_is_returned * (_part.c.amount_minor - _part.c.worker_minor)
                - _part.c.credit_own_minor
            ),
            0,
        ).label("own"),
    ).where(_part.c.scheme == bindparam("scheme"), _part.c.worker == bindparam("worker"))
)
_NEW_LINE = Statement(insert(_line))


class Known(Protocol):
    """What declaring needs beside the books; `projection.Bookkeeper` is one."""

    @property
    def scheme(self) -> "SchemeOf": ...

    @property
    def person(self) -> "PersonOf": ...


class SchemeOf(Protocol):
    def __call__(self, name: str, /) -> Scheme: ...


class PersonOf(Protocol):
    def __call__(self, session: Session, worker: str, period: str, /) -> Person: ...


@dataclass(frozen=True, slots=True)
class Part:
    """One origin period of a worker's line: what was due of it, and what becomes of that."""

    origin: str
    due: Split
    excess_minor: int = 0
    credit: Split = NONE

    @property
    def remitted(self) -> Split:
        return self.due - Split(worker=self.excess_minor) - self.credit


@dataclass(frozen=True, slots=True)
class Draft:
    """One worker's line before it is written; a dry run is nothing but these."""

    worker: str
    parts: tuple[Part, ...]
    exact: str
    orders: int
    shortfall_minor: int | None

    @property
    def remitted(self) -> Split:
        return sum((part.remitted for part in self.parts), NONE)

    @property
    def credit(self) -> Split:
        return sum((part.credit for part in self.parts), NONE)

    @property
    def excess_minor(self) -> int:
        return sum(part.excess_minor for part in self.parts)


def next_workers(
    session: Session, scheme: str, period: str, remittance: str, after: str, count: int
) -> list[str]:
    """The next workers of the period, by id, who have no line in the remittance yet."""
    found = session.all(
        _WORKERS, scheme=scheme, period=period, remittance=remittance, after=after, count=count
    )
    return [row["worker"] for row in found]


def drafts(
    session: Session,
    known: Known,
    scheme: Scheme,
    period: str,
    remittance: str,
    workers: tuple[str, str],
) -> Iterator[Draft]:
    """The lines of the workers from the first of the two to the second, who have none yet."""
    first, last = workers
    asked = {"scheme": scheme.id, "period": period, "remittance": remittance}
    rows = session.all(_DUE, **asked, first=first, last=last, currency=scheme.currency)
    of_worker: list[Row] = []
    for row in rows:
        if of_worker and of_worker[0]["worker"] != row["worker"]:
            yield _draft(session, known, scheme, period, of_worker)
            of_worker = []
        of_worker.append(row)
    if of_worker:
        yield _draft(session, known, scheme, period, of_worker)


def write(
    session: Session, scheme: Scheme, period: str, remittance: str, draft: Draft, at: int
) -> None:
    """Posts the worker's entry and keeps the line, once."""
    entry = entry_of(scheme, period, remittance, draft, at)
    journal.post(session, entry)
    own = draft.credit.cooperative
    if own:
        institution = chart.credit_at_institution(scheme.id, draft.worker)
        transfers = (Transfer(chart.contribution_declared(remittance), institution, own),)
        id = f"declare-own/{remittance}/{draft.worker}"
        journal.post(session, _entry(id, OWN_CREDIT, scheme, period, at, transfers))
    for part in draft.parts:
        periods.add_part(
            session,
            DECLARED,
            scheme=scheme.id,
            worker=draft.worker,
            origin=part.origin,
            entry=entry.id,
            amount=part.due,
            remitted=part.remitted,
            excess_minor=part.excess_minor,
            credit=part.credit,
            remittance=remittance,
        )
    session.run(
        _NEW_LINE,
        remittance=remittance,
        worker=draft.worker,
        amount_minor=draft.remitted.total,
        worker_minor=draft.remitted.worker,
        cooperative_minor=draft.remitted.cooperative,
        exact=draft.exact,
        orders=draft.orders,
        credit_used_minor=draft.credit.total,
        excess_minor=draft.excess_minor,
        shortfall_minor=draft.shortfall_minor,
    )


def entry_of(scheme: Scheme, period: str, remittance: str, draft: Draft, at: int) -> Entry:
    """The entry of one line: one transfer an origin period, and what comes off it."""
    declared = chart.contribution_declared(remittance)
    transfers: list[Transfer] = []
    for part in draft.parts:
        due = chart.contribution_due(scheme.id, draft.worker, part.origin)
        held = chart.excess_held(scheme.id, draft.worker)
        transfers += move(due, declared, part.due.total - part.excess_minor)
        transfers += move(due, held, part.excess_minor)
    institution = chart.credit_at_institution(scheme.id, draft.worker)
    transfers += move(declared, institution, draft.credit.worker)
    return _entry(
        f"declare/{remittance}/{draft.worker}", DECLARED, scheme, period, at, tuple(transfers)
    )


def _entry(
    id: str, kind: str, scheme: Scheme, period: str, at: int, transfers: tuple[Transfer, ...]
) -> Entry:
    return Entry(
        id=id,
        at=at,
        kind=kind,
        order_key=None,
        origin_period=None,
        declared_in=period,
        currency=scheme.currency,
        transfers=transfers,
    )


def _draft(session: Session, known: Known, scheme: Scheme, period: str, rows: list[Row]) -> Draft:
    worker = rows[0]["worker"]
    is_known = worker != chart.UNASSIGNED
    person = known.person(session, worker, period) if is_known else Person()
    parts = [_part_of(session, scheme, person, worker, row) for row in rows]
    parts = _less_credit(session, scheme, worker, [part for part in parts if part.due.total])
    of_period, _ = books.period(session, scheme.id, worker, period)
    orders = session.one(_ORDERS, worker=worker, scheme=scheme.id, period=period)
    plan = _plan_of(scheme, person, period)
    paid = sum(part.due.total for part in parts if part.origin == period)
    lacks = None if plan is None else plan.month_minor - plan.prepaid_minor - paid
    return Draft(
        worker=worker,
        parts=tuple(parts),
        exact=text(of_period.due.exact),
        orders=int(orders[0]) if orders else 0,
        shortfall_minor=None if lacks is None else max(0, lacks),
    )


def _part_of(session: Session, scheme: Scheme, person: Person, worker: str, row: Row) -> Part:
    """What stands on 2210, split as the contributions behind it are, less the excess."""
    origin, minor = row["origin"], row["minor"]
    before, contributed_minor = periods.declared(session, scheme.id, worker, origin)
    if worker == chart.UNASSIGNED:
        return Part(origin, borne(minor, scheme.borne_by))  # of both: the cooperative
    stands, _ = books.period(session, scheme.id, worker, origin)
    due = stands.due.posted - before
    if due.total != minor or min(due.worker, due.cooperative) < 0:
        raise LedgerError(
            f"2210:{scheme.id}:{worker}:{origin} holds {minor}, its contributions less what was "
            f"declared come to {due.worker} + {due.cooperative}: see wayfare ledger verify"
        )
    plan = _plan_of(scheme, person, origin)
    if plan is None or not plan.is_selected:
        return Part(origin, due)  # nothing selected: nothing is beyond it
    left = max(0, max(0, plan.month_minor - plan.prepaid_minor) - contributed_minor)
    return Part(origin, due, max(0, due.worker - left))


@dataclass(frozen=True, slots=True)
class _PlanMonth:
    """A month of a plan, and how much of it was bought ahead. `is_selected`: chosen or bought for
    that very month; else it is the smallest there is, which a shortfall is told against."""

    month_minor: int
    prepaid_minor: int
    is_selected: bool


def _plan_of(scheme: Scheme, person: Person, period: str) -> _PlanMonth | None:
    """The plan of a worker's month: chosen, else bought, else the smallest. None: the scheme has no
    plans, or had none yet."""
    if not scheme.plan:
        return None
    first = calendar.first_day(period)
    try:
        prepaid = plans.prepaid_minor(scheme, person.bought, period)
        name = plans.choice_for(person.plans, period)
        if name is None and prepaid:
            return _PlanMonth(prepaid, prepaid, is_selected=True)
        plan = plans.plan_in(scheme, first, name)
        month = plans.contribution_minor(scheme, plan, first)
        return _PlanMonth(month, prepaid, is_selected=name is not None)
    except NotInsurable:
        return None


def _less_credit(session: Session, scheme: Scheme, worker: str, parts: list[Part]) -> list[Part]:
    """Uses what the institution holds for this worker and scheme, oldest period first."""
    if scheme.after_remittance != "institution_credit" or not parts:
        return parts
    account = chart.credit_at_institution(scheme.id, worker)
    stands = balances.balance_minor(session, account, scheme.currency)
    if stands <= 0:
        return parts
    left = _credit(session, scheme.id, worker, stands)
    found = []
    for part in parts:
        free = part.remitted
        used = Split(min(left.worker, free.worker), min(left.cooperative, free.cooperative))
        left = left - used
        found.append(Part(part.origin, part.due, part.excess_minor, used))
    return found


def _credit(session: Session, scheme: str, worker: str, stands_minor: int) -> Split:
    """What came back to the worker after remittance less what was used of it, by who bears it; no
    more than still stands there: the institution may have paid some of it back."""
    row = session.one(_CREDIT, scheme=scheme, worker=worker)
    if row is None:
        return NONE
    by_worker = min(row["worker"], stands_minor)
    return Split(by_worker, min(row["own"], stands_minor - by_worker))
