"""The node's database: units of work, committed in groups."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import MetaData

from protocol_specs.node import sqlite
from protocol_specs.node.session import Row as Row
from protocol_specs.node.session import Session as Session
from protocol_specs.node.session import Statement as Statement
from protocol_specs.node.store_faults import Conflict as Conflict
from protocol_specs.node.store_faults import StoreInUse as StoreInUse
from protocol_specs.node.store_faults import StoreUnavailable as StoreUnavailable
from protocol_specs.node.store_faults import StoreUnusable as StoreUnusable

T = TypeVar("T")
UNITS_PER_COMMIT_MAX = 256


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
            self.callbacks = session.callbacks
        except StoreUnavailable:
            raise
        except Exception as error:  # kept, not swallowed: its caller gets it
            if session.broken is not None:  # whatever the unit made of it
                raise session.broken from error
            self.error = error
        finally:
            session.end()

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
        return _open(
            data_dir, lambda writer: sqlite.make_or_check(writer, data_dir, metadata, triggers)
        )

    @staticmethod
    def open_existing(data_dir: Path) -> "Store":
        """Opens for writing what a node has made, while it is stopped; for commands that know only
        some of its tables. Raises StoreUnusable: no node there; StoreInUse: it runs."""
        sqlite.reader(data_dir).close()
        return _open(data_dir, lambda writer: None)

    @staticmethod
    def read_only(data_dir: Path) -> "Store":
        """Opens for reading beside a running node, or without one. Raises StoreUnusable."""
        return Store(sqlite.reader(data_dir))

    @staticmethod
    def read_once(data_dir: Path, unit: Callable[[Session], T]) -> T:
        """Runs a unit that only reads, beside a running node or without one. Raises StoreUnusable
        and whatever the unit raises.
        """
        store = Store.read_only(data_dir)
        try:
            return store.read(unit)
        finally:
            store.close()

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
            session.end()
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


def _open(data_dir: Path, prepare: Callable[[sqlite3.Connection], None]) -> Store:
    """Lock, writer, what the writer has to prepare, reader; all let go of when one fails."""
    with ExitStack() as undo:
        lock = sqlite.lock(data_dir)
        undo.callback(os.close, lock)
        writer = sqlite.writer(data_dir)
        undo.callback(writer.close)
        prepare(writer)
        store = Store(sqlite.reader(data_dir), writer, lock)
        undo.pop_all()
    return store
