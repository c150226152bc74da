"""A job offered to one driver after another, each until a time: the rows of offers in turn."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, insert, select, update

from bpp.dispatch.tables import OfferRow
from protocol_specs.node.store import Row, Session, Statement

CHANNEL, EVERYBODY = "driver", ""
"""Notified with the agent_id whose job or offer changed, or for everybody."""
JOB_CHANNEL = "job"
"""Notified with the key of an order that changed, where jobs are offered so, or lost its offer."""
Outcome = Literal["accepted", "declined", "expired", "withdrawn"]

_OFFER = OfferRow.__table__
_OPEN = _OFFER.c.outcome.is_(None)

_ADD = Statement(insert(_OFFER))
_END = Statement(
    update(_OFFER)
    .where(_OFFER.c.order_key == bindparam("of"), _OPEN)
    .values(outcome=bindparam("became"), ended_at=bindparam("at"))
)
_OF_AGENT = Statement(select(_OFFER).where(_OFFER.c.agent_id == bindparam("agent"), _OPEN))
_OF_ORDER = Statement(select(_OFFER).where(_OFFER.c.order_key == bindparam("of"), _OPEN))
_EXPIRED = Statement(
    select(_OFFER.c.order_key)
    .where(_OPEN, _OFFER.c.expires_at <= bindparam("by"))
    .order_by(_OFFER.c.expires_at)
    .limit(1)
)
_ASKED = Statement(
    select(_OFFER.c.agent_id, _OFFER.c.outcome, _OFFER.c.ended_at).where(
        _OFFER.c.order_key == bindparam("of")
    )
)


@dataclass(frozen=True, slots=True)
class TurnOffer:
    """A job that one driver may take until `expires_at`, seconds UTC."""

    order_key: str
    n: int
    agent_id: str
    at: int
    expires_at: int


def make(session: Session, offer: TurnOffer) -> None:
    """The offer stands. Raises Conflict: the job is offered already, or the driver has another."""
    session.run(
        _ADD,
        order_key=offer.order_key,
        n=offer.n,
        agent_id=offer.agent_id,
        at=offer.at,
        expires_at=offer.expires_at,
        outcome=None,
        ended_at=None,
    )
    session.notify(CHANNEL, offer.agent_id)


def end(session: Session, order_key: str, outcome: Outcome, now: int) -> bool:
    """What became of the job's open offer; says whether there was one."""
    turn = of_order(session, order_key)
    if turn is None:
        return False
    session.notify(CHANNEL, turn.agent_id)
    session.notify(JOB_CHANNEL, order_key)
    return session.run(_END, of=order_key, became=outcome, at=now) > 0


def of_agent(session: Session, agent_id: str) -> TurnOffer | None:
    """The driver's open offer, expired or not."""
    row = session.one(_OF_AGENT, agent=agent_id)
    return _read(row) if row else None


def of_order(session: Session, order_key: str) -> TurnOffer | None:
    """The job's open offer, expired or not."""
    row = session.one(_OF_ORDER, of=order_key)
    return _read(row) if row else None


def first_expired(session: Session, now: int) -> str | None:
    """The key of the job whose open offer is over for longest."""
    row = session.one(_EXPIRED, by=now)
    return row["order_key"] if row else None


def not_now(session: Session, order_key: str, now: int, again_s: int) -> dict[str, str]:
    """Who is not asked for this job, and why: declined it, or let it pass a moment ago."""
    found = {}
    for row in session.all(_ASKED, of=order_key):
        if row["outcome"] == "declined":
            found[row["agent_id"]] = "you declined this job"
        elif row["outcome"] == "expired" and now - row["ended_at"] < again_s:
            found[row["agent_id"]] = "you let this job pass a moment ago"
    return found


def _read(row: Row) -> TurnOffer:
    return TurnOffer(*(row[name] for name in ("order_key", "n", "agent_id", "at", "expires_at")))
