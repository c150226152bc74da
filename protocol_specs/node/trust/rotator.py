"""Changes the keys of a running node, one step at a time, and goes on after whatever stopped it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol_specs.node import files
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.settings import SettingsError
from protocol_specs.node.startup import load_pair
from protocol_specs.node.trust import rotation, subscription
from protocol_specs.node.trust.rotation import KeyFiles, Rotation, Step
from protocol_specs.wire import keys
from protocol_specs.wire.errors import Overloaded
from protocol_specs.wire.parties import SubscriberType
from protocol_specs.wire.signing import LIFETIME_S_MAX, KeyId

if TYPE_CHECKING:
    from protocol_specs.node.settings import NodeSettings
    from protocol_specs.node.telemetry.telemetry import Telemetry
    from protocol_specs.node.trust.keyring import Keyring
    from protocol_specs.node.trust.pinned_registry import PinnedRegistry
    from protocol_specs.node.trust.subscription import OnSubscribe, OwnKeys

LOOK_EVERY_S = 2
AGAIN_S = 60  # after the registry said no
SCHEDULE_EVERY_S = 600
DAY_S = 86_400


class Rotator:
    """The keys of one node. Its client signs with the current pair, and its answer to challenges
    knows the next one; both change here and nowhere else."""

    def __init__(
        self,
        settings: NodeSettings,
        standing: Rotation,
        *,
        type: SubscriberType,
        registry: PinnedRegistry,
        keyring: Keyring,
        on_subscribe: OnSubscribe,
        telemetry: Telemetry,
        clock: Callable[[], float],
    ) -> None:
        self.standing = standing
        self._settings, self._type, self._registry = settings, type, registry
        self._keyring, self._on_subscribe, self._telemetry = keyring, on_subscribe, telemetry
        self._client = registry.client
        self._asked = settings.data_dir / rotation.ASKED
        self._began_at = int(clock())
        self._not_before = self._schedule_at = 0
        self._is_due = False
        self._expect()

    async def turn_next(self, now: int) -> bool:
        """One step, if it is time for one; says whether it was taken."""
        if self._not_before - AGAIN_S <= now < self._not_before:
            return False
        if self.standing.next is not None:
            self._asked.unlink(missing_ok=True)  # it is what is under way
        is_wanted = not self.standing.is_under_way and await self._is_wanted(now)
        step = rotation.next_step(
            self.standing, self._settings.rotation, now=now, is_wanted=is_wanted
        )
        try:
            return await self._take(step, now)
        except Undelivered as undelivered:
            self._wait(now, undelivered.reason, LOOK_EVERY_S if undelivered.transient else AGAIN_S)
        except (SettingsError, OSError) as fault:  # the key files, or the folder they are in
            self._wait(now, str(fault), AGAIN_S)
        return False

    async def _take(self, step: Step, now: int) -> bool:
        if step is Step.MAKE:
            self._make(now)
        elif step is Step.PUBLISH:
            await self._publish(now)
        elif step is Step.LOOK:
            return await self._look(now)
        elif step is Step.SWITCH:
            return await self._switch(now)
        elif step is Step.RETIRE:
            await self._retire()
        return step is not Step.REST

    async def _is_wanted(self, now: int) -> bool:
        """Whether somebody asked for a new key, or the schedule does."""
        if self._asked.exists():
            return True
        if self._settings.rotation.rotate_every_days is None or now < self._schedule_at:
            return False
        self._schedule_at = now + SCHEDULE_EVERY_S
        key_id = self._client.key_id
        try:
            records = (await self._keyring.keys((key_id,)))[key_id]
        except Overloaded:
            records = ()
        if not records:
            return False  # nobody would vouch for the next key now
        since = self.standing.since or min(record.valid_from for record in records)
        until = min(record.valid_until for record in records)
        return rotation.is_due(
            self._settings.rotation, signs_since=since, valid_until=until, now=now
        )

    def _make(self, now: int) -> None:
        """Decide on an id first, then write the files: who is killed between goes on with it."""
        folder = Path(self.standing.current.signing_key).parent
        day = datetime.fromtimestamp(now, UTC)
        key_id = f"k{day:%Y%m%d}-{secrets.token_hex(4)}"
        names = (str(folder / f"{kind}-{key_id}.key") for kind in ("signing", "encryption"))
        self._save(self.standing.begun(KeyFiles(key_id, *names)))
        self._log("key_made", key_id)

    async def _publish(self, now: int) -> None:
        next = self._next()
        own = self._pair_of(next)
        self._on_subscribe.expect(load_pair(self.standing.current), own)
        await self._registry.call("/subscribe", self._application(next, own, now))
        self._save(replace(self.standing, published_at=now, says=""))
        self._log("key_published", next.unique_key_id)

    async def _look(self, now: int) -> bool:
        """Whether the registry shows the next key as ours, in all our domains."""
        next = self._next()
        stands = await self._stands(next, now)
        if stands.is_subscribed:
            self._save(replace(self.standing, shown_at=now, says=""))
            self._log("key_shown", next.unique_key_id)
            return True
        waited_s = now - (self.standing.published_at or now)
        is_lost = stands.status == "UNKNOWN" and waited_s >= AGAIN_S
        if stands.says.startswith("refused") or is_lost:
            self._save(replace(self.standing, published_at=None, says=stands.says))
            self._not_before = now + AGAIN_S
            self._log("key_refused", next.unique_key_id, stands.says)
        else:
            self._not_before = now + LOOK_EVERY_S
        return False

    async def _switch(self, now: int) -> bool:
        """Sign with the next key from now on, if the registry still shows it this moment."""
        next = self._next()
        if not (await self._stands(next, now)).is_subscribed:
            self._save(replace(self.standing, shown_at=None, says="the registry shows it no more"))
            return True
        own = load_pair(next)
        # Before this process another one may have signed with the old key.
        signed_until = max(self._client.signed_until, self._began_at + LIFETIME_S_MAX)
        self._save(self.standing.switched(signed_until=signed_until, now=now))
        self._client.use(own.signing, KeyId(self._settings.subscriber_id, next.unique_key_id))
        self._expect()
        self._log("key_switched", next.unique_key_id)
        return True

    async def _retire(self) -> None:
        """End the old key at the registry; a registry that cannot do that keeps it to its end."""
        old = self.standing.old
        if old is None:
            raise ValueError("no old key to retire")
        who = {
            "action": "retire",
            "subscriber_id": self._settings.subscriber_id,
            "key_id": old.unique_key_id,
        }
        event = "key_retired"
        try:
            await self._registry.call("/retire", who)
        except Undelivered as undelivered:
            if undelivered.transient or await self._is_shown(old.unique_key_id):
                if undelivered.status not in (404, 405):
                    raise
                event = "key_not_retired"
        self._save(replace(self.standing, old=None, says=""))
        self._log(event, old.unique_key_id)

    async def _is_shown(self, unique_key_id: str) -> bool:
        question = {"subscriber_id": self._settings.subscriber_id, "key_id": unique_key_id}
        found = await self._registry.find({**question, "status": "SUBSCRIBED"})
        return any(record.unique_key_id == unique_key_id for record in found)

    async def _stands(self, next: KeyFiles, now: int) -> subscription.Standing:
        body = self._application(next, load_pair(next), now)
        return await subscription.standing(self._registry, body)

    def _application(self, next: KeyFiles, own: OwnKeys, now: int) -> dict[str, Any]:
        valid_s = self._settings.rotation.key_days * DAY_S
        return subscription.application(
            self._settings,
            own,
            type=self._type,
            now=now,
            valid_s=valid_s,
            unique_key_id=next.unique_key_id,
        )

    def _pair_of(self, next: KeyFiles) -> OwnKeys:
        """The next pair, made where its files are not there yet: nobody has seen it before."""
        signing, encryption = keys.generate_signing_key(), keys.generate_encryption_key()
        seeds = {next.signing_key: signing.seed, next.encryption_key: encryption.seed}
        for name, seed in seeds.items():
            if not Path(name).exists():
                files.replace(Path(name), f"{keys.b64encode(seed)}\n".encode())
        return load_pair(next)

    def _next(self) -> KeyFiles:
        if self.standing.next is None:
            raise ValueError("no next key")
        return self.standing.next

    def _expect(self) -> None:
        """Answer challenges for the current pair, and for the next one as soon as it exists."""
        next = None
        if self.standing.next is not None:
            with suppress(SettingsError):  # its files are not made yet
                next = load_pair(self.standing.next)
        self._on_subscribe.expect(load_pair(self.standing.current), next)

    def _wait(self, now: int, says: str, wait_s: int) -> None:
        """A step could not be taken: later again, with the reason for who asks."""
        self._not_before = now + wait_s
        if says != self.standing.says:
            self._save(replace(self.standing, says=says))
            key = self.standing.next or self.standing.current
            self._log("rotation_waits", key.unique_key_id, says)

    def _save(self, standing: Rotation) -> None:
        rotation.save(self._settings.data_dir, standing)
        self.standing = standing

    def _log(self, event: str, key_id: str, says: str | None = None) -> None:
        level = "info" if says is None else "warning"
        self._telemetry.log(event, level=level, key_id=key_id, says=says)
