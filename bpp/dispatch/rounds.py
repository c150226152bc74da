"""Rounds: a job's candidates ranked, kept for 90 days, and told to each of them in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import and_, bindparam, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bpp.dispatch.policy import Candidate, Ranked, Weights, in_words, rank
from bpp.dispatch.tables import CandidateRow, DriverJobRow, OfferRow, RoundRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire.values import replace

LOOKED_MAX = 24  # of the nearest, compared by the sum before a list is made
ASKED_MAX = 8  # of these the first by the sum stand in the list
PASSED_MAX = 20
BALANCED_S = 12 * 3600  # what a driver earned in the last hours counts
KEPT_S = 90 * 86_400
LISTED_MAX = 100

_ROUND, _CANDIDATE = RoundRow.__table__, CandidateRow.__table__
_JOB, _OFFER = DriverJobRow.__table__, OfferRow.__table__

_ADD_ROUND = Statement(insert(_ROUND))
_ADD_CANDIDATE = Statement(insert(_CANDIDATE))
_LAST_N = Statement(
    select(func.coalesce(func.max(_ROUND.c.n), 0).label("n")).where(
        _ROUND.c.order_key == bindparam("order_key")
    )
)
_OF_ORDER = Statement(
    select(_ROUND.c.n, _ROUND.c.document, _OFFER.c.agent_id, _OFFER.c.outcome)
    .outerjoin(_OFFER, and_(_OFFER.c.order_key == _ROUND.c.order_key, _OFFER.c.n == _ROUND.c.n))
    .where(_ROUND.c.order_key == bindparam("order_key"))
    .order_by(_ROUND.c.n)
)
_OF_AGENT = Statement(
    select(_ROUND.c.order_key, _ROUND.c.n, _ROUND.c.document, _OFFER.c.outcome, _OFFER.c.agent_id)
    .select_from(_CANDIDATE)
    .join(
        _ROUND,
        and_(_ROUND.c.order_key == _CANDIDATE.c.order_key, _ROUND.c.n == _CANDIDATE.c.n),
    )
    .outerjoin(_OFFER, and_(_OFFER.c.order_key == _ROUND.c.order_key, _OFFER.c.n == _ROUND.c.n))
    .where(_CANDIDATE.c.agent_id == bindparam("agent_id"))
    .order_by(_CANDIDATE.c.at.desc(), _CANDIDATE.c.order_key)
    .limit(LISTED_MAX)
)
_ADD_JOB = Statement(upsert(_JOB).on_conflict_do_nothing())
_NAMES = tuple(f"a{n}" for n in range(LOOKED_MAX))
_EARNED = Statement(
    select(
        _JOB.c.agent_id,
        func.max(_JOB.c.ended_at).label("ended_at"),
        func.sum(_JOB.c.fare_minor).label("minor"),
    )
    .where(
        _JOB.c.agent_id.in_([bindparam(name) for name in _NAMES]),
        _JOB.c.ended_at > bindparam("since"),
    )
    .group_by(_JOB.c.agent_id)
)
_OLD = tuple(
    (
        Statement(select(table.c.order_key).where(age < bindparam("before")).limit(1)),
        Statement(
            delete(table).where(table.c.order_key == bindparam("of"), age < bindparam("before"))
        ),
    )
    for table, age in (
        (_ROUND, _ROUND.c.at),
        (_CANDIDATE, _CANDIDATE.c.at),
        (_OFFER, _OFFER.c.at),
        (_JOB, _JOB.c.ended_at),
    )
)


@dataclass(frozen=True, slots=True)
class Round:
    """One list: who was ranked how, who was passed over and why, and by whom travel was told.

    `passed` are (agent_id, reason in words). `weights` are those of that moment.
    """

    at: int
    router: str
    weights: Weights
    ranked: tuple[Ranked, ...]
    passed: tuple[tuple[str, str], ...] = ()


def candidates_of(
    session: Session,
    agents: Sequence[str],
    travel_s: Sequence[int],
    idle_since: Mapping[str, int],
    now: int,
) -> list[Candidate]:
    """What counts of these agents, at most LOOKED_MAX: how long without a job, what they earned.

    `idle_since` says when each came online; a job that ended later counts instead.
    """
    done = _done(session, agents, now)
    found = []
    for agent_id, seconds in zip(agents, travel_s, strict=True):
        ended_at, minor = done.get(agent_id, (0, 0))
        idle_s = max(0, now - max(ended_at, idle_since.get(agent_id, now)))
        found.append(Candidate(agent_id, seconds, idle_s, minor))
    return found


def made(
    candidates: Sequence[Candidate],
    travel_s: Sequence[int | None],
    *,
    mean_minor: int,
    passed: Sequence[tuple[str, str]],
    router: str,
    weights: Weights,
    now: int,
) -> Round:
    """The list of these candidates by this travel, in their order; without those to whom there is
    no way. `mean_minor` is what the drivers around earned on average.
    """
    reached = [
        replace(each, travel_s=seconds)
        for each, seconds in zip(candidates, travel_s, strict=True)
        if seconds is not None
    ]
    no_way = "there is no way from where you were to the pickup"
    unreached = [
        (each.agent_id, no_way)
        for each, seconds in zip(candidates, travel_s, strict=True)
        if seconds is None
    ]
    ranked = tuple(rank(reached, weights, mean_minor))
    return Round(now, router, weights, ranked, (*passed, *unreached)[:PASSED_MAX])


def keep(session: Session, order_key: str, round: Round) -> int:
    """Writes the list; returns its number within the job."""
    row = session.one(_LAST_N, order_key=order_key)
    n = (row["n"] if row else 0) + 1
    session.run(_ADD_ROUND, order_key=order_key, n=n, at=round.at, document=_document(round))
    named = dict.fromkeys(
        [*(each.agent_id for each in round.ranked), *(agent_id for agent_id, _ in round.passed)]
    )
    session.run_many(
        _ADD_CANDIDATE,
        [
            {"order_key": order_key, "n": n, "agent_id": agent_id, "at": round.at}
            for agent_id in named
        ],
    )
    return n


def note_job(
    session: Session, order_key: str, *, agent_id: str, ended_at: int, fare_minor: int
) -> None:
    """A job that ended; said twice, meant once."""
    values = {"agent_id": agent_id, "ended_at": ended_at, "fare_minor": fare_minor}
    session.run(_ADD_JOB, order_key=order_key, **values)


def of_order(session: Session, order_key: str) -> list[dict[str, Any]]:
    """Every list of a job as the desk and an auditor see it, with what became of its offer."""
    return [
        {
            "n": row["n"],
            **orjson.loads(row["document"]),
            "offered_to": row["agent_id"],
            "outcome": row["outcome"],
        }
        for row in session.all(_OF_ORDER, order_key=order_key)
    ]


def of_agent(session: Session, agent_id: str) -> list[dict[str, Any]]:
    """The newest lists that name this agent: their own place and sum in words, nobody else's."""
    return [_told(row, agent_id) for row in session.all(_OF_AGENT, agent_id=agent_id)]


def forget_next(session: Session, now: int) -> bool:
    """Forgets one job's lists that are older than 90 days; says whether there were any."""
    for find, drop in _OLD:
        row = session.one(find, before=now - KEPT_S)
        if row is not None:
            session.run(drop, of=row["order_key"], before=now - KEPT_S)
            return True
    return False


def _told(row: Any, agent_id: str) -> dict[str, Any]:
    document = orjson.loads(row["document"])
    ranked = document["ranked"]
    mine = next((each for each in ranked if each["agent_id"] == agent_id), None)
    if mine is not None:
        why = in_words(Ranked(**mine), len(ranked))
    else:
        why = next(each["why"] for each in document["passed"] if each["agent_id"] == agent_id)
        why = f"you were passed over: {why}"
    offered = row["agent_id"] == agent_id
    return {
        "job": row["order_key"],
        "at": document["at"],
        "place": mine["place"] if mine else None,
        "of": len(ranked),
        "sum": None if mine is None else {k: v for k, v in mine.items() if k != "agent_id"},
        "weights": document["weights"],
        "travel_by": document["router"],
        "offered": offered,
        "outcome": row["outcome"] if offered else None,
        "why": why,
    }


def _done(session: Session, agents: Sequence[str], now: int) -> dict[str, tuple[int, int]]:
    """When each of them last ended a job, and their fares of the last hours."""
    if not agents:
        return {}
    asked = dict(zip(_NAMES, [*agents, *[""] * (LOOKED_MAX - len(agents))], strict=True))
    rows = session.all(_EARNED, since=now - BALANCED_S, **asked)
    return {row["agent_id"]: (row["ended_at"], row["minor"]) for row in rows}


def _document(round: Round) -> bytes:
    return orjson.dumps(
        {
            "at": round.at,
            "router": round.router,
            "weights": round.weights,
            "ranked": round.ranked,
            "passed": [{"agent_id": agent_id, "why": why} for agent_id, why in round.passed],
        }
    )
