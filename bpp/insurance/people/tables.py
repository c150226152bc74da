"""The tables of people. What was told and agreed to is append-only; it goes with the person."""

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Table, UniqueConstraint
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import append_only, kept_while


class PersonRow(Tables, table=True):
    """An enrolled worker: what a scheme needs and the fleet does not know already.

    The identity number is only here, sealed to the office's or institution's key, and as a keyed
    hash that tells a second enrolment. Erasing a person deletes this.
    """

    __tablename__ = "person"
    __table__: ClassVar[Table]
    __table_args__ = (UniqueConstraint("identity_hash"),)

    worker: str = Field(primary_key=True)
    name: str | None  # as on the identity card, where the fleet's is another
    born: str  # ISO date
    sector: str
    licence: str | None
    identity_kind: str
    identity_sealed: bytes
    identity_hash: bytes
    enrolled_at: int = Field(sa_type=BigInteger)
    by: str


class MemberNumber(Tables, table=True):
    """The number by which an institution knows a worker. Erasing a person deletes this."""

    __tablename__ = "member_number"
    __table__: ClassVar[Table]
    __table_args__ = (
        UniqueConstraint("scheme", "number"),
        Index("member_number_of_worker", "worker"),
    )

    scheme: str = Field(primary_key=True)
    worker: str = Field(primary_key=True)
    number: str
    at: int = Field(sa_type=BigInteger)
    by: str


class WorkerFact(Tables, table=True):
    """One thing that was told, agreed to, chosen or declared; `day` is from when it counts.

    `scheme` is empty for what is so of the worker under every scheme. `detail` is JSON.
    """

    __tablename__ = "worker_fact"
    __table__: ClassVar[Table]
    __table_args__ = (
        CheckConstraint(
            "kind IN ('notice', 'consent', 'withdrawal', 'plan', 'bought', 'opt_in', 'category', "
            "'residency')"
        ),
    )

    worker: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)  # 1, 2, 3 ... of this worker
    kind: str
    scheme: str
    day: str  # ISO date
    value: str
    detail: str
    at: int = Field(sa_type=BigInteger)
    by: str


class NoticeText(Tables, table=True):
    """The exact text of a notice that was shown to somebody, by the SHA-256 of its UTF-8 bytes."""

    __tablename__ = "notice_text"
    __table__: ClassVar[Table]

    sha256: str = Field(primary_key=True)
    scheme: str
    language: str
    text: str


TRIGGERS = (
    *append_only("notice_text"),
    append_only("worker_fact")[0],
    # Deleted only once the link to the person is: until then it is the proof that they were told.
    kept_while(
        "worker_fact",
        "EXISTS (SELECT 1 FROM local_worker WHERE worker = OLD.worker)",
        "worker_fact is append-only: it goes with the person alone",
    ),
)
