"""The registry's word to all nodes of its network that something changed: which change, of whom.

Nobody believes it. It only makes a node ask the registry sooner than it would have: for its signed
snapshot, and for the keys of whom the word names, both at a bounded rate. JetStream keeps the last
word alone, so that who connects knows whether there is anything to ask.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from protocol_specs.node.buckets import Buckets
from protocol_specs.node.nats import subjects
from protocol_specs.node.nats.bus import Bus, BusUnavailable
from protocol_specs.node.nats.subjects import token
from protocol_specs.node.store_faults import StoreUnavailable

if TYPE_CHECKING:
    from protocol_specs.node.trust.keyring import Keyring
    from protocol_specs.node.trust.snapshot_poll import SnapshotPoll

ASK_S = 2.0
DOUBTS_PER_S, DOUBTS_AT_ONCE = 1, 10  # words of which the keys are asked for at once
_TOLD = re.compile(rb"([0-9]{1,18}) ([0-9a-f]{20})")


class Told(NamedTuple):
    """The number of the last change in the registry's log, and whom it concerns, hashed."""

    position: int
    who: str

    def encoded(self) -> bytes:
        """As it travels."""
        return f"{self.position} {self.who}".encode("ascii")


def told_of(payload: bytes) -> Told | None:
    """What those bytes say; None for any others."""
    found = _TOLD.fullmatch(payload)
    return None if found is None else Told(int(found[1]), found[2].decode("ascii"))


class FeedTeller:
    """The registry's side. `last()` is the last change: its position and whom it concerns."""

    def __init__(self, bus: Bus, registry_id: str, last: Callable[[], tuple[int, str]]) -> None:
        self.wake = bus.wake
        self._bus, self._last = bus, last
        self._registry_id, self._subject = registry_id, subjects.feed(registry_id)
        self._must_make = False
        bus.on_gap(self._gap)

    async def next(self, now: int) -> bool:
        """The step of a loop: connects, and makes the stream if the server forgot it."""
        await self._bus.next(now)
        if self._must_make and self._bus.is_connected:
            self._must_make = False
            await self._make()
            try:
                self.say(*self._last())
            except StoreUnavailable:
                self._must_make = True
            await self._bus.next(now)
        return False

    def say(self, position: int, subscriber_id: str) -> None:
        """Tells the network of a change that is committed."""
        self._bus.say(self._subject, Told(position, token(subscriber_id)).encoded())

    async def _make(self) -> None:
        """A server that has it already, or lets us make none, is as good: words go without it."""
        config = {
            "name": subjects.stream(self._registry_id),
            "subjects": [self._subject],
            "max_msgs_per_subject": 1,
            "storage": "file",
            "num_replicas": 1,
            "discard": "old",
            "allow_direct": True,
        }
        api = subjects.make_stream(self._registry_id)
        try:
            await self._bus.request(api, json.dumps(config).encode(), ASK_S)
        except BusUnavailable:
            return

    def _gap(self) -> None:
        self._must_make = True


class FeedReader:
    """A node's side."""

    def __init__(
        self,
        bus: Bus,
        registry_id: str,
        snapshots: SnapshotPoll,
        keyring: Keyring,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.wake, self.unread = bus.wake, 0
        self._bus, self._snapshots, self._keyring, self._clock = bus, snapshots, keyring, clock
        self._doubts = Buckets(DOUBTS_PER_S, burst=DOUBTS_AT_ONCE, keys_max=1)
        self._last_word = subjects.last_word(registry_id)
        self._must_ask = False
        bus.hear(subjects.feed(registry_id), self._hear)
        bus.on_gap(self._gap)

    async def next(self, now: int) -> bool:
        """The step of a loop: connects, and asks for the last word after each gap."""
        await self._bus.next(now)
        if self._must_ask and self._bus.is_connected:
            self._must_ask = False
            await self._ask()
        return False

    async def _ask(self) -> None:
        """Where nobody keeps the last word, there may have been one."""
        try:
            kept = await self._bus.request(self._last_word, b"", ASK_S)
        except BusUnavailable:
            self._snapshots.hurry()
            return
        if kept.data:
            self._hear("", kept.data)
        else:
            self._snapshots.hurry()

    def _hear(self, subject: str, payload: bytes) -> None:
        told = told_of(payload)
        if told is None:
            self.unread += 1
        elif told.position > self._snapshots.position:
            self._snapshots.hurry()
            if not self._doubts.take("", self._clock()):
                self._keyring.doubt(lambda subscriber_id: token(subscriber_id) == told.who)

    def _gap(self) -> None:
        self._must_ask = True
