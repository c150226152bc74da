"""Keeps what institutions signed about workers, and says what of it holds."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from sqlalchemy import bindparam, insert, select

from bpp.declined import Declined
from bpp.insurance.agents.requests import scheme_of
from bpp.insurance.coverage import credential
from bpp.insurance.coverage.credential import Cover
from bpp.insurance.coverage.tables import CoverageAnswer, CoverageRevoked
from bpp.insurance.people import reading as people
from protocol_specs.node.asked import SHORT_ID, StrictBody
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import strict_json

PATH = "/desk/insurance/coverage"

_answer = CoverageAnswer.__table__
_revoked = CoverageRevoked.__table__
_NEW = Statement(insert(_answer))
_NEW_REVOKED = Statement(insert(_revoked))
_ONE = Statement(select(_answer).where(_answer.c.id == bindparam("id")))
_OF_WORKER = Statement(
    select(_answer)
    .where(_answer.c.worker == bindparam("worker"))
    .order_by(_answer.c.at, _answer.c.id)
)
_REVOKED = Statement(
    select(_revoked).where(
        _revoked.c.answer == bindparam("answer"), _revoked.c.scheme == bindparam("scheme")
    )
)


class CoverageAsked(StrictBody):
    """An institution's credential as it came, and who brings it (a short id, never a name)."""

    document: dict[str, Any]
    by: str = Field(pattern=SHORT_ID)


def take(
    session: Session, keys: Mapping[str, str], asked: CoverageAsked, now: int
) -> dict[str, Any]:
    """Keeps an answer, or a revocation; JSON-ready. The same again changes nothing. Raises
    Declined, and nothing is kept. `keys` are the institutions', by scheme.
    """
    document = asked.document
    scheme = scheme_of(credential.scheme_named(document))
    if credential.is_revocation(document):
        return _revoke(session, keys.get(scheme.id), asked, now)
    found = credential.answer(document, keys.get(scheme.id))
    if scheme.kind == "fund_levy":
        raise Declined(f"{scheme.id} is a fee: nobody is covered by it")
    raw = credential.bytes_of(document)
    stands = session.one(_ONE, id=found.id)
    if stands is not None:
        if bytes(stands["document"]) != raw:
            raise Declined(f"another answer already has the id {found.id}")
        return {"id": found.id, "worker": stands["worker"], "is_new": False}
    if found.valid_until <= now:
        raise Declined(f"{found.id}: it ended already; ask the institution for a new one")
    if session.one(_REVOKED, answer=found.id, scheme=scheme.id) is not None:
        raise Declined(f"{found.id}: the institution took it back")
    worker = _worker(session, found)
    session.run(
        _NEW,
        id=found.id,
        worker=worker,
        scheme=scheme.id,
        document=raw,
        at=now,
        by=asked.by,
    )
    return {"id": found.id, "worker": worker, "is_new": True}


def _worker(session: Session, found: Cover) -> str:
    numbers = people.member_numbers(session, found.scheme)
    mine = [worker for worker, number in numbers.items() if number == found.member]
    if len(mine) != 1:
        raise Declined(
            f"{found.id}: nobody here has that number at {found.scheme}; note it first: wayfare "
            "workers number"
        )
    return mine[0]


def _revoke(session: Session, key: str | None, asked: CoverageAsked, now: int) -> dict[str, Any]:
    found = credential.revocation(asked.document, key)
    raw, is_new = credential.bytes_of(asked.document), False
    for id in dict.fromkeys(found.subject.revoked):
        if session.one(_REVOKED, answer=id, scheme=found.subject.scheme) is None:
            is_new = True
            session.run(
                _NEW_REVOKED,
                answer=id,
                scheme=found.subject.scheme,
                from_at=credential.seconds(found.valid_from),
                document=raw,
                at=now,
                by=asked.by,
            )
    return {"id": found.id, "revoked": found.subject.revoked, "is_new": is_new}


def of_worker(
    session: Session, keys: Mapping[str, str], worker: str
) -> list[tuple[Cover, int | None]]:
    """The answers about a worker that still verify, each with the instant from which it is revoked.

    They are verified anew: a row that somebody put into the file says nothing.
    """
    found = []
    for row in session.all(_OF_WORKER, worker=worker):
        document, key = strict_json.parse(row["document"]), keys.get(row["scheme"])
        try:
            cover = credential.answer(document, key)
        except Declined:
            continue
        if (cover.id, cover.scheme) == (row["id"], row["scheme"]) and _is_theirs(
            session, row, cover
        ):
            revoked = session.one(_REVOKED, answer=cover.id, scheme=cover.scheme)
            found.append((cover, None if revoked is None else int(revoked["from_at"])))
    return found


def _is_theirs(session: Session, row: Row, cover: Cover) -> bool:
    return people.numbers_of(session, row["worker"]).get(cover.scheme) == cover.member


def proofs(session: Session, worker: str) -> list[Any]:
    """The credentials themselves, for the worker to show."""
    return [strict_json.parse(row["document"]) for row in session.all(_OF_WORKER, worker=worker)]
