"""What the pages keep in their node's store: who is signed in, codes on their way, forms sent."""

from typing import ClassVar

from sqlalchemy import BigInteger, Index, MetaData, Table
from sqlmodel import Field, SQLModel

from protocol_specs.node.database.declaring import TableOnly, copy_tables


class WebTables(SQLModel, metaclass=TableOnly):
    """Base of the tables below; `define` copies them to the node's own MetaData."""

    metadata = MetaData()
    __table__: ClassVar[Table]


class WebSession(WebTables, table=True):
    """A browser that is signed in, or that is owed a message. Only the token's hash is here."""

    __tablename__ = "web_session"
    __table_args__ = (Index("web_session_by_end", "ends_at"),)

    token_hash: bytes = Field(primary_key=True)
    face: str
    who: str  # as the face names people; empty: nobody yet
    created_at: int = Field(sa_type=BigInteger)
    seen_at: int = Field(sa_type=BigInteger)
    ends_at: int = Field(sa_type=BigInteger)
    flash: str | None  # JSON list of [kind, text], shown once


class SignInCode(WebTables, table=True):
    """A code that was sent, one per phone and face; no `code_hash` where nobody has the phone."""

    __tablename__ = "web_sign_in_code"
    __table_args__ = (Index("web_sign_in_code_of", "face", "phone"),)

    id: str = Field(primary_key=True)
    face: str
    phone: str
    code_hash: bytes | None
    tries: int = Field(sa_type=BigInteger)
    ends_at: int = Field(sa_type=BigInteger, index=True)


class Paced(WebTables, table=True):
    """Who did lately what one may not do often, by a hash; forgotten when they may as ever."""

    __tablename__ = "web_paced"

    key: bytes = Field(primary_key=True)
    full_at_ms: int = Field(sa_type=BigInteger, index=True)


class FormSent(WebTables, table=True):
    """A form that was acted on, so that sending it again acts no more. Keyed by who sent it."""

    __tablename__ = "web_form_sent"

    who: str = Field(primary_key=True)
    form_id: str = Field(primary_key=True)
    location: str | None  # where the browser was sent; None while it is being acted on
    at: int = Field(sa_type=BigInteger, index=True)


class KeptForm(WebTables, table=True):
    """What was typed into a form that came after the sign-in had ended, until it is shown again."""

    __tablename__ = "web_kept_form"

    id: str = Field(primary_key=True)
    face: str
    who: str
    fields: bytes
    ends_at: int = Field(sa_type=BigInteger, index=True)


def define(metadata: MetaData) -> None:
    """Copies these tables to a node's own MetaData; once is enough, twice does no harm."""
    copy_tables(WebTables.metadata, metadata)
