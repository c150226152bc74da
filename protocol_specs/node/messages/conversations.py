"""One row per peer and transaction: the order in which both of us speak."""

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.sqlite import insert

from protocol_specs.node.messages.tables import Conversation
from protocol_specs.node.store import Session, Statement

_T = Conversation.__table__
_OURS = (_T.c.peer_id == bindparam("peer_id"), _T.c.transaction_id == bindparam("transaction_id"))

_COUNT = Statement(
    update(_T).where(*_OURS).values(next_n=_T.c.next_n + 1).returning(_T.c.id, _T.c.next_n)
)
# Where other processes write too, one of them may begin the same conversation meanwhile.
_NEW = insert(_T).values(
    peer_id=bindparam("peer_id"), transaction_id=bindparam("transaction_id"), next_n=1
)
_KEY = ["transaction_id", "peer_id"]
_BEGIN = Statement(_NEW.on_conflict_do_update(index_elements=_KEY, set_={"next_n": _T.c.next_n}))


def begin(session: Session, peer_id: str, transaction_id: str) -> int:
    """Writes the conversation's row with its first message; returns its id."""
    return session.insert(_BEGIN, peer_id=peer_id, transaction_id=transaction_id)


def count(session: Session, peer_id: str, transaction_id: str) -> tuple[int, int]:
    """The conversation's id, and the number (from 1) of the next message that we owe in it."""
    row = session.one(_COUNT, peer_id=peer_id, transaction_id=transaction_id)
    if row is None:
        begin(session, peer_id, transaction_id)
        return count(session, peer_id, transaction_id)
    return int(row["id"]), int(row["next_n"]) - 1
