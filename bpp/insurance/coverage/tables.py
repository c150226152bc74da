"""The tables of institutions' signed answers, append-only; an answer goes with its person alone."""

from typing import ClassVar

from sqlalchemy import BigInteger, Table
from sqlmodel import Field

from bpp.tables import Tables
from protocol_specs.node.database.triggers import also, append_only, kept_while


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
    kept_while(
        "coverage_answer",
        "EXISTS (SELECT 1 FROM local_worker WHERE worker = OLD.worker)",
        "coverage_answer is append-only: it goes with its person",
    ),
    also(
        "coverage_answer_erased",
        "DELETE",
        "local_worker",
        "DELETE FROM coverage_answer WHERE worker = OLD.worker",
    ),
    *append_only("coverage_revoked"),
)
