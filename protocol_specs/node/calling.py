"""Calls that a command makes as its node: with the node's present key, to registry and peers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from protocol_specs.node.client.client import Client
from protocol_specs.node.settings import NodeSettings
from protocol_specs.node.startup import load_pair
from protocol_specs.node.trust import rotation
from protocol_specs.node.trust.pinned_registry import PinnedRegistry
from protocol_specs.node.trust.subscription import OwnKeys
from protocol_specs.wire.signing import KeyId


@dataclass(frozen=True, slots=True)
class Caller:
    """What a command speaks with. `registry` is None where the settings name none."""

    client: Client
    registry: PinnedRegistry | None
    own: OwnKeys


@asynccontextmanager
async def calling(settings: NodeSettings) -> AsyncIterator[Caller]:
    """An open client of this node; raises SettingsError for keys that cannot be read."""
    current = rotation.load(settings).current
    own = load_pair(current)
    client = Client(
        key=own.signing,
        key_id=KeyId(settings.subscriber_id, current.unique_key_id),
        network=settings.network,
        now=lambda: int(time.time()),
    )
    registry = None if settings.registry is None else PinnedRegistry(client, settings.registry)
    await client.open()
    try:
        yield Caller(client, registry, own)
    finally:
        await client.close()
