"""Hints between the processes of a node: words that make them quick, and never a record.

Two carriers take them about: NOTIFY, with the COMMIT itself (`postgres.hearing`), or NATS, after it
(`nats.carrier`). Either may lose a word, say it twice or late. After each gap the carrier says
AGAIN, and whoever keeps to their hints asks the tables.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from protocol_specs.node.store_faults import StoreUnavailable
from protocol_specs.node.workers.workers import Share

AGAIN = "again"
"""The channel on which a carrier itself says that others are heard from here on: what they told
before may be lost, so whoever keeps to their hints asks the tables once."""

Heard = Callable[[str, str], None]
_WORD = re.compile(r"([0-9]{1,9}) (-|[0-9]{1,19}) (\S+) (.*)", re.DOTALL)


class Word(NamedTuple):
    """Which slot says it, whom it concerns (all, if no conversation), and what."""

    slot: int
    conversation: int | None
    channel: str
    payload: str

    def text(self) -> str:
        """As it travels."""
        concerns = "-" if self.conversation is None else self.conversation
        return f"{self.slot} {concerns} {self.channel} {self.payload}"


def word_of(text: str) -> Word | None:
    """The word of that text; None for what has not that form."""
    said = _WORD.fullmatch(text)
    if said is None:
        return None
    slot, concerns, channel, payload = said.groups()
    return Word(int(slot), None if concerns == "-" else int(concerns), channel, payload)


class Ears:
    """What one process makes of the words of the others, whichever way they come."""

    def __init__(self, share: Share) -> None:
        self.must_ask = False  # words were lost, or may have been
        self.unread = 0  # words that nobody here could read
        self._share = share
        self._heard: Heard = lambda channel, payload: None

    def listen(self, heard: Heard) -> None:
        """Calls `heard(channel, payload)` for each word of another process, and with AGAIN."""
        self._heard = heard

    def hear(self, text: str) -> None:
        """Takes a word from outside: whoever reaches the carrier may say anything there."""
        word = word_of(text)
        if word is None:
            self.unread += 1
        elif word.channel == AGAIN:  # many at once are answered once
            self.must_ask = True
        elif word.slot != self._share.slot and (
            word.conversation is None or self._share.has(word.conversation)
        ):
            self._pass_on(word)

    def ask(self) -> None:
        """Says AGAIN if it has to be said; once more later if the database is away."""
        if self.must_ask:
            self.must_ask = False
            self._pass_on(Word(-1, None, AGAIN, ""))

    def _pass_on(self, word: Word) -> None:
        try:
            self._heard(word.channel, word.payload)
        except StoreUnavailable:  # it would have asked the tables
            self.must_ask = True
        except ValueError:  # a payload that its listener could not read
            self.unread += 1


class Carrier(Protocol):
    """Takes words from a process to the others of its node. Nothing here raises for a word lost."""

    ears: Ears
    wake: asyncio.Event
    goes_with_commit: bool  # else words are said after it

    def listen(self, heard: Heard) -> None:
        """From here on the others are heard."""

    def say(self, words: Iterable[Word]) -> None:
        """Says them now, outside of any transaction."""

    async def next(self, now: int) -> bool:
        """The step of a loop that keeps the carrier going, woken by `wake`."""

    def close(self) -> None:
        """For good; may be repeated."""
