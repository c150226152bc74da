"""A node's place in its network: the registry it trusts, whom that vouches for, its own keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocol_specs.node.client.client import Client
from protocol_specs.node.startup import load_pair
from protocol_specs.node.trust import rotation
from protocol_specs.node.trust.keyring import Directory, Keyring, nobody
from protocol_specs.node.trust.pinned_registry import PinnedRegistry
from protocol_specs.node.trust.rotator import Rotator
from protocol_specs.node.trust.snapshot_poll import SnapshotPoll
from protocol_specs.node.trust.subscription import OnSubscribe
from protocol_specs.wire.signing import KeyId

if TYPE_CHECKING:
    from protocol_specs.node.loops import Next
    from protocol_specs.node.settings import NodeSettings
    from protocol_specs.node.telemetry.telemetry import Telemetry
    from protocol_specs.wire.parties import Receiver


class Membership:
    """Put together before the node is. `directory` answers look-ups in the registry's place; then
    no registry is asked anything."""

    def __init__(
        self,
        settings: NodeSettings,
        receiver: Receiver,
        *,
        clock: Callable[[], float],
        telemetry: Telemetry,
        directory: Directory | None,
    ) -> None:
        standing = rotation.load(settings)
        own = load_pair(standing.current)
        self._settings, self._clock, self._telemetry = settings, clock, telemetry
        self.client = Client(
            key=own.signing,
            key_id=KeyId(settings.subscriber_id, standing.current.unique_key_id),
            network=settings.network,
            now=lambda: int(clock()),
        )
        self.on_subscribe: OnSubscribe | None = None
        self.snapshots: SnapshotPoll | None = None
        self.rotator: Rotator | None = None
        pins = settings.registry
        registry: PinnedRegistry | None = None
        if pins is not None:
            self.on_subscribe = OnSubscribe(registry=pins, receiver=receiver, own=own)
            registry = PinnedRegistry(self.client, pins, telemetry=telemetry)
        if registry is not None and directory is None:
            directory = registry.find
            self.snapshots = self._polled(registry)
        self.keyring = Keyring(
            directory or nobody,
            clock=clock,
            entries_max=settings.limits.keys_max,
            snapshots=self.snapshots,
        )
        if registry is not None and self.on_subscribe is not None:
            self.rotator = Rotator(
                settings,
                standing,
                type=receiver.type,
                registry=registry,
                keyring=self.keyring,
                on_subscribe=self.on_subscribe,
                telemetry=telemetry,
                clock=clock,
            )

    def _polled(self, registry: PinnedRegistry) -> SnapshotPoll | None:
        """None where nothing is signed: what cannot be verified when it is read is not kept."""
        if not registry.signs_answers:
            return None
        settings = self._settings
        snapshots = SnapshotPoll(
            registry,
            settings.data_dir,
            settings.domains,
            clock=self._clock,
            telemetry=self._telemetry,
        )
        self._telemetry.watch_age("registry_snapshot", lambda: snapshots.age_s(self._clock()))
        return snapshots

    async def open(self) -> None:
        """In the running loop, before the first request: take up what an earlier run left."""
        await self.client.open()
        if self.snapshots is not None:
            self.snapshots.load()
        pins = self._settings.registry
        if pins is not None and not pins.signs_answers:
            self._telemetry.log(
                "registry_does_not_sign",
                level="warning",
                peer=pins.subscriber_id,
                says="its answers rest on TLS alone ([registry] signs_answers = false)",
            )

    async def close(self) -> None:
        """End what is on its way and give back what is open."""
        await self.keyring.close()
        await self.client.close()
        if self.snapshots is not None:
            self.snapshots.close()

    def loops(self) -> dict[str, tuple[Next, asyncio.Event]]:
        """What goes on beside the requests, by name, and what wakes it."""
        found: dict[str, tuple[Next, asyncio.Event]] = {}
        if self.snapshots is not None:
            found["snapshot"] = self.snapshots.poll_next, self.snapshots.wake
        if self.rotator is not None:
            found["rotation"] = self.rotator.turn_next, asyncio.Event()
        return found

    def notes(self) -> dict[str, object]:
        """What /ready shows of the registry and of our keys."""
        pins = self._settings.registry
        if pins is None or self.rotator is None:
            return {}
        registry: dict[str, object] = {"signs_answers": pins.signs_answers}
        if self.snapshots is not None:
            registry |= self.snapshots.note(self._clock())
        keys = rotation.describe(self.rotator.standing, self._settings.rotation)
        return {"registry": registry, "keys": keys}
