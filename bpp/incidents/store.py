"""Incidents as rows, in the caller's transaction: opened, followed up, closed, forgotten.

A driver may open one too: it has a time by which they are answered, and they read that answer.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import bindparam, delete, func, insert, select

from bpp.declined import Declined
from bpp.incidents.tables import IncidentRow, IncidentStep, IncidentWords
from protocol_specs.node.store import Row, Session, Statement

Kind = Literal[
    "accident", "injury", "threat", "damage", "lost_property", "job", "money", "record", "other"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
Written = Literal["opened", "followed", "answered", "closed"]
WORDS_MAX = 4_000
WAITING_MAX = 5  # of one driver
STEPS_MAX = 200
SHOWN_MAX = 200
KEPT_S = 3 * 365 * 86_400
"""How long the words are kept after an incident was closed: three years."""

_I, _S, _W = IncidentRow.__table__, IncidentStep.__table__, IncidentWords.__table__
_ADD = Statement(insert(_I))
_ADD_STEP = Statement(insert(_S))
_ADD_WORDS = Statement(insert(_W))
_LAST = Statement(select(func.coalesce(func.max(_I.c.n), 0).label("n")))
_closed = _S.alias("closed")
_WITH_END = select(_I, _closed.c.at.label("closed_at")).outerjoin(
    _closed, (_closed.c.n == _I.c.n) & (_closed.c.kind == "closed")
)
_NEWEST = Statement(_WITH_END.order_by(_closed.c.at.is_not(None), _I.c.n.desc()).limit(SHOWN_MAX))
_ONE = Statement(_WITH_END.where(_I.c.n == bindparam("n")))
_OF_JOB = Statement(_WITH_END.where(_I.c.job_id == bindparam("job")).order_by(_I.c.n))
_answered = (_S.c.n == _I.c.n) & (_S.c.kind == "answered")
_waits = (_I.c.due_at > 0) & ~select(_S.c.n).where(_answered).exists()
_WAITING = Statement(
    select(_I.c.n, _I.c.due_at).where(_waits).order_by(_I.c.due_at).limit(SHOWN_MAX)
)
_WAITING_OF = Statement(select(_I.c.n).where(_waits, _I.c.agent_id == bindparam("agent")))
_TOLD_BY = Statement(
    _WITH_END.where(_I.c.agent_id == bindparam("agent"), _I.c.due_at.is_not(None))
    .order_by(_I.c.n.desc())
    .limit(20)
)
_ANSWERS = Statement(
    select(func.count().label("n"))
    .select_from(_S.join(_I, _answered))
    .where(_I.c.agent_id == bindparam("agent"), _I.c.due_at.is_not(None))
    .where(_S.c.at > bindparam("since"))
)
_STEPS = Statement(
    select(_S, _W.c.words)
    .outerjoin(_W, (_W.c.n == _S.c.n) & (_W.c.k == _S.c.k))
    .where(_S.c.n == bindparam("n"))
    .order_by(_S.c.k)
)
_OLD = Statement(
    select(_W.c.n)
    .join(_S, (_S.c.n == _W.c.n) & (_S.c.kind == "closed"))
    .where(_S.c.at < bindparam("before"))
    .limit(1)
)
_FORGET = Statement(delete(_W).where(_W.c.n == bindparam("n")))


class NotWritten(Declined):
    """A step that must not be written; the text says why, for who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An incident as it is first written down. `words`: what happened, where, what was done.

    `due_at`: its driver tells it, and is to be answered by then.
    """

    kind: Kind
    happened_at: int
    words: Mapping[str, str]
    job_id: str | None = None
    agent_id: str | None = None
    due_at: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing written about an incident; `words` are empty once they were forgotten."""

    kind: Written
    at: int
    by: str
    words: dict[str, str]


def open_one(session: Session, opening: Opening, *, by: str, now: int) -> int:
    """Writes it down; its number. Raises NotWritten."""
    if opening.kind not in KINDS:
        raise NotWritten(f"{opening.kind!r} is no kind of incident")
    if opening.happened_at > now:
        raise NotWritten("it cannot have happened in the future")
    teller = opening.agent_id if opening.due_at is not None else None
    if teller and len(session.all(_WAITING_OF, agent=teller)) >= WAITING_MAX:
        raise NotWritten(f"{WAITING_MAX} of theirs wait for an answer already")
    last = session.one(_LAST)
    n = (last["n"] if last else 0) + 1
    session.run(
        _ADD,
        n=n,
        happened_at=opening.happened_at,
        kind=opening.kind,
        job_id=opening.job_id,
        agent_id=opening.agent_id,
        due_at=opening.due_at,
    )
    _write(session, n, 1, "opened", opening.words, by, now)
    return n


def follow(session: Session, n: int, text: str, *, by: str, now: int) -> None:
    """One more step, for the office alone. Raises NotWritten."""
    _go_on(session, n, "followed", text, by, now)


def answer(session: Session, n: int, text: str, *, by: str, now: int) -> None:
    """What the driver who told it reads. Raises NotWritten."""
    found = find(session, n)
    if found is not None and found["due_at"] is None:
        raise NotWritten("no driver told this, so nobody reads an answer")
    _go_on(session, n, "answered", text, by, now)


def close(session: Session, n: int, text: str, *, by: str, now: int) -> None:
    """The last step, with its result, for the office alone. Raises NotWritten."""
    steps, found = steps_of(session, n), find(session, n)
    if found and found["due_at"] is not None and not any(s.kind == "answered" for s in steps):
        raise NotWritten("its driver waits for an answer; answer first")
    _go_on(session, n, "closed", text, by, now)


def _go_on(session: Session, n: int, kind: Written, text: str, by: str, now: int) -> None:
    found = find(session, n)
    if found is None:
        raise NotWritten("there is no such incident")
    if found["closed_at"] is not None:
        raise NotWritten("it is closed already; write another one down")
    steps = steps_of(session, n)
    if len(steps) >= STEPS_MAX:
        raise NotWritten("it has too many steps; close it and write another one down")
    _write(session, n, len(steps) + 1, kind, {"what": text}, by, now)


def waiting(session: Session) -> dict[int, int]:
    """Those whose drivers wait, by number: when they are to be answered, the most urgent first."""
    return {row["n"]: row["due_at"] for row in session.all(_WAITING)}


def told_by(session: Session, agent_id: str) -> list[tuple[Row, list[Step]]]:
    """What this driver told, the newest first, each with what they wrote and were answered: what
    the office writes for itself is not among it."""
    return [
        (row, [step for step in steps_of(session, row["n"]) if step.kind in ("opened", "answered")])
        for row in session.all(_TOLD_BY, agent=agent_id)
    ]


def answers_since(session: Session, agent_id: str, since: int) -> int:
    """How often this driver was answered after that moment."""
    row = session.one(_ANSWERS, agent=agent_id, since=since)
    return row["n"] if row else 0


def newest(session: Session) -> list[Row]:
    """Those that are open, then the closed ones, the newest first, at most SHOWN_MAX."""
    return session.all(_NEWEST)


def find(session: Session, n: int) -> Row | None:
    """One of them, with `closed_at`."""
    return session.one(_ONE, n=n)


def of_job(session: Session, job_id: str) -> list[Row]:
    """Those about one job."""
    return session.all(_OF_JOB, job=job_id)


def steps_of(session: Session, n: int) -> list[Step]:
    """What was written about it, in order."""
    return [
        Step(row["kind"], row["at"], row["by"], json.loads(row["words"] or "{}"))
        for row in session.all(_STEPS, n=n)
    ]


def forget_next(session: Session, now: int) -> bool:
    """Forgets the words of one incident that was closed long enough ago; whether there was one."""
    row = session.one(_OLD, before=now - KEPT_S)
    return row is not None and session.run(_FORGET, n=row["n"]) > 0


def _write(
    session: Session, n: int, k: int, kind: str, words: Mapping[str, str], by: str, now: int
) -> None:
    if not words.get("what") or any(len(each) > WORDS_MAX for each in words.values()):
        raise NotWritten(f"say what it is, in at most {WORDS_MAX} characters")
    session.run(_ADD_STEP, n=n, k=k, kind=kind, at=now, by=by)
    session.run(_ADD_WORDS, n=n, k=k, words=json.dumps(dict(words), ensure_ascii=False))
