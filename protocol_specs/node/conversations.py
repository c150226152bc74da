"""One row per peer and transaction: the order in which both of us speak."""

from sqlalchemy import bindparam, insert, update

from protocol_specs.node.store import Session, Statement
from protocol_specs.node.tables import Conversation

_T = Conversation.__table__
_OURS = (_T.c.peer_id == bindparam("peer_id"), _T.c.transaction_id == bindparam("transaction_id"))

_COUNT = Statement(
    update(_T).where(*_OURS).values(next_n=_T.c.next_n + 1).returning(_T.c.id, _T.c.next_n)
)
_BEGIN = Statement(
    insert(_T).values({name: bindparam(name) for name in ("peer_id", "transaction_id", "next_n")})
)


def begin(session: Session, peer_id: str, transaction_id: str, *, next_n: int = 1) -> int:
    """Writes the conversation's row with its first message; returns its id."""
    return session.insert(_BEGIN, peer_id=peer_id, transaction_id=transaction_id, next_n=next_n)


def count(session: Session, peer_id: str, transaction_id: str) -> tuple[int, int]:
    """The conversation's id, and the number (from 1) of the next message that we owe in it."""
    row = session.one(_COUNT, peer_id=peer_id, transaction_id=transaction_id)
    if row is None:
        return begin(session, peer_id, transaction_id, next_n=2), 1
    return int(row["id"]), int(row["next_n"]) - 1
