"""Changes of the directory: roles and keys granted, ended, lifted again; each with its log entry.

Every function works in the caller's transaction and raises NotAllowed with nothing written.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, insert, update

from protocol_specs.node.store import Row, Session, Statement
from registry import changes, directory, pending, records
from registry.applications import Application, Role, read_document
from registry.faults import Fault, NotAllowed, not_allowed
from registry.settings import Policy
from registry.tables import Participant, ParticipantCity, ParticipantKey

_participants = Participant.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_cities = ParticipantCity.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_keys = ParticipantKey.__table__  # type: ignore[attr-defined]  # SQLModel hides the table

_ONE_ROLE = (
    _participants.c.subscriber_id == bindparam("of"),
    _participants.c.domain == bindparam("in_domain"),
    _participants.c.type == bindparam("as_type"),
)
ADD_ROLE = Statement(
    insert(_participants).values({c.name: bindparam(c.name) for c in _participants.c})
)
DROP_ROLE = Statement(delete(_participants).where(*_ONE_ROLE))
SET_STATUS = Statement(
    update(_participants).where(*_ONE_ROLE).values(status=bindparam("to"), updated=bindparam("now"))
)
ADD_CITY = Statement(insert(_cities).values({c.name: bindparam(c.name) for c in _cities.c}))
DROP_CITIES = Statement(
    delete(_cities).where(
        _cities.c.subscriber_id == bindparam("of"),
        _cities.c.domain == bindparam("in_domain"),
        _cities.c.type == bindparam("as_type"),
        _cities.c.city == bindparam("city"),
    )
)
ADD_KEY = Statement(insert(_keys).values({c.name: bindparam(c.name) for c in _keys.c}))
_ONE_KEY = (_keys.c.subscriber_id == bindparam("of"), _keys.c.unique_key_id == bindparam("which"))
RENEW_KEY = Statement(
    update(_keys)
    .where(*_ONE_KEY)
    .values(valid_from=bindparam("start"), valid_until=bindparam("end"))
)
RETIRE_KEY = Statement(
    update(_keys).where(*_ONE_KEY).values(valid_until=bindparam("end"), retired=bindparam("now"))
)


def check_key(session: Session, application: Application) -> bool:
    """Whether the application's keys are the subscriber's already, from an earlier one.

    Raises NotAllowed if the key was retired, is another subscriber's, or if its key id stands for
    other keys, be they expired: who keeps a signature of then must not find another key under
    that id.
    """
    who, which = application.subscriber_id, application.unique_key_id
    known = session.one(directory.KEY, subscriber_id=who, unique_key_id=which)
    material = (application.signing_public_key, application.encryption_public_key)
    if known is not None:
        if (known["signing_public_key"], known["encryption_public_key"]) != material:
            raise not_allowed(f"{which} is the id of other keys: give new keys a new id", "/key_id")
        if known["retired"]:
            raise not_allowed(f"{which} was retired: make new keys with a new id", "/key_id")
        return True
    owner = session.one(directory.KEY_OWNER, public=application.signing_public_key)
    if owner is None:
        return False
    if owner["subscriber_id"] == who:
        reason = f"this key is registered as {owner['unique_key_id']}: a key has one id"
        raise not_allowed(reason, "/key_id")
    raise not_allowed(
        "another subscriber holds this key: make a pair of your own with wayfare keygen",
        "/signing_public_key",
    )


def check_addition(session: Session, application: Application, *, now: int, most: int) -> None:
    """Raise NotAllowed unless the application only adds a key: to records that stand as they are
    said, beside fewer than `most` keys."""
    rows = session.all(directory.ROLES_OF, subscriber_id=application.subscriber_id)
    stand = {(r["type"], r["domain"]): r["url"] for r in rows if r["status"] == "SUBSCRIBED"}
    faults = []
    for role in application.roles:
        registered = stand.get((role.type, role.domain))
        if registered is None:
            reason = f"you do not take part in {role.domain} as {role.type}"
            faults.append(Fault("/domain", f"{reason}: subscribe with a current key first"))
        elif registered != role.url:
            reason = f"{registered} is registered for {role.domain}: a new key comes alone, so "
            faults.append(Fault("/url", f"{reason}change the url with a current key first"))
    keys = session.all(directory.KEYS_SINCE, subscriber_id=application.subscriber_id, now=now)
    if sum(key["valid_until"] > now for key in keys) >= most:
        faults.append(Fault("/key_id", f"{most} keys have not ended yet: retire one first"))
    if faults:
        raise NotAllowed(*faults)


def needs_approval(session: Session, application: Application, policy: Policy) -> str | None:
    """Why the operator must say yes to an application that answered its challenge; None if policy
    alone admits it: a listed type; and of who takes part already, no other role, never suspended,
    and a key that was its own before (the challenge alone proves an endpoint, not that a new key
    belongs to it)."""
    manual = sorted(application.types - set(policy.automatic))
    if manual:
        return f"the operator approves every {' and '.join(manual)} of this network"
    rows = session.all(directory.ROLES_OF, subscriber_id=application.subscriber_id)
    out = sorted({row["status"].lower() for row in rows} & {"suspended", "removed"})
    if out:
        return f"it was {' and '.join(out)}"
    if rows and not check_key(session, application):
        return "its earlier keys have ended, and a new key for a known id needs the operator"
    types = {row["type"] for row in rows}
    if rows and not application.types <= types:
        return (
            f"it takes part as {' and '.join(sorted(types))}, and another type needs the operator"
        )
    if not rows and len(application.types) > 1:
        return "it asks for several types at once"
    return None


def grant(session: Session, row: Row, *, who: str, now: int, reason: str = "") -> None:
    """Make the application's roles and key part of the network from now on; log who let them in.

    Raises NotAllowed like `check_key`: meanwhile another subscriber may have come by its key, or
    this one have used its key id for another; and if the key that vouched for it ended meanwhile.
    """
    application = read_document(row["document"])
    current = directory.current_keys(session, application.subscriber_id, now)
    if row["signer"] and row["signer"] not in current:
        raise not_allowed(f"{row['signer']}, which signed this, is no longer valid", "/key_id")
    known = check_key(session, application)
    if not pending.move(session, row, "granted", now=now):
        return
    if row["kind"] == "join":
        for role in application.roles:
            _put_role(session, application, role, created=row["created"], now=now)
    _put_key(session, application, known=known)
    what = "subscribed" if row["kind"] == "join" else "key added"
    detail = {"application": row["id"], "signed_with": row["signer"] or application.unique_key_id}
    _note(session, what, application.subscriber_id, who=who, now=now, reason=reason, more=detail)


def add_key(session: Session, row: Row, *, now: int) -> None:
    """Grant an application that adds a key; refuse it if the records it was to stand beside have
    changed meanwhile."""
    application = read_document(row["document"])
    check_addition(session, application, now=now, most=2**31)
    grant(session, row, who=application.subscriber_id, now=now)


def retire(
    session: Session, subscriber_id: str, key_id: str, *, who: str, now: int, reason: str = ""
) -> bool:
    """End a key now, for ever; False if it had been. Raises NotAllowed if there is none."""
    known = session.one(directory.KEY, subscriber_id=subscriber_id, unique_key_id=key_id)
    if known is None:
        raise not_allowed(f"{subscriber_id} has no key {key_id}", "/key_id")
    if known["retired"]:
        return False
    _end_key(session, known, now)
    _note(session, "key retired", subscriber_id, who=who, now=now, reason=reason)
    return True


def set_status(
    session: Session,
    subscriber_id: str,
    to: str,
    what: str,
    *,
    after: frozenset[str],
    who: str,
    now: int,
    reason: str = "",
    only: Mapping[str, str] | None = None,
) -> int:
    """Move each role whose status is one of `after` (and that matches `only`) on to `to`; how many
    there were. Nothing is logged when there was none."""
    moved = 0
    for row in session.all(directory.ROLES_OF, subscriber_id=subscriber_id):
        if row["status"] in after and all(row[k] == v for k, v in (only or {}).items()):
            session.run(SET_STATUS, **_one(row), to=to, now=now)
            moved += 1
    if moved:
        _note(session, what, subscriber_id, who=who, now=now, reason=reason)
    return moved


def remove(session: Session, subscriber_id: str, *, who: str, now: int, reason: str = "") -> bool:
    """Take a subscriber out with all its keys; it can come back only with new ones, by the
    operator's word. False if nothing of it was left."""
    moved = False
    for row in session.all(directory.ROLES_OF, subscriber_id=subscriber_id):
        if row["status"] != "REMOVED":
            session.run(SET_STATUS, **_one(row), to="REMOVED", now=now)
            moved = True
    for key in session.all(directory.KEYS_OF, subscriber_id=subscriber_id):
        if moved and not key["retired"]:
            _end_key(session, key, now)
    if moved:
        _note(session, "removed", subscriber_id, who=who, now=now, reason=reason)
    return moved


def _end_key(session: Session, row: Row, now: int) -> None:
    end = min(row["valid_until"], now)
    session.run(RETIRE_KEY, of=row["subscriber_id"], which=row["unique_key_id"], end=end, now=now)


def _one(row: Mapping[str, Any] | Row) -> dict[str, str]:
    return {"of": row["subscriber_id"], "in_domain": row["domain"], "as_type": row["type"]}


def _put_role(
    session: Session, application: Application, role: Role, *, created: int, now: int
) -> None:
    """Write a role and its cities in place of what stood for that type and domain."""
    who = application.subscriber_id
    one = {"of": who, "in_domain": role.domain, "as_type": role.type}
    for row in session.all(directory.ROLES_OF, subscriber_id=who):
        if (row["domain"], row["type"]) == (role.domain, role.type):
            created = row["created"]
            for city in row["cities"].split(","):
                session.run(DROP_CITIES, **one, city=city)
    session.run(DROP_ROLE, **one)
    session.run(
        ADD_ROLE,
        subscriber_id=who,
        domain=role.domain,
        type=role.type,
        url=role.url,
        cities=",".join(role.cities),
        country=application.country,
        status="SUBSCRIBED",
        created=created,
        updated=now,
    )
    for city in role.cities:
        session.run(ADD_CITY, subscriber_id=who, domain=role.domain, type=role.type, city=city)


def _put_key(session: Session, application: Application, *, known: bool) -> None:
    who, which = application.subscriber_id, application.unique_key_id
    start, end = application.valid_from, application.valid_until
    if known:
        session.run(RENEW_KEY, of=who, which=which, start=start, end=end)
        return
    session.run(
        ADD_KEY,
        subscriber_id=who,
        unique_key_id=which,
        signing_public_key=application.signing_public_key,
        encryption_public_key=application.encryption_public_key,
        valid_from=start,
        valid_until=end,
        retired=0,
    )


def _note(
    session: Session,
    what: str,
    subscriber_id: str,
    *,
    who: str,
    now: int,
    reason: str,
    more: Mapping[str, Any] | None = None,
) -> None:
    """The log entry: the reason, and everything of this subscriber as it stands now, but for keys
    that had ended before: earlier entries have them, and none of them changes any more."""
    detail: dict[str, Any] = dict(more or {})
    if reason:
        detail["reason"] = reason
    rows = session.all(directory.ROLES_OF, subscriber_id=subscriber_id)
    detail["roles"] = [records.role(row) for row in rows]
    keys = session.all(directory.KEYS_SINCE, subscriber_id=subscriber_id, now=now)
    detail["keys"] = [records.key(row) for row in keys]
    changes.note(session, what, subscriber_id, who=who, now=now, detail=detail)
