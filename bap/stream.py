"""A journey's events as Server-Sent Events: numbered, resumable, with heartbeats."""

from __future__ import annotations

from aiohttp import web

from bap import rows
from bap.client_api import ClientApi
from protocol_specs.node.api import ApiError, json_route
from protocol_specs.node.server import Node
from protocol_specs.web.streams import BadEventId, Event, last_event_id, send_events
from protocol_specs.web.waiting import Crowded, Watch


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
        try:
            since = last_event_id(request)
            with self._watch.bell(journey_id) as bell:
                return await send_events(
                    request,
                    happened=lambda after: self._happened(journey_id, after),
                    bell=bell,
                    since=since,
                    stopping=self._node.leaving,
                    heartbeat_s=self._heartbeat_s,
                )
        except BadEventId:
            wrong = "Last-Event-ID is the number of an event"
            raise ApiError(400, "bad_event_id", wrong) from None
        except Crowded:
            raise ApiError(503, "crowded", "too many streams; ask again later") from None

    def _happened(self, journey_id: str, since: int) -> list[Event]:
        found = self._node.store.read(lambda session: rows.events_since(session, journey_id, since))
        return [Event(row["n"], row["kind"], bytes(row["document"])) for row in found]
