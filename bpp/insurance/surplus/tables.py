"""The divisions of a surplus: each once, with its days, its rule, and who wrote it down."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class SurplusDivision(Tables, table=True):
    """A division; its parts are entries `surplus/REFERENCE/WORKER`. Days are civil, ISO text, the
    last one included."""

    __tablename__ = "surplus_division"
    __table__: ClassVar[Table]
    __table_args__ = (CheckConstraint("amount_minor > 0"),)

    reference: str = Field(primary_key=True)
    first_day: str
    last_day: str
    rule: str
    currency: str
    amount_minor: int = Field(sa_type=BigInteger)
    members: int = Field(sa_type=BigInteger)
    work: int = Field(sa_type=BigInteger)  # of all of them, as the rule counts it
    at: int = Field(sa_type=BigInteger)
    by: str


TRIGGERS = append_only(str(SurplusDivision.__tablename__), instead="take it back by entries")
