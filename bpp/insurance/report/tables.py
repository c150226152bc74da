"""Keys that open the books for reading, and every reading by them; append-only."""

from typing import ClassVar

from sqlalchemy import BigInteger, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class ReadingKey(Tables, table=True):
    """A key by its hash. `mandate`: it opens only while that mandate is in force."""

    __tablename__ = "reading_key"
    __table__: ClassVar[Table]

    name: str = Field(primary_key=True)
    token_sha256: str = Field(unique=True)
    purpose: str
    mandate: str | None = Field(foreign_key="mandate.id")
    at: int = Field(sa_type=BigInteger)
    by: str
    expires_at: int = Field(sa_type=BigInteger)


class ReadingKeyEnd(Tables, table=True):
    """A key that was withdrawn before it expired."""

    __tablename__ = "reading_key_end"
    __table__: ClassVar[Table]

    name: str = Field(primary_key=True, foreign_key="reading_key.name")
    at: int = Field(sa_type=BigInteger)
    by: str


class ReadingRow(Tables, table=True):
    """One reading: which key asked for which path, in the commit before it was answered."""

    __tablename__ = "reading"
    __table__: ClassVar[Table]

    name: str = Field(primary_key=True, foreign_key="reading_key.name")
    n: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 ... of this key
    at: int = Field(sa_type=BigInteger)
    path: str


_KEPT = ("reading_key", "reading_key_end", "reading")

TRIGGERS = tuple(trigger for table in _KEPT for trigger in append_only(table))
