"""Tables of people at work: documents, their scans, shifts, pictures of hand-overs."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Table, UniqueConstraint
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class DocumentRow(Tables, table=True):
    """One paper of a driver or a vehicle as it was shown. The one with the highest `n` counts."""

    __tablename__ = "work_document"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("holder", "holder_id", "kind", "n"),
        CheckConstraint("holder IN ('driver', 'vehicle')"),
    )

    id: str = Field(primary_key=True)
    holder: str
    holder_id: str  # an agent_id or a registration
    kind: str
    n: int = Field(sa_type=BigInteger)
    number: str  # seen by the office and the driver, in no log
    valid_until: str  # the last day, YYYY-MM-DD
    at: int = Field(sa_type=BigInteger)
    by: str  # who of the office


class ScanRow(Tables, table=True):
    """The picture of a document; forgotten some time after another took the document's place."""

    __tablename__ = "work_scan"
    __table__: ClassVar[Table]
    __table_args__ = (Index("work_scan_replaced", "replaced_at"),)

    document_id: str = Field(primary_key=True, foreign_key="work_document.id")
    body: bytes  # JPEG
    replaced_at: int | None = Field(default=None, sa_type=BigInteger)  # none: its paper counts


class ShiftRow(Tables, table=True):
    """One driver with one vehicle from a moment to another."""

    __tablename__ = "work_shift"
    __table__: ClassVar[Table]
    __table_args__ = (
        CheckConstraint("starts_at < ends_at"),
        Index("work_shift_ends", "ends_at"),
        Index("work_shift_of_driver", "agent_id", "ends_at"),
    )

    id: str = Field(primary_key=True)
    agent_id: str
    registration: str = Field(foreign_key="vehicle.registration")
    starts_at: int = Field(sa_type=BigInteger)
    ends_at: int = Field(sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
    by: str


class QuarterRow(Tables, table=True):
    """A quarter of an hour of a shift: each vehicle and each driver has it at most once.

    That is how two shifts cannot overlap, whoever writes at the same time: a plain constraint, in
    any database.
    """

    __tablename__ = "work_quarter"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("agent_id", "quarter"),
        Index("work_quarter_of_shift", "shift_id"),
        Index("work_quarter_age", "quarter"),
    )

    registration: str = Field(primary_key=True)
    quarter: int = Field(primary_key=True, sa_type=BigInteger)  # since 1970, UTC
    agent_id: str
    shift_id: str = Field(foreign_key="work_shift.id")


class HandoverRow(Tables, table=True):
    """The picture of a parcel that was taken or handed over. Kept 90 days."""

    __tablename__ = "work_handover"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("token"),
        CheckConstraint("leg IN ('pickup', 'drop')"),
        Index("work_handover_age", "at"),
    )

    job_id: str = Field(primary_key=True)
    leg: str = Field(primary_key=True)
    agent_id: str
    token: str  # 128 random bits: the last part of the address that the customer gets
    body: bytes  # JPEG
    at: int = Field(sa_type=BigInteger)


TRIGGERS = append_only("work_document", instead="write the new paper as a new document")
