"""The tables every node has: conversations, messages received, messages owed, and their bodies."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, MetaData, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from protocol_specs.node.database.declaring import TableOnly, copy_tables

RECEIVED_STATES = ("new", "handled", "parked")
OWED_STATES = ("pending", "sent", "parked", "superseded", "expired")


class NodeTables(SQLModel, metaclass=TableOnly):
    """Base of the tables below; they live on a MetaData of their own until `define` copies them."""

    metadata = MetaData()
    __table__: ClassVar[Table]


class Conversation(NodeTables, table=True):
    """All messages of one transaction with one peer: the lock and the order of both queues.

    The transaction stands first in its key, which so finds all conversations of one, too.
    """

    __table_args__ = (UniqueConstraint("transaction_id", "peer_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    peer_id: str
    transaction_id: str
    next_n: int = Field(sa_type=BigInteger)  # the number of the next message that we owe in it


class Body(NodeTables, table=True):
    """The exact bytes of a message, apart from its row: a change of state then costs little.

    Deleted after the time that `prune` states: bodies hold phones and places.
    """

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    bytes: bytes


class Received(NodeTables, table=True):
    """A message that was ACKed. `callback_hash` is the body's digest for on_*, else empty.

    So a request is one per sender, action and message_id, while callbacks repeat.
    """

    __table_args__ = (
        UniqueConstraint("sender_id", "action", "message_id", "callback_hash"),
        CheckConstraint(f"state IN {RECEIVED_STATES}"),
        CheckConstraint("state <> 'new' OR body_id IS NOT NULL"),
        Index("received_waiting", "conversation_id", "id", sqlite_where=text("state = 'new'")),
        Index("received_due", "next_at", "id", sqlite_where=text("state = 'new'")),
        Index("received_of", "conversation_id", "id"),
        Index("received_kept", "received_at", sqlite_where=text("body_id IS NOT NULL")),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    conversation_id: int = Field(sa_type=BigInteger, foreign_key="conversation.id")
    sender_id: str
    action: str
    message_id: str
    callback_hash: str
    digest: str  # base64 BLAKE2b-512 of the body
    body_id: int | None = Field(sa_type=BigInteger)  # None once pruned
    authorization: str | None  # the signature over the body, our proof; None once pruned
    sender: str  # the registry record that the signature was verified with, JSON
    gateway: str | None
    received_at: int = Field(sa_type=BigInteger)
    state: str
    tries: int = Field(sa_type=BigInteger)
    next_at: int = Field(sa_type=BigInteger)
    error: str | None
    trace: str | None  # the traceparent it came with, or of the span that took it


class Owed(NodeTables, table=True):
    """A message that we owe a peer, `n` its place in the conversation.

    `faults` counts failures while the receiver answered others: enough of them, and those behind
    it no longer wait. `expires_at` None is an order callback: parked, not expired, at `give_up_at`.
    """

    __table_args__ = (
        UniqueConstraint("conversation_id", "n"),
        CheckConstraint(f"state IN {OWED_STATES}"),
        CheckConstraint("state <> 'pending' OR body_id IS NOT NULL"),
        Index("owed_due", "receiver_id", "next_at", "id", sqlite_where=text("state = 'pending'")),
        Index("owed_order", "conversation_id", "n", sqlite_where=text("state = 'pending'")),
        Index("owed_give_up", "give_up_at", sqlite_where=text("state = 'pending'")),
        Index(
            "owed_supersedes",
            "supersedes",
            "receiver_id",
            sqlite_where=text("state = 'pending' AND supersedes IS NOT NULL"),
        ),
        Index("owed_kept", "created_at", sqlite_where=text("body_id IS NOT NULL")),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    conversation_id: int = Field(sa_type=BigInteger, foreign_key="conversation.id")
    receiver_id: str
    url: str
    transaction_id: str
    n: int = Field(sa_type=BigInteger)
    action: str
    message_id: str
    body_id: int | None = Field(sa_type=BigInteger)  # None once pruned
    created_at: int = Field(sa_type=BigInteger)
    expires_at: int | None = Field(sa_type=BigInteger)
    give_up_at: int = Field(sa_type=BigInteger)
    next_at: int = Field(sa_type=BigInteger)
    tries: int = Field(sa_type=BigInteger)
    faults: int = Field(sa_type=BigInteger)
    state: str
    supersedes: str | None
    error: str | None
    trace: str | None  # the traceparent of what made it due


def define(metadata: MetaData) -> None:
    """Copies these tables to a node's own MetaData; once is enough, twice does no harm."""
    copy_tables(NodeTables.metadata, metadata)
