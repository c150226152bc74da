"""Hints between a node's processes by NATS, sealed: also between machines (`hints.Carrier`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from protocol_specs.node.nats import subjects
from protocol_specs.node.nats.bus import Bus
from protocol_specs.node.nats.sealing import Sealing
from protocol_specs.node.workers.hints import AGAIN, Ears, Heard, Word
from protocol_specs.node.workers.workers import Share

TOGETHER_MAX = 500  # words in one message
_BETWEEN = "\0"


class NatsHints:
    """Plain NATS, nothing stored: a hint that comes late is worth nothing. A word goes to all, or
    to the slot whose conversation it concerns."""

    goes_with_commit = False

    def __init__(self, bus: Bus, share: Share, sealing: Sealing, subscriber_id: str) -> None:
        self.ears, self.wake = Ears(share), bus.wake
        self._bus, self._share, self._sealing = bus, share, sealing
        self._subjects = subjects.hints(subscriber_id)
        for to in ("all", str(share.slot)):
            bus.hear(f"{self._subjects}.{to}", self._hear)
        bus.on_gap(self._gap)

    async def next(self, now: int) -> bool:
        """As Carrier."""
        await self._bus.next(now)
        self.ears.ask()
        return False

    def listen(self, heard: Heard) -> None:
        """As Carrier."""
        self.ears.listen(heard)

    def say(self, words: Iterable[Word]) -> None:
        """As Carrier."""
        texts: dict[str, list[str]] = {}
        for word in words:
            to = "all" if word.conversation is None else str(word.conversation % self._share.of)
            texts.setdefault(f"{self._subjects}.{to}", []).append(word.text())
        for subject, said in texts.items():
            for part in _parts(said):
                plain = _BETWEEN.join(part).encode("utf-8", "replace")
                self._bus.say(subject, self._sealing.seal(subject, plain))

    def close(self) -> None:
        """As Carrier; the node closes the bus."""

    def _hear(self, subject: str, payload: bytes) -> None:
        plain = self._sealing.open(subject, payload)
        if plain is None:
            self.ears.unread += 1
            return
        for text in plain.decode("utf-8", "replace").split(_BETWEEN):
            self.ears.hear(text)
        if self.ears.must_ask:
            self.wake.set()

    def _gap(self) -> None:
        """Of what we said others may have missed as much as we of theirs."""
        self.ears.must_ask = True
        self.say([Word(self._share.slot, None, AGAIN, "")])


def _parts(texts: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(texts), TOGETHER_MAX):
        yield texts[at : at + TOGETHER_MAX]
