"""What becomes of messages owed, in the database: picked, answered, failed, given up."""

from collections.abc import Callable

from sqlalchemy import and_, bindparam, exists, func, or_, select, update

from protocol_specs.node.messages.tables import Body, Owed
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.node.workers.workers import Share

BACK = "outbox_back"  # notified with the receiver's id

HOLDS_FOR_FAULTS = 5  # so often a message may fail by its own fault before those behind it go on
LATE_PER_TURN_MAX = 256

_T = Owed.__table__
_BODY = Body.__table__
_EARLIER = Owed.__table__.alias("earlier")
_IS_THIS = _T.c.id == bindparam("row_id")
_NOT_HELD = ~exists().where(
    _EARLIER.c.conversation_id == _T.c.conversation_id,
    _EARLIER.c.n < _T.c.n,
    _EARLIER.c.state == "pending",
    _EARLIER.c.faults < HOLDS_FOR_FAULTS,
)

_IS_OURS = _T.c.conversation_id % bindparam("workers") == bindparam("slot")

_RECEIVERS = Statement(select(_T.c.receiver_id).where(_T.c.state == "pending", _IS_OURS).distinct())
_TAKE = Statement(
    select(_T, _BODY.c.bytes)
    .join(_BODY, _BODY.c.id == _T.c.body_id)
    .where(
        _IS_THIS,
        _T.c.state == "pending",
        # A clock set back must not hold up what was never tried.
        or_(_T.c.tries == 0, _T.c.next_at <= bindparam("now")),
        _NOT_HELD,
    )
)
_PICK = Statement(
    select(_T.c.id)
    .where(
        _T.c.receiver_id == bindparam("receiver_id"),
        _T.c.state == "pending",
        _T.c.next_at <= bindparam("now"),
        _IS_OURS,
        _NOT_HELD,
    )
    .order_by(_T.c.next_at, _T.c.id)
    .limit(bindparam("limit"))
)
_DUE_AT = Statement(
    select(func.min(_T.c.next_at).label("at")).where(
        _T.c.receiver_id == bindparam("receiver_id"),
        _T.c.state == "pending",
        _T.c.next_at > bindparam("now"),
        _IS_OURS,
    )
)
_BEHIND = Statement(
    select(_T.c.id)
    .where(
        _T.c.conversation_id == bindparam("conversation_id"),
        _T.c.n > bindparam("n"),
        _T.c.state == "pending",
    )
    .order_by(_T.c.n)
    .limit(1)
)
_END = Statement(
    # Superseded or too late while it was in the air: what the receiver said counts.
    update(_T)
    .where(_IS_THIS, _T.c.state.in_(["pending", "superseded", "expired", "parked"]))
    .values(state=bindparam("end"), tries=_T.c.tries + 1, error=bindparam("error"))
)
_FAIL = Statement(
    update(_T)
    .where(_IS_THIS, _T.c.state == "pending")
    .values(
        tries=_T.c.tries + 1,
        faults=_T.c.faults + bindparam("fault"),
        next_at=bindparam("next_at"),
        error=bindparam("error"),
    )
)
_LATE = Statement(
    select(_T)
    .where(_T.c.state == "pending", _T.c.give_up_at <= bindparam("now"), _IS_OURS)
    .order_by(_T.c.give_up_at)
    .limit(LATE_PER_TURN_MAX)
)
_GIVE_UP = Statement(
    update(_T)
    .where(_IS_THIS, _T.c.state == "pending")
    .values(state=bindparam("end"), error=func.coalesce(_T.c.error, bindparam("error")))
)
_REVIVE = Statement(
    update(_T)
    .where(
        _T.c.receiver_id == bindparam("receiver"),
        and_(_T.c.state == "pending", _T.c.next_at > bindparam("now")),
    )
    .values(next_at=bindparam("now"))
)
_BRING_NEAR = Statement(
    update(_T)
    .where(_T.c.state == "pending", _T.c.next_at > bindparam("furthest"))
    .values(next_at=bindparam("now"))
)
_OLDEST = Statement(select(func.min(_T.c.created_at).label("at")).where(_T.c.state == "pending"))


def receivers(session: Session, share: Share) -> list[str]:
    """All to whom something is owed in conversations of ours."""
    return [row["receiver_id"] for row in session.all(_RECEIVERS, **share.values)]


def take(session: Session, row_id: int, now: int) -> Row | None:
    """The message with its `bytes`, if it may be sent now: pending, due and not held by another."""
    return session.one(_TAKE, row_id=row_id, now=now)


def pick(
    session: Session, receiver_id: str, now: int, limit: int, share: Share
) -> tuple[list[int], int | None]:
    """The oldest messages that may be sent to the receiver now, and when the next one is due."""
    of = {"receiver_id": receiver_id, "now": now, **share.values}
    rows, due = session.all(_PICK, limit=limit, **of), session.one(_DUE_AT, **of)
    return [row["id"] for row in rows], None if due is None else due["at"]


def end(session: Session, row: Row, state: str, error: str | None) -> int | None:
    """The receiver answered: sent, or parked with its reason. The id of the next one behind it."""
    session.write(_END, row_id=row["id"], end=state, error=error)
    return _behind(session, row)


def fail(session: Session, row: Row, *, fault: bool, next_at: int, error: str) -> int | None:
    """No answer: to be tried again. The id of the next one behind it, should that go first now."""
    session.write(_FAIL, row_id=row["id"], fault=int(fault), next_at=next_at, error=error)
    return _behind(session, row)


def give_up_late(
    session: Session, now: int, also: Callable[[Session, Row, str], None], share: Share
) -> list[tuple[Row, str, int | None]]:
    """Ends what is past its time: expired, or parked by the 72 hour rule; and the one behind it."""
    given_up = []
    for row in session.all(_LATE, now=now, **share.values):
        state = "parked" if row["expires_at"] is None else "expired"
        session.run(_GIVE_UP, row_id=row["id"], end=state, error="not delivered in time")
        also(session, row, state)
        given_up.append((row, state, _behind(session, row)))
    return given_up


def is_any_late(session: Session, now: int, share: Share) -> bool:
    """Whether `give_up_late` would find any."""
    return session.one(_LATE, now=now, **share.values) is not None


def revive(session: Session, receiver_id: str, now: int) -> None:
    """The receiver is back: what waits for a later try is due now, in every process."""
    session.run(_REVIVE, receiver=receiver_id, now=now)
    session.notify(BACK, receiver_id)


def bring_near(session: Session, now: int, furthest: int) -> None:
    """The clock was set back: nothing waits for a time later than any back-off would name."""
    session.run(_BRING_NEAR, now=now, furthest=furthest)


def oldest_at(session: Session) -> int | None:
    """When the oldest message was owed that still waits."""
    row = session.one(_OLDEST)
    return None if row is None else row["at"]


def _behind(session: Session, row: Row) -> int | None:
    found = session.one(_BEHIND, conversation_id=row["conversation_id"], n=row["n"])
    return None if found is None else int(found["id"])
