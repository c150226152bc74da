"""Statements compiled once, and the session in which a unit of work runs them."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, ClassVar, NoReturn, cast

from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.expression import ClauseElement

from protocol_specs.node.database import sqlite
from protocol_specs.node.store_faults import StoreUnavailable

Row = sqlite3.Row  # by name and by index; values are int, str, bytes or None


class Statement:
    """A SQLAlchemy Core clause, compiled once to SQL text with named parameters.

    Made at module level, each value a `bindparam("name")`; the parameters of a bare
    `insert(table)` are all its columns. Leave out `id` where the database numbers the rows.
    A list of unknown length does not compile once: `Session.run_many` runs one for each.
    """

    def __init__(self, clause: ClauseElement) -> None:
        self.clause = clause
        self.writes = isinstance(clause, UpdateBase)
        self.postgres: Any = None  # its rendering for PostgreSQL, kept here once it was asked for

    @cached_property
    def sqlite(self) -> "tuple[str, Callable[[Mapping[str, Any]], Sequence[Any]]]":
        """SQL text in SQLite's dialect, and what puts values given by name in its order: bound by
        place they cost less than half."""
        compiled = cast(SQLCompiler, self.clause.compile(dialect=sqlite.DIALECT))
        names = compiled.positiontup or []
        fixed = {
            name: bind.value
            for name, bind in compiled.binds.items()
            if not bind.required and name in compiled.params
        }

        if len(names) > 1 and not fixed:
            return str(compiled), itemgetter(*names)

        def in_order(given: Mapping[str, Any]) -> list[Any]:
            values = {**fixed, **given}
            return [values[name] for name in names]

        return str(compiled), in_order


class Session:
    """One unit's view of the database: plain, synchronous, and over when its unit is.

    `broken` (why the database cannot go on) and `callbacks` are for the store. `seen` are keys that
    `remember` was told of, the same for all units of a store.
    """

    is_alone: ClassVar[bool] = True  # no unit of another process runs beside this one

    __slots__ = (
        "_connection",
        "_covered",
        "_depth",
        "_execute",
        "_execute_many",
        "_listeners",
        "_may_write",
        "_opened",
        "broken",
        "callbacks",
        "seen",
    )

    def __init__(
        self,
        connection: sqlite3.Connection,
        listeners: Mapping[str, list[Callable[[str], None]]],
        *,
        may_write: bool = True,
    ) -> None:
        self._connection = connection
        self._execute: Callable[..., sqlite3.Cursor] = connection.execute
        self._execute_many: Callable[..., sqlite3.Cursor] = connection.executemany
        self._listeners = listeners
        self._may_write = may_write
        self.seen: set[object] = set()
        self.callbacks: list[Callable[[], None]] = []
        self.broken: StoreUnavailable | None = None
        self._depth = 0  # how many blocks are open
        self._covered = 0  # how many of them a SAVEPOINT can undo; nothing was written in the rest
        self._opened: list[int] = []  # the outermost block that each SAVEPOINT stands for

    def run(self, statement: Statement, /, **values: Any) -> int:
        """Runs a write; returns how many rows it changed. Raises Conflict, StoreUnavailable."""
        sql, in_order = statement.sqlite
        if self._covered < self._depth:
            self._open()
        try:
            return self._execute(sql, in_order(values)).rowcount
        except sqlite3.Error as error:
            self._fail(error)

    def write(self, statement: Statement, /, **values: Any) -> None:
        """As `run`, where nobody asks how many rows: a database server is not waited for. Raises as
        `run` does; what a server refuses later runs the unit again, which is refused here."""
        self.run(statement, **values)

    def numbered(self, statement: Statement, /, **values: Any) -> int:
        """As `insert`, where the order of the numbers says nothing: a server may have given them
        out ahead. Raises as `write` does."""
        return self.insert(statement, **values)

    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]]) -> int:
        """Runs a write once for each of `rows`, in their order; returns how many rows it changed.

        Cheaper than `run` for each. What one row raises leaves those before it written: the
        unit, or a savepoint, undoes them. Raises as `run` does.
        """
        sql, in_order = statement.sqlite
        if self._covered < self._depth:
            self._open()
        try:
            return self._execute_many(sql, map(in_order, rows)).rowcount
        except sqlite3.Error as error:
            self._fail(error)

    def insert(self, statement: Statement, /, **values: Any) -> int:
        """Runs an INSERT of one row; returns the number that the database gave it as its `id`.

        Half the cost of RETURNING, which SQLite writes to a table of its own first. Raises as
        `run` does.
        """
        sql, in_order = statement.sqlite
        if self._covered < self._depth:
            self._open()
        try:
            row_id = self._execute(sql, in_order(values)).lastrowid
        except sqlite3.Error as error:
            self._fail(error)
        if row_id is None:
            raise RuntimeError("the statement inserted nothing")
        return row_id

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """The first row, or None. Raises as `run` does."""
        sql, in_order = statement.sqlite
        if statement.writes and self._covered < self._depth:
            self._open()
        try:
            row: Row | None = self._execute(sql, in_order(values)).fetchone()
        except sqlite3.Error as error:
            self._fail(error)
        return row

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Every row; bound their number in the statement. Raises as `run` does."""
        sql, in_order = statement.sqlite
        if statement.writes and self._covered < self._depth:
            self._open()
        try:
            return self._execute(sql, in_order(values)).fetchall()
        except sqlite3.Error as error:
            self._fail(error)

    def savepoint(self) -> "Savepoint":
        """Undoes what the block wrote when it raises, and raises on. May be nested.

        An unavailable database ends the whole unit, even where the caller catches the error.
        """
        return Savepoint(self)

    def begin(self) -> int:
        """Opens a block; how many callbacks there were before it. For Savepoint.

        Its SAVEPOINT waits for the first write: blocks that begin together share one.
        """
        self._depth += 1
        return len(self.callbacks)

    def keep(self, callbacks: int) -> None:
        """Closes the innermost block and keeps what was written. For Savepoint."""
        if self.broken is not None:  # whatever the block made of it
            raise self.broken
        if self._covered == self._depth:
            self._uncover()
        self._depth -= 1

    def undo(self, callbacks: int) -> None:
        """Closes the innermost block as if it had never been. For Savepoint."""
        del self.callbacks[callbacks:]
        if self._covered == self._depth:
            if self.broken is None:
                self._control(f"ROLLBACK TO level_{self._opened[-1]}")
            self._uncover()
        self._depth -= 1

    def _open(self) -> None:
        """The SAVEPOINT of all blocks in which nothing was written yet."""
        outermost = self._covered + 1
        self._control(f"SAVEPOINT level_{outermost}")
        self._opened.append(outermost)
        self._covered = self._depth

    def _uncover(self) -> None:
        """The innermost block is over, and its SAVEPOINT, if that stands for no other block."""
        if self._opened[-1] == self._depth:
            self._opened.pop()
            if self.broken is None:
                self._control(f"RELEASE level_{self._depth}")
        self._covered -= 1

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Calls back once, after the COMMIT; never if what asked for it was rolled back."""
        self.callbacks.append(callback)

    def remember(self, keys: Iterable[object]) -> None:
        """Puts keys into `seen` after the COMMIT: of rows that stand, and that nothing may remove
        or change, so that no other process can make it untrue."""
        self.callbacks.append(partial(self.seen.update, keys))

    def notify(self, channel: str, payload: str = "", *, conversation: int | None = None) -> None:
        """Tells the listeners of this store's channel after the COMMIT. A hint, never a record.

        `conversation`: only the process that tends this one need hear it; SQLite has no other.
        """
        for listener in self._listeners.get(channel, ()):
            self.callbacks.append(partial(listener, payload))

    def _control(self, sql: str) -> None:
        try:
            self._execute(sql)
        except sqlite3.Error as error:
            self._fail(error)

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        if not self._may_write and sqlite.is_refused_write(error):
            raise RuntimeError("a read may not write: use transact") from error
        translated = sqlite.translate(error)
        if not self._connection.in_transaction:  # some errors end the whole transaction
            translated = StoreUnavailable(str(error))
        if isinstance(translated, StoreUnavailable):
            self.broken = translated
            self._refuse_from_here_on(translated)
        raise translated from error

    def end(self) -> None:
        """Whoever uses this session from here on is at fault."""
        self._refuse_from_here_on(RuntimeError("this session ended with its unit"))

    def _refuse_from_here_on(self, error: Exception) -> None:
        self._execute = self._execute_many = partial(_refuse, error)


class Savepoint:
    """The block of `Session.savepoint`; a generator would cost as much as the statements."""

    __slots__ = ("_callbacks", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> None:
        self._callbacks = self._session.begin()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._session.keep(self._callbacks)
        else:
            self._session.undo(self._callbacks)


def _refuse(error: Exception, *_: object) -> NoReturn:
    raise error
