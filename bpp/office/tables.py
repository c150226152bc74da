"""Who works in the office, in which roles, and what they did: the second is never taken back."""

from typing import ClassVar

from sqlalchemy import BigInteger, Index, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class OfficePerson(Tables, table=True):
    """Somebody who may sign in at the office. `id` is the short id that stands in books and log;
    name and phone go when the person leaves."""

    __tablename__ = "office_person"
    __table__: ClassVar[Table]

    id: str = Field(primary_key=True)
    phone: str = Field(unique=True)
    name: str
    roles: str  # words, joined by commas
    since: int = Field(sa_type=BigInteger)


class OfficeAct(Tables, table=True):
    """One thing done at the office, in the commit that did it: never a name, never a phone."""

    __tablename__ = "office_act"
    __table__: ClassVar[Table]
    __table_args__ = (Index("office_act_about", "about"),)

    n: int = Field(primary_key=True, sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
    who: str
    what: str
    about: str  # a job's id, an agent_id, a remittance, a period
    told: str  # amounts and references, as text


TRIGGERS = append_only(str(OfficeAct.__tablename__))
