"""Journeys begun on the pages, and complaints, as rows; in the caller's transaction."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy import bindparam

from bap import rows
from bap.journey import Journey
from bap.tables import ComplaintRow, JourneyRow, TripRow
from protocol_specs.node.store import Row, Session, Statement

SHOWN_MAX = 50
COMPLAINTS_MAX = 5

_T, _J, _C = TripRow.__table__, JourneyRow.__table__, ComplaintRow.__table__
_OF = sa.select(_J).join(_T, _T.c.journey_id == _J.c.id)
_ADD = Statement(sa.insert(_T))
_MINE = Statement(_OF.where(_J.c.id == bindparam("of_id"), _T.c.owner == bindparam("of_owner")))
_HISTORY = Statement(
    _OF.where(_T.c.owner == bindparam("of_owner"), _J.c.offer_id.is_not(None))
    .order_by(_J.c.created_at.desc())
    .limit(SHOWN_MAX)
)
_JOIN = Statement(
    sa.update(_T).where(_T.c.owner == bindparam("before")).values(owner=bindparam("after"))
)
_of_this = sa.update(_T).where(_T.c.journey_id == bindparam("of_id"))
_SHARE = Statement(_of_this.where(_T.c.share_token.is_(None)).values(share_token=bindparam("word")))
_UNSHARE = Statement(_of_this.values(share_token=None))
_SHARE_OF = Statement(sa.select(_T.c.share_token).where(_T.c.journey_id == bindparam("of_id")))
_SHARED = Statement(_OF.where(_T.c.share_token == bindparam("word")))
_COMPLAINT = ("journey_id", "about", "text", "made_at", "due_at")
_COMPLAIN = Statement(sa.insert(_C).values({name: bindparam(name) for name in _COMPLAINT}))
_COMPLAINTS = Statement(
    sa.select(_C).where(_C.c.journey_id == bindparam("of_id")).order_by(_C.c.id)
)
_OPEN = Statement(sa.select(_C).where(_C.c.answered_at.is_(None)).order_by(_C.c.due_at).limit(500))
_ANSWERED = Statement(
    sa.select(_C).where(_C.c.answered_at.is_not(None)).order_by(_C.c.answered_at.desc()).limit(50)
)
_ONE = Statement(sa.select(_C).where(_C.c.id == bindparam("of_id")))
_ANSWER = Statement(
    sa.update(_C)
    .where(_C.c.id == bindparam("of_id"), _C.c.answered_at.is_(None))
    .values(answer=bindparam("said"), answered_at=bindparam("now"))
)


def add(session: Session, journey_id: str, owner: str) -> None:
    """This journey is theirs."""
    session.run(_ADD, journey_id=journey_id, owner=owner, share_token=None)


def mine(session: Session, journey_id: str, owner: str) -> Journey | None:
    """The journey, if it is theirs. Unknown, and known but another's, look alike."""
    return rows.read_journey(session.one(_MINE, of_id=journey_id, of_owner=owner))


def history(session: Session, owner: str) -> list[Journey]:
    """Their journeys on which an offer was taken, the last first."""
    found = [rows.read_journey(row) for row in session.all(_HISTORY, of_owner=owner)]
    return [journey for journey in found if journey is not None]


def join(session: Session, browser: str, phone: str) -> None:
    """What a browser began is from now on the phone's that signed in with it."""
    session.run(_JOIN, before=browser, after=phone)


def share(session: Session, journey_id: str) -> None:
    """Makes the link under which anybody sees where this journey is; one that stands stays."""
    session.run(_SHARE, of_id=journey_id, word=secrets.token_urlsafe(24))


def unshare(session: Session, journey_id: str) -> None:
    """The link shows nothing any more."""
    session.run(_UNSHARE, of_id=journey_id)


def share_token(session: Session, journey_id: str) -> str | None:
    """What the link ends with; None if nothing is shared."""
    row = session.one(_SHARE_OF, of_id=journey_id)
    return None if row is None else row["share_token"]


def shared(session: Session, token: str) -> Journey | None:
    """The journey of a link."""
    return rows.read_journey(session.one(_SHARED, word=token))


def complain(
    session: Session, journey_id: str, *, about: str, text: str, now: int, due: int
) -> bool:
    """Keeps a complaint; False when there are too many of this journey."""
    rows.lock(session, journey_id)
    if len(complaints(session, journey_id)) >= COMPLAINTS_MAX:
        return False
    values = {"journey_id": journey_id, "about": about, "text": text}
    session.run(_COMPLAIN, **values, made_at=now, due_at=due)
    return True


def complaints(session: Session, journey_id: str) -> list[Row]:
    """The complaints of a journey, the first first."""
    return session.all(_COMPLAINTS, of_id=journey_id)


def open_complaints(session: Session) -> list[Row]:
    """Complaints that nobody has answered, the most urgent first."""
    return session.all(_OPEN)


def answered(session: Session) -> list[Row]:
    """Complaints that were answered, the last first, at most 50."""
    return session.all(_ANSWERED)


def complaint(session: Session, complaint_id: int) -> Row | None:
    """One of them, answered or not."""
    return session.one(_ONE, of_id=complaint_id)


def answer(session: Session, complaint_id: int, said: str, now: int) -> bool:
    """Answers a complaint, once; False for one that is unknown or answered."""
    return session.run(_ANSWER, of_id=complaint_id, said=said, now=now) == 1
