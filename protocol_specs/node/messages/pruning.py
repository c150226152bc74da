"""Forgets bodies after their time: they hold phones and places; hashes and ids are kept."""

from sqlalchemy import and_, bindparam, delete, or_, select, update

from protocol_specs.node.messages.tables import Body, Owed, Received
from protocol_specs.node.store import Session, Statement

KEPT_S = 30 * 86_400
KEPT_PARKED_S = 90 * 86_400  # somebody has to decide about it, but not for ever
PRUNED_PER_COMMIT_MAX = 200

_R, _O, _B = Received.__table__, Owed.__table__, Body.__table__

_OLD_RECEIVED = Statement(
    select(_R.c.id, _R.c.body_id)
    .where(
        _R.c.body_id.is_not(None),
        _R.c.received_at < bindparam("before"),
        or_(
            _R.c.state == "handled",
            and_(_R.c.state == "parked", _R.c.received_at < bindparam("parked_before")),
        ),
    )
    .order_by(_R.c.received_at)
    .limit(bindparam("limit"))
)
_OLD_OWED = Statement(
    select(_O.c.id, _O.c.body_id)
    .where(
        _O.c.body_id.is_not(None),
        _O.c.created_at < bindparam("before"),
        or_(
            _O.c.state.in_(["sent", "superseded", "expired"]),
            and_(_O.c.state == "parked", _O.c.created_at < bindparam("parked_before")),
        ),
    )
    .order_by(_O.c.created_at)
    .limit(bindparam("limit"))
)
_FORGET_RECEIVED = Statement(
    update(_R)
    .where(_R.c.id == bindparam("row_id"))
    .values(body_id=None, authorization=None, error=None)
)
_FORGET_OWED = Statement(
    update(_O).where(_O.c.id == bindparam("row_id")).values(body_id=None, error=None)
)
_DELETE = Statement(delete(_B).where(_B.c.id == bindparam("body_id")))


def prune_next(session: Session, now: int) -> bool:
    """Forgets the oldest bodies of messages that are done with for 30 days; says whether any were.

    A parked message keeps its body for 90 days, so that it can be tried again.
    """
    limits = {
        "before": now - KEPT_S,
        "parked_before": now - KEPT_PARKED_S,
        "limit": PRUNED_PER_COMMIT_MAX,
    }
    found = False
    for old, forget in ((_OLD_RECEIVED, _FORGET_RECEIVED), (_OLD_OWED, _FORGET_OWED)):
        for row in session.all(old, **limits):
            session.run(forget, row_id=row["id"])
            session.run(_DELETE, body_id=row["body_id"])
            found = True
    return found
