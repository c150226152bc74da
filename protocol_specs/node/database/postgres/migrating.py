"""Brings a database's schema from one revision to another, with Alembic, in one transaction."""

from typing import Any

import psycopg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from protocol_specs.node.database.postgres.place import conninfo, shown
from protocol_specs.node.database.postgres.schema import OLDEST_TABLE
from protocol_specs.node.database.revisions import (
    EMPTY,
    NEWEST,
    Schema,
    chosen,
    folder_of,
    require_known,
)
from protocol_specs.node.database.store_settings import StoreAt
from protocol_specs.node.store_faults import StoreUnusable

LOCK = 7_251  # one migration at a time: an advisory lock until its transaction ends
LOCK_TIMEOUT = "10s"  # a migration that waits for a lock holds up all who come behind it


def migrate(at: StoreAt, package: str, to: str = NEWEST) -> tuple[str, str]:
    """Up or down to the revision `to` ("base": the empty schema); from where and to where it went.

    A node may run meanwhile if the revisions say so (see `revisions`). Raises StoreUnusable, and
    then nothing has changed.
    """
    target = chosen(package, to)
    try:
        with _engine(at).begin() as connection:
            return _migrate(connection, at, package, target)
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreUnusable(f"{shown(at)} was not changed: {cause}") from error


def _migrate(connection: Connection, at: StoreAt, package: str, target: str) -> tuple[str, str]:
    for statement in (
        f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'",
        f"SELECT pg_advisory_xact_lock({LOCK})",
        f"CREATE TABLE IF NOT EXISTS {OLDEST_TABLE} (oldest VARCHAR(32) NOT NULL PRIMARY KEY)",
    ):
        connection.exec_driver_sql(statement)
    plain = connection.execution_options(no_parameters=True)
    script = ScriptDirectory(str(folder_of(package)))
    went: list[str] = []

    def steps(found: Any, context: Any) -> Any:
        before = str(found[0]) if found else EMPTY
        if before != EMPTY:
            require_known(package, before, shown(at))
        went[:] = [before, target]
        if target == EMPTY or (before != EMPTY and target < before):
            return script._downgrade_revs(target, found)
        return script._upgrade_revs(target, found)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations(schema=Schema("postgresql", plain.exec_driver_sql))
    _note_oldest(connection, script, went[1])
    return went[0], went[1]


def _note_oldest(connection: Connection, script: ScriptDirectory, revision: str) -> None:
    """Writes which code works on the schema; in an empty one there is nothing to say."""
    connection.exec_driver_sql(f"DELETE FROM {OLDEST_TABLE}")  # noqa: S608 - our own word
    if revision == EMPTY:
        connection.exec_driver_sql(f"DROP TABLE {OLDEST_TABLE}")
        connection.exec_driver_sql("DROP TABLE alembic_version")
        return
    oldest = script.get_revision(revision).module.OLDEST
    connection.exec_driver_sql(f"INSERT INTO {OLDEST_TABLE} VALUES ('{oldest}')")  # noqa: S608


def _engine(at: StoreAt) -> Any:
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(conninfo(at), connect_timeout=5),
        poolclass=NullPool,
    )
