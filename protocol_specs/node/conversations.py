"""One row per peer and transaction: the order in which both of us speak."""

from sqlalchemy import bindparam, insert, select, update

from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.node.tables import Conversation

_T = Conversation.__table__
_OURS = (_T.c.peer_id == bindparam("peer_id"), _T.c.transaction_id == bindparam("transaction_id"))

_FIND = Statement(select(_T.c.id).where(*_OURS))
_COUNT = Statement(
    update(_T).where(*_OURS).values(next_n=_T.c.next_n + 1).returning(_T.c.id, _T.c.next_n)
)
_BEGIN = Statement(
    insert(_T)
    .values({name: bindparam(name) for name in ("peer_id", "transaction_id", "next_n")})
    .returning(_T.c.id, _T.c.next_n)
)


def find_or_begin(session: Session, peer_id: str, transaction_id: str) -> int:
    """The conversation's id; writes its row with the first message."""
    names = {"peer_id": peer_id, "transaction_id": transaction_id}
    row = session.one(_FIND, **names) or _begin(session, next_n=1, **names)
    return int(row["id"])


def count(session: Session, peer_id: str, transaction_id: str) -> tuple[int, int]:
    """The conversation's id, and the number (from 1) of the next message that we owe in it."""
    names = {"peer_id": peer_id, "transaction_id": transaction_id}
    row = session.one(_COUNT, **names) or _begin(session, next_n=2, **names)
    return int(row["id"]), int(row["next_n"]) - 1


def _begin(session: Session, *, peer_id: str, transaction_id: str, next_n: int) -> Row:
    row = session.one(_BEGIN, peer_id=peer_id, transaction_id=transaction_id, next_n=next_n)
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    return row
