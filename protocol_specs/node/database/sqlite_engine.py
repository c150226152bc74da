"""A node's SQLite file as the store uses it: one connection that writes, one that reads."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from protocol_specs.node.database import sqlite
from protocol_specs.node.database.engine import Ended, Listeners
from protocol_specs.node.database.session import Session
from protocol_specs.node.store_faults import StoreUnavailable
from protocol_specs.node.workers.hints import Carrier, Heard, Word


class SqliteEngine:
    """See `engine.Engine`. One process at a time writes: `lock` is held until `close`."""

    is_shared = loses_hints = False

    def __init__(
        self,
        reader: sqlite3.Connection,
        writer: sqlite3.Connection | None = None,
        lock: int | None = None,
    ) -> None:
        self.reader, self.writer, self._lock = reader, writer, lock

    @property
    def may_write(self) -> bool:
        """As Engine."""
        return self.writer is not None

    @property
    def in_transaction(self) -> bool:
        """As Engine."""
        return self.writer is not None and self.writer.in_transaction

    def begin(self) -> None:
        """As Engine."""
        if self.writer is None:
            raise StoreUnavailable("this store is closed or was opened for reading")
        try:
            self.writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error

    def session(self, listeners: Listeners) -> Session:
        """As Engine."""
        if self.writer is None:
            raise RuntimeError("a session that writes without a transaction")
        return Session(self.writer, listeners)

    def commit(self) -> None:
        """As Engine; SQLite always knows."""
        if self.writer is None:
            raise RuntimeError("a commit without a transaction")
        try:
            self.writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise Ended from sqlite.translate(error)

    def roll_back(self) -> None:
        """As Engine."""
        if self.writer is not None and self.writer.in_transaction:
            self.writer.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """As Engine."""
        session = Session(self.reader, {}, may_write=False)
        nested = self.reader.in_transaction
        if not nested:
            self.reader.execute("BEGIN")
        try:
            yield session
        finally:
            session.end()
            if not nested:
                self.reader.execute("COMMIT")

    def hear_others(self, heard: Heard, carrier: Carrier | None) -> Carrier:
        """As Engine."""
        raise RuntimeError("SQLite has one process")

    def say(self, words: Iterable[Word]) -> None:
        """As Engine: there is no other process."""

    def close(self) -> None:
        """As Engine."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None
        self.reader.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def open_engine(data_dir: Path, prepare: Callable[[sqlite3.Connection], None]) -> SqliteEngine:
    """Lock, writer, what the writer has to prepare, reader; all let go of when one fails."""
    with ExitStack() as undo:
        lock = sqlite.lock(data_dir)
        undo.callback(os.close, lock)
        writer = sqlite.writer(data_dir)
        undo.callback(writer.close)
        prepare(writer)
        engine = SqliteEngine(sqlite.reader(data_dir), writer, lock)
        undo.pop_all()
    return engine
