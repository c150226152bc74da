"""Who is behind a browser: sessions in the store, known by the hash of a token in a cookie.

A browser without a row is nobody, and costs nothing: its cookie only binds its forms. A row is made
at sign-in, or when somebody is owed a message. The token is a new one at each sign-in and sign-out
(OWASP, Session Management Cheat Sheet: fixation).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, insert, select, update

from protocol_specs.node.store import Session, Statement
from protocol_specs.web import pacing
from protocol_specs.web.tables import FormSent, KeptForm, SignInCode, WebSession

IDLE_S = 14 * 86_400
ABSOLUTE_S = 90 * 86_400
SEEN_EVERY_S = 300  # a write for each request would cost more than it tells
KEPT_S = 1_800  # what was typed, while somebody signs in again
SENT_S = 7 * 86_400  # how long a form is known to have been sent
FORGOTTEN_PER_COMMIT_MAX = 200

_S, _K = WebSession.__table__, KeptForm.__table__
_FIND = Statement(select(_S).where(_S.c.token_hash == bindparam("token_hash")))
_INSERT = Statement(insert(_S))
_SEEN = Statement(
    update(_S).where(_S.c.token_hash == bindparam("token")).values(seen_at=bindparam("now"))
)
_FLASH = Statement(
    update(_S).where(_S.c.token_hash == bindparam("token")).values(flash=bindparam("said"))
)
_DELETE = Statement(delete(_S).where(_S.c.token_hash == bindparam("token")))
_KEEP = Statement(insert(_K))
_KEPT = Statement(
    select(_K).where(
        _K.c.id == bindparam("kept_id"),
        _K.c.face == bindparam("of_face"),
        _K.c.ends_at > bindparam("now"),
    )
)
_DROP = Statement(delete(_K).where(_K.c.id == bindparam("kept_id")))
_OLD = [
    (
        Statement(select(key).where(ends < bindparam("before")).limit(bindparam("most"))),
        Statement(delete(table).where(key == bindparam("key"))),
        after_s,
    )
    for table, key, ends, after_s in (
        (_S, _S.c.token_hash, _S.c.ends_at, 0),
        (_S, _S.c.token_hash, _S.c.seen_at, IDLE_S),
        (_K, _K.c.id, _K.c.ends_at, 0),
        (SignInCode.__table__, SignInCode.__table__.c.id, SignInCode.__table__.c.ends_at, 0),
        (FormSent.__table__, FormSent.__table__.c.form_id, FormSent.__table__.c.at, SENT_S),
    )
]


@dataclass(slots=True)
class Seat:
    """A browser: its token, who signed in with it ("" is nobody), and what it is to be told.

    `lapsed` names who had signed in with it before the time was over.
    """

    token: str
    who: str = ""
    is_kept: bool = False
    seen_at: int = 0
    ends_at: int = 0
    lapsed: str = ""
    flash: list[tuple[str, str]] = field(default_factory=list)

    @property
    def hash(self) -> bytes:
        """By what the store knows it."""
        return hashlib.sha256(self.token.encode()).digest()

    @property
    def form_token(self) -> str:
        """What each form of this browser carries; worth nothing under any other cookie."""
        return hmac.digest(self.token.encode(), b"wayfare form", "sha256").hex()


def new_token() -> str:
    """256 bits that nobody guesses."""
    return secrets.token_urlsafe(32)


def find(session: Session, face: str, token: str | None, now: int) -> Seat:
    """The seat of a cookie; a fresh one of nobody for none, and for one not of our making."""
    if token is None or len(token) != 43 or not token.isascii():
        return Seat(new_token())
    seat = Seat(token)
    row = session.one(_FIND, token_hash=seat.hash)
    if row is None or row["face"] != face:
        return seat
    if row["ends_at"] <= now or row["seen_at"] + IDLE_S <= now:
        return Seat(new_token(), lapsed=row["who"])
    seat.who, seat.is_kept, seat.seen_at = row["who"], True, row["seen_at"]
    seat.ends_at = row["ends_at"]
    seat.flash = [(kind, text) for kind, text in json.loads(row["flash"] or "[]")]
    return seat


def begin(
    session: Session, face: str, old: Seat, who: str, now: int, *, lasts_s: int = ABSOLUTE_S
) -> Seat:
    """A new seat for whoever signed in, under a new token; the old one is gone."""
    session.run(_DELETE, token=old.hash)
    return keep(session, face, Seat(new_token(), who=who), now, lasts_s=lasts_s)


def keep(session: Session, face: str, seat: Seat, now: int, *, lasts_s: int = ABSOLUTE_S) -> Seat:
    """Writes a seat down that has no row yet."""
    seat.is_kept, seat.seen_at, seat.ends_at = True, now, now + lasts_s
    session.run(
        _INSERT,
        token_hash=seat.hash,
        face=face,
        who=seat.who,
        created_at=now,
        seen_at=now,
        ends_at=seat.ends_at,
        flash=json.dumps(seat.flash) if seat.flash else None,
    )
    return seat


def note_seen(session: Session, seat: Seat, now: int) -> None:
    """That this browser is still used."""
    session.run(_SEEN, token=seat.hash, now=now)


def write_flash(session: Session, face: str, seat: Seat, now: int) -> None:
    """What the next page of this browser says once."""
    if not seat.is_kept:
        keep(session, face, seat, now)
    session.run(_FLASH, token=seat.hash, said=json.dumps(seat.flash) if seat.flash else None)


def end(session: Session, seat: Seat) -> None:
    """Signs this browser out."""
    session.run(_DELETE, token=seat.hash)


def keep_form(session: Session, face: str, who: str, fields: dict[str, str], now: int) -> str:
    """Keeps what was typed until its sender has signed in again; returns by what it is found."""
    kept_id = secrets.token_urlsafe(16)
    document = json.dumps(fields).encode()
    session.run(_KEEP, id=kept_id, face=face, who=who, fields=document, ends_at=now + KEPT_S)
    return kept_id


def take_form(session: Session, face: str, who: str, kept_id: str, now: int) -> dict[str, str]:
    """What was kept, once, and for nobody but who typed it; else nothing."""
    row = session.one(_KEPT, kept_id=kept_id, of_face=face, now=now)
    if row is None or row["who"] not in ("", who):
        return {}
    session.run(_DROP, kept_id=kept_id)
    return dict(json.loads(row["fields"]))


def forget_next(session: Session, now: int) -> bool:
    """Forgets what is over: seats, codes, forms, paces; says whether there was any."""
    found = pacing.forget(session, now)
    for old, forget, after_s in _OLD:
        for row in session.all(old, before=now - after_s, most=FORGOTTEN_PER_COMMIT_MAX):
            session.run(forget, key=row[0])
            found = True
    return found
