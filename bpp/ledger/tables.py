"""The ledger's tables, and the triggers that keep them append-only."""

from collections.abc import Iterator
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
    """One dated fact. Its id makes it unrepeatable (ledger.md 9)."""

    __tablename__ = "entry"
    __table__: ClassVar[Table]
    __table_args__ = (UniqueConstraint("id", "currency"), Index("entry_of_order", "order_key"))

    id: str = Field(primary_key=True)
    currency: str
    at: int = Field(sa_type=BigInteger)
    kind: str
    order_key: str | None
    origin_period: str | None
    declared_in: str | None


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


APPEND_ONLY = ("account", "entry", "transfer", "block", "sealed_leaf")
NEVER_CHANGED = (*APPEND_ONLY, "leaf_salt")


def refuse_changes(append_only: tuple[str, ...], never_changed: tuple[str, ...]) -> Iterator[str]:
    """Triggers that refuse UPDATE and DELETE. With recursive_triggers on, REPLACE deletes too."""
    for table in never_changed:
        yield _refusing("UPDATE", table)
    for table in append_only:
        yield _refusing("DELETE", table)


def _refusing(verb: str, table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: post a new entry instead'); END"
    )


TRIGGERS = (
    *refuse_changes(APPEND_ONLY, NEVER_CHANGED),
    "CREATE TRIGGER entry_waits_for_a_block AFTER INSERT ON entry "
    "BEGIN INSERT INTO unsealed (entry) VALUES (NEW.id); END",
)
