"""What is kept beside orders: ratings, filled-in forms; each write in the caller's transaction."""

from collections.abc import Sequence

from msgspec import json
from sqlalchemy import bindparam, delete, insert, select, update

from bpp.orders.forms import Submission
from bpp.orders.tables import RatingRow, SubmissionRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire.order import Rating

KEPT_SUBMISSION_S = 48 * 3600  # longer than any quote; an order keeps the answers themselves

_RATING, _SUBMISSION = RatingRow.__table__, SubmissionRow.__table__
_OF_CATEGORY = (
    _RATING.c.order_key == bindparam("of_order"),
    _RATING.c.category == bindparam("of_category"),
)
_RATE_AGAIN = Statement(
    update(_RATING).where(*_OF_CATEGORY).values(value=bindparam("value"), at=bindparam("at"))
)
_RATE = Statement(insert(_RATING))
_RATINGS = Statement(
    select(_RATING.c.category, _RATING.c.value)
    .where(_RATING.c.order_key == bindparam("of_order"))
    .order_by(_RATING.c.category)
)
_OF_TRANSACTION = (
    _SUBMISSION.c.bap_id == bindparam("of_bap"),
    _SUBMISSION.c.transaction_id == bindparam("of_transaction"),
)
_SUBMIT_AGAIN = Statement(
    update(_SUBMISSION)
    .where(*_OF_TRANSACTION)
    .values(at=bindparam("at"), document=bindparam("document"))
)
_SUBMIT = Statement(insert(_SUBMISSION))
_SUBMITTED = Statement(select(_SUBMISSION.c.document).where(*_OF_TRANSACTION))
_OLD = Statement(
    select(_SUBMISSION.c.bap_id, _SUBMISSION.c.transaction_id)
    .where(_SUBMISSION.c.at < bindparam("before"))
    .limit(1)
)
_DROP = Statement(delete(_SUBMISSION).where(*_OF_TRANSACTION))
_READ = json.Decoder(Submission)


def put_ratings(session: Session, order_key: str, ratings: Sequence[Rating], now: int) -> None:
    """Keeps each value, in place of an earlier one of its category."""
    for rating in ratings:
        of = {"of_order": order_key, "of_category": rating.category}
        values = {"value": int(rating.value), "at": now}
        if not session.run(_RATE_AGAIN, **of, **values):
            session.run(_RATE, order_key=order_key, category=rating.category, **values)


def ratings_of(session: Session, order_key: str) -> dict[str, int]:
    """The values an order was given, by category."""
    return {row["category"]: row["value"] for row in session.all(_RATINGS, of_order=order_key)}


def put_submission(session: Session, submission: Submission) -> None:
    """Keeps what was filled in; it takes the place of an earlier one of the same transaction."""
    values = {"at": submission.at, "document": json.encode(submission)}
    bap_id, transaction_id = submission.bap_id, submission.transaction_id
    if not session.run(_SUBMIT_AGAIN, of_bap=bap_id, of_transaction=transaction_id, **values):
        session.run(_SUBMIT, bap_id=bap_id, transaction_id=transaction_id, **values)


def find_submission(session: Session, bap_id: str, transaction_id: str) -> Submission | None:
    """What was filled in for this BAP's transaction."""
    row = session.one(_SUBMITTED, of_bap=bap_id, of_transaction=transaction_id)
    return _READ.decode(row["document"]) if row else None


def drop_submission_next(session: Session, now: int) -> bool:
    """Forgets one form that was filled in two days ago; says whether there was one."""
    row = session.one(_OLD, before=now - KEPT_SUBMISSION_S)
    if row is None:
        return False
    of = {"of_bap": row["bap_id"], "of_transaction": row["transaction_id"]}
    return session.run(_DROP, **of) > 0
