"""Opens a node's SQLite file: one writer a folder, safe pragmas, strict tables, known schema."""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, TypeDecorator
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect, SQLiteTypeCompiler
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.functions import FunctionElement

from protocol_specs.node.database.revisions import number_of
from protocol_specs.node.store_faults import Conflict, StoreInUse, StoreUnavailable, StoreUnusable

FILE_NAME = "node.sqlite3"
LOCK_NAME = "writer.lock"
BUSY_TIMEOUT_MS = 1_500  # a caller that cannot be served must hear so within two seconds
CHECKPOINT_PAGES = 4_000
CACHE_KIB = 8_192
CACHED_STATEMENTS = 512
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
OLDER = "run wayfare store migrate --config FILE (docs/operate.md, Upgrade)"
NEWER = "run the newer version of the node (docs/operate.md, Upgrade)"
NO_SCHEMA = "has no schema yet: the node makes it when it first starts"
OF_ANOTHER_VERSION = (
    "nothing was changed. Run the version of the node that made it (docs/operate.md, Upgrade); "
    "begin with an empty data_dir only where nothing in this one counts"
)

# What refuses a row that is well formed. A missing or wrongly typed value is a fault of our own.
_CONFLICTS = {
    sqlite3.SQLITE_CONSTRAINT_CHECK,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
    sqlite3.SQLITE_CONSTRAINT_TRIGGER,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
}
# What says "not now" whatever the statement; any other error says that the statement is wrong.
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


class _StrictTypes(SQLiteTypeCompiler):
    """STRICT tables know INTEGER, TEXT and BLOB only, and refuse a wrongly typed value."""

    def visit_BIGINT(self, type_: object, **kw: object) -> str:  # noqa: N802 - SQLAlchemy's name
        return "INTEGER"

    def visit_VARCHAR(self, type_: object, **kw: object) -> str:  # noqa: N802 - SQLAlchemy's name
        return "TEXT"


class _Words(SQLiteCompiler):
    """Writes a clause's own constants into the text: a partial index is used only where the
    query says `state = 'new'` literally."""

    def visit_bindparam(self, bindparam: BindParameter[Any], *args: Any, **kw: Any) -> str:
        if not bindparam.required and isinstance(bindparam.value, str | int | list):
            kw["literal_binds"] = True
        return str(super().visit_bindparam(bindparam, *args, **kw))  # type: ignore[no-untyped-call]

    def visit_unindexed_func(self, function: FunctionElement[Any], **kw: Any) -> str:
        """`func.unindexed(column)`: a column that is compared, and never looked up by an index."""
        return f"+{self.process(function.clauses.clauses[0], **kw)}"

    def visit_alone_func(self, function: FunctionElement[Any], **kw: Any) -> str:
        """`func.alone()`: no other unit that asks for it goes on until this one's COMMIT. Here
        every unit that writes is alone."""
        return "''"


def _dialect() -> SQLiteDialect:
    dialect = SQLiteDialect(paramstyle="qmark")
    dialect.type_compiler_instance = _StrictTypes(dialect)
    dialect.statement_compiler = _Words
    return dialect


DIALECT = _dialect()


def translate(error: sqlite3.Error) -> Exception:
    """The driver's error as ours: Conflict, StoreUnavailable, or itself when we are at fault."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _CONFLICTS:
        return Conflict(str(error))
    if code & 0xFF in _UNAVAILABLE:  # the low byte is the primary code
        return StoreUnavailable(str(error))
    return error


def is_refused_write(error: sqlite3.Error) -> bool:
    """Whether the error says that this connection only reads."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY


def lock(data_dir: Path) -> int:
    """Takes the folder for this process. The descriptor holds it; the process's end frees it.
    Raises StoreInUse, StoreUnusable."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnusable(
            f"key 'data_dir': {data_dir} cannot be used: {error.strerror}; name a folder on a "
            "local disk that this user may write to"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreInUse(data_dir, holder) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def writer(data_dir: Path) -> sqlite3.Connection:
    """The one connection that writes, to a new file if there is none. Raises StoreUnusable."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreUnusable(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or later is needed")
    path = data_dir / FILE_NAME
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # holds personal data
    connection = _connect(path, "rw")
    try:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"cache_size=-{CACHE_KIB}",
            "temp_store=MEMORY",  # savepoints' undo pages hold personal data: not into /var/tmp
        ):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreUnusable(f"{path} cannot be opened: {error}") from error
    return connection


def make_or_check(
    connection: sqlite3.Connection, data_dir: Path, metadata: MetaData, triggers: Sequence[str]
) -> None:
    """Makes the schema in a new file; in any other, raises StoreUnusable if it is not this one."""
    needed = number_of(metadata)
    if version_of(connection) == 0:
        _make(connection, metadata, triggers, needed)
    require_version(connection, data_dir, needed)
    _check(connection, data_dir, metadata)


def require_version(connection: sqlite3.Connection, data_dir: Path, needed: int) -> None:
    """Raises StoreUnusable, saying what to type, unless the schema is of that revision."""
    found = version_of(connection)
    if found == 0:
        raise StoreUnusable(f"{data_dir} {NO_SCHEMA}")
    if found != needed:
        what = f"{data_dir} has schema {found:04}, this node needs {needed:04}; nothing was changed"
        raise StoreUnusable(f"{what}: {OLDER if found < needed else NEWER}")


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the revision that the schema has; 0: there is none yet."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def require_sound(connection: sqlite3.Connection, where: object) -> None:
    """Raises StoreUnusable where SQLite's own checks find a fault, or a key that leads nowhere."""
    said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
    stray = connection.execute("PRAGMA foreign_key_check").fetchone()
    if stray is not None:
        said = [f"a row of {stray[0]} names one of {stray[2]} that is not there"]
    if said != ["ok"]:
        raise StoreUnusable(f"{where} is not a sound database: {said[0]}")


def reader(data_dir: Path) -> sqlite3.Connection:
    """A connection that refuses every write. Raises StoreUnusable when there is no node here."""
    path = data_dir / FILE_NAME
    if not path.is_file():
        raise StoreUnusable(
            f"there is no node in {data_dir}: {FILE_NAME} is missing. A node makes it when it "
            "first starts; are these its settings?"
        )
    connection = _connect(path, "ro")
    connection.execute("PRAGMA query_only=ON")
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, cached_statements=CACHED_STATEMENTS
    )
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.row_factory = sqlite3.Row
    return connection


def _make(
    connection: sqlite3.Connection, metadata: MetaData, triggers: Sequence[str], version: int
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for sql in definitions(metadata):
        connection.execute(sql)
    for trigger in triggers:
        connection.execute(trigger)
    connection.execute(f"PRAGMA user_version={version}")
    connection.execute("COMMIT")


def definitions(metadata: MetaData) -> Iterable[str]:
    """The statements that make the tables and indexes in an empty file."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            check_type(column)
        table.dialect_options["sqlite"]["strict"] = True
        yield str(CreateTable(table).compile(dialect=DIALECT))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=DIALECT))


def check_type(column: Column[object]) -> None:
    # SQLModel's own int becomes a 32-bit INTEGER on PostgreSQL; dates and booleans are not ours.
    type_ = column.type
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    if not isinstance(plain, BigInteger | String | LargeBinary):
        raise TypeError(
            f"{column.table.name}.{column.name} is {plain!r}: "
            "use sa_type=BigInteger for int, or str, or bytes"
        )


def _check(connection: sqlite3.Connection, data_dir: Path, metadata: MetaData) -> None:
    for table in metadata.sorted_tables:
        found = {row["name"] for row in connection.execute(f"PRAGMA table_info('{table.name}')")}
        wanted = {column.name for column in table.columns}
        if found != wanted:
            raise StoreUnusable(
                f"{data_dir}: table {table.name} has other columns than this node's "
                f"({', '.join(sorted(found ^ wanted))}): {OF_ANOTHER_VERSION}"
            )
