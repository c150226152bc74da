"""Tables of dispatch: lists of candidates, offers made in turn, what jobs brought whom."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Table, text
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only

_OPEN = text("outcome IS NULL")


def _one_open(name: str, column: str) -> Index:
    return Index(name, column, unique=True, sqlite_where=_OPEN)


class RoundRow(Tables, table=True):
    """One list of candidates for one job, with the sums that ranked them. Kept 90 days."""

    __tablename__ = "dispatch_round"
    __table__: ClassVar[Table]
    __table_args__ = (Index("dispatch_round_age", "at"),)

    order_key: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
    document: bytes


class CandidateRow(Tables, table=True):
    """Which agents a list names, so that each can ask why."""

    __tablename__ = "dispatch_candidate"
    __table__: ClassVar[Table]
    __table_args__ = (Index("dispatch_of_agent", "agent_id", "at"),)

    order_key: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)


class OfferRow(Tables, table=True):
    """A job offered to one driver until a time. One open offer per job and per driver."""

    __tablename__ = "dispatch_offer"
    __table__: ClassVar[Table]
    __table_args__ = (
        CheckConstraint("outcome IN ('accepted', 'declined', 'expired', 'withdrawn')"),
        _one_open("one_offer_per_job", "order_key"),
        _one_open("one_offer_per_agent", "agent_id"),
        Index("open_offers", "expires_at", sqlite_where=_OPEN),
        Index("dispatch_offer_age", "at"),
    )

    order_key: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)  # of the list it came from
    agent_id: str
    at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)
    outcome: str | None
    ended_at: int | None = Field(sa_type=BigInteger)


class DriverJobRow(Tables, table=True):
    """What one job brought its driver, for balancing: when it ended, and its fare, minor units."""

    __tablename__ = "driver_job"
    __table__: ClassVar[Table]
    __table_args__ = (
        Index("driver_job_of_agent", "agent_id", "ended_at"),
        Index("driver_job_age", "ended_at"),
    )

    order_key: str = Field(primary_key=True)
    agent_id: str
    ended_at: int = Field(sa_type=BigInteger)
    fare_minor: int = Field(sa_type=BigInteger)


TRIGGERS = (append_only("dispatch_round")[0], append_only("dispatch_candidate")[0])
"""Never changed; forgotten when they are old."""
