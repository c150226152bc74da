"""Where vehicles are as they move: the provider's stream, followed while a page is open here.

In memory only. Who has no stream for us is asked with `track` now and then, as every provider is.
Each worker follows for the pages that are open at it, and tells the others where the vehicle is:
what else such a page asks for may come to any of them.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from bap import rows
from bap.asking import Asking
from bap.citizen.trip import Document
from bap.journey import Journey, State
from protocol_specs.node.api import ApiError
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.client.following import BadStream, Following
from protocol_specs.node.server import Node
from protocol_specs.node.workers.hints import AGAIN
from protocol_specs.web.streams import Event
from protocol_specs.web.waiting import Crowded, Watch
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.parties import lies_under

PAGES_MAX, FOLLOWED_MAX = 5_000, 1_000
FOLLOWED_PER_PROVIDER_MAX = 200
EVENT_EVERY_S = 0.2  # faster ones wait at the provider, and nothing gathers here
LOOK_EVERY_S = 10.0
PAUSE_S, PAUSE_S_MAX = 1.0, 30.0
VEHICLE = "vehicle"  # notified with "<journey id> <lat> <lon>", at most once a second
TOLD_S, TOLD_MAX = 15, 10_000
Spot = dict[str, float]


@dataclass
class Followed:
    """One journey that pages show now. `n` counts its positions; `turn` is held by who follows."""

    pages: int = 0
    n: int = 0
    place: Spot = field(default_factory=dict)
    told_at: int = 0
    is_streaming: bool = False
    not_again: str | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def event(self, n: int, label: str) -> Event:
        """The last position for a page, as an event of that number."""
        return Event(n, "position", json.dumps({**self.place, "label": label}).encode())


class Live:
    """All journeys that are followed. `watch` wakes their pages."""

    def __init__(self, node: Node, asking: Asking, watch: Watch) -> None:
        self._node, self._asking, self._watch = node, asking, watch
        self._followed: dict[str, Followed] = {}
        self._told: OrderedDict[str, tuple[Spot, int]] = OrderedDict()  # by other workers, and when
        self._changed = Watch(waiting_max=PAGES_MAX, each_max=1)
        self._streams = Following(
            node.settings.network, each_max=FOLLOWED_PER_PROVIDER_MAX, all_max=FOLLOWED_MAX
        )
        node.store.listen(rows.CHANNEL, self._changed.ring)
        node.store.listen(AGAIN, lambda _: self._changed.ring_all())
        node.store.listen(VEHICLE, self._hear)
        node.app.on_cleanup.append(self._close)

    def is_streaming(self, journey_id: str) -> bool:
        """Whether this journey's positions come by themselves now, to whichever worker."""
        followed = self._followed.get(journey_id)
        return self._told_of(journey_id) is not None or bool(followed and followed.is_streaming)

    def as_seen(self, journey_id: str, doc: Document) -> Document:
        """The journey with the vehicle where its stream says it is; `doc` itself without one."""
        followed, seen = self._followed.get(journey_id), self._told_of(journey_id)
        if followed is not None and followed.is_streaming and followed.place:
            seen = followed.place
        if seen is None or not doc["tracking"]:
            return doc
        return {**doc, "tracking": {**doc["tracking"], "location": seen}}

    def _told_of(self, journey_id: str) -> Spot | None:
        """Where another worker saw the vehicle, if that was lately."""
        spot, at = self._told.get(journey_id, (None, 0))
        return spot if abs(self._node.now() - at) <= TOLD_S else None

    def _hear(self, payload: str) -> None:
        """Keeps what another worker tells. Raises ValueError."""
        journey_id, *at = payload.split()
        lat, lon = map(float, at)
        self._told[journey_id] = {"lat": lat, "lon": lon}, self._node.now()
        self._told.move_to_end(journey_id)
        if len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)

    def _tell(self, journey_id: str, followed: Followed) -> None:
        """Tells the other workers where the vehicle is now."""
        now, spot = self._node.now(), followed.place
        if now != followed.told_at:
            followed.told_at = now
            self._node.store.tell(VEHICLE, f"{journey_id} {spot['lat']!r} {spot['lon']!r}")

    @asynccontextmanager
    async def watched(self, journey_id: str) -> AsyncIterator[Followed]:
        """Follows the vehicle while inside; pages of one journey share one stream."""
        followed = self._followed.setdefault(journey_id, Followed())
        followed.pages += 1
        try:
            async with asyncio.TaskGroup() as group:
                follower = group.create_task(self._follow(journey_id, followed))
                try:
                    yield followed
                finally:
                    follower.cancel()
        finally:
            followed.pages -= 1
            if followed.pages == 0:
                self._followed.pop(journey_id, None)

    async def _follow(self, journey_id: str, followed: Followed) -> None:
        """Follows for all pages of the journey; when its own page closes, another takes over."""
        async with followed.turn:
            pause_s = PAUSE_S
            while True:
                url = await self._url(journey_id, followed)
                if url is None:
                    continue
                n = followed.n
                await self._listen(journey_id, url, followed)
                pause_s = PAUSE_S if followed.n > n else min(2 * pause_s, PAUSE_S_MAX)
                await asyncio.sleep(pause_s)

    async def _url(self, journey_id: str, followed: Followed) -> str | None:
        """Where the provider says that the vehicle can be followed; None after a while without.

        Only a url under the provider's registered one is called.
        """

        def look() -> tuple[Journey, str] | None:
            journey = self._node.store.read(lambda session: rows.find(session, journey_id))
            url = live_url(journey)
            if journey is None or url is None or url == followed.not_again:
                return None
            return journey, url

        try:
            found = await self._changed.until(journey_id, look, LOOK_EVERY_S)
        except Crowded:
            await asyncio.sleep(LOOK_EVERY_S)
            return None
        if found is None:
            return None
        journey, url = found
        try:
            provider = await self._asking.provider(journey.domain, journey.bpp_id or "")
        except (ApiError, Refused):
            await asyncio.sleep(LOOK_EVERY_S)
            return None
        if not lies_under(url, provider.url):
            followed.not_again = url
            return None
        return url

    async def _listen(self, journey_id: str, url: str, followed: Followed) -> None:
        """Takes positions in until the stream ends; one that is none of ours is not tried again."""
        try:
            async with self._streams.events(url) as events:
                async for kind, data in events:
                    if kind == "ended":
                        followed.not_again = url
                        return
                    if kind == "position":
                        followed.place, followed.is_streaming = place(data), True
                        followed.n += 1
                        self._watch.ring(journey_id)
                        self._tell(journey_id, followed)
                        await asyncio.sleep(EVENT_EVERY_S)
        except Undelivered as fault:
            followed.not_again = followed.not_again if fault.transient else url
        finally:
            followed.is_streaming = False

    async def _close(self, _: web.Application) -> None:
        await self._streams.close()


def live_url(journey: Journey | None) -> str | None:
    """Where the vehicle of a booked journey can be followed, as the provider told it last."""
    if journey is None or journey.state != State.BOOKED or journey.tracking is None:
        return None
    told: Document = orjson.loads(journey.tracking)
    return told["url"] if told["status"] == "active" else None


def place(data: bytes) -> Spot:
    """The place of a `position` event. Raises BadStream."""
    try:
        document: dict[str, Any] = strict_json.parse(data)
    except Refused as refused:
        raise BadStream(refused.reason) from None
    found: Spot = {}
    for name, most in (("lat", 90), ("lon", 180)):
        value = document.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > most:
            raise BadStream(f"a position whose {name} is none")
        found[name] = float(value)
    return found
