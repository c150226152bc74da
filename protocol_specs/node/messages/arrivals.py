"""Passing messages that came in: searches, status, tracking and their answers.

Bounded in number and in time. What is here dies with the process, and the sender asks again.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from protocol_specs.node.messages.actions import Passing
from protocol_specs.node.telemetry.traces import CURRENT
from protocol_specs.wire.claims import LIFETIME_S_MAX, SKEW_S
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import ChangedDuplicate, Overloaded
from protocol_specs.wire.parties import SubscriberType

TTL_S = 30  # where the message says none
REMEMBER_S = LIFETIME_S_MAX + SKEW_S  # as long as the door takes one and the same signature
BYTES_MAX = 32 * 1_048_576  # of bodies that wait; read, they take several times that
Sent = tuple[str, str, str, str]
Known = tuple[str, str, str, str, str, int]  # `Sent`, the digest, until when (seconds UTC)


class Waiting(NamedTuple):
    """A message ACKed and not yet handled. `deadline` in seconds UTC."""

    action: Passing
    envelope: Envelope
    deadline: float
    trace: str | None = None


class Duplicates:
    """What was ACKed lately, so that a replay has no effect; bounded, oldest forgotten first.

    Requests are one per sender, action and message_id. Answers repeat under one message_id, so
    their key holds the digest too.
    """

    def __init__(self, entries_max: int) -> None:
        self._entries_max = entries_max
        self._seen: OrderedDict[Sent, tuple[str, int]] = OrderedDict()

    def is_repeat(self, envelope: Envelope, now: int) -> bool:
        """Whether these bytes were accepted before. Raises ChangedDuplicate for other bytes."""
        seen = self._seen.get(_key(envelope))
        if seen is None or seen[1] < now:
            return False
        if seen[0] != envelope.digest:
            raise ChangedDuplicate(
                "this message_id was used before with other bytes; use a new one",
                path="/context/message_id",
            )
        return True

    def known(self, now: int) -> list[Known]:
        """Each with its digest and until when it counts, oldest first."""
        return [(*sent, *seen) for sent, seen in self._seen.items() if seen[1] >= now]

    def know(self, known: Iterable[Known]) -> None:
        """As if these had been remembered here."""
        for peer_id, action, message_id, told, digest, until in known:
            self._seen[peer_id, action, message_id, told] = digest, until

    def remember(self, envelope: Envelope, now: int) -> None:
        """From here on the same bytes are a repeat."""
        while self._seen and len(self._seen) >= self._entries_max:
            self._seen.popitem(last=False)
        self._seen[_key(envelope)] = (envelope.digest, now + REMEMBER_S)


class Arrivals:
    """ACKed messages on their way to their handlers.

    What waits of one peer is one part of the room, of as many parts as there are peers of whom
    something waits, and one more: nobody fills it up before a newcomer.
    """

    def __init__(self, *, waiting_max: int, memory_max: int, bytes_max: int = BYTES_MAX) -> None:
        self._bytes, self._bytes_max, self._waiting_max = 0, bytes_max, waiting_max
        self._of: dict[str, tuple[int, int]] = {}  # messages and bytes that wait, by peer
        self._queue: deque[Waiting] = deque()
        self._undone, self._none_undone = 0, asyncio.Event()
        self._none_undone.set()
        self._duplicates = Duplicates(memory_max)
        self.told: Callable[[], None] = lambda: None  # called when one more waits

    @property
    def is_full(self) -> bool:
        """Whether no message is taken now, however small."""
        return len(self._queue) >= self._waiting_max or self._bytes >= self._bytes_max

    def known(self, now: int) -> list[Known]:
        """What was taken and may still come again, for who takes the place of this process."""
        return self._duplicates.known(now)

    def know(self, known: Iterable[Known]) -> None:
        """What the one before told."""
        self._duplicates.know(known)

    def is_repeat(self, envelope: Envelope, now: int) -> bool:
        """Whether these bytes were taken before. Raises ChangedDuplicate for other bytes."""
        return self._duplicates.is_repeat(envelope, now)

    async def receive(self, action: Passing, envelope: Envelope, now: int) -> bool:
        """As `offer`, after what the action asks of others."""
        if action.consult is not None and not self.is_repeat(envelope, now):
            await action.consult(envelope, now)
        return self.offer(action, envelope, now)

    def offer(self, action: Passing, envelope: Envelope, now: int) -> bool:
        """Take the message; False for a repeat, which has no effect.

        Raises ChangedDuplicate, what the action's own judge refuses, and Overloaded when the
        queue is full; then nothing is remembered either.
        """
        if self._duplicates.is_repeat(envelope, now):
            return False
        if action.judge is not None:
            action.judge(envelope, now)
        peer, size = envelope.peer_id, len(envelope.body)
        if len(self._queue) >= self._waiting_max or self._bytes + size > self._bytes_max:
            raise Overloaded("too many messages wait here; try again later")
        messages, held = self._of.get(peer, (0, 0))
        parts = len(self._of) + 1
        if messages and (
            messages >= self._waiting_max // parts or held + size > self._bytes_max // parts
        ):
            raise Overloaded("too many messages of yours wait here; try again later")
        # After this point the message is taken.
        self._of[peer] = messages + 1, held + size
        self._queue.append(Waiting(action, envelope, deadline(envelope, now), CURRENT.get()))
        self._bytes += size
        self._duplicates.remember(envelope, now)
        self._undone += 1
        self._none_undone.clear()
        self.told()
        return True

    @property
    def count(self) -> int:
        """How many messages wait."""
        return len(self._queue)

    def take(self) -> Waiting | None:
        """The next message, if one waits; it is ended by `done`."""
        if not self._queue:
            return None
        waiting = self._queue.popleft()
        peer, size = waiting.envelope.peer_id, len(waiting.envelope.body)
        self._bytes -= size
        messages, held = self._of.pop(peer)
        if messages > 1:
            self._of[peer] = messages - 1, held - size
        return waiting

    def done(self) -> None:
        """The message last taken has been handled or given up."""
        self._undone -= 1
        if not self._undone:
            self._none_undone.set()

    async def drained(self) -> None:
        """Returns when every message taken in has been done with."""
        await self._none_undone.wait()


def deadline(envelope: Envelope, now: int) -> float:
    """Until when an answer is of use: the message's ttl, counted from its own timestamp.

    Answers that come late are still handled, within the default ttl from now.
    """
    ttl_s = envelope.context.ttl_s or TTL_S
    return max(envelope.context.timestamp / 1000 + ttl_s, now + 1.0)


def _key(envelope: Envelope) -> Sent:
    sender, context = envelope.sender, envelope.context
    digest = envelope.digest if sender.type is SubscriberType.BPP else ""
    return sender.subscriber_id, context.action, context.message_id, digest
