"""The tables of the consumer node: journeys, what happened on them, offers, and what was asked."""

from typing import ClassVar

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from protocol_specs.node.database.declaring import TableOnly
from protocol_specs.web import tables as web_tables

METADATA = sa.MetaData(info={"migrations": "bap.migrations"})


class Tables(SQLModel, metaclass=TableOnly):
    """Base of this node's tables; the metadata is the node's own."""

    metadata = METADATA
    __table__: ClassVar[sa.Table]


class JourneyRow(Tables, table=True):
    """One transaction as its citizen sees it. Documents are JSON; times are seconds UTC."""

    __tablename__ = "journey"

    id: str = Field(primary_key=True)
    secret_hash: bytes = Field(nullable=False)  # SHA-256 of the bearer secret
    kind: str
    domain: str
    dialect: str  # that its messages are written in
    city: str
    country: str
    currency: str
    transaction_id: str = Field(unique=True)
    state: str
    version: int = Field(sa_type=sa.BigInteger)  # number of the last event
    intent: bytes  # what was searched for, in the order model
    offer_id: str | None = None  # the offer last selected
    bpp_id: str | None = None  # whose offer that is
    order_id: str | None = Field(default=None, index=True)
    return_price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)  # of a parcel
    pickup_code: str | None = None  # ours, where the consumer's platform makes it
    quote: bytes | None = None  # message of the last on_select or on_init
    quote_stage: str | None = None
    quote_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    form: bytes | None = None  # that a provider wants filled in, and the id of what was given
    party: bytes | None = None  # who books, as given with init
    consented: bytes | None = None  # terms the citizen agreed to
    granted: bytes | None = None  # and those for a change that the provider has yet to make
    pending: bytes | None = None  # terms and changes that go beyond them
    agreed_fee_minor: int | None = Field(default=None, sa_type=sa.BigInteger)  # of cancelling
    order_message: bytes | None = None  # message of the latest statement about the order
    fee: bytes | None = None  # what cancelling costs, as the provider answered
    asked_update: bytes | None = None  # a change asked about, and what it would cost
    tracking: bytes | None = None
    choices: bytes | None = None  # lists of reasons and categories, by callback
    support: bytes | None = None  # whom to call
    ratings: bytes | None = None  # as given
    error: bytes | None = None
    created_at: int = Field(sa_type=sa.BigInteger)
    updated_at: int = Field(sa_type=sa.BigInteger, index=True)


class EventRow(Tables, table=True):
    """One thing that happened on a journey, numbered without gaps; what a stream sends."""

    __tablename__ = "journey_event"

    journey_id: str = Field(primary_key=True, foreign_key="journey.id", ondelete="CASCADE")
    n: int = Field(primary_key=True, sa_type=sa.BigInteger)
    kind: str
    at: int = Field(sa_type=sa.BigInteger)
    document: bytes


class CallRow(Tables, table=True):
    """One request of ours and whether its callback came: what a callback must match."""

    __tablename__ = "call"

    message_id: str = Field(primary_key=True)
    journey_id: str = Field(foreign_key="journey.id", ondelete="CASCADE", index=True)
    action: str
    bpp_id: str | None = None  # None: a search, which any provider of the domain may answer
    soft: int = Field(default=0, sa_type=sa.BigInteger)  # only asks what it would cost
    opened_at: int = Field(sa_type=sa.BigInteger)
    expires_at: int = Field(sa_type=sa.BigInteger)
    outcome: str | None = Field(default=None)  # None open; answered, refused, superseded
    chase_at: int | None = Field(default=None, sa_type=sa.BigInteger, index=True)
    chases: int = Field(default=0, sa_type=sa.BigInteger)


class OfferRow(Tables, table=True):
    """One offer of one provider; the same offer said again replaces what was said before."""

    __tablename__ = "offer"

    journey_id: str = Field(primary_key=True, foreign_key="journey.id", ondelete="CASCADE")
    offer_id: str = Field(primary_key=True)
    bpp_id: str
    document: bytes
    at: int = Field(sa_type=sa.BigInteger)


class AnsweredRow(Tables, table=True):
    """How many times a provider answered a passing request, and which answers came last."""

    __tablename__ = "answered"

    message_id: str = Field(primary_key=True, foreign_key="call.message_id", ondelete="CASCADE")
    bpp_id: str = Field(primary_key=True)
    times: int = Field(sa_type=sa.BigInteger)
    digests: bytes  # of the last answers, sixteen bytes each


class TripRow(Tables, table=True):
    """A journey that was begun on the citizen's pages, and whose it is."""

    __tablename__ = "trip"

    journey_id: str = Field(primary_key=True, foreign_key="journey.id", ondelete="CASCADE")
    owner: str = Field(index=True)  # a phone that signed in, or "browser:" and its session's hash
    share_token: str | None = Field(default=None, unique=True)  # of the link that shows where it is


class ComplaintRow(Tables, table=True):
    """What went wrong on a journey, in the words of its citizen, and what was answered."""

    __tablename__ = "complaint"

    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    journey_id: str = Field(foreign_key="journey.id", ondelete="CASCADE", index=True)
    about: str
    text: str
    made_at: int = Field(sa_type=sa.BigInteger)
    due_at: int = Field(sa_type=sa.BigInteger)  # by then our people answer
    answer: str | None = None
    answered_at: int | None = Field(default=None, sa_type=sa.BigInteger)


web_tables.define(METADATA)
