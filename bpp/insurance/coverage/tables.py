"""The tables of institutions' signed answers, append-only; an answer goes with its person alone."""

from typing import ClassVar

from sqlalchemy import BigInteger, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.triggers import append_only


class CoverageAnswer(Tables, table=True):
    """An answer about a worker: the RFC 8785 bytes as the institution signed them."""

    __tablename__ = "coverage_answer"
    __table__: ClassVar[Table]

    id: str = Field(primary_key=True)
    worker: str = Field(index=True)
    scheme: str
    document: bytes
    at: int = Field(sa_type=BigInteger)
    by: str


class CoverageRevoked(Tables, table=True):
    """An answer that its institution took back, by which signed word of it."""

    __tablename__ = "coverage_revoked"
    __table__: ClassVar[Table]

    answer: str = Field(primary_key=True)
    scheme: str = Field(primary_key=True)
    from_at: int = Field(sa_type=BigInteger)
    document: bytes
    at: int = Field(sa_type=BigInteger)
    by: str


TRIGGERS = (
    append_only("coverage_answer")[0],
    """CREATE TRIGGER coverage_answer_no_delete BEFORE DELETE ON coverage_answer
    WHEN EXISTS (SELECT 1 FROM local_worker WHERE worker = OLD.worker)
    BEGIN SELECT RAISE(ABORT, 'coverage_answer is append-only: it goes with its person'); END""",
    """CREATE TRIGGER coverage_answer_erased AFTER DELETE ON local_worker
    BEGIN DELETE FROM coverage_answer WHERE worker = OLD.worker; END""",
    *append_only("coverage_revoked"),
)
