"""The node's database: units of work, committed in groups."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import MetaData

from protocol_specs.node.database import revisions, sqlite
from protocol_specs.node.database.engine import Ended, Engine
from protocol_specs.node.database.session import Row as Row
from protocol_specs.node.database.session import Session as Session
from protocol_specs.node.database.session import Statement as Statement
from protocol_specs.node.database.sqlite_engine import SqliteEngine, open_engine
from protocol_specs.node.database.store_settings import StoreAt as StoreAt
from protocol_specs.node.store_faults import Conflict as Conflict
from protocol_specs.node.store_faults import StoreContended
from protocol_specs.node.store_faults import StoreInUse as StoreInUse
from protocol_specs.node.store_faults import StoreUnavailable as StoreUnavailable
from protocol_specs.node.store_faults import StoreUnusable as StoreUnusable
from protocol_specs.node.telemetry.traces import bound
from protocol_specs.node.workers.hints import Carrier, Word
from protocol_specs.node.workers.workers import WHOLE, Share

T = TypeVar("T")
UNITS_PER_COMMIT_MAX = 256
CONTENDED_TRIES_MAX = 5
SEEN_MAX = 65_536


class _Waiting(Generic[T]):
    """A unit, and whoever waits for what became of it."""

    __slots__ = ("callbacks", "error", "future", "result", "shares", "unit")

    def __init__(
        self,
        unit: Callable[[Session], T],
        future: asyncio.Future[T] | None = None,
        *,
        shares: bool = False,
    ) -> None:
        self.unit = unit
        self.future = future
        self.shares = shares
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


class Store:
    """One node's database. Belongs to one event loop.

    SQLite in a folder is written by one process at a time; a PostgreSQL database by the workers of
    one node.
    """

    def __init__(self, engine: Engine, share: Share = WHOLE) -> None:
        self.engine, self.share = engine, share
        self._queued: list[_Waiting[Any]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: dict[str, list[Callable[[str], None]]] = {}
        self._seen: set[object] = set()  # of Session.remember

    @staticmethod
    def open(
        where: Path | StoreAt,
        metadata: MetaData,
        *,
        triggers: Sequence[str] = (),
        share: Share = WHOLE,
    ) -> "Store":
        """Opens for writing, making the schema in an empty folder and checking it in any other.

        `share` says which of the node's processes this one is; SQLite has no other.

        `metadata.info["migrations"]` names the package of the schema's revisions. Raises
        StoreUnusable, naming the folder or url: another process writes there, or the schema is
        another.
        """
        at = place(where)
        if at.url is not None:
            from protocol_specs.node.database.postgres.engine import open_node

            return Store(open_node(at, metadata, share), share)
        return Store(
            open_engine(
                at.data_dir,
                lambda writer: sqlite.make_or_check(writer, at.data_dir, metadata, triggers),
            )
        )

    @staticmethod
    def open_existing(where: Path | StoreAt) -> "Store":
        """Opens for writing what a node has made, while it is stopped; for commands that know only
        some of its tables. Raises StoreUnusable: no node there; StoreInUse: it runs."""
        at = place(where)
        if at.url is not None:
            from protocol_specs.node.database.postgres.engine import open_stopped

            return Store(open_stopped(at))
        _reader(at).close()
        return Store(open_engine(at.data_dir, lambda writer: None))

    @staticmethod
    def read_only(where: Path | StoreAt) -> "Store":
        """Opens for reading beside a running node, or without one. Raises StoreUnusable."""
        at = place(where)
        if at.url is not None:
            from protocol_specs.node.database.postgres.engine import open_reader

            return Store(open_reader(at))
        return Store(SqliteEngine(_reader(at)))

    @staticmethod
    def read_once(where: Path | StoreAt, unit: Callable[[Session], T]) -> T:
        """Runs a unit that only reads, beside a running node or without one. Raises StoreUnusable
        and whatever the unit raises.
        """
        store = Store.read_only(where)
        try:
            return store.read(unit)
        finally:
            store.close()

    def listen(self, channel: str, callback: Callable[[str], None]) -> None:
        """Calls back with the payload after each commit that notified the channel."""
        self._listeners.setdefault(channel, []).append(callback)

    def tell(self, channel: str, payload: str) -> None:
        """Calls the listeners in the other processes of this node, where there are any. Outside of
        any transaction, and lost when the database is away: a hint, never a record."""
        if self.share.of > 1:
            self.engine.say([Word(self.share.slot, None, channel, payload)])

    def hear_others(self, carrier: Carrier | None = None) -> Carrier:
        """From here on the listeners hear the other processes too, as long as a loop turns the
        carrier that is returned: the one given, or the database's own."""
        return self.engine.hear_others(self.hear, carrier)

    def hear(self, channel: str, payload: str) -> None:
        """Calls the listeners for a word of another process of this node. Raises what they raise
        of it: ValueError for a payload that is none of theirs, StoreUnavailable."""
        for listener in self._listeners.get(channel, ()):
            listener(payload)

    async def transact(self, unit: Callable[[Session], T], *, shares: bool = False) -> T:
        """Runs the unit and returns what it returned, once it is on disk.

        Units of one turn of the loop share a COMMIT, a savepoint each; what one raises is its
        caller's alone. When an error ends the shared transaction each unit is run again alone: a
        unit keeps its effects in the session. A cancelled caller's unit may still be committed.
        Where other processes write too, only units that `shares` says lock no row of business
        share one: locks held for each other's sake end in deadlocks.
        Raises StoreUnavailable when the database could not keep it, or cannot say that it did.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self.engine.may_write:
            raise StoreUnavailable("this store is closed or was opened for reading")
        if not self._queued:
            self._loop = loop
            loop.call_soon(self._flush, loop)
        self._queued.append(_Waiting(bound(unit), future, shares=shares))
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
        """Runs a unit that only reads, at once, on one committed state. A write is an error.

        Raises StoreUnavailable when a database server cannot be asked.
        """
        try:
            with self.engine.reading() as session:
                return unit(session)
        except StoreContended:  # the server was restarted since we last asked
            with self.engine.reading() as session:
                return unit(session)

    def close(self) -> None:
        """Commits what waits, then gives the database free. May be repeated."""
        while self._queued and self._loop is not None and not self._loop.is_closed():
            self._flush(self._loop)
        self.engine.close()

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        units = self._take_group()
        if not units:  # `close` was quicker
            return
        if self._queued:
            loop.call_soon(self._flush, loop)
        try:
            self._commit(units)
        except Ended:
            self._commit_each(units)
        except Exception as error:  # noqa: BLE001 - nobody waits for ever, whatever it is
            for waiting in units:
                waiting.fail(error)
        for waiting in units:
            for callback in waiting.callbacks:
                loop.call_soon(callback)  # before the caller: its future wakes it in a later slot
            if waiting.future is not None:
                waiting.wake(waiting.future)

    def _take_group(self) -> list[_Waiting[Any]]:
        """Those at the head of the queue that go into one commit."""
        count = min(len(self._queued), UNITS_PER_COMMIT_MAX)
        if self.engine.is_shared and count:
            own = (at for at, unit in enumerate(self._queued[:count]) if not unit.shares)
            count = max(1, next(own, count))
        units = self._queued[:count]
        del self._queued[:count]
        return units

    def _commit_each(self, units: Sequence[_Waiting[Any]]) -> None:
        """Runs each unit in a transaction of its own; the failing ones keep the error."""
        for position, waiting in enumerate(units):
            try:
                self._commit_alone(waiting)
            except Exception as error:  # noqa: BLE001 - not even BEGIN: no use in asking for each
                for rest in units[position:]:
                    rest.fail(error)
                return

    def _commit_alone(self, waiting: _Waiting[Any]) -> None:
        for tries in range(1, CONTENDED_TRIES_MAX + 1):
            try:
                self._commit([waiting])
            except Ended as ended:
                cause = ended.__cause__
                if isinstance(cause, StoreContended) and tries < CONTENDED_TRIES_MAX:
                    continue
                waiting.fail(
                    cause if isinstance(cause, Exception) else StoreUnavailable(str(cause))
                )
            return

    def _commit(self, units: Sequence[_Waiting[Any]]) -> None:
        """One transaction. Raises StoreUnavailable if it cannot begin or nobody knows how it
        ended, Ended if it cannot end."""
        engine = self.engine
        if engine.in_transaction:
            raise RuntimeError("a unit cannot start another: use the session it was given")
        engine.begin()
        try:
            self._run(units)
            _keep(engine)
        except (Ended, StoreUnavailable):
            self._seen.clear()  # another server, or a backup, may be what answers next
            raise
        finally:
            engine.roll_back()

    def _run(self, units: Sequence[_Waiting[Any]]) -> None:
        try:
            for waiting in units:
                waiting.run(self._session())
        except StoreUnavailable as error:
            raise Ended from error

    def _session(self) -> Session:
        session = self.engine.session(self._listeners)
        if len(self._seen) > SEEN_MAX:
            self._seen.clear()
        session.seen = self._seen
        return session


def _keep(engine: Engine) -> None:
    try:
        engine.commit()
    except (Ended, StoreUnavailable):
        raise
    except Exception as error:  # the fault of one unit's words: each has to stand for its own
        raise Ended from error


def _reader(at: StoreAt) -> sqlite3.Connection:
    """A connection that only reads, to tables of this version. Raises StoreUnusable."""
    package = revisions.package_of(at.role) if at.role else None
    reader = sqlite.reader(at.data_dir)
    try:
        if package is not None:
            sqlite.require_version(reader, at.data_dir, revisions.newest(package))
    except BaseException:
        reader.close()
        raise
    return reader


def place(where: Path | StoreAt) -> StoreAt:
    """A folder is SQLite's."""
    return where if isinstance(where, StoreAt) else StoreAt(where)
