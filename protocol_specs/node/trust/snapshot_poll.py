"""Keeps a node's snapshot of the registry: polled, verified, on disk, void when too old."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from protocol_specs.node import files
from protocol_specs.node.client.client import Answered, Undelivered
from protocol_specs.node.trust.pinned_registry import Disbelieved, PinnedRegistry
from protocol_specs.node.trust.snapshot import BadSnapshot, Seal, Snapshot, digest_of
from protocol_specs.wire.answers import HEADER, SKEW_S
from protocol_specs.wire.errors import Unauthenticated
from protocol_specs.wire.parties import Subscriber
from protocol_specs.wire.signing import digest

if TYPE_CHECKING:
    from protocol_specs.node.telemetry.telemetry import Telemetry

EVERY_S = 30
HURRIED_S = 3  # where it is said that something changed: by whom is not known
JITTER_S = 0.5  # not all nodes of a network at the same moment
AGAIN_S = 5  # while the registry does not answer
REFUSED_EVERY_S = 600  # a registry that serves no snapshot, or none of so many records
BYTES_MAX = 268_435_456
SHARE = (
    20  # a large snapshot that changes is fetched at most so often that it takes 1/20 of the time
)
NAME = "registry.snapshot"
AGE_MAX_S = 300  # until a network says otherwise in a snapshot

Changed = Callable[[Snapshot], Awaitable[None]]


class Unwritable(Exception):
    """The snapshot cannot be kept where the node keeps its data."""


class SnapshotPoll:
    """One node's snapshot of the domains it trades in; of all domains when it names none."""

    def __init__(
        self,
        registry: PinnedRegistry,
        folder: Path,
        domains: Sequence[str],
        *,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._registry, self._clock, self._telemetry = registry, clock, telemetry
        self._path, self._confirmation = folder / NAME, folder / f"{NAME}.confirmed"
        self._domains = frozenset(domains)
        query = urlencode([("domain", domain) for domain in sorted(self._domains)])
        self._target = f"{registry.url}/snapshot" + (f"?{query}" if query else "")
        self._snapshot: Snapshot | None = None
        self.wake = asyncio.Event()
        self._every_s: float = EVERY_S
        self._pause_s = 0.0  # what a large one that changed costs
        self._is_hurried = False
        self._asked_at = -sys.maxsize
        self._changed: list[Changed] = []

    def on_changed(self, changed: Changed) -> None:
        """Awaits `changed(snapshot)` when another one takes the place of the last."""
        self._changed.append(changed)

    @property
    def age_max_s(self) -> int:
        """How long what the registry said may be gone on with while it is down, in seconds."""
        return AGE_MAX_S if self._snapshot is None else self._snapshot.head.max_age_s

    @property
    def is_registry_lost(self) -> bool:
        """Whether the registry did not answer when it was last asked anything."""
        return self._registry.is_lost

    @property
    def position(self) -> int:
        """The number of the last change that the registry signed for us; 0 at first."""
        return 0 if self._snapshot is None else self._snapshot.head.sequence

    def hurry(self) -> None:
        """Somebody says that the registry changed: ask it as soon as may be."""
        self._is_hurried = True
        delay_s = random.uniform(0, JITTER_S)  # noqa: S311 - spreads load, keeps no secret
        asyncio.get_running_loop().call_later(delay_s, self.wake.set)

    def age_s(self, now: float) -> float:
        """Seconds since the registry confirmed what we hold; 0 when we hold nothing."""
        return 0.0 if self._snapshot is None else self._snapshot.age_s(now)

    def usable(self, now: float) -> Snapshot | None:
        """The snapshot, while it is young enough to stand in for the registry. One of the future
        is of any age: our clock was set back."""
        snapshot = self._snapshot
        if snapshot is None or now < snapshot.confirmed_at - SKEW_S:
            return None
        if snapshot.age_s(now) >= snapshot.head.max_age_s:
            return None
        return snapshot

    def covers(self, record: Subscriber) -> bool:
        """Whether a snapshot of ours would hold this record, if the registry stands for it."""
        return not self._domains or record.domain in self._domains

    def note(self, now: float) -> dict[str, int | str]:
        """What /ready shows of it."""
        snapshot = self._snapshot
        if snapshot is None:
            return {"snapshot": "none yet"}
        return {
            "snapshot_sequence": snapshot.head.sequence,
            "snapshot_age_s": int(snapshot.age_s(now)),
            "snapshot_age_max_s": snapshot.head.max_age_s,
        }

    def load(self) -> None:
        """Take up the snapshot of an earlier run, if there is one that verifies."""
        try:
            snapshot = Snapshot.open(self._path, self._registry.record)
            with suppress(FileNotFoundError, Unauthenticated):  # of none yet, or of one before
                snapshot.confirm(self._confirmation.read_text("ascii"), self._registry.record)
        except FileNotFoundError:
            return
        except (BadSnapshot, OSError, UnicodeDecodeError) as fault:
            self._telemetry.log("snapshot_unusable", level="warning", says=str(fault))
            return
        self._snapshot = snapshot
        age_s = int(snapshot.age_s(self._clock()))
        self._telemetry.log("snapshot_loaded", sequence=snapshot.head.sequence, age_s=age_s)

    def close(self) -> None:
        """Give back what is open."""
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None

    async def poll_next(self, now: int) -> bool:
        """Ask the registry when it is time; False, since once is enough."""
        if 0 <= now - self._asked_at < self._wait_s():
            return False
        self._asked_at, self._is_hurried = now, False
        began = asyncio.get_running_loop().time()
        try:
            changed = await self._poll()
        except Undelivered as undelivered:
            self._failed(undelivered)
            return False
        took_s = asyncio.get_running_loop().time() - began
        self._pause_s = min(SHARE * took_s, self.age_max_s / 3) if changed else 0
        self._every_s = max(EVERY_S, self._pause_s)
        self._registry.note(None)
        return False

    def _wait_s(self) -> float:
        if self._registry.is_lost:
            return AGAIN_S
        if self._is_hurried and self._every_s != REFUSED_EVERY_S:
            return max(HURRIED_S, self._pause_s)
        return self._every_s

    def _failed(self, undelivered: Undelivered) -> None:
        """A registry that says that it has no snapshot now may still answer look-ups: they find
        out themselves."""
        if undelivered.transient:
            if undelivered.status is None:
                self._registry.note(undelivered)
            return
        if self._every_s != REFUSED_EVERY_S:
            self._telemetry.log("snapshot_refused", level="warning", says=undelivered.reason)
        self._every_s = REFUSED_EVERY_S

    async def _poll(self) -> bool:
        """Whether another snapshot took the place of the last. Raises Undelivered."""
        hashed = blake2b()
        etag = None if self._snapshot is None else self._snapshot.etag
        with files.fresh(self._path) as (path, file):

            def write(part: bytes) -> None:
                hashed.update(part)
                try:
                    file.write(part)
                except OSError as error:  # ours: the registry is not lost for a full disk
                    raise Unwritable(f"{path}: {error.strerror}") from error

            answered = await self._registry.client.fetch(
                self._target, etag=etag, write=write, bytes_max=BYTES_MAX
            )
            if answered.status == 304:
                self._confirm(answered)
                return False
            self._registry.verify(answered, digest_of(hashed))
            seal = Seal(answered.headers.get("ETag", ""), answered.headers[HEADER])
            file.write(seal.line())
            await asyncio.to_thread(files.sync, file)
            await self._take(path)
        return True

    def _confirm(self, answered: Answered) -> None:
        """The registry signed the tag of what we hold: nothing has changed."""
        snapshot = self._snapshot
        if snapshot is None:
            raise Disbelieved("the registry says that nothing changed, and was not asked that")
        line = self._registry.verify(answered, digest(snapshot.etag.encode())).raw
        snapshot.confirm(line, self._registry.record)
        files.replace(self._confirmation, line.encode("ascii"))

    async def _take(self, path: Path) -> None:
        """Put what was fetched in the place of the last, and tell what it changes."""
        try:
            snapshot = await asyncio.to_thread(Snapshot.open, path, self._registry.record)
        except BadSnapshot as fault:
            raise Disbelieved(f"the registry's snapshot is not used: {fault}") from None
        files.settle(path, self._path)
        last, self._snapshot = self._snapshot, snapshot
        went_back = last is not None and snapshot.head.sequence < last.head.sequence
        self._telemetry.log(
            "snapshot_changed",
            level="warning" if went_back else "info",
            sequence=snapshot.head.sequence,
            went_back=went_back or None,
        )
        if last is not None:
            last.close()
        for changed in self._changed:
            await changed(snapshot)
