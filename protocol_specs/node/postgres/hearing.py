"""LISTEN and NOTIFY between the processes of a node: hints that make them quick, never a record."""

import asyncio
import re
from collections.abc import Callable

from protocol_specs.node.engine import AGAIN
from protocol_specs.node.postgres.link import Link
from protocol_specs.node.store_faults import StoreUnavailable
from protocol_specs.node.workers import Share

NOTIFY = "SELECT pg_notify('wayfare_' || current_schema(), $1)"
_WORD = re.compile(r"([0-9]{1,9}) (-|[0-9]{1,19}) (\S+) (.*)", re.DOTALL)
BYTES_MAX = 7_900  # PostgreSQL's own bound on a payload is 8,000

Heard = Callable[[str, str], None]


def word(share: Share, channel: str, payload: str, conversation: int | None = None) -> str:
    """What is notified: who says it, whom it concerns (all, if no conversation), and what."""
    concerns = "-" if conversation is None else conversation
    return f"{share.slot} {concerns} {channel} {payload}"


class Hearing:
    """A link of its own, on which the loop hears what other processes notified."""

    def __init__(self, connect: Callable[[], Link], share: Share) -> None:
        self._connect, self._share = connect, share
        self._link: Link | None = None
        self._socket = -1
        self._heard: Heard = lambda channel, payload: None

    async def next(self, now: int) -> bool:
        """Connects (again) if it has to; for a loop of the node."""
        if self._link is None or self._link.is_lost:
            self._open()
        return False

    def listen(self, heard: Heard) -> None:
        """Calls `heard(channel, payload)` for each word of another process, and with AGAIN after
        each LISTEN: what was notified while nobody listened is gone."""
        self._heard = heard

    def tell(self, channel: str, payload: str) -> None:
        """Notifies the others now. Raises StoreUnavailable."""
        said = word(self._share, channel, payload)
        if self._link is None or len(said.encode()) > BYTES_MAX:
            raise StoreUnavailable("nobody can be told now")
        try:
            self._link.rows(NOTIFY, (said,))
        except StoreUnavailable:  # its socket is closed, and the next to get that number is another
            self.close()
            raise
        self._read()

    def close(self) -> None:
        """For good."""
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
        self._heard(AGAIN, "")

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
            said = _WORD.fullmatch(bytes(found.extra).decode("utf-8", "replace"))
            if said is None:  # whoever may connect may notify
                continue
            slot, conversation, channel, payload = said.groups()
            is_for_us = conversation == "-" or self._share.has(int(conversation))
            if int(slot) != self._share.slot and is_for_us:
                self._heard(channel, payload)

    def _stop_reading(self) -> None:
        if self._socket >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket = -1
