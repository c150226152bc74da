"""Whose registration a worker is: one agent at a time, for a time; the worker may leave at will."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, insert, select

from bpp.declined import Declined
from bpp.insurance.agents import record as records
from bpp.insurance.agents import signed
from bpp.insurance.agents.record import Record
from bpp.insurance.agents.tables import AgentRow, AttributionRow
from bpp.insurance.tables import LocalWorker
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import strict_json

REFUSALS = ("not_eligible", "no_identity", "handed_over")
"""Why an agent may turn a worker away; for nothing else, such as low earnings."""

_agent = AgentRow.__table__
_row = AttributionRow.__table__
_local = LocalWorker.__table__
_NEW_AGENT = Statement(insert(_agent))
_AGENTS = Statement(select(_agent).order_by(_agent.c.scheme, _agent.c.id))
_AGENT = Statement(
    select(_agent).where(_agent.c.scheme == bindparam("scheme"), _agent.c.id == bindparam("id"))
)
_of_worker = select(_row).where(
    _row.c.scheme == bindparam("scheme"), _row.c.worker == bindparam("worker")
)
_OF_WORKER = Statement(_of_worker.order_by(_row.c.n))
_OF_SCHEME = Statement(
    select(_row).where(_row.c.scheme == bindparam("scheme")).order_by(_row.c.worker, _row.c.n)
)
_NEW = Statement(insert(_row))
_LOCAL = Statement(
    select(_local.c.worker).where(
        (_local.c.agent_id == bindparam("id")) | (_local.c.worker == bindparam("id"))
    )
)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as it is known here; not `is_verified`: no institution signed its record."""

    record: Record
    is_verified: bool
    at: int
    by: str


@dataclass(frozen=True, slots=True)
class Attribution:
    """One step of a worker's registration, as written down."""

    scheme: str
    worker: str
    n: int
    kind: Literal["claimed", "released", "refused"]
    agent: str
    first_day: date
    last_day: date
    at: int
    by: str
    reason: str


def add_agent(
    session: Session, document: Any, *, institution_key: str | None, by: str, now: int
) -> Agent:
    """Takes an agent's record. Raises Declined. The same record again changes nothing."""
    file = records.read(document)
    signature = records.signature(file, institution_key)
    found = find_agent(session, file.agent.scheme, file.agent.id)
    if found is not None:
        if found.record != file.agent:
            raise Declined(f"another record of {file.agent.id} is kept; give the new one a new id")
        return found
    session.run(
        _NEW_AGENT,
        scheme=file.agent.scheme,
        id=file.agent.id,
        document=signed.bytes_of(file.agent),
        signature=signature,
        at=now,
        by=by,
    )
    return Agent(file.agent, signature is not None, now, by)


def agents(session: Session) -> list[Agent]:
    """All of them, by scheme and id."""
    return [_known(row) for row in session.all(_AGENTS)]


def find_agent(session: Session, scheme: str, id: str) -> Agent | None:
    row = session.one(_AGENT, scheme=scheme, id=id)
    return None if row is None else _known(row)


def claim(
    session: Session, scheme: str, worker: str, agent: str, *, day: date, by: str, now: int
) -> Attribution:
    """The agent registered this worker (local id or agent_id). Raises Declined, also where somebody
    else, or the same agent, holds the registration already.
    """
    worker, known = _worker(session, worker), _in_force(session, scheme, agent, day)
    history = of_worker(session, scheme, worker)
    holds = holder(history, day)
    if holds is not None:
        raise Declined(
            f"{worker} is registered by {holds.agent} until {holds.last_day}; the worker can leave "
            "at any time: wayfare agents release"
        )
    last = min(day + timedelta(days=known.attribution_days), date.fromisoformat(known.last_day))
    return _write(session, history, scheme, worker, "claimed", agent, day, last, by=by, now=now)


def release(
    session: Session, scheme: str, worker: str, *, day: date, by: str, now: int
) -> Attribution:
    """The worker leaves the agent, at once and for nothing. Raises Declined: there is none."""
    worker = _worker(session, worker)
    history = of_worker(session, scheme, worker)
    holds = holder(history, day)
    if holds is None:
        raise Declined(f"{worker} is with no agent of {scheme}")
    return _write(
        session, history, scheme, worker, "released", holds.agent, day, day, by=by, now=now
    )


def refuse(
    session: Session,
    scheme: str,
    worker: str,
    agent: str,
    *,
    reason: str,
    day: date,
    by: str,
    now: int,
) -> Attribution:
    """The agent turned this worker away, for one of the reasons there are. Raises Declined."""
    if reason not in REFUSALS:
        raise Declined(
            f"an agent takes every eligible worker; it may refuse for {', '.join(REFUSALS)} only"
        )
    worker = _worker(session, worker)
    _in_force(session, scheme, agent, day)
    history = of_worker(session, scheme, worker)
    return _write(
        session,
        history,
        scheme,
        worker,
        "refused",
        agent,
        day,
        day,
        by=by,
        now=now,
        reason=reason,
    )


def of_worker(session: Session, scheme: str, worker: str) -> list[Attribution]:
    """Every step of a worker's registration, oldest first."""
    return [_step(row) for row in session.all(_OF_WORKER, scheme=scheme, worker=worker)]


def of_scheme(session: Session, scheme: str) -> list[Attribution]:
    """Every step of everybody's, by worker."""
    return [_step(row) for row in session.all(_OF_SCHEME, scheme=scheme)]


def holder(history: Iterable[Attribution], day: date) -> Attribution | None:
    """The claim that holds on a day; `history` is one worker's, oldest first."""
    steps = [each for each in history if each.kind != "refused" and each.first_day <= day]
    last = steps[-1] if steps else None
    return last if last and last.kind == "claimed" and day <= last.last_day else None


def _write(
    session: Session,
    history: list[Attribution],
    scheme: str,
    worker: str,
    kind: Literal["claimed", "released", "refused"],
    agent: str,
    first: date,
    last: date,
    *,
    by: str,
    now: int,
    reason: str = "",
) -> Attribution:
    n = 1 + len(history)
    found = Attribution(scheme, worker, n, kind, agent, first, last, now, by, reason)
    values = {name: getattr(found, name) for name in Attribution.__slots__}
    days = {"first_day": first.isoformat(), "last_day": last.isoformat()}
    session.run(_NEW, **{**values, **days})
    return found


def _in_force(session: Session, scheme: str, agent: str, day: date) -> Record:
    found = find_agent(session, scheme, agent)
    if found is None:
        raise Declined(f"{agent} is no agent of {scheme} here: wayfare agents add FILE")
    known = found.record
    if not date.fromisoformat(known.first_day) <= day <= date.fromisoformat(known.last_day):
        raise Declined(f"{agent} may act from {known.first_day} through {known.last_day}")
    return known


def _worker(session: Session, id: str) -> str:
    row = session.one(_LOCAL, id=id)
    if row is None:
        raise Declined(f"nobody is known by {id}; give an agent_id, or the local id of the books")
    return str(row["worker"])


def _known(row: Row) -> Agent:
    found = Record.model_validate(strict_json.parse(row["document"]))
    return Agent(found, row["signature"] is not None, row["at"], row["by"])


def _step(row: Row) -> Attribution:
    values = {name: row[name] for name in Attribution.__slots__}
    days = {name: date.fromisoformat(row[name]) for name in ("first_day", "last_day")}
    return Attribution(**{**values, **days})
