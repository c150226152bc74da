"""The gateway's tables: those of its pages. A search passes through and is not kept."""

from sqlmodel import MetaData

from protocol_specs.web import tables as web_tables

METADATA = MetaData(info={"migrations": "gateway.migrations"})
web_tables.define(METADATA)
