"""The gateway's own tables: none. A search passes through and is not kept."""

from sqlmodel import MetaData

METADATA = MetaData()
