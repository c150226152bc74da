"""The dated tariffs, and which of them were withdrawn: nothing here is changed or removed."""

from typing import ClassVar

from sqlalchemy import BigInteger, Index, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class TariffRow(Tables, table=True):
    """Fares from `starts_at` on, until the next. `document` says them as the settings' `[fares]`
    do, in JSON; `by` is who wrote it."""

    __tablename__ = "tariff"
    __table__: ClassVar[Table]
    __table_args__ = (Index("tariff_start", "starts_at"),)

    n: int = Field(primary_key=True, sa_type=BigInteger)
    starts_at: int = Field(sa_type=BigInteger)
    written_at: int = Field(sa_type=BigInteger)
    by: str
    currency: str
    document: bytes


class TariffWithdrawnRow(Tables, table=True):
    """A tariff that was withdrawn before it took effect, once."""

    __tablename__ = "tariff_withdrawn"
    __table__: ClassVar[Table]

    n: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="tariff.n")
    at: int = Field(sa_type=BigInteger)
    by: str


TRIGGERS = (
    *append_only(str(TariffRow.__tablename__), instead="write another tariff"),
    *append_only(str(TariffWithdrawnRow.__tablename__), instead="write another tariff"),
)
