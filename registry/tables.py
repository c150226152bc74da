"""The registry's tables: who takes part, with which keys, who asked to, and who changed what."""

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, MetaData, SQLModel

from protocol_specs.node.database.declaring import TableOnly
from protocol_specs.node.database.triggers import append_only
from protocol_specs.web import tables as web_tables

METADATA = MetaData(info={"migrations": "registry.migrations"})
web_tables.define(METADATA)


class Table(SQLModel, metaclass=TableOnly):
    """Base of this node's tables, on a metadata of its own."""

    metadata = METADATA


def integer() -> int:
    """A column of integers; times are seconds UTC."""
    column: int = Field(sa_type=BigInteger)
    return column


class Participant(Table, table=True):
    """One role of one subscriber in one domain, at its own url, as the network sees it."""

    __tablename__ = "participant"
    __table_args__ = (
        Index("participant_by_place", "domain", "type", "country", "status", "subscriber_id"),
        Index("participant_by_domain_and_type", "domain", "type", "status", "subscriber_id"),
        Index("participant_by_domain", "domain", "status", "subscriber_id"),
        Index("participant_by_type", "type", "status", "subscriber_id"),
        Index("participant_by_country", "country", "status", "subscriber_id"),
        Index("participant_by_status", "status", "subscriber_id"),
    )

    subscriber_id: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    type: str = Field(primary_key=True)
    url: str
    cities: str  # comma-separated; "*" only if the operator's policy grants it
    country: str
    status: str  # SUBSCRIBED; outside, the others are all UNSUBSCRIBED: SUSPENDED, REMOVED, LEFT
    created: int = integer()
    updated: int = integer()


class ParticipantCity(Table, table=True):
    """A city that a participant serves, so that a city is found without reading the others."""

    __tablename__ = "participant_city"

    city: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    type: str = Field(primary_key=True)
    subscriber_id: str = Field(primary_key=True)


class ParticipantKey(Table, table=True):
    """A key pair a subscriber has proved to hold. Its material never changes under its id."""

    __tablename__ = "participant_key"
    __table_args__ = (
        UniqueConstraint("signing_public_key"),
        Index("participant_key_by_id", "unique_key_id", "subscriber_id"),
        Index("participant_key_by_start", "valid_from"),
        Index("participant_key_by_end", "valid_until"),
    )

    subscriber_id: str = Field(primary_key=True)
    unique_key_id: str = Field(primary_key=True)
    signing_public_key: str  # base64 of 32 raw bytes
    encryption_public_key: str
    valid_from: int = integer()
    valid_until: int = integer()
    retired: int = integer()  # 0, or when it was retired; then valid_until is not later


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
    kind: str  # join, or key: one more key for what it takes part as already
    signer: str  # the current key that signed it; empty: the key it brings
    state: str  # challenge, approval, granted, refused, superseded
    reason: str = ""
    fault: str = ""  # INVALID_SSL, if that is why its url could not be asked
    tries: int = integer()
    challenged: int = integer()  # 0, or when every challenge was answered
    next_at: int = integer()
    created: int = integer()
    updated: int = integer()


class Change(Table, table=True):
    """Who changed what, when and why; never edited, each row holding the hash of the one before."""

    __tablename__ = "change"
    __table_args__ = (Index("change_by_subscriber", "subscriber_id", "sequence"),)

    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    at: int = integer()
    what: str
    subscriber_id: str
    who: str
    detail: str  # JSON, see changes.py
    previous: str
    hash: str


class Spent(Table, table=True):
    """A signature that was acted on, kept until it can no longer be used."""

    __tablename__ = "spent"
    __table_args__ = (Index("spent_by_end", "until"),)

    signature: str = Field(primary_key=True)
    until: int = integer()


TRIGGERS = append_only("change")
