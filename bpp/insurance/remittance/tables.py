"""The tables of remittances, all append-only: what was declared is never edited."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Table, UniqueConstraint
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class SchemePeriod(Tables, table=True):
    """A period that something happened in. Its row is the lock: posting takes it shared, closing
    exclusive (on SQLite the one writer is the lock).
    """

    __tablename__ = "scheme_period"
    __table__: ClassVar[Table]

    scheme: str = Field(primary_key=True)
    period: str = Field(primary_key=True)


class ClosedPeriod(Tables, table=True):
    """From this row on, nothing is declared in the period or an earlier one any more."""

    __tablename__ = "closed_period"
    __table__: ClassVar[Table]

    scheme: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    by: str
    remittance: str = Field(unique=True)


class ToDeclare(Tables, table=True):
    """Whose origin period has something that is declared in which period: what a close looks at."""

    __tablename__ = "to_declare"
    __table__: ClassVar[Table]

    scheme: str = Field(primary_key=True)
    declared_in: str = Field(primary_key=True)
    worker: str = Field(primary_key=True)
    origin: str = Field(primary_key=True)


class DeclaredPart(Tables, table=True):
    """What of a worker's origin period was moved off 2210 (or back), signed, step by step.

    Their sum is what of the due money does not stand on 2210 any more. `remitted_minor` is the part
    that went into the remittance (not held as excess, not covered by credit).
    """

    __tablename__ = "declared_part"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("remittance", "worker", "origin", "kind"),  # each is declared once
        CheckConstraint("kind IN ('declared', 'rejected', 'returned', 'carried')"),
    )

    scheme: str = Field(primary_key=True)
    worker: str = Field(primary_key=True)
    origin: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 ... of this origin period
    kind: str
    remittance: str | None
    entry: str
    amount_minor: int = Field(sa_type=BigInteger)
    worker_minor: int = Field(sa_type=BigInteger)
    remitted_minor: int = Field(sa_type=BigInteger)
    remitted_worker_minor: int = Field(sa_type=BigInteger)
    excess_minor: int = Field(sa_type=BigInteger)
    credit_worker_minor: int = Field(sa_type=BigInteger)
    credit_own_minor: int = Field(sa_type=BigInteger)


class RemittanceRow(Tables, table=True):
    """A finished declaration. Written last, when every worker's line stands."""

    __tablename__ = "remittance"
    __table__: ClassVar[Table]
    __table_args__ = (UniqueConstraint("scheme", "period", "id"),)

    id: str = Field(primary_key=True)
    scheme: str
    period: str
    currency: str
    workers: int = Field(sa_type=BigInteger)
    amount_minor: int = Field(sa_type=BigInteger)
    worker_minor: int = Field(sa_type=BigInteger)
    cooperative_minor: int = Field(sa_type=BigInteger)
    due_day: str | None
    at: int = Field(sa_type=BigInteger)
    by: str


class RemittanceLine(Tables, table=True):
    """One worker of a remittance. Never below zero."""

    __tablename__ = "remittance_line"
    __table__: ClassVar[Table]
    __table_args__ = (
        CheckConstraint("worker_minor >= 0 AND cooperative_minor >= 0"),
        CheckConstraint("amount_minor = worker_minor + cooperative_minor"),
    )

    remittance: str = Field(primary_key=True)
    worker: str = Field(primary_key=True)
    amount_minor: int = Field(sa_type=BigInteger)
    worker_minor: int = Field(sa_type=BigInteger)
    cooperative_minor: int = Field(sa_type=BigInteger)
    exact: str
    orders: int = Field(sa_type=BigInteger)
    credit_used_minor: int = Field(sa_type=BigInteger)
    excess_minor: int = Field(sa_type=BigInteger)
    shortfall_minor: int | None = Field(sa_type=BigInteger)


class RemittanceEvent(Tables, table=True):
    """What happened to a remittance after its close, in turn."""

    __tablename__ = "remittance_event"
    __table__: ClassVar[Table]
    __table_args__ = (CheckConstraint("kind IN ('sent', 'acknowledged', 'rejected', 'interest')"),)

    remittance: str = Field(primary_key=True, foreign_key="remittance.id")
    n: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 ...
    kind: str
    at: int = Field(sa_type=BigInteger)
    by: str
    reference: str
    worker: str | None
    amount_minor: int = Field(sa_type=BigInteger)
    file_sha256: str | None
    text: str


_KEPT = (
    "scheme_period",
    "closed_period",
    "to_declare",
    "declared_part",
    "remittance",
    "remittance_line",
    "remittance_event",
)

TRIGGERS = tuple(trigger for table in _KEPT for trigger in append_only(table))
