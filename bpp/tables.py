"""The one set of tables of the provider node; each part declares its own on this base."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from protocol_specs.node.database.declaring import TableOnly

METADATA = MetaData(info={"migrations": "bpp.migrations"})


class Tables(SQLModel, metaclass=TableOnly):
    """Base of every table of this node: `class Driver(Tables, table=True)`.

    Tables only: no row of these classes is ever made, statements are built from `__table__`.
    """

    metadata = METADATA
