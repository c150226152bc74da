"""Tables of the orders: quotes, orders, and the facts about them."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Table, UniqueConstraint, text
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only

_IS_OPEN = "status = 'ACTIVE' AND agent_id IS NULL AND is_ahead = 0 AND state <> 'Pending'"


class QuoteRow(Tables, table=True):
    """The one standing quote of a BAP's transaction; a later init takes its place."""

    __tablename__ = "quote"
    __table__: ClassVar[Table]
    __table_args__ = (Index("quote_expiry", "expires_at"),)

    bap_id: str = Field(primary_key=True)
    transaction_id: str = Field(primary_key=True)
    expires_at: int = Field(sa_type=BigInteger)
    document: bytes


class OrderRow(Tables, table=True):
    """An order. One per BAP and transaction, and one running job per agent: by constraint.

    `order_id` is what its BAP knows it by (some make it themselves, so it is unique only with the
    BAP), `job_id` what drivers and the desk do. `is_done`: carried out, or brought back.
    `begins_at` is the planned start, 0 for one at once; while `is_ahead` it is nobody's running
    job. `waits_since`: from when on an order without an agent counts as waiting.
    """

    __tablename__ = "orders"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("bap_id", "transaction_id"),
        UniqueConstraint("bap_id", "order_id"),
        UniqueConstraint("job_id"),
        CheckConstraint("status IN ('ACTIVE', 'COMPLETE', 'CANCELLED')"),
        CheckConstraint("is_done IN (0, 1)"),
        CheckConstraint("is_ahead IN (0, 1)"),
        Index(
            "jobs_ahead",
            "begins_at",
            "key",
            sqlite_where=text("status = 'ACTIVE' AND is_ahead = 1"),
        ),
        Index(
            "one_job_per_agent",
            "agent_id",
            unique=True,
            sqlite_where=text("status = 'ACTIVE' AND is_ahead = 0 AND agent_id IS NOT NULL"),
        ),
        Index(
            "open_jobs",
            "created_at",
            "key",
            sqlite_where=text(_IS_OPEN),
        ),
        Index(
            "open_planned_jobs",
            "created_at",
            "key",
            sqlite_where=text(f"{_IS_OPEN} AND begins_at > 0"),
        ),
        Index("newest_orders", "created_at"),
        Index(
            "jobs_done",
            "agent_id",
            "updated_at",
            sqlite_where=text("is_done = 1"),
        ),
        Index(
            "waiting_jobs",
            "state",
            "waits_since",
            sqlite_where=text("status = 'ACTIVE' AND agent_id IS NULL"),
        ),
    )

    key: str = Field(primary_key=True)
    bap_id: str
    transaction_id: str
    order_id: str
    job_id: str
    status: str
    state: str
    agent_id: str | None
    is_ahead: int = Field(sa_type=BigInteger)
    begins_at: int = Field(sa_type=BigInteger)
    is_done: int = Field(sa_type=BigInteger)
    events: int = Field(sa_type=BigInteger)
    revision: int = Field(sa_type=BigInteger)
    document: bytes
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)
    waits_since: int = Field(sa_type=BigInteger)


class OrderEventRow(Tables, table=True):
    """A fact about an order. Append-only; an extension may be projected from it at any time.

    No foreign key to the order: the fact is written first, so that the order's one write can carry
    what extensions answered to it.
    """

    __tablename__ = "order_event"
    __table__: ClassVar[Table]

    order_key: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str
    at: int = Field(sa_type=BigInteger)
    agent_id: str | None
    document: bytes


class RatingRow(Tables, table=True):
    """What a consumer gave one category of an order; a later value takes its place."""

    __tablename__ = "order_rating"
    __table__: ClassVar[Table]

    order_key: str = Field(primary_key=True)
    category: str = Field(primary_key=True)
    value: int = Field(sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)


class SubmissionRow(Tables, table=True):
    """A form filled in for a transaction; filled in again, it is another submission."""

    __tablename__ = "form_submission"
    __table__: ClassVar[Table]
    __table_args__ = (Index("submission_age", "at"),)

    bap_id: str = Field(primary_key=True)
    transaction_id: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    document: bytes


TRIGGERS = append_only(str(OrderEventRow.__tablename__))
