"""The tables of insurance. What was posted and signed is append-only; what waits is not."""

from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Table,
    UniqueConstraint,
)
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class LocalWorker(Tables, table=True):
    """Which random local id stands in the books for which agent. Erasing a person deletes this."""

    __tablename__ = "local_worker"
    __table__: ClassVar[Table]

    agent_id: str = Field(primary_key=True)
    worker: str = Field(unique=True)


class InsuredOrder(Tables, table=True):
    """The terms an order was confirmed under: rates, schemes, who is liable by what source."""

    __tablename__ = "insured_order"
    __table__: ClassVar[Table]

    order_key: str = Field(primary_key=True)
    terms: str  # JSON


class Projected(Tables, table=True):
    """The events that were posted, each once."""

    __table__: ClassVar[Table]

    order_key: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)


class ContributionRow(Tables, table=True):
    """What one event left standing for one scheme and worker slot, and in the worker's period.

    `seq` counts the rows of one worker, scheme and period, so that two postings at once cannot
    both follow the same row; None while the worker is unknown. Exact sums are decimal text. Of each
    amount the part that the worker bears stands beside the whole.
    """

    __tablename__ = "contribution"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("order_key", "scheme", "slot", "n"),
        UniqueConstraint("worker", "scheme", "period", "seq"),  # a worker's own are looked up too
        CheckConstraint("amount_minor >= 0"),
        CheckConstraint("is_due IN (0, 1)"),
    )

    entry: str = Field(primary_key=True, foreign_key="entry.id")
    order_key: str
    scheme: str
    slot: int = Field(sa_type=BigInteger)
    n: int = Field(sa_type=BigInteger)
    worker: str
    period: str
    seq: int | None = Field(sa_type=BigInteger)
    status: str
    withheld: str | None  # why this worker's slot is left out of the scheme; None: it is not
    exact: str
    amount_minor: int = Field(sa_type=BigInteger)
    amount_worker_minor: int = Field(sa_type=BigInteger)
    is_due: int = Field(sa_type=BigInteger)
    all_exact: str
    all_order_minor: int = Field(sa_type=BigInteger)
    all_order_worker_minor: int = Field(sa_type=BigInteger)
    all_period_minor: int = Field(sa_type=BigInteger)
    all_period_worker_minor: int = Field(sa_type=BigInteger)
    due_exact: str
    due_order_minor: int = Field(sa_type=BigInteger)
    due_order_worker_minor: int = Field(sa_type=BigInteger)
    due_period_minor: int = Field(sa_type=BigInteger)
    due_period_worker_minor: int = Field(sa_type=BigInteger)


class SlipRow(Tables, table=True):
    """A signed slip: the RFC 8785 bytes and the ledger key's signature over them."""

    __tablename__ = "slip"
    __table__: ClassVar[Table]
    __table_args__ = (
        # Judged at the COMMIT: an import writes the slips in the order of their ids.
        ForeignKeyConstraint(["supersedes"], ["slip.id"], deferrable=True, initially="DEFERRED"),
        Index("slip_of_worker", "worker", "issued_at"),
    )

    id: str = Field(primary_key=True)
    entry: str = Field(unique=True, foreign_key="entry.id")
    worker: str
    issued_at: int = Field(sa_type=BigInteger)
    supersedes: str | None = Field(unique=True)
    document: bytes
    signature: bytes


class CashNotice(Tables, table=True):
    """What a worker was told in writing about the limit of fare cash, each crossing once."""

    __tablename__ = "cash_notice"
    __table__: ClassVar[Table]
    __table_args__ = (CheckConstraint("state IN ('reached', 'below')"),)

    worker: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 ... of this worker
    at: int = Field(sa_type=BigInteger)
    state: str
    owed_minor: int = Field(sa_type=BigInteger)
    limit_minor: int | None = Field(sa_type=BigInteger)
    text: str


class Pending(Tables, table=True):
    """Orders with an event that is still to be posted, after the extension failed on it."""

    __table__: ClassVar[Table]
    __table_args__ = (Index("pending_due", "next_at"),)

    order_key: str = Field(primary_key=True)
    n: int = Field(sa_type=BigInteger)  # up to this event
    since: int = Field(sa_type=BigInteger)
    tries: int = Field(sa_type=BigInteger)
    next_at: int = Field(sa_type=BigInteger)
    error: str


_KEPT = ("insured_order", "projected", "contribution", "slip", "cash_notice")

TRIGGERS = (
    *(trigger for table in _KEPT for trigger in append_only(table)),
    append_only("local_worker")[0],  # never changed, but erased with the person
)
