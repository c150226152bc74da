"""The registry's tables: who takes part, with which keys, who asked to, and who changed what."""

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, MetaData, SQLModel

from protocol_specs.node.triggers import append_only

METADATA = MetaData()


class Table(SQLModel):
    """Base of this node's tables, on a metadata of its own."""

    metadata = METADATA


def seconds() -> int:
    """A column of integer seconds UTC."""
    column: int = Field(sa_type=BigInteger)
    return column


class Participant(Table, table=True):
    """One role of one subscriber in one domain, as the network sees it."""

    __tablename__ = "participant"
    __table_args__ = (Index("participant_by_role", "type", "domain", "status"),)

    subscriber_id: str = Field(primary_key=True)
    type: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    url: str
    cities: str  # comma-separated; "*" only if the operator's policy grants it
    country: str
    status: str  # SUBSCRIBED or UNSUBSCRIBED
    created: int = seconds()
    updated: int = seconds()


class ParticipantKey(Table, table=True):
    """A key pair a subscriber has proved to hold. Its material never changes under its id."""

    __tablename__ = "participant_key"
    __table_args__ = (UniqueConstraint("signing_public_key"),)

    subscriber_id: str = Field(primary_key=True)
    unique_key_id: str = Field(primary_key=True)
    signing_public_key: str  # base64 of 32 raw bytes
    encryption_public_key: str
    valid_from: int = seconds()
    valid_until: int = seconds()


class Application(Table, table=True):
    """A request to take part or to change how; granted, it becomes participants and a key."""

    __tablename__ = "application"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "nonce"),
        Index("application_by_state", "state", "next_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    subscriber_id: str
    nonce: str
    document: bytes  # the application as JSON, see applications.Application
    state: str  # challenge, approval, granted, refused, superseded
    reason: str = ""
    tries: int = Field(sa_type=BigInteger)
    next_at: int = seconds()
    created: int = seconds()
    updated: int = seconds()


class Change(Table, table=True):
    """Who changed what, when and why; never edited."""

    __tablename__ = "change"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    at: int = seconds()
    actor: str
    subscriber_id: str
    what: str
    reason: str


TRIGGERS = append_only("change")
