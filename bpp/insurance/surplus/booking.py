"""A division of the surplus: looked at, booked once, and taken back whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from bpp.declined import Declined
from bpp.insurance.engine import calendar
from bpp.insurance.surplus import work
from bpp.insurance.surplus.dividing import parts
from bpp.insurance.surplus.tables import SurplusDivision
from bpp.insurance.surplus.work import Rule
from bpp.ledger import balances, chart, journal, money_facts
from bpp.ledger.entry import Entry, move
from bpp.ledger.tables import EntryRow, TransferRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import money

KIND = money_facts.SURPLUS

_D, _E, _T = SurplusDivision.__table__, EntryRow.__table__, TransferRow.__table__
_ADD = Statement(insert(_D))
_ALL = Statement(select(_D).order_by(_D.c.first_day.desc(), _D.c.reference))
_OF = Statement(select(_D).where(_D.c.reference == bindparam("reference")))
_FUNDS = chart.members_funds().id


def _named(side: str, kind: str) -> Statement:
    """Transfers from or to members' funds, of entries of a kind whose ids begin so."""
    return Statement(
        select(_E.c.id, _T.c.credit, _T.c.amount_minor)
        .join(_T, _T.c.entry == _E.c.id)
        .where(
            _T.c[side] == _FUNDS,
            _E.c.kind == kind,
            func.substr(_E.c.id, 1, bindparam("long")) == bindparam("begins"),
        )
        .order_by(_E.c.id)
    )


_PARTS = _named("debit", KIND)
_REVERSED = _named("credit", money_facts.REVERSAL)
_OF_WORKER = Statement(
    select(_E.c.id, _E.c.at, _E.c.kind, _T.c.credit, _T.c.amount_minor)
    .join(_T, _T.c.entry == _E.c.id)
    .where(
        (_T.c.credit == bindparam("pay")) | (_T.c.debit == bindparam("pay")),
        _E.c.kind.in_((KIND, money_facts.REVERSAL)),
    )
    .order_by(_E.c.at, _E.c.kind.desc(), _E.c.id)  # given, then taken back
)


class NotDivided(Declined):
    """A surplus that must not be divided so; the text says why, for whoever asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be divided: a sum over the work of some days, the last one included."""

    reference: str
    amount_minor: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Terms:
    """What the cooperative's settings say: the one rule, the currency, whose days."""

    rule: Rule
    currency: str
    zone: str


@dataclass(frozen=True, slots=True)
class Division:
    """Who gets what: by local worker id, the work that counted and the part."""

    asked: Asked
    work: dict[str, int]
    parts: dict[str, int]


def divide(session: Session, terms: Terms, asked: Asked, now: int) -> Division:
    """The division as it would be booked; a read. Raises NotDivided."""
    check(session, terms, asked, now)
    return counted(session, terms, asked)


def counted(session: Session, terms: Terms, asked: Asked) -> Division:
    """The same of what was looked at before: `book` checks it. Raises NotDivided: nobody's work."""
    found = work.done(session, terms.rule, terms.currency, asked.first, asked.last, terms.zone)
    if not found:
        raise NotDivided("nobody's work of these days stands in the books")
    return Division(asked, found, parts(asked.amount_minor, found))


def check(session: Session, terms: Terms, asked: Asked, now: int) -> None:
    """Raises NotDivided for what is wrong whoever did the work."""
    if not money_facts.is_id(asked.reference):
        raise NotDivided("reference: up to 64 of A-Z a-z 0-9 . _ -, such as 2026")
    if not 0 < asked.amount_minor <= money_facts.AMOUNT_MINOR_MAX:
        raise NotDivided("an amount is above zero, and not beyond all reason")
    if asked.first > asked.last:
        raise NotDivided("the first day comes before the last")
    if asked.last >= calendar.local(now, terms.zone).date():
        raise NotDivided("only work of days that are over is divided by")
    if session.one(_OF, reference=asked.reference) is not None:
        raise NotDivided(f"{asked.reference} was divided already")
    for row in session.all(_ALL):
        overlaps = row["first_day"] <= str(asked.last) and str(asked.first) <= row["last_day"]
        if overlaps and not is_taken_back(session, row["reference"]):
            raise NotDivided(f"{row['reference']} was divided by work of some of these days")
    own = own_minor(session, terms.currency)
    if asked.amount_minor > own:
        has, wants = (f"{money.amount(m, terms.currency)} {terms.currency}"
                      for m in (own, asked.amount_minor))  # fmt: skip
        raise NotDivided(f"{wants} is more than the {has} that the books leave the cooperative")


def book(session: Session, terms: Terms, division: Division, *, by: str, now: int) -> None:
    """Writes one entry for each part above zero, Dr 3000 / Cr 2100W, in the caller's transaction.

    Raises NotDivided: the second time, or what changed since it was looked at.
    """
    asked = division.asked
    check(session, terms, asked, now)
    if not money_facts.is_id(by):
        raise NotDivided("by: a short id of whoever writes this down, no name")
    session.run(
        _ADD,
        reference=asked.reference,
        first_day=str(asked.first),
        last_day=str(asked.last),
        rule=terms.rule,
        currency=terms.currency,
        amount_minor=asked.amount_minor,
        members=sum(1 for minor in division.parts.values() if minor),
        work=sum(division.work.values()),
        at=now,
        by=by,
    )
    for worker, minor in division.parts.items():
        if minor:
            journal.post(session, _entry(terms, asked.reference, worker, minor, by, now))


def take_back(session: Session, reference: str, *, by: str, now: int) -> None:
    """Every part of a division, by an entry of its own each; all or none.

    Raises NotDivided, and NotPosted where a part was paid out already.
    """
    if session.one(_OF, reference=reference) is None:
        raise NotDivided(f"there is no division {reference}")
    if is_taken_back(session, reference):
        raise NotDivided(f"{reference} was taken back already")
    for row in _rows(session, _PARTS, f"{KIND}/{reference}/"):
        money_facts.reverse_part(session, row["id"], by=by, at=now)


def every(session: Session) -> list[dict[str, Any]]:
    """All divisions, the newest days first, JSON-ready."""
    return [_shown(session, row) for row in session.all(_ALL)]


def find(session: Session, reference: str) -> dict[str, Any] | None:
    """One of them, with `parts`: pairs of local worker id and minor units."""
    row = session.one(_OF, reference=reference)
    if row is None:
        return None
    booked = _rows(session, _PARTS, f"{KIND}/{reference}/")
    paid = [(chart.account(each["credit"]).worker, each["amount_minor"]) for each in booked]
    return {**_shown(session, row), "parts": paid}


def of_worker(session: Session, worker: str) -> list[dict[str, Any]]:
    """What a worker was given, and what of it was taken back (below zero), by time."""
    pay = chart.worker_pay(worker).id
    return [
        {"at": row["at"], "reference": row["id"].split("/")[-2],
         "minor": row["amount_minor"] * (1 if row["credit"] == pay else -1)}
        for row in session.all(_OF_WORKER, pay=pay)
        if row["kind"] == KIND or row["id"].startswith(f"{money_facts.REVERSAL}/{KIND}/")
    ]  # fmt: skip


def is_taken_back(session: Session, reference: str) -> bool:
    """Whether its parts were taken back: they all are, or none."""
    return bool(_rows(session, _REVERSED, f"{money_facts.REVERSAL}/{KIND}/{reference}/"))


def own_minor(session: Session, currency: str) -> int:
    """What the books leave the cooperative itself: members' funds and results, less costs."""
    return sum(
        -each.balance_minor if chart.is_debit_normal(each.number) else each.balance_minor
        for each in balances.balances(session)
        if each.number >= 3000 and each.currency == currency
    )


def _entry(terms: Terms, reference: str, worker: str, minor: int, by: str, now: int) -> Entry:
    return Entry(
        id=f"{KIND}/{reference}/{worker}",
        at=now,
        kind=KIND,
        order_key=None,
        origin_period=None,
        declared_in=None,
        currency=terms.currency,
        transfers=move(chart.members_funds(), chart.worker_pay(worker), minor),
        by=by,
    )


def _rows(session: Session, statement: Statement, begins: str) -> Sequence[Row]:
    return session.all(statement, begins=begins, long=len(begins))


def _shown(session: Session, row: Row) -> dict[str, Any]:
    found = {column.name: row[column.name] for column in SurplusDivision.__table__.c}
    return {**found, "is_taken_back": is_taken_back(session, row["reference"])}
