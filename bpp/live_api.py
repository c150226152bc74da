"""GET /tracking/...: where an order's vehicle is, as it moves (server-sent events) or once (JSON).

The url goes out with on_track (Beckn 1.1.1, Tracking.url). What is told is what `track` tells: only
while the vehicle works for this order, and roughly until the rider or the parcel is on board.
"""

import asyncio
from collections.abc import Sequence
from itertools import count

from aiohttp import web

from bpp.orders import live, store
from bpp.orders.office import Office
from bpp.orders.order import ACTIVE, Order
from bpp.orders.track import track
from protocol_specs.node.api import ApiError, error_response, json_response
from protocol_specs.node.server import Node
from protocol_specs.node.startup import base_path
from protocol_specs.web.streams import Event, send_events
from protocol_specs.web.waiting import Crowded, Watch
from protocol_specs.wire import strict_json

STREAMS_MAX = 400
STREAMS_PER_DRIVER_MAX = 4
STREAM_S_MAX = 900  # then who follows connects again
HEARTBEAT_S = 15


def add(node: Node, office: Office) -> None:
    """Serve the live urls of this node's orders."""
    api = LiveApi(node, office)
    for base in {"", base_path(node.settings.url)}:
        node.serve_route("GET", f"{base}{live.PATH}/{{job_id}}/{{token}}", api.show)


class LiveApi:
    """The handler, and who is woken when a driver moves."""

    def __init__(self, node: Node, office: Office) -> None:
        self._node, self._office = node, office
        self._watch = Watch(waiting_max=STREAMS_MAX, each_max=STREAMS_PER_DRIVER_MAX)
        office.fleet.on_move(self._watch.ring)
        node.add_loop("live positions", self._release_next, wake=asyncio.Event(), everywhere=True)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The position; a stream of positions for who accepts text/event-stream."""
        order = self._order(request)
        if order is None:
            return error_response(ApiError(404, "not_found", "there is nothing to be seen here"))
        if "text/event-stream" not in request.headers.get("Accept", ""):
            return json_response(self._told(order) or {})
        try:
            return await self._stream(request, order)
        except Crowded:
            crowded = ApiError(503, "crowded", "too many follow; ask with track instead")
            return error_response(crowded)

    async def _stream(self, request: web.Request, order: Order) -> web.StreamResponse:
        """Each new position, then `ended`; another driver's from the next connection on."""
        until, numbers = self._node.now() + STREAM_S_MAX, count(1)
        over, last = asyncio.Event(), b""

        def happened(_: int) -> Sequence[Event]:
            nonlocal last
            present = self._order(request)
            if self._node.leaving.is_set() or self._node.now() >= until:
                over.set()
            if present is None or present.status != ACTIVE:
                over.set()
                return (Event(next(numbers), "ended", b"{}"),)
            if present.agent_id != order.agent_id:
                over.set()
                return ()
            told = self._told(present)
            if told is None or (document := strict_json.dumps(told)) == last:
                return ()
            last = document
            return (Event(next(numbers), "position", document),)

        with self._watch.bell(order.agent_id or order.key) as bell:
            return await send_events(
                request,
                happened=happened,
                bell=bell,
                since=0,
                stopping=over,
                heartbeat_s=HEARTBEAT_S,
            )

    def _order(self, request: web.Request) -> Order | None:
        """The order whose url this is, while it is open; unknown and ended look alike."""
        job_id, token = request.match_info["job_id"], request.match_info["token"]
        kept = self._node.store.read(lambda session: store.order_by_job_id(session, job_id))
        if kept is None or not live.fits(self._office.live_secret, kept.order, token):
            return None
        return kept.order if live.is_open(kept.order, self._node.now()) else None

    def _told(self, order: Order) -> dict[str, object] | None:
        """lat, lon in degrees (WGS 84) and `at` in seconds UTC; None: not to be seen now."""
        position = self._office.fleet.position(order.agent_id) if order.agent_id else None
        told = track(order, position)
        if told.location is None:
            return None
        return {"lat": told.location.lat, "lon": told.location.lon, "at": told.updated_at}

    async def _release_next(self, now: int) -> bool:
        """Lets streams go once the node stops."""
        if self._node.leaving.is_set():
            self._watch.ring_all()
        return False
