"""Pictures of parcels as they were taken or handed over: kept 90 days, shown to few."""

import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, delete, insert, select

from bpp.orders.order import Order
from bpp.work.tables import HandoverRow
from protocol_specs.node.store import Session, Statement

Leg = Literal["pickup", "drop"]
KEPT_S = 90 * 86_400
SHOWN_S = 7 * 86_400  # to the customer, by the address that they were told
WHEN: dict[Leg, tuple[str, ...]] = {
    "pickup": ("At-pickup", "Order-picked-up"),
    "drop": ("Out-for-delivery", "At-delivery"),
}

_H = HandoverRow.__table__
_THIS = (_H.c.job_id == bindparam("of_job"), _H.c.leg == bindparam("of_leg"))
_ADD = Statement(insert(_H))
_DROP = Statement(delete(_H).where(*_THIS))
_FIND = Statement(select(_H).where(*_THIS))
_LEGS = Statement(select(_H.c.leg).where(_H.c.job_id == bindparam("of_job")))
_BY_TOKEN = Statement(
    select(_H.c.body).where(_H.c.token == bindparam("token"), _H.c.at > bindparam("since"))
)
_OLD = Statement(select(_H.c.job_id, _H.c.leg).where(_H.c.at < bindparam("before")).limit(1))


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture. `token` ends the address by which the customer sees it."""

    agent_id: str
    token: str
    body: bytes
    at: int


def open_leg(order: Order) -> Leg | None:
    """Which hand-over the driver is at, so that its picture can be taken; None: at none."""
    if order.view.fulfillment.return_leg is not None:
        return None
    return next((leg for leg, states in WHEN.items() if order.state in states), None)


def address(url: str, token: str) -> str:
    """Where the customer sees it: nobody guesses it, and it ends after SHOWN_S."""
    return f"{url}/pictures/{token}"


def put(session: Session, job_id: str, leg: Leg, agent_id: str, body: bytes, now: int) -> str:
    """Keeps the picture in place of the one before; returns its token, which is a new one."""
    token = secrets.token_urlsafe(16)
    session.run(_DROP, of_job=job_id, of_leg=leg)
    session.run(_ADD, job_id=job_id, leg=leg, agent_id=agent_id, token=token, body=body, at=now)
    return token


def find(session: Session, job_id: str, leg: str) -> Picture | None:
    """The picture of that hand-over, for the driver and the office."""
    row = session.one(_FIND, of_job=job_id, of_leg=leg)
    return Picture(row["agent_id"], row["token"], row["body"], row["at"]) if row else None


def legs(session: Session, job_id: str) -> frozenset[str]:
    """Of which hand-overs of a job there is a picture."""
    return frozenset(row["leg"] for row in session.all(_LEGS, of_job=job_id))


def by_token(session: Session, token: str, now: int) -> bytes | None:
    """The picture at the customer's address, for as long as that is shown."""
    row = session.one(_BY_TOKEN, token=token, since=now - SHOWN_S)
    return row["body"] if row else None


def forget_next(session: Session, now: int) -> bool:
    """Forgets one picture that is older than 90 days; says whether there was any."""
    row = session.one(_OLD, before=now - KEPT_S)
    return row is not None and session.run(_DROP, of_job=row["job_id"], of_leg=row["leg"]) == 1
