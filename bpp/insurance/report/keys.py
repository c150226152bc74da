"""Keys that open the books for reading only: named, hashed, expiring, each reading kept.

docs/agents.md. A key may be bound to a mandate; then it opens only while that mandate is in force.
"""

import hashlib
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field
from sqlalchemy import bindparam, func, insert, select

from bpp.declined import Declined
from bpp.insurance.agents import mandates
from bpp.insurance.engine import calendar
from bpp.insurance.report.tables import ReadingKey, ReadingKeyEnd, ReadingRow
from bpp.insurance.scheme_file import load
from protocol_specs.node.asked import SHORT_ID, StrictBody
from protocol_specs.node.store import Row, Session, Statement

PREFIX = "wayfare-read-"
DAY_S = 86_400
DAYS_MAX = 400
READINGS_MAX = 1000

_key = ReadingKey.__table__
_end = ReadingKeyEnd.__table__
_reading = ReadingRow.__table__
_every = select(_key, _end.c.at.label("withdrawn_at")).outerjoin(_end, _end.c.name == _key.c.name)
_ALL = Statement(_every.order_by(_key.c.at, _key.c.name))
_ONE = Statement(_every.where(_key.c.name == bindparam("name")))
_BY_HASH = Statement(_every.where(_key.c.token_sha256 == bindparam("sha256")))
_NEW = Statement(insert(_key))
_NEW_END = Statement(insert(_end))
_NEW_READING = Statement(insert(_reading))
_LAST = Statement(
    select(func.max(_reading.c.n), func.max(_reading.c.at)).where(
        _reading.c.name == bindparam("of")
    )
)
_READINGS = Statement(
    select(_reading).order_by(_reading.c.at.desc(), _reading.c.n.desc()).limit(READINGS_MAX)
)


class NewKey(StrictBody):
    """A name for the key, what it is for, how long it lives, and the mandate it hangs on."""

    name: str = Field(pattern=SHORT_ID)
    purpose: str = Field(min_length=1, max_length=200)
    days: int = Field(ge=1, le=DAYS_MAX)
    by: str = Field(pattern=SHORT_ID)
    mandate: str | None = Field(default=None, pattern=SHORT_ID)


class KeyEnding(StrictBody):
    """Who withdraws the key."""

    by: str = Field(pattern=SHORT_ID)


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its token, and how often it read. Times are seconds UTC."""

    name: str
    purpose: str
    mandate: str | None
    at: int
    by: str
    expires_at: int
    withdrawn_at: int | None
    readings: int
    last_read_at: int | None


def make(session: Session, body: NewKey, now: int) -> dict[str, Any]:
    """A new key; its token is in the answer, and nowhere else ever again. Raises Declined."""
    if session.one(_ONE, name=body.name) is not None:
        raise Declined(f"there was a key {body.name} already; take another name")
    if body.mandate is not None:
        mandates.one(session, body.mandate)
    token = PREFIX + secrets.token_urlsafe(32)
    session.run(
        _NEW,
        name=body.name,
        token_sha256=_sha256(token),
        purpose=body.purpose,
        mandate=body.mandate,
        at=now,
        by=body.by,
        expires_at=now + body.days * DAY_S,
    )
    return {"name": body.name, "token": token, "expires_at": now + body.days * DAY_S}


def withdraw(session: Session, name: str, by: str, now: int) -> dict[str, Any]:
    """The key opens nothing any more. Raises Declined: no such key."""
    row = session.one(_ONE, name=name)
    if row is None:
        raise Declined(f"there is no key {name}; wayfare report keys lists all")
    if row["withdrawn_at"] is None:
        session.run(_NEW_END, name=name, at=now, by=by)
    return {"name": name, "withdrawn": True}


def opened_by(session: Session, token: str, now: int) -> str | None:
    """The name of the token's key; None: this token opens nothing now. Writes nothing: anybody may
    send a token.
    """
    row = session.one(_BY_HASH, sha256=_sha256(token))
    if row is None or row["withdrawn_at"] is not None or now >= row["expires_at"]:
        return None
    if row["mandate"] is not None and not _in_force(session, row["mandate"], now):
        return None
    return str(row["name"])


def note(session: Session, name: str, path: str, now: int) -> None:
    """Writes a reading by that key down, before it is answered."""
    last = session.one(_LAST, of=name)
    n = 1 + int(last[0] or 0) if last else 1
    session.run(_NEW_READING, name=name, n=n, at=now, path=path)


def keys(session: Session) -> list[dict[str, Any]]:
    """Every key there ever was, JSON-ready."""
    return [asdict(_shown(session, row)) for row in session.all(_ALL)]


def readings(session: Session) -> list[dict[str, Any]]:
    """The newest readings, JSON-ready."""
    names = ("name", "n", "at", "path")
    return [{name: row[name] for name in names} for row in session.all(_READINGS)]


def for_workers(session: Session) -> list[dict[str, Any]]:
    """Who may read the books and did, as any worker may know it: no paths, they may name others."""
    names = ("name", "purpose", "at", "expires_at", "withdrawn_at", "readings", "last_read_at")
    return [{name: key[name] for name in names} for key in keys(session)]


def _in_force(session: Session, id: str, now: int) -> bool:
    held = mandates.one(session, id)
    return held.in_force(calendar.local(now, load(held.mandate.schemes[0]).zone).date())


def _shown(session: Session, row: Row) -> Key:
    last = session.one(_LAST, of=row["name"])
    kept = ("name", "purpose", "mandate", "at", "by", "expires_at", "withdrawn_at")
    return Key(
        **{name: row[name] for name in kept},
        readings=int(last[0] or 0) if last else 0,
        last_read_at=last[1] if last else None,
    )


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
