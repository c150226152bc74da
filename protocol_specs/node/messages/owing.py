"""Messages owed: written in the transaction that makes them due, sent by the outbox."""

from sqlalchemy import bindparam, insert, update

from protocol_specs.node.messages import bodies, conversations
from protocol_specs.node.messages.tables import Owed
from protocol_specs.node.store import Session, Statement
from protocol_specs.node.telemetry.traces import CURRENT

CHANNEL = "outbox"  # notified with "<row id> <receiver_id>"
ORDER_CALLBACK_KEPT_S = 72 * 3600

_T = Owed.__table__
_COLUMNS = [column.name for column in _T.columns if column.name != "id"]

_SUPERSEDE = Statement(
    update(_T)
    .where(
        _T.c.supersedes == bindparam("key"),
        _T.c.supersedes.is_not(None),
        _T.c.receiver_id == bindparam("receiver"),
        _T.c.state == "pending",
    )
    .values(state="superseded")
)
_OWE = Statement(insert(_T).values({name: bindparam(name) for name in _COLUMNS}))


def owe(
    session: Session,
    *,
    receiver_id: str,
    receiver_url: str,
    transaction_id: str,
    action: str,
    message_id: str,
    body: bytes,
    now: int,
    expires_at: int | None,
    supersedes: str | None = None,
) -> None:
    """Writes a message for the outbox, in the caller's transaction.

    It is sent in the order of its transaction_id. `expires_at` (seconds UTC) ends the tries of a
    request or search answer; None is the rule for order callbacks, 72 hours and then parked. A
    message not yet sent to this receiver under the same `supersedes` key gives way to this one.
    """
    conversation_id, n = conversations.count(session, receiver_id, transaction_id)
    if supersedes is not None:
        session.run(_SUPERSEDE, key=supersedes, receiver=receiver_id)
    row_id = session.numbered(
        _OWE,
        conversation_id=conversation_id,
        receiver_id=receiver_id,
        url=receiver_url,
        transaction_id=transaction_id,
        n=n,
        action=action,
        message_id=message_id,
        body_id=bodies.keep(session, body),
        created_at=now,
        expires_at=expires_at,
        give_up_at=now + ORDER_CALLBACK_KEPT_S if expires_at is None else expires_at,
        next_at=now,
        tries=0,
        faults=0,
        state="pending",
        supersedes=supersedes,
        error=None,
        trace=CURRENT.get(),
    )
    session.notify(CHANNEL, f"{row_id} {receiver_id}", conversation=conversation_id)
