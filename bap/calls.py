"""Our requests as rows: what a callback must match; in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import bindparam

from bap.journey import UNANSWERED, Journey
from bap.rows import read_journey
from bap.tables import CallRow, JourneyRow
from protocol_specs.node.store import Row, Session, Statement

_C, _J = CallRow.__table__, JourneyRow.__table__

CHASE_EVERY_S = 10
CHASE_FOR_S = 3 * 24 * 3600
"""As long as providers go on trying to bring us an on_confirm (docs/architecture.md)."""


_CALL_COLUMNS = (
    "message_id",
    "journey_id",
    "action",
    "bpp_id",
    "soft",
    "opened_at",
    "expires_at",
    "chase_at",
    "chases",
)
_OPEN_CALL = Statement(sa.insert(_C).values({name: bindparam(name) for name in _CALL_COLUMNS}))
_SUPERSEDE = Statement(
    sa.update(_C)
    .where(
        _C.c.journey_id == bindparam("journey_id"),
        _C.c.action == bindparam("asked"),
        _C.c.message_id != bindparam("but"),
    )
    .values(outcome="superseded")
)
_FIND_CALL = Statement(sa.select(_C).where(_C.c.message_id == bindparam("message_id")))
_CLOSE_CALL = Statement(
    sa.update(_C).where(_C.c.message_id == bindparam("key")).values(outcome=bindparam("outcome"))
)
_DUE = Statement(
    sa.select(_J, _C.c.message_id, _C.c.chases, _C.c.opened_at)
    .join(_C, _C.c.journey_id == _J.c.id)
    .where(
        _C.c.chase_at <= bindparam("now"),
        _C.c.outcome.is_(None),
        _J.c.state.in_(sorted(UNANSWERED)),
    )
    .order_by(_C.c.chase_at)
    .limit(1)
)
_CHASED = Statement(
    sa.update(_C)
    .where(_C.c.message_id == bindparam("key"))
    .values(chase_at=bindparam("next_at"), chases=bindparam("times"))
)
_WAITING_FOR = Statement(
    sa.select(_C.c.action)
    .where(
        _C.c.journey_id == bindparam("journey_id"),
        _C.c.outcome.is_(None),
        _C.c.expires_at >= bindparam("now"),
    )
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request of ours. `outcome` None: no answer yet; superseded: none is wanted any more."""

    message_id: str
    journey_id: str
    action: str
    bpp_id: str | None
    soft: bool
    opened_at: int
    expires_at: int
    outcome: str | None


def open_call(session: Session, call: Call, *, supersedes: Iterable[str] = ()) -> None:
    """Writes a request of ours; earlier ones of the actions it supersedes want no answer now."""
    chase_at = call.expires_at + CHASE_EVERY_S if call.action == "confirm" else None
    session.run(
        _OPEN_CALL,
        message_id=call.message_id,
        journey_id=call.journey_id,
        action=call.action,
        bpp_id=call.bpp_id,
        soft=int(call.soft),
        opened_at=call.opened_at,
        expires_at=call.expires_at,
        chase_at=chase_at,
        chases=0,
    )
    for action in supersedes:
        supersede(session, call.journey_id, action, but=call.message_id)


def supersede(session: Session, journey_id: str, action: str, *, but: str = "") -> None:
    """No answer is wanted any more to what a journey asked by this action, but to one message."""
    session.run(_SUPERSEDE, journey_id=journey_id, asked=action, but=but)


def find_call(session: Session, message_id: str) -> Call | None:
    """The request of that message_id."""
    row = session.one(_FIND_CALL, message_id=message_id)
    return None if row is None else _call(row)


def close_call(session: Session, message_id: str, outcome: str) -> None:
    """Writes how a request ended: answered or refused."""
    session.run(_CLOSE_CALL, key=message_id, outcome=outcome)


def chase(session: Session, now: int) -> Journey | None:
    """The next journey whose confirm has no answer and whose order is to be asked for, if any.

    Sets when to ask again: 20 s later, then after twice as long each time, for three days.
    """
    row = session.one(_DUE, now=now)
    if row is None:
        return None
    times = row["chases"] + 1
    pause_s = min(CHASE_EVERY_S * 2**times, 3600)
    next_at = now + pause_s if now - row["opened_at"] < CHASE_FOR_S else None
    session.run(_CHASED, key=row["message_id"], next_at=next_at, times=times)
    return read_journey(row)


def waiting_for(session: Session, journey_id: str, now: int) -> list[str]:
    """The actions asked for whose answer may still come in time."""
    rows = session.all(_WAITING_FOR, journey_id=journey_id, now=now)
    return sorted(row["action"] for row in rows)


def _call(row: Row) -> Call:
    return Call(
        message_id=row["message_id"],
        journey_id=row["journey_id"],
        action=row["action"],
        bpp_id=row["bpp_id"],
        soft=bool(row["soft"]),
        opened_at=row["opened_at"],
        expires_at=row["expires_at"],
        outcome=row["outcome"],
    )
