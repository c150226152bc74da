"""The tables of mandates and agents, all append-only: who acted for whom is never edited."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only


class MandateRow(Tables, table=True):
    """A mandate that was accepted: the signed RFC 8785 bytes. `reference` is the institution's
    number of its own acceptance, None while it gave none.
    """

    __tablename__ = "mandate"
    __table__: ClassVar[Table]

    id: str = Field(primary_key=True)
    agent: str
    document: bytes
    principal_signature: bytes
    agent_signature: bytes
    at: int = Field(sa_type=BigInteger)
    by: str
    reference: str | None


class MandateEnd(Tables, table=True):
    """An end before the day the mandate itself names; the last day still counts."""

    __tablename__ = "mandate_end"
    __table__: ClassVar[Table]

    mandate: str = Field(primary_key=True, foreign_key="mandate.id")
    last_day: str
    at: int = Field(sa_type=BigInteger)
    by: str
    reason: str


class FilingRow(Tables, table=True):
    """One filing: `filer` filed `subject` (a scheme's period, or a remittance) for `principal`.

    `mandate` None: the principal filed for itself.
    """

    __tablename__ = "filing"
    __table__: ClassVar[Table]
    __table_args__ = (Index("filing_of_mandate", "mandate"),)

    subject: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 ... of this subject
    action: str
    scheme: str
    at: int = Field(sa_type=BigInteger)
    by: str
    principal: str
    filer: str
    mandate: str | None = Field(foreign_key="mandate.id")


class AgentRow(Tables, table=True):
    """A social-protection agent of one scheme, by its record. `signature` None: unverified."""

    __tablename__ = "protection_agent"
    __table__: ClassVar[Table]

    scheme: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    document: bytes
    signature: bytes | None
    at: int = Field(sa_type=BigInteger)
    by: str


class AttributionRow(Tables, table=True):
    """Whose registration a worker is: the newest row holds, until its last day."""

    __tablename__ = "agent_attribution"
    __table__: ClassVar[Table]
    __table_args__ = (
        CheckConstraint("kind IN ('claimed', 'released', 'refused')"),
        Index("attribution_of_agent", "scheme", "agent"),
    )

    scheme: str = Field(primary_key=True)
    worker: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 ... of this worker
    kind: str
    agent: str
    first_day: str
    last_day: str
    at: int = Field(sa_type=BigInteger)
    by: str
    reason: str


class BatchRow(Tables, table=True):
    """What an agent's workers came to in one remittance, and the commission on it, each time it was
    computed anew; the newest row holds. `entry` None: the agent is not us, so it is not our money.
    """

    __tablename__ = "agent_batch"
    __table__: ClassVar[Table]
    __table_args__ = (CheckConstraint("batch_minor >= 0 AND commission_minor >= 0"),)

    remittance: str = Field(primary_key=True)
    agent: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
    workers: int = Field(sa_type=BigInteger)
    batch_minor: int = Field(sa_type=BigInteger)
    commission_minor: int = Field(sa_type=BigInteger)
    entry: str | None = Field(foreign_key="entry.id")


_KEPT = (
    "mandate",
    "mandate_end",
    "filing",
    "protection_agent",
    "agent_attribution",
    "agent_batch",
)

TRIGGERS = tuple(trigger for table in _KEPT for trigger in append_only(table))
