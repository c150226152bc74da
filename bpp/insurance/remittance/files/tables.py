"""The tables of bank files, append-only: what was made for a bank, and what was read from one."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class PaymentFile(Tables, table=True):
    """A payment file as it was made: the same MsgId never stands over other bytes."""

    __tablename__ = "payment_file"
    __table__: ClassVar[Table]

    message: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    by: str
    on_day: str  # when it is to be paid, ISO date
    sha256: str
    document: bytes


class PaymentCredit(Tables, table=True):
    """What a payment file pays: a remittance, under a name of its own in the bank's answers."""

    __tablename__ = "payment_credit"
    __table__: ClassVar[Table]
    __table_args__ = (CheckConstraint("amount_minor > 0"),)

    end_to_end: str = Field(primary_key=True)
    message: str = Field(foreign_key="payment_file.message", index=True)
    remittance: str = Field(foreign_key="remittance.id", index=True)
    currency: str
    amount_minor: int = Field(sa_type=BigInteger)
    account: str  # ours, as its bank knows it


class BankFileRead(Tables, table=True):
    """A bank's file that was taken, once. `words` is JSON: what it said of our payments."""

    __tablename__ = "bank_file_read"
    __table__: ClassVar[Table]

    sha256: str = Field(primary_key=True)
    kind: str
    bank_id: str
    at: int = Field(sa_type=BigInteger)
    by: str
    words: str


_KEPT = ("payment_file", "payment_credit", "bank_file_read")

TRIGGERS = tuple(trigger for table in _KEPT for trigger in append_only(table))
