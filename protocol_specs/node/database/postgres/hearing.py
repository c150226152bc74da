"""LISTEN and NOTIFY between the processes of a node: the carrier that needs nothing more."""

import asyncio
from collections.abc import Callable, Iterable

from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.store_faults import StoreUnavailable
from protocol_specs.node.workers.hints import Ears, Heard, Word
from protocol_specs.node.workers.workers import Share

NOTIFY = "SELECT pg_notify('wayfare_' || current_schema(), $1)"
BYTES_MAX = 7_900  # PostgreSQL's own bound on a payload is 8,000


class Hearing:
    """See `hints.Carrier`. A link of its own, on which the loop hears what others notified."""

    goes_with_commit = True

    def __init__(self, connect: Callable[[], Link], share: Share) -> None:
        self.ears, self.wake = Ears(share), asyncio.Event()
        self._connect = connect
        self._link: Link | None = None
        self._socket = -1

    async def next(self, now: int) -> bool:
        """Connects (again) if it has to."""
        if self._link is None or self._link.is_lost:
            self._open()
        self.ears.ask()
        return False

    def listen(self, heard: Heard) -> None:
        """As Carrier."""
        self.ears.listen(heard)

    def say(self, words: Iterable[Word]) -> None:
        """As Carrier; what cannot be said now is lost."""
        texts = [text for word in words if len((text := word.text()).encode()) <= BYTES_MAX]
        if self._link is None:
            return
        try:
            self._link.run_many(NOTIFY, [(text,) for text in texts])
        except StoreUnavailable:  # its socket is closed, and the next to get that number is another
            self.close()
            return
        self._read()

    def close(self) -> None:
        """As Carrier."""
        if self._link is not None:
            self._stop_reading()
            self._link.close()
            self._link = None

    def _open(self) -> None:
        self.close()
        link = self._connect()
        schema = str(link.rows("SELECT current_schema()")[0][0])
        link.run(f'LISTEN "wayfare_{schema}"')
        self._link = link
        self._socket = link.pg.socket
        asyncio.get_running_loop().add_reader(self._socket, self._readable)
        self.ears.must_ask = True

    def _readable(self) -> None:
        if self._link is None:
            return
        try:
            self._link.consume()
        except StoreUnavailable:
            self.close()
            return
        self._read()

    def _read(self) -> None:
        while self._link is not None and (found := self._link.pg.notifies()) is not None:
            self.ears.hear(bytes(found.extra).decode("utf-8", "replace"))

    def _stop_reading(self) -> None:
        if self._socket >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket = -1
