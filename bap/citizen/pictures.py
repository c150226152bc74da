"""Pictures of a parcel at its hand-overs, as the citizen sees them: fetched by this node, once.

A page of ours loads nothing from elsewhere, and a citizen's browser tells no stranger where it is.
So the node fetches the picture, only under the provider's registered url, judges its bytes, and
shows what is left as its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from aiohttp import web

from bap.asking import Asking
from bap.citizen.trip import Trips
from bap.forms import is_within
from bap.journey import Journey
from protocol_specs.node.client.client import Undelivered
from protocol_specs.web.face import Face
from protocol_specs.web.pictures import PICTURE_BYTES_MAX, BadPicture, clean_jpeg
from protocol_specs.web.visit import PageError, Visit

KEPT_MAX = 32
DEADLINE_S = 8
AGAIN_S = 60  # after a provider gave none


class Pictures:
    """GET /trips/{id}/picture/{leg}. The last few stay in memory; so does, for a minute, that there
    was none."""

    def __init__(self, trips: Trips, asking: Asking) -> None:
        self._trips, self._asking = trips, asking
        self._node = trips.site.node
        self._kept: OrderedDict[str, tuple[int, bytes | None]] = OrderedDict()

    def serve(self, face: Face) -> None:
        """Opens its route; a citizen who is not signed in owns trips by their browser."""
        face.get("/trips/{id}/picture/{leg}", self.show, is_open=True)

    async def show(self, visit: Visit) -> web.StreamResponse:
        """The picture, as bytes of ours. Raises PageError 404, 502."""
        journey = self._trips.mine(visit)
        url = picture_url(journey, visit.arg("leg"))
        if url is None:
            raise PageError(404)
        at, body = self._kept.get(url, (0, None))
        if body is None and visit.now - at >= AGAIN_S:
            body = await self._fetched(journey, url)
            self._keep(url, visit.now, body)
        if body is None:
            raise PageError(502, visit._("The cooperative did not show the picture."))
        return web.Response(body=body, content_type="image/jpeg")

    async def _fetched(self, journey: Journey, url: str) -> bytes | None:
        provider = await self._asking.provider(journey.domain, journey.bpp_id or "")
        if not is_within(url, provider.url):
            return None
        self._trips.api.count_ask(journey)
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._node.client.fetch(
                    url, etag=None, write=chunks.append, bytes_max=PICTURE_BYTES_MAX
                )
            return clean_jpeg(b"".join(chunks))
        except (Undelivered, TimeoutError, BadPicture):
            return None

    def _keep(self, url: str, now: int, body: bytes | None) -> None:
        self._kept[url] = now, body
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)


def picture_url(journey: Journey, leg: str) -> str | None:
    """Where the provider shows that picture; None: it told of none."""
    view = journey.read_order()
    if view is None or leg not in ("pickup", "drop"):
        return None
    given = view.fulfillment
    return given.pickup_picture if leg == "pickup" else given.drop_picture
