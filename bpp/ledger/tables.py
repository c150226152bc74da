"""The ledger's tables, and the triggers that keep them append-only."""

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
from protocol_specs.node.database.triggers import also, append_only, none_while


class AccountRow(Tables, table=True):
    """An account that was posted to, once per currency. The id is the chart's."""

    __tablename__ = "account"
    __table__: ClassVar[Table]
    __table_args__ = (Index("account_of_worker", "worker"),)

    id: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)
    worker: str | None
    scheme: str | None
    period: str | None
    remittance: str | None


class EntryRow(Tables, table=True):
    """One dated fact. Its id makes it unrepeatable."""

    __tablename__ = "entry"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("id", "currency"),
        Index("entry_of_order", "order_key"),
        Index("entry_at", "at"),
    )

    id: str = Field(primary_key=True)
    currency: str
    at: int = Field(sa_type=BigInteger)
    kind: str
    order_key: str | None
    origin_period: str | None
    declared_in: str | None
    by: str | None


class TransferRow(Tables, table=True):
    """One amount from debit to credit: balance and single currency hold by this shape."""

    __tablename__ = "transfer"
    __table__: ClassVar[Table]
    __table_args__ = (
        ForeignKeyConstraint(["entry", "currency"], ["entry.id", "entry.currency"]),
        ForeignKeyConstraint(["debit", "currency"], ["account.id", "account.currency"]),
        ForeignKeyConstraint(["credit", "currency"], ["account.id", "account.currency"]),
        CheckConstraint("amount_minor > 0"),
        CheckConstraint("debit <> credit"),
        Index("transfer_debit", "debit", "currency", "amount_minor"),
        Index("transfer_credit", "credit", "currency", "amount_minor"),
    )

    entry: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 ... in the entry
    currency: str
    debit: str
    credit: str
    amount_minor: int = Field(sa_type=BigInteger)


class Unsealed(Tables, table=True):
    """Entries that wait for a block. Written by a trigger, so that no entry can miss it."""

    __table__: ClassVar[Table]
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - one tree, not two: all pass here

    entry: str = Field(primary_key=True, foreign_key="entry.id")


class Block(Tables, table=True):
    """A sealed block: `head` is the signed RFC 8785 JSON, other columns repeat it for reading."""

    __table__: ClassVar[Table]
    __table_args__ = (CheckConstraint("leaf_count > 0"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    leaf_count: int = Field(sa_type=BigInteger)
    sealed_at: int = Field(sa_type=BigInteger)
    head: bytes
    signature: bytes


class SealedLeaf(Tables, table=True):
    """Which entry is which leaf of which block, and its hash."""

    __tablename__ = "sealed_leaf"
    __table__: ClassVar[Table]

    block: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="block.number")
    position: int = Field(primary_key=True, sa_type=BigInteger)
    entry: str = Field(unique=True, foreign_key="entry.id")
    hash: bytes


class LeafSalt(Tables, table=True):
    """The salt of a leaf, apart: erasing it makes the hash say nothing about a person any more."""

    __tablename__ = "leaf_salt"
    __table__: ClassVar[Table]

    entry: str = Field(primary_key=True, foreign_key="entry.id")
    salt: bytes


class Imbalance(Tables, table=True):
    """Where debits and credits differ, of a block (0: what waits for one). Nothing is posted while
    a row is here; `watch.Watch` writes it and, once it is mended, takes it away."""

    __tablename__ = "imbalance"
    __table__: ClassVar[Table]

    block: int = Field(primary_key=True, sa_type=BigInteger)
    currency: str = Field(primary_key=True)
    debit_minor: int = Field(sa_type=BigInteger)
    credit_minor: int = Field(sa_type=BigInteger)
    faulty: int = Field(sa_type=BigInteger)  # transfers of another shape than balances
    found_at: int = Field(sa_type=BigInteger)


STOPPED = "the books do not balance: nothing is posted until they do, see wayfare ledger verify"

_INSTEAD = "post a new entry"
_KEPT = ("account", "entry", "transfer", "block", "sealed_leaf")

TRIGGERS = (
    *(trigger for table in _KEPT for trigger in append_only(table, instead=_INSTEAD)),
    append_only("leaf_salt")[0],  # never changed, but erased with the person
    also(
        "entry_waits_for_a_block", "INSERT", "entry", "INSERT INTO unsealed (entry) VALUES (NEW.id)"
    ),
    none_while("entry", "EXISTS (SELECT 1 FROM imbalance)", STOPPED),
)
