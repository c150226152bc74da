"""A journey's events as Server-Sent Events: numbered, resumable, with heartbeats."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bap import rows
from bap.client_api import ClientApi
from bap.waiting import Crowded, Watch
from protocol_specs.node.api import ApiError, json_route
from protocol_specs.node.server import Node
from protocol_specs.node.store import Row

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class Stream:
    """GET /api/journeys/{id}/events (WHATWG HTML, server-sent events).

    The id of an event is its number. Last-Event-ID, as a header or as `?since=`, is where a client
    goes on; without one the stream begins with the first event.
    """

    def __init__(self, node: Node, api: ClientApi, watch: Watch, heartbeat_s: float) -> None:
        self._node = node
        self._api = api
        self._watch = watch
        self._heartbeat_s = heartbeat_s

    def serve(self) -> None:
        """Opens the node's route."""
        self._node.serve_route("GET", "/api/journeys/{id}/events", json_route(self.events))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Sends what happened and then what happens, until either side ends it."""
        journey_id = self._api.owned(request).id
        since = _last_event_id(request)
        try:
            with self._watch.bell(journey_id) as bell:
                response = web.StreamResponse(headers=HEADERS)
                await response.prepare(request)
                await self._send_all(response, journey_id, since, bell)
                return response
        except Crowded:
            raise ApiError(503, "crowded", "too many streams; ask again later") from None

    async def _send_all(
        self, response: web.StreamResponse, journey_id: str, since: int, bell: asyncio.Event
    ) -> None:
        try:
            while not self._node.stopping.is_set():
                bell.clear()
                happened = self._happened(journey_id, since)
                if not happened:
                    await self._rest(response, bell)
                    continue
                since = happened[-1]["n"]
                await response.write(b"".join(event_bytes(row) for row in happened))
            await response.write_eof()
        except ConnectionError:
            return  # the browser went away

    async def _rest(self, response: web.StreamResponse, bell: asyncio.Event) -> None:
        """Until something happens; a comment line now and then shows that the line is alive."""
        try:
            async with asyncio.timeout(self._heartbeat_s):
                await bell.wait()
        except TimeoutError:
            await response.write(b": still here\n\n")

    def _happened(self, journey_id: str, since: int) -> list[Row]:
        return self._node.store.read(lambda session: rows.events_since(session, journey_id, since))


def event_bytes(row: Row) -> bytes:
    """One event on the wire. Its document is one line: JSON escapes line ends."""
    head = f"id: {row['n']}\nevent: {row['kind']}\ndata: ".encode()
    return head + bytes(row["document"]) + b"\n\n"


def _last_event_id(request: web.Request) -> int:
    text = request.headers.get("Last-Event-ID") or request.query.get("since") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ApiError(400, "bad_event_id", "Last-Event-ID is the number of an event")
    return int(text)
