"""The one set of tables of the provider node; each part declares its own on this base."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Tables(SQLModel, registry=registry()):
    """Base of every table of this node: `class Driver(Tables, table=True)`.

    Tables only: no row of these classes is ever made, statements are built from `__table__`.
    """


METADATA = Tables.metadata
METADATA.info["migrations"] = "bpp.migrations"
