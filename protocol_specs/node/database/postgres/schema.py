"""A node's tables and triggers as PostgreSQL's statements, and whether a database has them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import MetaData
from sqlalchemy.schema import CreateIndex, CreateTable

from protocol_specs.node.database.postgres.dialect import DIALECT
from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.sqlite import check_type
from protocol_specs.node.database.triggers import APPEND_ONLY, Trigger
from protocol_specs.node.store_faults import StoreUnusable

VERSION_TABLE = "alembic_version"
OLDEST_TABLE = "schema_oldest"  # one row: the oldest revision whose code works on this schema
REFUSE = (
    f"CREATE FUNCTION {APPEND_ONLY}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$"
)


def definitions(metadata: MetaData, triggers: Sequence[str]) -> Iterable[str]:
    """The statements that make the whole schema in an empty one."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            check_type(column)
        yield str(CreateTable(table).compile(dialect=DIALECT)).strip()
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            where = index.dialect_options["sqlite"]["where"]
            if where is not None:  # said once, of both
                index.dialect_options["postgresql"]["where"] = where
            yield str(CreateIndex(index).compile(dialect=DIALECT)).strip()
    yield REFUSE
    for trigger in triggers:
        if not isinstance(trigger, Trigger):
            raise TypeError(f"a trigger of SQLite alone (see node.triggers): {trigger[:60]}")
        yield from trigger.postgresql


def stamps(revision: str) -> Iterable[str]:
    """The statements that say of a schema just made which revision it is."""
    for table, column in ((VERSION_TABLE, "version_num"), (OLDEST_TABLE, "oldest")):
        yield f"CREATE TABLE {table} ({column} VARCHAR(32) NOT NULL PRIMARY KEY)"
        yield f"INSERT INTO {table} ({column}) VALUES ('{revision}')"  # noqa: S608 - our own words


def version_of(link: Link) -> str | None:
    """The revision that the schema has; None: it is empty. Raises StoreUnusable."""
    if not link.rows("SELECT to_regclass($1) IS NOT NULL", (VERSION_TABLE,))[0][0]:
        return None
    found = link.rows(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own word
    return str(found[0][0]) if found else None


def check(link: Link, url: str, known: Sequence[str]) -> None:
    """Raises StoreUnusable, in words, unless code of the last of the revisions `known` can work.

    A newer schema is taken if it says that it only adds to one of `known`: so the old code goes on
    while its processes are replaced one by one.
    """
    found = version_of(link)
    if found is None:
        raise StoreUnusable(f"{url} has no schema yet: run wayfare store migrate")
    if found == known[-1]:
        return
    if found in known:
        raise StoreUnusable(
            f"{url} has schema {found}, this node needs {known[-1]}: run wayfare store migrate"
        )
    (row,) = link.rows(f"SELECT oldest FROM {OLDEST_TABLE}")  # noqa: S608 - our own word
    if row[0] not in known:
        raise StoreUnusable(
            f"{url} has schema {found}, which needs code of {row[0]} or newer, and this node's is "
            f"of {known[-1]}: run the newer version"
        )
