"""What tests do to a store's database behind its back."""

import sqlite3

from protocol_specs.node.database.sqlite_engine import SqliteEngine
from protocol_specs.node.database.triggers import Trigger
from protocol_specs.node.store import Conflict, Store


def writer_of(store: Store) -> sqlite3.Connection:
    """The connection by which a SQLite store writes."""
    assert isinstance(store.engine, SqliteEngine)
    assert store.engine.writer is not None
    return store.engine.writer


def reader_of(store: Store) -> sqlite3.Connection:
    """The connection by which a SQLite store reads."""
    assert isinstance(store.engine, SqliteEngine)
    return store.engine.reader


def run_sql(store: Store, sql: str) -> None:
    """Runs SQL, or makes a trigger, beside all units. Raises Conflict where it is refused."""
    if isinstance(store.engine, SqliteEngine):
        try:
            writer_of(store).execute(sql)
        except sqlite3.IntegrityError as error:
            raise Conflict(str(error)) from error
        return
    from protocol_specs.node.database.postgres.link import Link
    from tests.support.postgres_server import conninfo_of

    link = Link(conninfo_of(store))
    try:
        for each in sql.postgresql if isinstance(sql, Trigger) else (sql,):
            link.run(each)
    finally:
        link.close()


def by_hand(store: Store, *statements: str) -> None:
    """Changes rows as whoever has the database can: no trigger is a wall against them. Each
    statement finds some, or the test is wrong."""
    if isinstance(store.engine, SqliteEngine):
        writer = writer_of(store)
        found = writer.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in found:
            writer.execute(f"DROP TRIGGER {name}")
        for sql in statements:
            assert writer.execute(sql).rowcount > 0, sql
        return
    from protocol_specs.node.database.postgres.link import Link
    from tests.support.postgres_server import conninfo_of

    link = Link(conninfo_of(store))
    try:
        link.run("SET session_replication_role = replica")
        for sql in statements:
            assert link.run(sql) > 0, sql
    finally:
        link.close()
