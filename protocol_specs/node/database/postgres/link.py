"""One connection to PostgreSQL: prepared statements in a pipeline, each round within a deadline.

On libpq as psycopg hands it out. The high-level cursors cost several times a statement's own work,
and know no deadline of the client's: a server that is stopped or cut off must not stop a node.
"""

import select
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format, PGconn, PollingStatus, abc

from protocol_specs.node.store_faults import Conflict, StoreContended, StoreUnavailable

CONNECT_S = 2
ROUND_S = 2.0  # a caller that cannot be served must hear so within two seconds
LOCK_MS = 1_500
ROWS_PER_ROUND = 500
NUMBERS_AT_ONCE = 64
AWAITED_AFTER_A_GUESS = 256  # transactions: each unit of the one that ended may run again alone
SETTINGS = {
    "lock_timeout": f"{LOCK_MS}ms",
    "idle_in_transaction_session_timeout": "30s",  # of a process that was stopped in one
    "default_transaction_isolation": "read committed",
    "client_encoding": "UTF8",
    "bytea_output": "hex",
}
_NETWORK = {  # a peer that vanished is noticed in seconds, here as there
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 6_000,
}
_SAVEPOINT = "SAVEPOINT "
_CONTENDED = {"40001", "40P01"}
_NOT_NULL = "23502"  # a fault of our own
_ONLY_READS = "25006"
_MISREAD = "08P01"  # bytes where a number was wanted
_NOT_NOW = ("08", "53", "55P03", "57", "58", "XX")

_DRAW = "SELECT nextval(pg_get_serial_sequence($1, 'id')) FROM generate_series(1, $2)"

# Names of an enumeration are looked up anew each time: of what every statement asks, the members.
_TEXT, _BINARY = Format.TEXT, Format.BINARY
_FATAL, _SYNC = ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_SYNC

Values = Sequence["int | str | bytes | None"]
_Written = tuple[list[bytes | None], list[Format]]
_INT8 = struct.Struct(">q").unpack
_INT4 = struct.Struct(">i").unpack
_INT2 = struct.Struct(">h").unpack
_READ: dict[int, Callable[[bytes], Any]] = {
    16: lambda raw: int(raw != b"\0"),
    17: bytes,
    20: lambda raw: _INT8(raw)[0],
    21: lambda raw: _INT2(raw)[0],
    23: lambda raw: _INT4(raw)[0],
    25: bytes.decode,
    1043: bytes.decode,
    19: bytes.decode,
    2278: lambda raw: None,  # void
}


class OnlyReads(StoreUnavailable):
    """A write on a connection, or to a server, that only reads."""


class Guessed(StoreContended):
    """A write that nobody waited for was refused. Run again, the transaction waits for each answer,
    and the refusal comes where it stands."""


class WentOn(RuntimeError):
    """A unit that swallowed the refusal of a statement, which ends all up to the savepoint."""

    def __init__(self) -> None:
        super().__init__("the unit went on after a refused statement: put it in a savepoint")


class Row(tuple[Any, ...]):
    """A row by name and by index, as sqlite3.Row is; a class of its own for each statement."""

    __slots__ = ()
    names: dict[str, int]

    def __getitem__(self, key: Any) -> Any:
        return tuple.__getitem__(self, self.names[key] if type(key) is str else key)

    def keys(self) -> list[str]:
        """The columns' names."""
        return list(self.names)


@dataclass(slots=True)
class _Shape:
    """How one prepared statement's rows are read, known with its first result."""

    make: Callable[[Iterable[Any]], Row]
    readers: tuple[Callable[[bytes], Any], ...]


class Link:
    """A connection, open until it is closed or lost; a lost one says so at each use."""

    def __init__(self, conninfo: str, *, round_s: float = ROUND_S) -> None:
        """Connects. Raises StoreUnavailable."""
        self.pg = _connected(make_conninfo(conninfo, **_NETWORK))
        self._round_s = round_s
        self._names: dict[str, bytes] = {}
        self._prepared = 0
        self._shapes: dict[str, _Shape] = {}
        self._pending: list[tuple[str, _Written | None]] = []
        self._drawn: dict[str, list[int]] = {}
        self._is_open = self._is_refused = self._has_changed = False
        self._awaited = 0  # transactions from here on that wait for each answer
        self._unread = 0  # rounds whose answer nobody waits for
        self.backend = self.pg.backend_pid
        self._poll = select.poll()
        self._poll.register(self.pg.socket, select.POLLIN)
        self.pg.nonblocking = 1
        self.pg.enter_pipeline_mode()
        own = {"statement_timeout": f"{round(round_s * 1000)}ms"}
        try:
            self.run_many("SELECT set_config($1, $2, false)", {**SETTINGS, **own}.items())
        except BaseException:
            self.close()
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, be it a failed one."""
        return self._is_open

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be asked any more."""
        return self.pg.status != ConnStatus.OK

    @property
    def _was_begun(self) -> bool:
        return self._is_open and not any(sql.startswith("BEGIN") for sql, _ in self._pending)

    def begin(self, sql: str = "BEGIN") -> None:
        """Opens a transaction, with the first statement in it."""
        self._is_open, self._is_refused, self._has_changed = True, False, False
        self._awaited = max(0, self._awaited - 1)
        self._pending = [(sql, None)]

    def write(self, sql: str, values: Values = ()) -> None:
        """As `run`, where nobody asks how many: sent with the next statement that has an answer, or
        the COMMIT. Raises as `run`; and Guessed there, which ends the transaction."""
        if self._awaited or not self._is_open or len(self._pending) >= ROWS_PER_ROUND:
            self.run(sql, values)
            return
        self._require_use()
        self._has_changed = True
        self._pending.append((sql, _written(values)))

    def number(self, table: str) -> int:
        """A number for the table's `id` that is nobody else's; later ones need not be higher than
        those that other connections draw. Raises as `rows`."""
        drawn = self._drawn.get(table)
        if not drawn:
            found = self.rows(_DRAW, (f'"{table}"', NUMBERS_AT_ONCE))
            drawn = self._drawn[table] = [int(row[0]) for row in reversed(found)]
        return drawn.pop()

    def savepoint(self, level: str) -> str:
        """A savepoint, sent with the next statement; the name of the one that serves, which is an
        outer one's if nothing was said since."""
        last = self._pending[-1][0] if self._pending else ""
        if last.startswith(_SAVEPOINT):
            return last.removeprefix(_SAVEPOINT)
        self._pending.append((_SAVEPOINT + level, None))
        return level

    def release(self, level: str) -> None:
        """Keeps what followed the savepoint; one without a statement behind it costs nothing."""
        opened = (_SAVEPOINT + level, None)
        if self._pending and self._pending[-1] == opened:
            self._pending.pop()
        else:
            self._pending.append((f"RELEASE {level}", None))

    def undo_to(self, level: str, *, stays: bool = False) -> None:
        """Leaves a savepoint as if it had never been; `stays`: goes back to it."""
        opened = (_SAVEPOINT + level, None)
        if opened in self._pending:  # neither it nor what followed was sent; the last is open
            at = len(self._pending) - 1 - self._pending[::-1].index(opened)
            del self._pending[at + stays :]
            return
        self._pending = [(f"ROLLBACK TO {level}", None)]
        if not stays:
            self._pending.append((f"RELEASE {level}", None))
        self._is_refused = False

    def has_refused(self) -> bool:
        """Whether a statement of this transaction was refused and no savepoint undid it: the server
        takes nothing more."""
        return self._is_refused

    def run(self, sql: str, values: Values = ()) -> int:
        """How many rows the statement changed. Raises as `rows`."""
        self._has_changed = True
        result = self._round(sql, (values,))[-1]
        return result.command_tuples or 0

    def run_many(self, sql: str, many: Iterable[Values]) -> int:
        """The same statement for each of `many`, in one round."""
        sets, changed = list(many), 0
        self._has_changed = True
        for at in range(0, len(sets), ROWS_PER_ROUND):
            results = self._round(sql, sets[at : at + ROWS_PER_ROUND])
            changed += sum(result.command_tuples or 0 for result in results)
        return changed

    def rows(self, sql: str, values: Values = (), most: int | None = None) -> list[Row]:
        """What the statement answers. Raises Conflict, StoreContended, StoreUnavailable, and
        psycopg's own error where the statement is wrong."""
        self._has_changed |= not sql.startswith("SELECT")
        result = self._round(sql, (values,))[-1]
        shape = self._shapes.get(sql)
        if shape is None:
            shape = self._shapes[sql] = _shape(result)
        get, make, readers = result.get_value, shape.make, shape.readers
        count = result.ntuples if most is None else min(most, result.ntuples)
        return [
            make(
                [
                    None if (raw := get(at, column)) is None else read(raw)
                    for column, read in enumerate(readers)
                ]
            )
            for at in range(count)
        ]

    def commit(self) -> None:
        """Keeps the transaction; one that only asked ends, and nobody waits for that. Raises
        StoreUnavailable, also where the server undid it."""
        if self._was_begun and not self._has_changed:
            self.end_transaction()
            return
        done = (self._round("COMMIT", ((),))[-1].command_status or b"").decode()
        self._is_open = False
        if done != "COMMIT":
            raise StoreUnavailable(f"the database answered COMMIT with {done}")

    def consume(self) -> None:
        """Takes in what came unasked, such as notifications. Raises StoreUnavailable."""
        try:
            self.pg.consume_input()
        except psycopg.OperationalError as error:
            self.close()
            raise StoreUnavailable(f"the connection to the database is lost: {error}") from error

    def end_transaction(self) -> None:
        """Undoes what is open and was not committed; does not wait for the answer."""
        was_sent = self._was_begun
        self._is_open = self._is_refused = False
        self._pending.clear()
        if not was_sent or self.is_lost:
            return
        try:
            self._send("ROLLBACK", None, [])
            self.pg.pipeline_sync()
            self._unread += 1
            self._flush(time.monotonic() + self._round_s)
        except (psycopg.OperationalError, StoreUnavailable):
            self.close()

    def close(self) -> None:
        """Ends the connection, and with it whatever it held."""
        self.pg.finish()

    def _round(self, sql: str, sets: Sequence[Values]) -> list[Any]:
        """Sends what waits and the statement, for each set of values; its results."""
        self._require_use()
        rows = [_written(values) for values in sets]  # before anything is sent: it may refuse them
        before, self._pending = self._pending, []
        sent: list[str] = []
        deadline = time.monotonic() + self._round_s
        try:
            for each, row in before:
                self._send(each, row, sent)
            first = len(sent)
            for row in rows:
                self._send(sql, row, sent)
            self.pg.pipeline_sync()
            self._flush(deadline)
            results = self._results(deadline)
        except psycopg.OperationalError as error:
            self.close()
            raise StoreContended(f"the connection to the database is lost: {error}") from error
        for at, result in enumerate(results):
            if result.status == _FATAL:
                self._forget(sent, results)
                self._is_refused = self._is_open
                raise self._refusal(result, is_awaited=at >= first)
        return results[-len(sets) :]

    def _require_use(self) -> None:
        if self.is_lost:
            raise StoreUnavailable("the connection to the database is lost")
        if self._is_refused:  # what waits stays: a savepoint that is not sent can be taken back
            raise WentOn

    def _refusal(self, result: Any, *, is_awaited: bool) -> Exception:
        fault = _translate(result)
        if is_awaited or isinstance(fault, StoreUnavailable):
            return fault
        self._awaited = AWAITED_AFTER_A_GUESS
        return Guessed(str(fault))

    def _send(self, sql: str, row: _Written | None, sent: list[str]) -> None:
        """Queues the statement; notes in `sent` one text for each result to come, empty unless it
        is a preparation's."""
        name = self._names.get(sql)
        if name is None:
            self._prepared += 1
            name = self._names[sql] = b"w%d" % self._prepared
            sent.append(sql)
            self.pg.send_prepare(name, sql.encode())
        sent.append("")
        values, formats = (None, None) if row is None else row
        self.pg.send_query_prepared(name, values, formats, result_format=_BINARY)

    def _forget(self, sent: list[str], results: list[Any]) -> None:
        """Of the statements of a round that was refused, those that the server did not prepare:
        what it did outlives the refusal."""
        for sql, result in zip(sent, results, strict=True):
            if sql and result.status != ExecStatus.COMMAND_OK:
                del self._names[sql]

    def _flush(self, deadline: float) -> None:
        while self.pg.flush():
            self._wait(deadline, select.POLLIN | select.POLLOUT)

    def _results(self, deadline: float) -> list[Any]:
        results = []
        while True:
            while self.pg.is_busy():
                self._wait(deadline, select.POLLIN)
            result = self.pg.get_result()
            if result is None:
                continue
            if result.status != _SYNC:
                results.append(result)
            elif self._unread:
                self._unread -= 1
                results.clear()
            else:
                return results

    def _wait(self, deadline: float, events: int) -> None:
        left_ms = (deadline - time.monotonic()) * 1000
        if events != select.POLLIN:
            self._poll.modify(self.pg.socket, events)
        ready = self._poll.poll(max(0, left_ms))
        if events != select.POLLIN:
            self._poll.modify(self.pg.socket, select.POLLIN)
        if not ready:
            self.close()
            raise StoreUnavailable("the database did not answer in time")
        if ready[0][1] & ~select.POLLOUT:
            self.pg.consume_input()


def _connected(conninfo: str) -> abc.PGconn:
    """A new connection, within the deadline: of several hosts each gets its part of what is left,
    so that one that hangs does not hide the next. Raises StoreUnavailable."""
    deadline, hosts = time.monotonic() + CONNECT_S, _hosts(conninfo)
    for left in range(len(hosts), 1, -1):
        now = time.monotonic()
        try:
            return _connected_to(hosts[-left], now + (deadline - now) / left)
        except StoreUnavailable:
            continue
    return _connected_to(hosts[-1], deadline)


def _hosts(conninfo: str) -> list[str]:
    """One for each host that is named, in their order; libpq would try the second only once the
    first has said something."""
    given = conninfo_to_dict(conninfo)
    lists = {
        key: str(given[key]).split(",") for key in ("host", "hostaddr", "port") if given.get(key)
    }
    several = max((len(lists.get(key, ())) for key in ("host", "hostaddr")), default=1)
    if several <= 1:
        return [conninfo]
    return [
        make_conninfo(
            conninfo,
            **{key: some[at] if len(some) > 1 else some[0] for key, some in lists.items()},
        )
        for at in range(several)
    ]


def _connected_to(conninfo: str, deadline: float) -> abc.PGconn:
    try:
        pg = PGconn.connect_start(conninfo.encode())
        while (state := pg.connect_poll()) != PollingStatus.OK:
            if state == PollingStatus.FAILED or time.monotonic() > deadline:
                says = pg.get_error_message() if state == PollingStatus.FAILED else "no answer"
                pg.finish()
                raise StoreUnavailable(f"the database cannot be reached: {says}")
            waiting = select.poll()
            is_reading = state == PollingStatus.READING
            waiting.register(pg.socket, select.POLLIN if is_reading else select.POLLOUT)
            waiting.poll(max(0, (deadline - time.monotonic()) * 1000))
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the database cannot be reached: {error}") from error
    return pg


def _written(values: Values) -> _Written | None:
    """As libpq takes them: bytes as they are, all else as text."""
    if not values:
        return None
    sent: list[bytes | None] = []
    formats = [_TEXT] * len(values)
    for at, value in enumerate(values):
        if isinstance(value, str):
            if "\0" in value:  # libpq would cut it off there
                raise ValueError("a text with a NUL character: the doors refuse it")
            sent.append(value.encode())
        elif isinstance(value, int):
            sent.append(b"%d" % value)
        elif value is None:
            sent.append(None)
        elif type(value) is bytes:
            sent.append(value)
            formats[at] = _BINARY
        else:
            kind = type(value).__name__
            raise TypeError(f"{kind} is no type of the store: int, str, bytes or None")
    return sent, formats


def _shape(result: Any) -> _Shape:
    names = [result.fname(at).decode() for at in range(result.nfields)]
    kind = type("Row", (Row,), {"__slots__": (), "names": {n: at for at, n in enumerate(names)}})
    return _Shape(kind, tuple(_READ[result.ftype(at)] for at in range(result.nfields)))


def _translate(result: Any) -> Exception:
    """The server's refusal as ours; its details name a row's values, and are left out."""
    state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    says = (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b"").decode("utf-8", "replace")
    if state in _CONTENDED:
        return StoreContended(says)
    if state.startswith("23") and state != _NOT_NULL:
        return Conflict(says)
    if state == _ONLY_READS:
        return OnlyReads(says)
    if state.startswith(_NOT_NOW) and state != _MISREAD:
        return StoreUnavailable(says)
    try:
        kind = psycopg.errors.lookup(state)
    except KeyError:
        kind = psycopg.DatabaseError
    return kind(f"{says} ({state})")
