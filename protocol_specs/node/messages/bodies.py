"""The exact bytes of messages: each kept once, beside the row that tells its state."""

from sqlalchemy import bindparam, insert, select

from protocol_specs.node.messages.tables import Body
from protocol_specs.node.store import Session, Statement

_T = Body.__table__

_KEEP = Statement(insert(_T).values(bytes=bindparam("bytes")))
_LOAD = Statement(select(_T.c.bytes).where(_T.c.id == bindparam("body_id")))


def keep(session: Session, body: bytes) -> int:
    """Writes the bytes; returns the number they are found by."""
    return session.numbered(_KEEP, bytes=body)


def load(session: Session, body_id: int) -> bytes:
    """The bytes. LookupError when they were pruned."""
    row = session.one(_LOAD, body_id=body_id)
    if row is None:
        raise LookupError(f"body {body_id} was pruned")
    return bytes(row["bytes"])
