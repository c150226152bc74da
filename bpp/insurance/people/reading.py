"""What stands on record of workers, read in the caller's transaction."""

import json
from datetime import date
from typing import Any

from sqlalchemy import bindparam, select

from bpp.insurance.engine.facts import Person
from bpp.insurance.people.record import Fact, Record, fold
from bpp.insurance.people.tables import MemberNumber, PersonRow, WorkerFact
from protocol_specs.node.store import Row, Session, Statement

_fact = WorkerFact.__table__
_number = MemberNumber.__table__
_person = PersonRow.__table__

_FACTS = Statement(select(_fact).where(_fact.c.worker == bindparam("worker")).order_by(_fact.c.n))
_PERSON = Statement(select(_person).where(_person.c.worker == bindparam("worker")))
_BORN = Statement(select(_person.c.born).where(_person.c.worker == bindparam("worker")))
_NUMBERS = Statement(
    select(_number.c.worker, _number.c.number).where(_number.c.scheme == bindparam("scheme"))
)
_NUMBERS_OF = Statement(
    select(_number.c.scheme, _number.c.number).where(_number.c.worker == bindparam("worker"))
)


def facts_of(session: Session, worker: str) -> list[Fact]:
    """Everything recorded of a worker (by the id of the books), in the order recorded."""
    return [_read(row) for row in session.all(_FACTS, worker=worker)]


def record_of(session: Session, worker: str, at: int | None = None) -> Record:
    """What held of a worker at that instant (seconds UTC); None: what holds now. One query."""
    return fold(facts_of(session, worker), at)


def person(session: Session, worker: str, period: str) -> Person:
    """What the engine is told of a worker for a period. Two queries."""
    row = session.one(_BORN, worker=worker)
    record = record_of(session, worker)
    return Person(
        born=date.fromisoformat(row["born"]) if row else None,
        opted_in_on=record.opted_in_on,
        plans=tuple(record.plans),
        bought=tuple(record.bought),
    )


def person_row(session: Session, worker: str) -> Row | None:
    """The enrolment of a worker; None: not enrolled."""
    return session.one(_PERSON, worker=worker)


def category_on(session: Session, worker: str, day: date) -> str | None:
    """employee, self_employed, labour_provider or gig_worker; None: nobody told."""
    return record_of(session, worker).category_on(day)


def member_numbers(session: Session, scheme: str) -> dict[str, str]:
    """The institution's own numbers, by worker."""
    return {row["worker"]: row["number"] for row in session.all(_NUMBERS, scheme=scheme)}


def numbers_of(session: Session, worker: str) -> dict[str, str]:
    """A worker's numbers, by scheme."""
    return {row["scheme"]: row["number"] for row in session.all(_NUMBERS_OF, worker=worker)}


def sealed_identity(session: Session, worker: str) -> bytes | None:
    """The identity number, which only the office's private key opens; None: not enrolled."""
    row = person_row(session, worker)
    return bytes(row["identity_sealed"]) if row else None


def _read(row: Row) -> Fact:
    return Fact(
        kind=row["kind"],
        scheme=row["scheme"],
        day=date.fromisoformat(row["day"]),
        value=row["value"],
        detail=detail_of(row),
        at=row["at"],
        by=row["by"],
        n=row["n"],
    )


def detail_of(row: Row) -> dict[str, Any]:
    """What a fact's row says beside its value."""
    found: dict[str, Any] = json.loads(row["detail"])
    return found
