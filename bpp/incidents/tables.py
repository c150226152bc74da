"""Incidents: the facts are never changed; the words, which tell of people, go after their time."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class IncidentRow(Tables, table=True):
    """One incident: when it happened, its kind, the job and the driver it is about, if any.

    `due_at`: that driver told it, and is to be answered by then.
    """

    __tablename__ = "incident"
    __table__: ClassVar[Table]
    __table_args__ = (
        Index("incident_of_job", "job_id"),
        Index("incident_told", "agent_id", "due_at"),
        Index("incident_due", "due_at"),
    )

    n: int = Field(primary_key=True, sa_type=BigInteger)
    happened_at: int = Field(sa_type=BigInteger)
    kind: str
    job_id: str | None
    agent_id: str | None
    due_at: int | None = Field(sa_type=BigInteger)


class IncidentStep(Tables, table=True):
    """What was written about it: it was opened (k 1), followed up, its driver answered, closed. By
    a short id."""

    __tablename__ = "incident_step"
    __table__: ClassVar[Table]
    __table_args__ = (
        CheckConstraint("kind IN ('opened', 'followed', 'answered', 'closed')"),
        Index("incident_closed", "kind", "at"),
    )

    n: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="incident.n")
    k: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str
    at: int = Field(sa_type=BigInteger)
    by: str


class IncidentWords(Tables, table=True):
    """The words of a step, by name, as JSON text. Never changed, forgotten after their time."""

    __tablename__ = "incident_words"
    __table__: ClassVar[Table]
    __table_args__ = (ForeignKeyConstraint(["n", "k"], ["incident_step.n", "incident_step.k"]),)

    n: int = Field(primary_key=True, sa_type=BigInteger)
    k: int = Field(primary_key=True, sa_type=BigInteger)
    words: str


_NEW_STEP = "write another step"
TRIGGERS = (
    *append_only(str(IncidentRow.__tablename__), instead=_NEW_STEP),
    *append_only(str(IncidentStep.__tablename__), instead=_NEW_STEP),
    append_only(str(IncidentWords.__tablename__), instead=_NEW_STEP)[0],  # may be forgotten
)
