"""Lists of people for desk, worker and auditor: enrolled or not, told or not, and by what proof."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from bpp.fleet.tables import DriverRow
from bpp.insurance.people import notice, reading
from bpp.insurance.people.tables import MemberNumber, NoticeText, PersonRow, WorkerFact
from bpp.insurance.people.writing import People
from bpp.insurance.tables import ContributionRow, LocalWorker
from protocol_specs.node.store import Row, Session, Statement

_contribution = ContributionRow.__table__
_driver = DriverRow.__table__
_fact = WorkerFact.__table__
_number = MemberNumber.__table__
_person = PersonRow.__table__
_text = NoticeText.__table__
_worker = LocalWorker.__table__


def _people() -> Select[Any]:
    """Every worker of the books with the fleet's name for them; a driver may have left."""
    return (
        select(_worker.c.worker, _driver.c.code, _person.c.identity_kind)
        .outerjoin(_driver, _driver.c.agent_id == _worker.c.agent_id)
        .outerjoin(_person, _person.c.worker == _worker.c.worker)
    )


_EVERYBODY = Statement(_people().order_by(_driver.c.code, _worker.c.worker))
_NEXT_SCHEME = Statement(
    select(func.min(_contribution.c.scheme)).where(
        _contribution.c.worker == bindparam("worker"), _contribution.c.scheme > bindparam("after")
    )
)
_JOBS = Statement(
    select(
        func.count(_contribution.c.order_key.distinct()).label("jobs"),
        func.count(_contribution.c.withheld).label("withheld"),
    ).where(
        _contribution.c.worker == bindparam("worker"), _contribution.c.scheme == bindparam("scheme")
    )
)
_PROOFS = Statement(
    select(_fact, _text.c.text)
    .join(_text, _text.c.sha256 == _fact.c.value)
    .where(_fact.c.kind == "notice")
    .order_by(_fact.c.worker, _fact.c.n)
)
_SHOWN = Statement(
    select(_fact.c.worker, _fact.c.scheme, _fact.c.value)
    .where(_fact.c.kind == "notice")
    .order_by(_fact.c.worker, _fact.c.n)
)
_CODE = Statement(
    select(_driver.c.code, _driver.c.name, _driver.c.phone)
    .join(_worker, _worker.c.agent_id == _driver.c.agent_id)
    .where(_worker.c.worker == bindparam("worker"))
)


def everybody(session: Session, people: People) -> list[dict[str, Any]]:
    """Each worker of the books: enrolled, and which notices are still owed. Two queries."""
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for row in session.all(_SHOWN):
        shown[row["worker"]][row["scheme"]] = row["value"]
    current = {name: notice.current(each, people.ask) for name, each in people.schemes.items()}
    return [
        {
            "worker": row["worker"],
            "code": row["code"],
            "enrolled": row["identity_kind"] is not None,
            "owed": [
                name
                for name, versions in current.items()
                if shown[row["worker"]].get(name) not in versions
            ],
        }
        for row in session.all(_EVERYBODY)
    ]


def owed(session: Session, people: People, worker: str | None, language: str) -> list[Any]:
    """The notices that a worker was not shown as they stand now, in that language.

    One that nobody wrote in it comes without a text, with the languages there are.
    """
    shown = reading.record_of(session, worker).shown if worker else {}
    found = []
    for scheme in people.schemes.values():
        texts = notice.notices(scheme, people.ask)
        if shown.get(scheme.id) in {each.sha256 for each in texts.values()}:
            continue
        text = texts.get(language)
        found.append(
            {
                "scheme": scheme.id,
                "asks_consent": scheme.basis == "consent" and "worker" in scheme.bearers,
                "languages": list(texts),
                "version": text.sha256 if text else None,
                "text": text.text if text else None,
            }
        )
    return found


def shown(session: Session, worker: str) -> dict[str, Any]:
    """What is on record of a worker, JSON-ready; the identity number is not: nobody here has it."""
    row, driver = reading.person_row(session, worker), session.one(_CODE, worker=worker)
    kept = ("name", "born", "sector", "licence", "identity_kind", "enrolled_at")
    return {
        "worker": worker,
        "driver": {name: driver[name] for name in ("code", "name", "phone")} if driver else None,
        "enrolment": {name: row[name] for name in kept} if row else None,
        "numbers": reading.numbers_of(session, worker),
        "facts": [
            {
                "kind": fact.kind,
                "scheme": fact.scheme or None,
                "day": fact.day.isoformat(),
                "value": fact.value or None,
                **fact.detail,
                "at": fact.at,
                "by": fact.by,
            }
            for fact in reading.facts_of(session, worker)
        ],
    }


def unregistered(session: Session) -> list[dict[str, Any]]:
    """Workers with jobs under a scheme whose identity or number its institution cannot have.

    `withheld`: postings of jobs of which nothing was deducted, for want of a notice or an answer.
    """
    numbers: dict[str, dict[str, str]] = {}
    found = []
    for person in session.all(_EVERYBODY):
        worker = person["worker"]
        for scheme in _schemes_of(session, worker):
            if scheme not in numbers:
                numbers[scheme] = reading.member_numbers(session, scheme)
            lacks = _lacks(person, worker in numbers[scheme])
            if lacks:
                found.append(_unregistered(session, person, scheme, lacks))
    return sorted(found, key=lambda each: (each["worker"], each["scheme"]))


def _schemes_of(session: Session, worker: str) -> Iterator[str]:
    """The schemes this worker has jobs under, one look-up each: their jobs are not read."""
    after = ""
    while (row := session.one(_NEXT_SCHEME, worker=worker, after=after)) and row[0] is not None:
        yield (after := row[0])


def _unregistered(session: Session, person: Row, scheme: str, lacks: list[str]) -> dict[str, Any]:
    worker = person["worker"]
    jobs = session.one(_JOBS, worker=worker, scheme=scheme)
    return {
        "worker": worker,
        "code": person["code"],
        "scheme": scheme,
        "jobs": jobs["jobs"] if jobs else 0,
        "withheld": jobs["withheld"] if jobs else 0,
        "lacks": lacks,
    }


def _lacks(person: Row, has_number: bool) -> list[str]:
    lacks = [] if person["identity_kind"] else ["enrolment"]
    return lacks if has_number else [*lacks, "member number"]


def proofs(session: Session) -> list[dict[str, Any]]:
    """Each notice that was shown: to whom, when, how, by whom, and its exact text."""
    return [
        {
            "worker": fact["worker"],
            "scheme": fact["scheme"],
            "at": fact["at"],
            "by": fact["by"],
            **reading.detail_of(fact),
            "version": fact["value"],
            "text": fact["text"],
        }
        for fact in session.all(_PROOFS)
    ]
