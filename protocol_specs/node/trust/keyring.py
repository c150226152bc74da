"""Who is who, as the registry says it, remembered for a short and stated time.

A key is fresh for 60 s (so a revoked one is refused within 60 s; sooner, when a snapshot of the
registry shows the change), and "unknown" is remembered for 30 s. While the registry cannot be
reached, its last snapshot serves, or what was remembered: for 300 s, or as long as the network's
snapshot says. The lifetime is never the record's valid_until.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.sharing import Cancelled, Shared
from protocol_specs.node.trust.pinned_registry import NOT_ANSWERED
from protocol_specs.node.trust.records import is_usable, serves_city
from protocol_specs.node.trust.remembered import Memory, Remembered
from protocol_specs.node.trust.snapshot import Snapshot
from protocol_specs.node.trust.snapshot_poll import AGE_MAX_S, SnapshotPoll
from protocol_specs.wire.errors import Overloaded
from protocol_specs.wire.parties import Keys, Subscriber, SubscriberType, is_subscriber_id
from protocol_specs.wire.signing import KeyId

FRESH_S = 60
FOUND_FRESH_S = 15  # who serves a domain and city: newcomers should be found soon
NEGATIVE_S = 30
DOWN_S = 2  # after a failed look-up the registry is left alone this long
REFETCH_EVERY_S = 5  # at most one refetch of one key in this time
AT_ONCE = 100  # records of a snapshot that are read before others get their turn
FOUND_RECORDS_MAX = 50_000  # of all answers to who serves where: anybody can ask for any place
PAGE = 500  # an answer with so many records may have been cut

Directory = Callable[[dict[str, str]], Awaitable[list[Subscriber]]]


class Keyring:
    """Bounded memory of the registry's answers, one question at a time on the wire."""

    def __init__(
        self,
        directory: Directory,
        *,
        clock: Callable[[], float],
        entries_max: int = 10_000,
        snapshots: SnapshotPoll | None = None,
    ) -> None:
        self._directory, self._clock, self._entries_max = directory, clock, entries_max
        self._snapshots = snapshots
        if snapshots is not None:
            snapshots.on_changed(self.compare)
        self._held = Memory(entries_max, records_max=10 * entries_max)
        self._found = Memory(entries_max, records_max=FOUND_RECORDS_MAX)
        self._asking: Shared[Hashable, Remembered] = Shared()
        self._refetched: OrderedDict[KeyId, float] = OrderedDict()
        self._down_until = 0.0

    @property
    def age_max_s(self) -> int:
        """How long an answer may be gone on with while the registry is down, in seconds."""
        return AGE_MAX_S if self._snapshots is None else self._snapshots.age_max_s

    async def keys(self, key_ids: Sequence[KeyId]) -> Keys:
        """The usable records of each key id; an empty sequence for one nobody vouches for.

        Raises Overloaded (503) when the registry cannot be reached and nothing young enough is
        remembered: nobody can be refused or believed without it.
        """
        return {key_id: await self._key(key_id) for key_id in key_ids}

    def fresh(self, key_ids: Sequence[KeyId]) -> Keys | None:
        """What `keys` would answer, at once; None when the registry has to be asked for any."""
        now = self._clock()
        found = {}
        for key_id in key_ids:
            remembered = self._held.get(key_id)
            if remembered is None or not remembered.is_fresh(now):
                return None
            self._held.use(key_id)
            found[key_id] = _usable(remembered, key_id, int(now))
        return found

    def knows(self, key_id: KeyId) -> bool:
        """Whether `keys` would answer for `key_id` without one more question to the registry.

        So too when that question is on its way already, or the registry is left alone for now.
        """
        remembered = self._held.get(key_id)
        if remembered is not None and remembered.is_fresh(self._clock()):
            return True
        return key_id in self._asking or self._is_left_alone(self._clock())

    async def refetch(self, key_id: KeyId) -> bool:
        """Ask again for a key that did not verify: it may have been replaced.

        Returns whether it was asked; each key at most once in 5 s, so that bad signatures cannot
        be turned into load on the registry.
        """
        now = self._clock()
        last = self._refetched.get(key_id)
        if last is not None and 0 <= now - last < REFETCH_EVERY_S:
            return False
        _put(self._refetched, key_id, now, self._entries_max)
        await self._answer(key_id, _key_question(key_id), anew=True)
        return True

    def doubt(self, is_meant: Callable[[str], bool]) -> None:
        """Ask again, with the next message, for the keys of whom `is_meant(subscriber_id)` says.
        What is remembered of them still serves while the registry is down."""
        for entry, remembered in self._held.items():
            if isinstance(entry, KeyId) and is_meant(entry.subscriber_id):
                self._held.put(entry, replace(remembered, fresh_s=0))

    async def find(
        self,
        *,
        type: SubscriberType,
        domain: str,
        city: str | None = None,
        subscriber_id: str | None = None,
    ) -> list[Subscriber]:
        """Usable records of `type` in `domain`, one per subscriber and url, newest key first.

        A record matches that lists `city`, every city (`*`) or none. Remembered and bounded like
        keys; raises Overloaded like `keys`.
        """
        question = {"type": str(type.value), "domain": domain, "status": "SUBSCRIBED"}
        if city is not None:
            question["city"] = city
        if subscriber_id is not None:
            question["subscriber_id"] = subscriber_id
        remembered = await self._answer(tuple(sorted(question.items())), question)
        now = int(self._clock())
        found: dict[tuple[str, str], Subscriber] = {}
        for record in sorted(remembered.records, key=lambda r: -r.valid_from):
            if (
                record.type is type
                and record.domain == domain
                and serves_city(record, city)
                and subscriber_id in (None, record.subscriber_id)
                and is_usable(record, now)
            ):
                found.setdefault((record.subscriber_id, record.url), record)
        return list(found.values())

    async def close(self) -> None:
        """End the questions that are on their way."""
        await self._asking.cancel()

    async def _key(self, key_id: KeyId) -> list[Subscriber]:
        if not is_subscriber_id(key_id.subscriber_id):  # of nobody; no registry need be asked
            return []
        remembered = await self._answer(key_id, _key_question(key_id))
        return _usable(remembered, key_id, int(self._clock()))

    async def _answer(
        self, entry: Hashable, question: dict[str, str], *, anew: bool = False
    ) -> Remembered:
        memory = self._memory_of(entry)
        remembered = memory.get(entry)
        if remembered is not None and not anew and remembered.is_fresh(self._clock()):
            memory.use(entry)
            return remembered
        try:
            return await self._asking.run(entry, partial(self._ask, entry, question, remembered))
        except Cancelled:  # closed: whoever waits is refused like anybody from now on
            raise _unreachable() from None

    async def _ask(
        self, entry: Hashable, question: dict[str, str], remembered: Remembered | None
    ) -> Remembered:
        """Ask the registry, for all who ask the same meanwhile: none of them may end it."""
        answer = await self._fetch(question, remembered)
        self._memory_of(entry).put(entry, answer)
        return answer

    async def _fetch(self, question: dict[str, str], remembered: Remembered | None) -> Remembered:
        now = self._clock()
        if not self._is_left_alone(now):
            try:
                records = tuple(await self._directory(question))
            except Undelivered as undelivered:
                if undelivered.status not in NOT_ANSWERED:
                    self._down_until = self._clock() + DOWN_S
            else:
                if len(records) >= PAGE:
                    records = await self._uncut(question, records)
                return Remembered(records, self._clock(), _fresh_s(question, records))
        return await self._without_registry(question, remembered, now)

    async def _uncut(
        self, question: dict[str, str], page: tuple[Subscriber, ...]
    ) -> tuple[Subscriber, ...]:
        """All records that match, where there is a snapshot that has more than one page of them."""
        found = await self._in_snapshot(question)
        return page if found is None else max(found[0], page, key=len)

    async def _without_registry(
        self, question: dict[str, str], remembered: Remembered | None, now: float
    ) -> Remembered:
        """The younger of the snapshot and what is remembered, if it has an answer at all: that
        somebody is unknown can only be said by a registry that answers. What a snapshot says
        otherwise is not remembered any more (`compare`)."""
        found = await self._in_snapshot(question)
        if found is not None and (remembered is None or remembered.at <= found[1]):
            records, confirmed_at = found
            if records:
                again_s = DOWN_S if "key_id" in question else FOUND_FRESH_S
                fresh_s = min(max(0, now - confirmed_at) + again_s, self.age_max_s)
                return Remembered(records, confirmed_at, fresh_s)
        if remembered is not None and remembered.records and remembered.age(now) < self.age_max_s:
            return remembered
        raise _unreachable()

    async def _in_snapshot(
        self, question: dict[str, str]
    ) -> tuple[tuple[Subscriber, ...], int] | None:
        """What the snapshot says, and when it was last confirmed; None while there is none young
        enough. Others get their turn while thousands of records are read."""
        while (snapshot := self._young_snapshot()) is not None:
            places, found = snapshot.places(question), list[Subscriber]()
            while places and self._young_snapshot() is snapshot:
                found += snapshot.read(places[:AT_ONCE])
                places = places[AT_ONCE:]
                if places:
                    await asyncio.sleep(0)
            if not places:  # else another one took its place meanwhile
                return tuple(found), snapshot.confirmed_at
        return None

    def _young_snapshot(self) -> Snapshot | None:
        return None if self._snapshots is None else self._snapshots.usable(self._clock())

    def _is_left_alone(self, now: float) -> bool:
        """Whether the registry failed a moment ago, by a clock that was not set back since.

        With a snapshot no message waits for a registry that is lost: the next poll looks for it.
        """
        if self._down_until - DOWN_S <= now < self._down_until:
            return True
        is_lost = self._snapshots is not None and self._snapshots.is_registry_lost
        return is_lost and self._young_snapshot() is not None

    async def compare(self, snapshot: Snapshot) -> None:
        """Forget what a new snapshot says otherwise: keys that were revoked, suspended, renewed or
        became known, and all answers to who serves where."""
        for entry, remembered in self._found.items():
            self._found.forget(entry, remembered)
        for count, (entry, remembered) in enumerate(self._held.items(), start=1):
            if isinstance(entry, KeyId) and (
                self._covered(remembered) != set(snapshot.find(_key_question(entry)))
            ):
                self._held.forget(entry, remembered)
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _covered(self, remembered: Remembered) -> set[Subscriber]:
        """Of what is remembered, what a snapshot would show too."""
        covers = self._snapshots.covers if self._snapshots is not None else lambda record: False
        return {r for r in remembered.records if r.status == "SUBSCRIBED" and covers(r)}

    def _memory_of(self, entry: Hashable) -> Memory:
        """Keys are not forgotten for what is found."""
        return self._held if isinstance(entry, KeyId) else self._found


def _usable(remembered: Remembered, key_id: KeyId, now: int) -> list[Subscriber]:
    """Of what the registry answered, the records of that very key that it stands for."""
    return [
        record
        for record in remembered.records
        if (record.subscriber_id, record.unique_key_id) == key_id and is_usable(record, now)
    ]


def _put(memory: OrderedDict[Any, Any], entry: Hashable, value: object, entries_max: int) -> None:
    """Store as the most recent entry, and let the oldest ones go."""
    memory[entry] = value
    memory.move_to_end(entry)
    while len(memory) > entries_max:
        memory.popitem(last=False)


def _key_question(key_id: KeyId) -> dict[str, str]:
    """A look-up of one key, with the key id under each name registries give it."""
    return {
        "subscriber_id": key_id.subscriber_id,
        "key_id": key_id.unique_key_id,
        "unique_key_id": key_id.unique_key_id,
        "ukId": key_id.unique_key_id,
    }


def _fresh_s(question: dict[str, str], records: Sequence[Subscriber]) -> int:
    """How long an answer is fresh: not yet subscribed counts as unknown."""
    if "key_id" not in question:
        return FOUND_FRESH_S
    return FRESH_S if any(record.status == "SUBSCRIBED" for record in records) else NEGATIVE_S


def _unreachable() -> Overloaded:
    refusal = Overloaded("the registry cannot be reached to verify the sender; try again later")
    refusal.retry_after_s = DOWN_S
    return refusal


async def nobody(question: dict[str, str]) -> list[Subscriber]:
    """The directory of a node that trusts no registry: it knows no one."""
    return []
