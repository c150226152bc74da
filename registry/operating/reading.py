"""What the operator's pages read: pages of subscribers, what waits, keys that end, counts."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, exists, func, select

from protocol_specs.node.store import Row, Session, Statement
from registry import directory, pending, records
from registry.applications import read_document
from registry.tables import Application as ApplicationRow
from registry.tables import Participant, ParticipantKey

PAGE = 25  # subscribers, applications
KEYS_SHOWN = 50  # of one subscriber, the newest
SOON_S = 14 * 86_400
STATUSES = ("SUBSCRIBED", "SUSPENDED", "LEFT", "REMOVED")
STATES = ("approval", "challenge", "refused")

_participants = Participant.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_keys = ParticipantKey.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_later = _keys.alias("later")
_applications = ApplicationRow.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_named = (
    _participants.c.subscriber_id > bindparam("after"),
    _participants.c.subscriber_id >= bindparam("first"),
    _participants.c.subscriber_id < bindparam("beyond"),
)
_ids = select(_participants.c.subscriber_id).distinct().order_by(_participants.c.subscriber_id)

IDS = Statement(_ids.where(*_named).limit(bindparam("most")))
IDS_OF_STATUS = Statement(
    _ids.where(_participants.c.status == bindparam("status"), *_named).limit(bindparam("most"))
)
COUNT = Statement(
    select(func.count().label("n"))
    .select_from(_participants)
    .where(_participants.c.status == bindparam("status"))
)
COUNT_OPEN = Statement(
    select(func.count().label("n"))
    .select_from(_applications)
    .where(_applications.c.state == bindparam("state"))
)
WAITING = Statement(
    select(_applications)
    .where(_applications.c.state == bindparam("state"), _applications.c.id < bindparam("before"))
    .order_by(_applications.c.id.desc())
    .limit(bindparam("most"))
)
APPLICATION = Statement(select(_applications).where(_applications.c.id == bindparam("which")))
ENDING = Statement(
    select(_keys)
    .where(
        _keys.c.valid_until > bindparam("now"),
        _keys.c.valid_until <= bindparam("soon"),
        ~exists(
            select(_later.c.subscriber_id).where(
                _later.c.subscriber_id == _keys.c.subscriber_id,
                _later.c.valid_until > bindparam("soon"),
                _later.c.valid_from <= bindparam("now"),
            )
        ),
    )
    .order_by(_keys.c.valid_until)
    .limit(bindparam("most"))
)

GATEWAYS = Statement(
    select(_participants.c.subscriber_id, _participants.c.url)
    .distinct()
    .where(_participants.c.type == "BG", _participants.c.status == "SUBSCRIBED")
    .order_by(_participants.c.subscriber_id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscriber with what it takes part as, and its keys, newest first, each with `state`:
    good, soon (ends within 14 days), later (not yet begun) or ended."""

    id: str
    roles: list[dict[str, Any]]
    keys: list[dict[str, Any]]

    @property
    def statuses(self) -> frozenset[str]:
        """The different states of its roles."""
        return frozenset(role["status"] for role in self.roles)


def page(session: Session, *, start: str, status: str, after: str, now: int) -> list[Subscriber]:
    """The next subscribers by id whose ids begin with `start`, of one status if it is given; one
    more than a page holds where there are more."""
    named = {"first": start, "beyond": start + "\U0010ffff", "after": after, "most": PAGE + 1}
    rows = (
        session.all(IDS_OF_STATUS, status=status, **named) if status else session.all(IDS, **named)
    )
    return [subscriber(session, row["subscriber_id"], now) for row in rows]


def subscriber(session: Session, who: str, now: int) -> Subscriber:
    """One subscriber; an unknown one has no roles and no keys."""
    return Subscriber(
        who,
        [records.role(row) for row in session.all(directory.ROLES_OF, subscriber_id=who)],
        [_key(row, now) for row in session.all(directory.KEYS_OF, subscriber_id=who)[:KEYS_SHOWN]],
    )


def applications(
    session: Session, state: str, *, before: int = 2**62, most: int = PAGE
) -> list[dict[str, Any]]:
    """Those in a state, newest first; one more than `most` where there are more."""
    rows = session.all(WAITING, state=state, before=before, most=most + 1)
    return [_waiting(row) for row in rows]


def application(session: Session, which: int) -> dict[str, Any] | None:
    """One that is still open; None where there is none."""
    row = session.one(APPLICATION, which=which)
    return _waiting(row) if row is not None and row["state"] in STATES else None


def applications_of(session: Session, who: str) -> list[dict[str, Any]]:
    """The open ones of a subscriber."""
    return [_waiting(row) for row in session.all(pending.OPEN_ALL_OF, subscriber_id=who)[:PAGE]]


def counts(session: Session) -> dict[str, int]:
    """How many roles are in each status, and applications in each state."""
    found = {status: _n(session.one(COUNT, status=status)) for status in STATUSES}
    return found | {state: _n(session.one(COUNT_OPEN, state=state)) for state in STATES}


def gateways(session: Session) -> list[Row]:
    """Those that take part, with their urls."""
    return session.all(GATEWAYS, most=PAGE)


def ending(session: Session, now: int, *, most: int) -> list[dict[str, Any]]:
    """Keys that end within 14 days with no other key to follow, the next first."""
    return [_key(row, now) for row in session.all(ENDING, now=now, soon=now + SOON_S, most=most)]


def _waiting(row: Row) -> dict[str, Any]:
    """An application with when it came, and when its key ends, in seconds."""
    until = read_document(row["document"]).valid_until
    return records.waiting([row])[0] | {"at": row["created"], "until": until}


def _key(row: Row, now: int) -> dict[str, Any]:
    """A key with its times in seconds."""
    return {
        "subscriber_id": row["subscriber_id"],
        "key_id": row["unique_key_id"],
        "signing_public_key": row["signing_public_key"],
        "valid_from": row["valid_from"],
        "valid_until": row["valid_until"],
        "retired": row["retired"] > 0,
        "state": _state(row, now),
    }


def _state(row: Row, now: int) -> str:
    if row["valid_until"] <= now:
        return "ended"
    if row["valid_from"] > now:
        return "later"
    return "soon" if row["valid_until"] - now < SOON_S else "good"


def _n(row: Row | None) -> int:
    return 0 if row is None else int(row["n"])
