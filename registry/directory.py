"""The directory: participants, keys, applications and changes, as rows of a session."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from protocol_specs.node.store import Conflict, Row, Session, Statement
from protocol_specs.wire import timestamp
from registry.applications import Application, NotAllowed
from registry.tables import Application as ApplicationRow
from registry.tables import Change, Participant, ParticipantKey

LOOKUP_ROWS_MAX = 500
KEPT_S = 30 * 86_400  # an application that is done with; `change` tells of it for ever
PRUNED_PER_COMMIT_MAX = 200

_applications = ApplicationRow.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_participants = Participant.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_keys = ParticipantKey.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_changes = Change.__table__  # type: ignore[attr-defined]  # SQLModel hides the table

CURRENT_KEYS = Statement(
    select(_keys.c.unique_key_id, _keys.c.signing_public_key).where(
        _keys.c.subscriber_id == bindparam("subscriber_id"),
        _keys.c.valid_from <= bindparam("now"),
        _keys.c.valid_until > bindparam("now"),
    )
)
KEY_OWNER = Statement(
    select(_keys.c.subscriber_id).where(_keys.c.signing_public_key == bindparam("public"))
)
MATERIAL = Statement(
    select(_keys.c.signing_public_key, _keys.c.encryption_public_key).where(
        _keys.c.subscriber_id == bindparam("subscriber_id"),
        _keys.c.unique_key_id == bindparam("unique_key_id"),
    )
)
SUPERSEDE = Statement(
    update(_applications)
    .where(
        _applications.c.subscriber_id == bindparam("of"),
        _applications.c.id < bindparam("newest"),
        _applications.c.state.in_(("challenge", "approval", "refused")),
    )
    .values(state="superseded", updated=bindparam("now"))
)
APPLY = Statement(
    insert(_applications).values(
        {
            name: bindparam(name)
            for name in (
                *("subscriber_id", "nonce", "document", "state", "reason"),
                *("tries", "next_at", "created", "updated"),
            )
        }
    )
)
NEXT_CHALLENGE = Statement(
    select(_applications)
    .where(_applications.c.state == "challenge", _applications.c.next_at <= bindparam("now"))
    .order_by(_applications.c.tries, _applications.c.next_at)  # a newcomer before one that failed
    .limit(1)
)
LEASE = Statement(
    update(_applications)
    .where(_applications.c.id == bindparam("which"))
    .values(next_at=bindparam("until"))
)
OPEN_OF = Statement(
    select(_applications)
    .where(
        _applications.c.subscriber_id == bindparam("subscriber_id"),
        _applications.c.state.in_(("challenge", "approval", "refused")),
    )
    # "approval" first, "refused" last: anybody may apply in a newcomer's name, and be refused.
    .order_by(_applications.c.state, _applications.c.id.desc())
    .limit(1)
)
OPEN = Statement(
    select(_applications)
    .where(_applications.c.state.in_(("challenge", "approval", "refused")))
    .order_by(_applications.c.id.desc())
    .limit(LOOKUP_ROWS_MAX)
)
_WAITS = _applications.c.state.in_(("challenge", "approval"))
COUNT_WAITING = Statement(select(func.count().label("n")).select_from(_applications).where(_WAITS))
COUNT_WAITING_OF = Statement(
    select(func.count().label("n"))
    .select_from(_applications)
    .where(_WAITS, _applications.c.subscriber_id == bindparam("subscriber_id"))
)
PRUNE = Statement(
    delete(_applications).where(
        _applications.c.id.in_(
            select(_applications.c.id)
            .where(
                _applications.c.state.in_(("granted", "refused", "superseded")),
                _applications.c.updated < bindparam("before"),
            )
            .limit(bindparam("most"))
        )
    )
)
MOVE = Statement(
    update(_applications)
    .where(_applications.c.id == bindparam("which"), _applications.c.state == bindparam("was"))
    .values(
        state=bindparam("state"),
        reason=bindparam("reason"),
        tries=bindparam("tries"),
        next_at=bindparam("next_at"),
        updated=bindparam("now"),
    )
)
ROLES_OF = Statement(
    select(_participants.c.type, _participants.c.status).where(
        _participants.c.subscriber_id == bindparam("subscriber_id")
    )
)
DROP_ROLES = Statement(
    delete(_participants).where(
        _participants.c.subscriber_id == bindparam("of"), _participants.c.type == bindparam("role")
    )
)
ADD_ROLE = Statement(
    insert(_participants).values(
        {column.name: bindparam(column.name) for column in _participants.c}
    )
)
DROP_KEY = Statement(
    delete(_keys).where(
        _keys.c.subscriber_id == bindparam("of"), _keys.c.unique_key_id == bindparam("which")
    )
)
ADD_KEY = Statement(
    insert(_keys).values({column.name: bindparam(column.name) for column in _keys.c})
)
SET_STATUS = Statement(
    update(_participants)
    .where(
        _participants.c.subscriber_id == bindparam("of"), _participants.c.status != bindparam("to")
    )
    .values(status=bindparam("to"), updated=bindparam("now"))
)
NOTE = Statement(
    insert(_changes).values(
        {name: bindparam(name) for name in ("at", "actor", "subscriber_id", "what", "reason")}
    )
)
_FILTERS = {
    "subscriber_id": _participants.c.subscriber_id,
    "type": _participants.c.type,
    "domain": _participants.c.domain,
    "country": _participants.c.country,
    "unique_key_id": _keys.c.unique_key_id,
}


def _lookup_statement(names: tuple[str, ...]) -> Statement:
    clause = (
        select(_participants, *(c for c in _keys.c if c.name != "subscriber_id"))
        .join(_keys, _keys.c.subscriber_id == _participants.c.subscriber_id)
        .where(
            _participants.c.status == bindparam("status"),
            _keys.c.valid_from <= bindparam("now"),
            _keys.c.valid_until > bindparam("now"),
        )
        .order_by(_participants.c.subscriber_id, _participants.c.domain, _keys.c.valid_from.desc())
        .limit(bindparam("limit"))
    )
    for name in names:
        clause = clause.where(_serves() if name == "city" else _FILTERS[name] == bindparam(name))
    return Statement(clause)


def _serves() -> ColumnElement[bool]:
    """Whether the city is one of the comma-separated ones, or all are served."""
    served = literal(",") + _participants.c.cities + ","
    return or_(
        served.like(bindparam("city"), escape="\\"),
        served.like("%,*,%"),
    )


def _like(city: str) -> str:
    """The pattern that finds exactly this city between commas."""
    plain = "".join(f"\\{char}" if char in "\\%_" else char for char in city)
    return f"%,{plain},%"


_LOOKUPS: dict[tuple[str, ...], Statement] = {}


def find(session: Session, filters: Mapping[str, str], *, status: str, now: int) -> list[Row]:
    """Participants with each of their valid keys, newest key first; `filters` of known names only.

    A city filter keeps those that serve the city or everywhere; keys outside their validity are
    never returned, so nobody trusts a key because the registry still knows it.
    """
    values = {name: filters[name] for name in _FILTERS if name in filters}
    city = filters.get("city", "*")
    if city != "*":
        values["city"] = _like(city)
    names = tuple(values)
    if names not in _LOOKUPS:
        _LOOKUPS[names] = _lookup_statement(names)
    rows = session.all(_LOOKUPS[names], status=status, now=now, limit=LOOKUP_ROWS_MAX, **values)
    # LIKE does not tell capitals from small letters; we do.
    return [row for row in rows if city == "*" or {city, "*"} & set(row["cities"].split(","))]


def apply(session: Session, application: Application, *, now: int) -> None:
    """Write an application to be challenged, beside others of that subscriber: until one answers
    its challenge, nobody knows which of them is the subscriber's own.

    Raises NotAllowed if the nonce was used before, and like `holds_key`.
    """
    holds_key(session, application)
    try:
        session.run(
            APPLY,
            subscriber_id=application.subscriber_id,
            nonce=application.nonce,
            document=application.model_dump_json().encode(),
            state="challenge",
            reason="",
            tries=0,
            next_at=now,
            created=now,
            updated=now,
        )
    except Conflict:
        raise NotAllowed("this nonce was used before: send a fresh one", path="/nonce") from None
    note(session, application.subscriber_id, "applied", actor=application.subscriber_id, now=now)


def count_waiting(session: Session, subscriber_id: str | None = None) -> int:
    """How many applications wait for a challenge or the operator: of one subscriber, or all."""
    if subscriber_id is None:
        row = session.one(COUNT_WAITING)
    else:
        row = session.one(COUNT_WAITING_OF, subscriber_id=subscriber_id)
    return 0 if row is None else int(row["n"])


def prune_next(session: Session, now: int) -> bool:
    """Forget applications that were done with 30 days ago; says whether there were any."""
    return session.run(PRUNE, before=now - KEPT_S, most=PRUNED_PER_COMMIT_MAX) > 0


def holds_key(session: Session, application: Application) -> bool:
    """Whether the application's signing key is the subscriber's already, from an earlier one.

    Raises NotAllowed if it is another subscriber's, or if its key id stands for other keys, be
    they expired: who keeps a signature of then must not find another key under that id.
    """
    known = session.one(
        MATERIAL,
        subscriber_id=application.subscriber_id,
        unique_key_id=application.unique_key_id,
    )
    if known is not None and (known["signing_public_key"], known["encryption_public_key"]) != (
        application.signing_public_key,
        application.encryption_public_key,
    ):
        raise NotAllowed(
            f"{application.unique_key_id} is the id of other keys: give new keys a new id",
            path="/unique_key_id",
        )
    owner = session.one(KEY_OWNER, public=application.signing_public_key)
    if owner is None:
        return False
    if owner["subscriber_id"] != application.subscriber_id:
        raise NotAllowed(
            "another subscriber holds this key: make a pair of your own with wayfare keygen",
            path="/signing_public_key",
        )
    return True


def next_challenge(session: Session, *, now: int, until: int) -> Row | None:
    """The application to be challenged next, kept from others who ask `until` then."""
    row = session.one(NEXT_CHALLENGE, now=now)
    if row is not None:
        session.run(LEASE, which=row["id"], until=until)
    return row


def move(
    session: Session,
    row: Row,
    state: str,
    *,
    now: int,
    reason: str = "",
    next_at: int | None = None,
) -> bool:
    """Move an application on from the state it was read in; False if it moved meanwhile."""
    moved = session.run(
        MOVE,
        which=row["id"],
        was=row["state"],
        state=state,
        reason=reason,
        tries=row["tries"] + 1,
        next_at=now if next_at is None else next_at,
        now=now,
    )
    return moved == 1


def refuse(session: Session, row: Row, *, now: int, reason: str) -> None:
    """End an application that failed, and remember why."""
    move(session, row, "refused", now=now, reason=reason)
    note(
        session,
        row["subscriber_id"],
        "challenge failed",
        actor="registry",
        now=now,
        reason=reason,
    )


def supersede(session: Session, row: Row, *, now: int) -> None:
    """End what the subscriber applied for before this application, which passed its challenge."""
    session.run(SUPERSEDE, of=row["subscriber_id"], newest=row["id"], now=now)


def grant(session: Session, row: Row, *, actor: str, now: int) -> None:
    """Make the application's roles and key part of the network: SUBSCRIBED from now on.

    Raises NotAllowed, with nothing written, like `holds_key`: meanwhile another subscriber may
    have come by its key, or this one have used its key id for another.
    """
    application = read_document(row["document"])
    holds_key(session, application)
    who = application.subscriber_id
    if not move(session, row, "granted", now=now):
        return
    session.run(DROP_ROLES, of=who, role=application.type)
    for domain in application.domains:
        session.run(
            ADD_ROLE,
            subscriber_id=who,
            type=application.type,
            domain=domain,
            url=application.url.rstrip("/"),
            cities=",".join(application.cities),
            country=application.country,
            status="SUBSCRIBED",
            created=row["created"],
            updated=now,
        )
    session.run(DROP_KEY, of=who, which=application.unique_key_id)
    session.run(
        ADD_KEY,
        subscriber_id=who,
        unique_key_id=application.unique_key_id,
        signing_public_key=application.signing_public_key,
        encryption_public_key=application.encryption_public_key,
        valid_from=application.valid_from,
        valid_until=application.valid_until,
    )
    note(session, who, f"subscribed as {application.type}", actor=actor, now=now)


def note(
    session: Session, subscriber_id: str, what: str, *, actor: str, now: int, reason: str = ""
) -> None:
    """Add a line to the record of changes."""
    session.run(NOTE, at=now, actor=actor, subscriber_id=subscriber_id, what=what, reason=reason)


def read_document(document: bytes) -> Application:
    """An application back from its row."""
    return Application.model_validate_json(document)


def record(row: Row) -> dict[str, Any]:
    """A participant with one key, as looked up: every field in each spelling deployed networks read
    (core 1.1 registry.yaml, and the names of the deployed registries and adapters)."""
    return {
        "subscriber_id": row["subscriber_id"],
        "url": row["url"],
        "subscriber_url": row["url"],
        "type": row["type"],
        "domain": row["domain"],
        "city": row["cities"],
        "country": row["country"],
        "location": {
            "city": {"code": row["cities"].split(",")[0]},
            "country": {"code": row["country"]},
        },
        "key_id": row["unique_key_id"],
        "unique_key_id": row["unique_key_id"],
        "ukId": row["unique_key_id"],
        "signing_public_key": row["signing_public_key"],
        "encr_public_key": row["encryption_public_key"],
        "valid_from": timestamp.rfc3339(row["valid_from"] * 1000),
        "valid_until": timestamp.rfc3339(row["valid_until"] * 1000),
        "status": row["status"],
        "created": timestamp.rfc3339(row["created"] * 1000),
        "updated": timestamp.rfc3339(row["updated"] * 1000),
    }


def waiting(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Open applications, for the operator and for who asks after its own."""
    return [
        {
            "subscriber_id": row["subscriber_id"],
            "status": "INITIATED" if row["state"] == "refused" else "UNDER_SUBSCRIPTION",
            "waiting_for": row["state"],
            "reason": row["reason"],
            **read_document(row["document"]).model_dump(
                include={"type", "url", "domains", "cities", "country", "unique_key_id"}
            ),
            "created": timestamp.rfc3339(row["created"] * 1000),
            "updated": timestamp.rfc3339(row["updated"] * 1000),
        }
        for row in rows
    ]
