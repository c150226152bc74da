"""Tables of the orders: quotes, orders, and the facts about them."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Table, UniqueConstraint, text
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.triggers import append_only


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
    """An order. One per BAP and transaction, and one running job per agent: by constraint."""

    __tablename__ = "orders"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("bap_id", "transaction_id"),
        UniqueConstraint("order_id"),
        CheckConstraint("status IN ('ACTIVE', 'COMPLETE', 'CANCELLED')"),
        Index(
            "one_job_per_agent",
            "agent_id",
            unique=True,
            sqlite_where=text("status = 'ACTIVE' AND agent_id IS NOT NULL"),
            postgresql_where=text("status = 'ACTIVE' AND agent_id IS NOT NULL"),
        ),
        Index(
            "open_jobs",
            "created_at",
            sqlite_where=text("status = 'ACTIVE' AND agent_id IS NULL"),
            postgresql_where=text("status = 'ACTIVE' AND agent_id IS NULL"),
        ),
        Index("newest_orders", "created_at"),
        Index(
            "jobs_done",
            "agent_id",
            "updated_at",
            sqlite_where=text("status = 'COMPLETE'"),
            postgresql_where=text("status = 'COMPLETE'"),
        ),
    )

    key: str = Field(primary_key=True)
    bap_id: str
    transaction_id: str
    order_id: str
    status: str
    state: str
    agent_id: str | None
    events: int = Field(sa_type=BigInteger)
    revision: int = Field(sa_type=BigInteger)
    document: bytes
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)


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


TRIGGERS = append_only(str(OrderEventRow.__tablename__))
