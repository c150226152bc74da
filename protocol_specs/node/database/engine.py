"""What a store asks of a database, whichever it is."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from protocol_specs.node.database.session import Session
from protocol_specs.node.workers.hints import Carrier, Heard, Word

Listeners = Mapping[str, list[Callable[[str], None]]]


class Ended(Exception):
    """The transaction ended with an error (its cause); none of its units is kept."""


class Engine(Protocol):
    """One open database: a connection that writes, if it was opened for that, and one that reads.

    `is_shared`: other processes write to it too, so units that lock rows commit alone.
    `loses_hints`: not all that is written is heard of here: another process wrote it, or a COMMIT
    stands whose answer was lost.
    """

    is_shared: bool
    loses_hints: bool

    @property
    def may_write(self) -> bool:
        """Whether there is a connection that writes."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction that writes is open."""

    def begin(self) -> None:
        """Begins a transaction that writes. Raises StoreUnavailable."""

    def session(self, listeners: Listeners) -> Session:
        """One unit's session in that transaction."""

    def commit(self) -> None:
        """Keeps it. Raises Ended; or StoreUnavailable where nobody knows if it was kept."""

    def roll_back(self) -> None:
        """Ends what is still open."""

    def reading(self) -> AbstractContextManager[Session]:
        """A session that only reads, on one committed state. May be nested."""

    def say(self, words: Iterable[Word]) -> None:
        """Says them to the other processes at once, if that can be done now."""

    def hear_others(self, heard: Heard, carrier: Carrier | None) -> Carrier:
        """From here on other processes are told and heard by `carrier`, or by the database itself;
        `heard(channel, payload)` is called for what they say, and with AGAIN."""

    def close(self) -> None:
        """Gives everything free. May be repeated."""
