"""Statements compiled once, and the session in which a unit of work runs them."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, NoReturn, cast

from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from protocol_specs.node import sqlite
from protocol_specs.node.store_faults import StoreUnavailable

Row = sqlite3.Row  # by name and by index; values are int, str, bytes or None


class Statement:
    """A SQLAlchemy Core clause, compiled once to SQL text with named parameters.

    Made at module level, each value a `bindparam("name")`; the parameters of a bare
    `insert(table)` are all its columns (give `id=None` where the database numbers the rows).
    A list of unknown length does not compile once: run the statement for each.
    """

    def __init__(self, clause: ClauseElement) -> None:
        self.clause = clause

    @cached_property
    def sqlite(self) -> tuple[str, Mapping[str, Any]]:
        """SQL text in SQLite's dialect, and the values that the clause itself holds."""
        compiled = cast(SQLCompiler, self.clause.compile(dialect=sqlite.DIALECT))
        fixed = {
            name: bind.value
            for name, bind in compiled.binds.items()
            if not bind.required and name in compiled.params
        }
        return str(compiled), fixed


class Session:
    """One unit's view of the database: plain, synchronous, and over when its unit is.

    `broken` (why the database cannot go on) and `callbacks` are for the store.
    """

    __slots__ = (
        "_connection",
        "_depth",
        "_execute",
        "_listeners",
        "_may_write",
        "broken",
        "callbacks",
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
        self._listeners = listeners
        self._may_write = may_write
        self.callbacks: list[Callable[[], None]] = []
        self.broken: StoreUnavailable | None = None
        self._depth = 0

    def run(self, statement: Statement, /, **values: Any) -> int:
        """Runs a write; returns how many rows it changed. Raises Conflict, StoreUnavailable."""
        sql, fixed = statement.sqlite
        try:
            return self._execute(sql, {**fixed, **values} if fixed else values).rowcount
        except sqlite3.Error as error:
            self._fail(error)

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """The first row, or None. Raises as `run` does."""
        sql, fixed = statement.sqlite
        try:
            row: Row | None = self._execute(
                sql, {**fixed, **values} if fixed else values
            ).fetchone()
        except sqlite3.Error as error:
            self._fail(error)
        return row

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Every row; bound their number in the statement. Raises as `run` does."""
        sql, fixed = statement.sqlite
        try:
            return self._execute(sql, {**fixed, **values} if fixed else values).fetchall()
        except sqlite3.Error as error:
            self._fail(error)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undoes what the block wrote when it raises, and raises on. May be nested.

        An unavailable database ends the whole unit, even where the caller catches the error.
        """
        kept = len(self.callbacks)
        self._depth += 1
        name = f"level_{self._depth}"
        self._control(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            del self.callbacks[kept:]
            if self.broken is None:
                self._control(f"ROLLBACK TO {name}")
                self._control(f"RELEASE {name}")
            raise
        else:
            self._control(f"RELEASE {name}")
        finally:
            self._depth -= 1

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Calls back once, after the COMMIT; never if what asked for it was rolled back."""
        self.callbacks.append(callback)

    def notify(self, channel: str, payload: str = "") -> None:
        """Tells the listeners of this store's channel after the COMMIT. A hint, never a record."""
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
            self._execute = partial(_refuse, translated)
        raise translated from error

    def end(self) -> None:
        """Whoever uses this session from here on is at fault."""
        self._execute = partial(_refuse, RuntimeError("this session ended with its unit"))


def _refuse(error: Exception, *_: object) -> NoReturn:
    raise error
