"""A node's connections to NATS, as its settings ask for them; nats-py is loaded only then."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from protocol_specs.node.nats import subjects
from protocol_specs.node.nats.credentials import who_at
from protocol_specs.node.nats.sealing import Sealing
from protocol_specs.node.settings import SettingsError, needs_packages
from protocol_specs.node.startup import load_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol_specs.node.nats.bus import Bus
    from protocol_specs.node.nats.carrier import NatsHints
    from protocol_specs.node.nats.feed import FeedReader, FeedTeller
    from protocol_specs.node.nats.place import NatsPlace
    from protocol_specs.node.settings import NodeSettings
    from protocol_specs.node.telemetry.telemetry import Telemetry
    from protocol_specs.node.trust.membership import Membership
    from protocol_specs.node.workers.siblings import Siblings
    from protocol_specs.node.workers.workers import Share


class Buses:
    """Those of one node: `[nats]` between its own processes, where it has several; `[feed]`, on
    which the registry speaks. Nothing connects before a loop turns them. Raises SettingsError."""

    def __init__(self, settings: NodeSettings, share: Share, telemetry: Telemetry) -> None:
        self._settings, self._share, self._telemetry = settings, share, telemetry
        own = settings.nats if share.of > 1 else None
        self._own = None if own is None else self._bus(own, key="nats", name="hints")
        feed = settings.feed
        self._feed = None if feed is None else self._bus(feed, key="feed", name="feed")

    def hints(self) -> NatsHints | None:
        """Takes hints between the node's processes about; None: the database does."""
        if self._own is None:
            return None
        from protocol_specs.node.nats.carrier import NatsHints

        return NatsHints(self._own, self._share, self._sealing(), self._settings.subscriber_id)

    def siblings_of(self, siblings: Siblings, *, clock: Callable[[], float]) -> None:
        """Lets the workers on other machines ask and be asked, where `[nats]` says how."""
        here = self._settings.workers
        if self._own is None or self._share.of == here:
            return
        from protocol_specs.node.nats.siblings import NatsSiblings

        far = NatsSiblings(
            self._own,
            self._sealing(),
            self._settings.subscriber_id,
            self._share.slot,
            answer=siblings.answer,
            clock=clock,
        )
        first = self._settings.workers_before
        siblings.reach(range(first, first + here), far)

    def feed_of(self, membership: Membership, *, clock: Callable[[], float]) -> FeedReader | None:
        """Hears the registry of `membership`, if `[feed]` says where."""
        pins, snapshots = self._settings.registry, membership.snapshots
        if self._feed is None or pins is None or snapshots is None:
            return None
        from protocol_specs.node.nats.feed import FeedReader

        keyring = membership.keyring
        feed = FeedReader(self._feed, pins.subscriber_id, snapshots, keyring, clock=clock)
        self._telemetry.shown.watch(
            "wayfare_feed_unread", "Words that nobody could read", lambda: feed.unread
        )
        return feed

    def feed_teller(self, last: Callable[[], tuple[int, str]]) -> FeedTeller | None:
        """Tells the network of this registry's changes, if `[feed]` says where. `last()` is the
        last one: its position and whom it concerns."""
        if self._feed is None:
            return None
        from protocol_specs.node.nats.feed import FeedTeller

        return FeedTeller(self._feed, self._settings.subscriber_id, last)

    def _sealing(self) -> Sealing:
        return Sealing(load_keys(self._settings).signing.seed)

    async def close(self) -> None:
        """Ends them all."""
        for bus in (self._own, self._feed):
            if bus is not None:
                await bus.close()

    def _bus(self, at: NatsPlace, *, key: str, name: str) -> Bus:
        if importlib.util.find_spec("nats") is None:
            raise SettingsError(f"key '{key}': NATS {needs_packages('nats')}")
        from protocol_specs.node.nats.bus import Bus

        inbox = subjects.inbox(self._settings.subscriber_id)
        try:
            return Bus(at, who_at(at, key), name=name, inbox=inbox, telemetry=self._telemetry)
        except OSError as error:  # ssl.SSLError too
            raise SettingsError(f"key '{key}.ca': {at.ca}: {error}") from None
