"""A unit's view of a PostgreSQL database: the same promises as `node.session.Session`."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn, cast

from sqlalchemy import Insert, bindparam
from sqlalchemy.sql.expression import ClauseElement

from protocol_specs.node.database.postgres.dialect import render
from protocol_specs.node.database.postgres.link import Link, OnlyReads, WentOn
from protocol_specs.node.database.session import Row, Session, Statement
from protocol_specs.node.store_faults import StoreUnavailable
from protocol_specs.node.workers.hints import Word
from protocol_specs.node.workers.workers import WHOLE, Share

Listeners = Mapping[str, list[Callable[[str], None]]]


class _Rendered:
    """SQL text, the names of its values in their order, and those that stand in the clause; an
    INSERT answers with its `id` where the database numbers the rows."""

    __slots__ = ("_clause", "_numbered", "fixed", "names", "sql")

    def __init__(self, clause: ClauseElement) -> None:
        self.sql, self.names, self.fixed = render(clause)
        self._clause = clause
        self._numbered: tuple[str, _Rendered] | None = None

    @property
    def numbered(self) -> "tuple[str, _Rendered]":
        """An INSERT's table, and the same with its `id` given."""
        if self._numbered is None:
            clause = cast(Insert, self._clause)
            given = clause.values(id=bindparam("id"))
            self._numbered = str(clause.table.name), _Rendered(given)
        return self._numbered

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        fixed = self.fixed
        if not fixed:
            return [given[name] for name in self.names]
        return [given[name] if name in given else fixed[name] for name in self.names]


def rendered(statement: Statement) -> _Rendered:
    """The statement in PostgreSQL's words, made once."""
    if statement.postgres is None:
        statement.postgres = _Rendered(statement.clause)
    return cast(_Rendered, statement.postgres)


class PostgresSession(Session):
    """The twin of Session. What a statement that was refused leaves is a transaction in which
    nothing more can be done: whoever goes on after a Conflict has put the statement in a savepoint.
    """

    is_alone = False

    __slots__ = ("_levels", "_link", "_marks", "_notes", "_share")

    def __init__(
        self,
        link: Link,
        listeners: Listeners,
        *,
        may_write: bool = True,
        notes: dict[Word, None] | None = None,
        share: Share = WHOLE,
    ) -> None:
        """`notes` collects what other processes are to be told with the COMMIT; None: nobody."""
        self._share = share
        self._link: Any = link
        self._listeners = listeners
        self._may_write = may_write
        self._notes = notes
        self._marks: list[int] = []  # how many there were before each savepoint
        self.callbacks: list[Callable[[], None]] = []
        self.broken: StoreUnavailable | None = None
        self._levels: list[str] = []  # the savepoint that serves at each depth

    def run(self, statement: Statement, /, **values: Any) -> int:
        """As Session.run."""
        asked = rendered(statement)
        try:
            return int(self._link.run(asked.sql, asked.values(values)))
        except StoreUnavailable as error:
            self._break(error)

    def write(self, statement: Statement, /, **values: Any) -> None:
        """As Session.write. Where one is refused the unit runs again, and waits for each answer."""
        if not self._may_write:
            self.run(statement, **values)
            return
        asked = rendered(statement)
        try:
            self._link.write(asked.sql, asked.values(values))
        except StoreUnavailable as error:
            self._break(error)

    def numbered(self, statement: Statement, /, **values: Any) -> int:
        """As Session.numbered, of numbers that this connection drew ahead."""
        table, asked = rendered(statement).numbered
        try:
            number = int(self._link.number(table))
            self._link.write(asked.sql, asked.values({**values, "id": number}))
        except StoreUnavailable as error:
            self._break(error)
        return number

    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]]) -> int:
        """As Session.run_many, a few hundred rows to a round trip."""
        asked = rendered(statement)
        try:
            return int(self._link.run_many(asked.sql, [asked.values(row) for row in rows]))
        except StoreUnavailable as error:
            self._break(error)

    def insert(self, statement: Statement, /, **values: Any) -> int:
        """As Session.insert."""
        asked = rendered(statement)
        try:
            found = self._link.rows(asked.sql, asked.values(values))
        except StoreUnavailable as error:
            self._break(error)
        if not found:
            raise RuntimeError("the statement inserted nothing")
        return int(found[0][0])

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """As Session.one."""
        asked = rendered(statement)
        try:
            found = self._link.rows(asked.sql, asked.values(values), most=1)
        except StoreUnavailable as error:
            self._break(error)
        return found[0] if found else None

    def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """As Session.all."""
        asked = rendered(statement)
        try:
            return cast(list[Row], self._link.rows(asked.sql, asked.values(values)))
        except StoreUnavailable as error:
            self._break(error)

    def begin(self) -> int:
        """As Session.begin; the savepoint is sent with the block's first statement, and serves for
        a block within it that begins where it does."""
        self._levels.append(self._link.savepoint(f"level_{len(self._levels) + 1}"))
        if self._notes is not None:
            self._marks[len(self._levels) - 1 :] = [len(self._notes)]
        return len(self.callbacks)

    def keep(self, callbacks: int) -> None:
        """As Session.keep; a block without a statement costs nothing.

        What swallowed the refusal of a statement cannot be kept, and must not pass it on to the
        unit behind it: RuntimeError.
        """
        if self._link.has_refused():
            self.undo(callbacks)
            raise WentOn
        level = self._levels.pop()
        if level not in self._levels:
            self._link.release(level)

    def undo(self, callbacks: int) -> None:
        """As Session.undo."""
        del self.callbacks[callbacks:]
        level = self._levels.pop()
        if self._notes is not None:
            while len(self._notes) > self._marks[len(self._levels)]:
                self._notes.popitem()
        if self.broken is None:
            self._link.undo_to(level, stays=level in self._levels)

    def notify(self, channel: str, payload: str = "", *, conversation: int | None = None) -> None:
        """As Session.notify; the listeners of the node's other processes hear it too."""
        share = self._share
        is_ours = conversation is not None and share.has(conversation)
        if is_ours or conversation is None:
            super().notify(channel, payload)
        if self._notes is not None and not is_ours:
            self._notes[Word(share.slot, conversation, channel, payload)] = None

    def end(self) -> None:
        """As Session.end."""
        self._link = _Refusing(RuntimeError("this session ended with its unit"))

    def _break(self, error: StoreUnavailable) -> NoReturn:
        if isinstance(error, OnlyReads) and not self._may_write:
            raise RuntimeError("a read may not write: use transact") from error
        self.broken = error
        self._link = _Refusing(error)
        raise error


class _Refusing:
    """Stands in for the link of a session that is over: whatever is asked of it raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        return partial(self._refuse)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise self._error
