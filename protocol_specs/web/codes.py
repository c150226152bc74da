"""Sign-in codes: six digits to a phone, ten minutes, five tries, and the same answer to all."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from sqlalchemy import bindparam, delete, insert, select, update

from protocol_specs.node.store import Session, Statement
from protocol_specs.web.tables import SignInCode

DIGITS = 6
LIFE_S = 600
TRIES_MAX = 5
PHONE = re.compile(r"\+[1-9][0-9]{7,14}")

_C = SignInCode.__table__
_FIND = Statement(select(_C).where(_C.c.id == bindparam("code_id")).with_for_update())
_INSERT = Statement(insert(_C))
_TRIED = Statement(
    update(_C).where(_C.c.id == bindparam("code_id")).values(tries=bindparam("tried"))
)
_DELETE = Statement(delete(_C).where(_C.c.id == bindparam("code_id")))
_DELETE_OF = Statement(
    delete(_C).where(_C.c.face == bindparam("of_face"), _C.c.phone == bindparam("of_phone"))
)


def phone_of(text: str) -> str | None:
    """A phone as people type it, in E.164; None where it cannot be one with its country code."""
    plain = re.sub(r"[\s().-]", "", text)
    plain = "+" + plain[2:] if plain.startswith("00") else plain
    return plain if PHONE.fullmatch(plain) else None


def ask(
    session: Session, face: str, phone: str, *, secret: str, known: bool, now: int
) -> tuple[str, str]:
    """A new code for that phone, which ends any earlier one: its id, and the six digits.

    For a phone that nobody has, the row looks the same from outside and no code opens it.
    """
    code_id, code = secrets.token_urlsafe(16), f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    session.run(_DELETE_OF, of_face=face, of_phone=phone)
    session.run(
        _INSERT,
        id=code_id,
        face=face,
        phone=phone,
        code_hash=_hash(secret, code_id, code) if known else None,
        tries=0,
        ends_at=now + LIFE_S,
    )
    return code_id, code


def check(
    session: Session, face: str, code_id: str, code: str, *, secret: str, now: int
) -> tuple[str | None, int]:
    """The phone, once, if the code is right; else None and how many tries are left.

    Each call that finds the code unspent costs a try, also the right one of a phone unknown.
    """
    row = session.one(_FIND, code_id=code_id)
    if row is None or row["face"] != face or row["ends_at"] <= now or row["tries"] >= TRIES_MAX:
        return None, 0
    given = _hash(secret, code_id, code.strip())
    if hmac.compare_digest(given, row["code_hash"] or bytes(32)):
        session.run(_DELETE, code_id=code_id)
        return str(row["phone"]), 0
    session.run(_TRIED, code_id=code_id, tried=row["tries"] + 1)
    return None, TRIES_MAX - row["tries"] - 1


def _hash(secret: str, code_id: str, code: str) -> bytes:
    """Keyed: a million codes are tried in no time by whoever has only the store."""
    return hmac.digest(secret.encode(), f"{code_id} {code}".encode(), hashlib.sha256)
