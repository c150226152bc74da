"""The node's database: units of work committed in groups, and statements compiled once."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar, cast

from sqlalchemy import MetaData
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from protocol_specs.node import sqlite
from protocol_specs.node.store_faults import Conflict as Conflict
from protocol_specs.node.store_faults import StoreUnavailable as StoreUnavailable
from protocol_specs.node.store_faults import StoreUnusable as StoreUnusable

T = TypeVar("T")
Row = sqlite3.Row  # by name and by index; values are int, str, bytes or None

UNITS_PER_COMMIT_MAX = 256
RETRY_AFTER_S = 2  # what a peer is told when its message could not be kept


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
    """One unit's view of the database: plain, synchronous, and over when its unit is."""

    __slots__ = (
        "_broken",
        "_callbacks",
        "_connection",
        "_depth",
        "_execute",
        "_listeners",
        "_may_write",
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
        self._callbacks: list[Callable[[], None]] = []
        self._broken: StoreUnavailable | None = None
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
        kept = len(self._callbacks)
        self._depth += 1
        name = f"level_{self._depth}"
        self._control(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            del self._callbacks[kept:]
            if self._broken is None:
                self._control(f"ROLLBACK TO {name}")
                self._control(f"RELEASE {name}")
            raise
        else:
            self._control(f"RELEASE {name}")
        finally:
            self._depth -= 1

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Calls back once, after the COMMIT; never if what asked for it was rolled back."""
        self._callbacks.append(callback)

    def notify(self, channel: str, payload: str = "") -> None:
        """Tells the listeners of this store's channel after the COMMIT. A hint, never a record."""
        for listener in self._listeners.get(channel, ()):
            self._callbacks.append(partial(listener, payload))

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
            self._broken = translated
            self._execute = partial(_refuse, translated)
        raise translated from error

    def _end(self) -> None:
        self._execute = partial(_refuse, RuntimeError("this session ended with its unit"))


def _refuse(error: Exception, *_: object) -> NoReturn:
    raise error


class _Waiting(Generic[T]):
    """A unit, and whoever waits for what became of it."""

    __slots__ = ("callbacks", "error", "future", "result", "unit")

    def __init__(
        self, unit: Callable[[Session], T], future: asyncio.Future[T] | None = None
    ) -> None:
        self.unit = unit
        self.future = future
        self.result: T
        self.error: Exception | None = None
        self.callbacks: list[Callable[[], None]] = []

    def run(self, session: Session) -> None:
        """Runs the unit in a savepoint. Raises StoreUnavailable only; keeps any other error."""
        self.error, self.callbacks = None, []
        try:
            with session.savepoint():
                self.result = self.unit(session)
            self.callbacks = session._callbacks
        except StoreUnavailable:
            raise
        except Exception as error:  # kept, not swallowed: its caller gets it
            if session._broken is not None:  # whatever the unit made of it
                raise session._broken from error
            self.error = error
        finally:
            session._end()

    def fail(self, error: Exception) -> None:
        self.error, self.callbacks = error, []

    def wake(self, future: asyncio.Future[T]) -> None:
        if future.done():  # the caller was cancelled while the unit waited
            return
        if self.error is None:
            future.set_result(self.result)
        elif isinstance(self.error, StopIteration):  # a future cannot carry one
            future.set_exception(RuntimeError("a unit raised StopIteration"))
        else:
            future.set_exception(self.error)


class _Ended(Exception):
    """The transaction ended with an error; none of its units is kept."""


class Store:
    """One node's database. Belongs to one event loop; one process at a time may write."""

    def __init__(
        self,
        reader: sqlite3.Connection,
        writer: sqlite3.Connection | None = None,
        lock: int | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = lock
        self._queued: list[_Waiting[Any]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: dict[str, list[Callable[[str], None]]] = {}

    @staticmethod
    def open(data_dir: Path, metadata: MetaData, *, triggers: Sequence[str] = ()) -> "Store":
        """Opens for writing, making the schema in an empty folder and checking it in any other.

        `metadata.info["version"]` (1 if absent) is the schema's number. Raises StoreUnusable,
        naming the folder: another process writes there, or the schema is another.
        """
        lock = sqlite.lock(data_dir)
        try:
            writer = sqlite.writer(data_dir)
            sqlite.make_or_check(writer, data_dir, metadata, triggers)
            return Store(sqlite.reader(data_dir), writer, lock)
        except BaseException:
            os.close(lock)
            raise

    @staticmethod
    def open_existing(data_dir: Path) -> "Store":
        """Opens for writing what a node has made, while it is stopped; for commands that know only
        some of its tables. Raises StoreUnusable: no node there, or it runs."""
        sqlite.reader(data_dir).close()
        lock = sqlite.lock(data_dir)
        return Store(sqlite.reader(data_dir), sqlite.writer(data_dir), lock)

    @staticmethod
    def read_only(data_dir: Path) -> "Store":
        """Opens for reading beside a running node, or without one. Raises StoreUnusable."""
        return Store(sqlite.reader(data_dir))

    def listen(self, channel: str, callback: Callable[[str], None]) -> None:
        """Calls back with the payload after each commit that notified the channel."""
        self._listeners.setdefault(channel, []).append(callback)

    async def transact(self, unit: Callable[[Session], T]) -> T:
        """Runs the unit and returns what it returned, once it is on disk.

        Units of one turn of the loop share a COMMIT, a savepoint each; what one raises is its
        caller's alone. When an error ends the shared transaction each unit is run again alone: a
        unit keeps its effects in the session. A cancelled caller's unit may still be committed.
        Raises StoreUnavailable when the database could not keep it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._writer is None:
            raise StoreUnavailable("this store is closed or was opened for reading")
        if not self._queued:
            self._loop = loop
            loop.call_soon(self._flush, loop)
        self._queued.append(_Waiting(unit, future))
        return await future

    def transact_now(self, unit: Callable[[Session], T]) -> T:
        """The same at once and alone, for commands and tests that have no loop."""
        waiting = _Waiting(unit)
        self._commit_each([waiting])
        if waiting.error is not None:
            raise waiting.error
        for callback in waiting.callbacks:
            callback()
        return waiting.result

    def read(self, unit: Callable[[Session], T]) -> T:
        """Runs a unit that only reads, at once, on one committed state. A write is an error."""
        session = Session(self._reader, {}, may_write=False)
        nested = self._reader.in_transaction
        if not nested:
            self._reader.execute("BEGIN")
        try:
            return unit(session)
        finally:
            session._end()
            if not nested:
                self._reader.execute("COMMIT")

    def close(self) -> None:
        """Commits what waits, then gives the folder free. May be repeated."""
        while self._queued and self._loop is not None and not self._loop.is_closed():
            self._flush(self._loop)
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._reader.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        units = self._queued[:UNITS_PER_COMMIT_MAX]
        if not units:  # `close` was quicker
            return
        del self._queued[:UNITS_PER_COMMIT_MAX]
        if self._queued:
            loop.call_soon(self._flush, loop)
        try:
            self._commit(units)
        except _Ended:
            self._commit_each(units)
        except StoreUnavailable as error:
            for waiting in units:
                waiting.fail(error)
        for waiting in units:
            for callback in waiting.callbacks:
                loop.call_soon(callback)  # before the caller: its future wakes it in a later slot
            if waiting.future is not None:
                waiting.wake(waiting.future)

    def _commit_each(self, units: Sequence[_Waiting[Any]]) -> None:
        """Runs each unit in a transaction of its own; the failing ones keep the error."""
        for position, waiting in enumerate(units):
            try:
                self._commit([waiting])
            except _Ended as ended:
                waiting.fail(_as_error(ended))
            except StoreUnavailable as error:  # not even BEGIN: no use in asking again for each
                for rest in units[position:]:
                    rest.fail(error)
                return

    def _commit(self, units: Sequence[_Waiting[Any]]) -> None:
        """One transaction. Raises StoreUnavailable if it cannot begin, _Ended if it cannot end."""
        writer = self._writer
        if writer is None:
            raise StoreUnavailable("this store is closed or was opened for reading")
        if writer.in_transaction:
            raise RuntimeError("a unit cannot start another: use the session it was given")
        try:
            writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error
        try:
            for waiting in units:
                waiting.run(Session(writer, self._listeners))
            writer.execute("COMMIT")
        except (sqlite3.Error, StoreUnavailable) as error:
            raise _Ended from error
        finally:
            if writer.in_transaction:
                writer.execute("ROLLBACK")


def _as_error(ended: _Ended) -> Exception:
    cause = ended.__cause__
    if isinstance(cause, sqlite3.Error):
        return sqlite.translate(cause)
    return cause if isinstance(cause, StoreUnavailable) else StoreUnavailable(str(cause))
