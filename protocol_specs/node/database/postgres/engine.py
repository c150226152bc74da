"""A PostgreSQL database as the store uses it: a link that writes, and one that reads."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import MetaData

from protocol_specs.node.database import revisions, sqlite
from protocol_specs.node.database.engine import Ended, Listeners
from protocol_specs.node.database.postgres import schema
from protocol_specs.node.database.postgres.hearing import NOTIFY, Hearing
from protocol_specs.node.database.postgres.link import ROUND_S, Link
from protocol_specs.node.database.postgres.place import connect, shown
from protocol_specs.node.database.postgres.session import PostgresSession
from protocol_specs.node.database.session import Session
from protocol_specs.node.database.store_settings import StoreAt
from protocol_specs.node.store_faults import StoreInUse, StoreUnavailable, StoreUnusable
from protocol_specs.node.workers.hints import Carrier, Heard, Word
from protocol_specs.node.workers.workers import WHOLE, Share

AGAIN_S = 0.5  # a server that refused is not asked again sooner: a try may take two seconds
SLOT_S, LOOK_S = 60.0, 0.05  # how long, and how often, a worker asks for its slot
COMMAND_S = 600.0  # a command that reads may take its time
_HOLD = "SELECT pg_try_advisory_lock(hashtext(current_schema()), $1)"
_HOLDER = (
    "SELECT a.application_name, a.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objid = $1 AND l.classid = "
    "(hashtext(current_schema())::bigint & 4294967295)::oid AND l.database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Renewed:
    """A link that is made again when it was lost; a server that refuses is left alone a moment."""

    def __init__(self, make: Callable[[int | None], Link]) -> None:
        """`make` is given the process id that the lost link had at the server, None at first."""
        self._make = make
        self._not_before = 0.0
        self._is_closed = False
        self.link: Link | None = None

    def get(self) -> Link:
        """The link, as it is or new. Raises StoreUnavailable."""
        link = self.link
        if link is not None and not link.is_lost:
            return link
        if self._is_closed:
            raise StoreUnavailable("this store is closed")
        if time.monotonic() < self._not_before:
            raise StoreUnavailable("the database cannot be reached; it is asked again soon")
        try:
            self.link = self._make(None if link is None else link.backend)
        except StoreUnavailable:
            self._not_before = time.monotonic() + AGAIN_S
            raise
        except StoreInUse as error:
            if link is None:
                raise
            self._not_before = time.monotonic() + AGAIN_S
            raise StoreUnavailable(str(error)) from error
        return self.link

    def close(self) -> None:
        """For good."""
        self._is_closed = True
        if self.link is not None:
            self.link.close()
            self.link = None


class PostgresEngine:
    """See `engine.Engine`. The share's slot is held as an advisory lock on the very link that
    writes: who lost the link has lost the slot with it, and cannot write as if it had not."""

    loses_hints = True

    def __init__(
        self,
        at: StoreAt,
        *,
        share: Share | None,
        lock: int | None = None,
        reads_s: float = ROUND_S,
    ) -> None:
        self.is_shared = share is not None and share.of > 1
        self._share = share or WHOLE
        self.at, self._slot, self._lock = at, self._share.slot, lock
        self._reader = Renewed(lambda _: connect(at, round_s=reads_s))
        self._writer = None if share is None else Renewed(self._connect_writer)
        self._notes: dict[Word, None] | None = {} if self.is_shared else None
        self.hearing = Hearing(lambda: connect(at), self._share)
        self._carrier: Carrier = self.hearing

    @property
    def may_write(self) -> bool:
        """As Engine."""
        return self._writer is not None

    @property
    def in_transaction(self) -> bool:
        """As Engine."""
        link = None if self._writer is None else self._writer.link
        return link is not None and not link.is_lost and link.in_transaction

    def begin(self) -> None:
        """As Engine."""
        self.writer().begin()

    def session(self, listeners: Listeners) -> Session:
        """As Engine."""
        link = self._open_writer()
        return PostgresSession(link, listeners, notes=self._notes, share=self._share)

    def commit(self) -> None:
        """As Engine. Other processes are told of what was notified, by the COMMIT itself or after
        it, as the carrier is."""
        link, carrier = self._open_writer(), self._carrier
        words = tuple(self._notes or ())
        try:
            if carrier.goes_with_commit and words:
                for word in words:
                    link.write(NOTIFY, (word.text(),))
        except StoreUnavailable as error:
            raise Ended from error
        try:
            link.commit()
        except StoreUnavailable as error:
            if link.is_lost:  # it may have been kept: whoever runs it again may do it twice
                raise
            raise Ended from error
        if not carrier.goes_with_commit and words:
            carrier.say(words)

    def roll_back(self) -> None:
        """As Engine."""
        if self._notes:
            self._notes.clear()
        if self.in_transaction:
            self._open_writer().end_transaction()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """As Engine."""
        link = self._reader.get()
        nested = link.in_transaction
        if not nested:
            link.begin(_BEGIN_READING)
        session = PostgresSession(link, {}, may_write=False)
        try:
            yield session
        finally:
            session.end()
            if not nested and not link.is_lost:
                link.end_transaction()

    def hear_others(self, heard: Heard, carrier: Carrier | None) -> Carrier:
        """As Engine."""
        self._carrier = carrier or self.hearing
        self._carrier.listen(heard)
        return self._carrier

    def say(self, words: Iterable[Word]) -> None:
        """As Engine."""
        self._carrier.say(words)

    def close(self) -> None:
        """As Engine."""
        self._carrier.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._reader.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def writer(self) -> Link:
        """The link that writes. Raises StoreUnavailable; StoreInUse at first."""
        if self._writer is None:
            raise StoreUnavailable("this store is closed or was opened for reading")
        return self._writer.get()

    def _open_writer(self) -> Link:
        if self._writer is None or self._writer.link is None:
            raise RuntimeError("a session that writes without a transaction")
        return self._writer.link

    def _connect_writer(self, before: int | None) -> Link:
        """A link that holds our slot; a lost one of ours that the server still has is ended."""
        link = connect(self.at)
        try:
            if not link.rows(_HOLD, (self._slot,))[0][0]:
                self._take_over(link, before)
        except BaseException:
            link.close()
            raise
        return link

    def _take_over(self, link: Link, before: int | None) -> None:
        found = link.rows(_HOLDER, (self._slot,))
        if before is None or not found or found[0]["pid"] != before:
            holder = str(found[0]["application_name"]) if found else "another process"
            raise StoreInUse(shown(self.at), holder.removeprefix("wayfare "))
        link.rows("SELECT pg_terminate_backend($1, 1000)", (before,))
        if not link.rows(_HOLD, (self._slot,))[0][0]:
            raise StoreUnavailable("the database still has our lost connection")


def open_node(at: StoreAt, metadata: MetaData, share: Share = WHOLE) -> PostgresEngine:
    """For a node's one process, or for one of its workers, whose parent holds the folder; a worker
    waits a while for its predecessor to give the slot free. Raises StoreUnusable."""
    known = revisions.known(metadata)
    if share.of == 1:
        return opened(at, lambda link: schema.check(link, shown(at), known))
    deadline = time.monotonic() + SLOT_S
    while True:
        engine = PostgresEngine(at, share=share)
        try:
            schema.check(engine.writer(), shown(at), known)
            return engine
        except (StoreUnavailable, StoreUnusable) as error:
            engine.close()
            if not isinstance(error, StoreInUse) or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)


def open_stopped(at: StoreAt) -> PostgresEngine:
    """For a command that writes while the node is stopped. Raises StoreUnusable, StoreInUse."""
    return opened(at, lambda link: _require_schema(link, at))


def open_reader(at: StoreAt) -> PostgresEngine:
    """For a command that reads, beside a running node or without one. Raises StoreUnusable."""
    engine = PostgresEngine(at, share=None, reads_s=COMMAND_S)
    try:
        with engine.reading() as session:
            session.end()
    except StoreUnavailable as error:
        raise StoreUnusable(f"{shown(at)}: {error}") from error
    return engine


def opened(at: StoreAt, check: Callable[[Link], None]) -> PostgresEngine:
    """For writing, alone; `check` may refuse the schema. Raises StoreUnusable."""
    engine = PostgresEngine(at, share=WHOLE, lock=sqlite.lock(at.data_dir))
    try:
        check(engine.writer())
    except StoreUnavailable as error:
        engine.close()
        raise StoreUnusable(f"{shown(at)}: {error}") from error
    except BaseException:
        engine.close()
        raise
    return engine


def _require_schema(link: Link, at: StoreAt) -> None:
    if schema.version_of(link) is None:
        raise StoreUnusable(
            f"there is no node in {shown(at)}: its schema is empty; run wayfare store migrate"
        )
