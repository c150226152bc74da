"""A cooperative whose periods are closed, sent and acknowledged; what must hold at every step."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from bpp.insurance import books, cash
from bpp.insurance.remittance import closing, periods, reading, states
from bpp.insurance.remittance.states import Step
from bpp.insurance.remittance.tables import DeclaredPart, ToDeclare
from bpp.insurance.remittance.values import Line, Remittance
from bpp.insurance.scheme import Scheme
from bpp.ledger import balances, chart, trust
from bpp.ledger.money_facts import MoneyFact
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire.values import replace
from tests.bpp.insurance.support import Coop, Story, fare_of

_TOUCHED = Statement(select(ToDeclare.__table__))
_PARTS = Statement(select(DeclaredPart.__table__))


def at(day: str, time: str = "12:00:00") -> int:
    """Seconds UTC of a day ("2026-08-03") at noon, or that time."""
    return int(datetime.fromisoformat(f"{day}T{time}+00:00").astimezone(UTC).timestamp())


def job(coop: Coop, key: str, minor: int, day: str, agent: str = "a1", **more: Any) -> Story:
    """One job confirmed and completed on that day, by card unless told."""
    story = Story(
        key=key,
        agent_id=agent,
        lines=fare_of(minor),
        currency=coop.schemes[0].currency,
        at=at(day),
        **more,
    )
    coop.happen(story.event("confirmed"), story.event("completed"))
    return story


def refund(coop: Coop, story: Story, minor: int, day: str) -> None:
    """That much of the fare goes back, borne by the worker."""
    coop.happen(story.event("refunded", refund_minor=minor, refund_borne_by="worker", at=at(day)))


def begin(coop: Coop, period: str, now: int, **more: Any) -> str:
    scheme = coop.schemes[0]
    return coop.store.transact_now(
        lambda s: closing.begin(s, scheme, period, by="desk-1", now=now, **more)
    )


def chunks(coop: Coop, now: int) -> int:
    """Works the unfinished closes to their end; how many chunks of workers there were."""
    count, after = 0, ""
    while going_on := coop.store.read(closing.unfinished):
        found = coop.store.transact_now(
            lambda s, a=after: closing.next_chunk(s, coop.insurance.keeper, going_on[0], a, now)
        )
        count, after = count + bool(found), found or ""
    return count


def close(coop: Coop, period: str, day: str, **more: Any) -> Remittance:
    """The whole close at noon of that day."""
    id = begin(coop, period, at(day), **more)
    chunks(coop, at(day))
    return remittance(coop, id)


def remittance(coop: Coop, id: str) -> Remittance:
    found = coop.store.read(lambda s: reading.remittance(s, id))
    assert found is not None
    return found


def lines(coop: Coop, id: str) -> dict[str, Line]:
    """By the worker's local id."""
    return {line.worker: line for line in coop.store.read(lambda s: list(reading.lines(s, id)))}


def sweep(coop: Coop, day: str) -> None:
    """What workers' trust money is missing is moved, for each scheme."""
    for found in coop.store.read(lambda s: trust.standing(s, at(day))):
        if found.missing_minor:
            fact = MoneyFact(
                "trust-sweep",
                f"{found.scheme}.{day}.{found.missing_minor}.{found.held_minor}",
                "desk-1",
                found.currency,
                found.missing_minor,
                at(day),
                scheme=found.scheme,
            )
            limit = cash.Limit(None, found.currency)
            coop.store.transact_now(lambda s, f=fact, lim=limit: cash.record(s, lim, f, f.at))


def step(day: str, reference: str = "r-1") -> Step:
    return Step(by="desk-1", reference=reference, at=at(day))


def send(coop: Coop, id: str, day: str) -> Remittance:
    return coop.store.transact_now(lambda s: states.send(s, id, step(day)))


def acknowledge(coop: Coop, id: str, day: str, amount: int | None = None) -> Remittance:
    return coop.store.transact_now(lambda s: states.acknowledge(s, id, step(day), amount))


def reject(coop: Coop, id: str, day: str, worker: str | None = None) -> Remittance:
    return coop.store.transact_now(lambda s: states.reject(s, id, step(day), worker))


def stand(coop: Coop, session: Session, scheme: Scheme) -> None:
    """What holds in the books after every step, whatever it was.

    The contributions less what was declared stand on 2210; a remittance's lines, less what came
    back, stand on 2220 or were paid; no worker's money is below zero.
    """
    parts = session.all(_PARTS)
    for row in {(r["worker"], r["origin"]) for r in (*session.all(_TOUCHED), *parts)}:
        worker, origin = row
        due = books.period(session, scheme.id, worker, origin)[0].due.posted
        gone, _ = periods.declared(session, scheme.id, worker, origin)
        account = chart.contribution_due(scheme.id, worker, origin)
        left = due - gone
        assert balances.balance_minor(session, account, scheme.currency) == left.total
        assert min(left.worker, left.cooperative) >= 0
    for found in reading.remittances(session):
        every = list(reading.lines(session, found.id))
        assert sum(line.amount_minor for line in every) == found.amount_minor
        assert all(line.amount_minor >= 0 for line in every)
        stands = balances.balance_minor(
            session, chart.contribution_declared(found.id), found.currency
        )
        paid = sum(e.amount_minor for e in found.events if e.kind == "acknowledged")
        assert stands == (0 if found.state == "rejected" else found.payable_minor - paid)


def own_part(session: Session, scheme: Scheme) -> int:
    """What of 2210 and 2220 less 1250 the cooperative itself bears, from the lines and not from the
    transfers: the other way to know it."""
    owed = 0
    for row in {(r["worker"], r["origin"]) for r in session.all(_TOUCHED)}:
        due = books.period(session, scheme.id, *row)[0].due.posted
        owed += (due - periods.declared(session, scheme.id, *row)[0]).cooperative
    for found in reading.remittances(session):
        if found.state == "collected":
            owed += reading.own_minor(session, found.id) + found.interest_minor
        elif found.state != "rejected":
            sent = [e for e in found.events if e.kind == "sent"]
            later = [e for e in found.events if e.kind == "interest" and e.n > sent[-1].n]
            owed += sum(e.amount_minor for e in later)
    return owed


__all__ = ["replace"]
