"""The shared page: whoever has its link sees where a journey is, and nothing of whose it is."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bap.citizen import trips, words
from bap.citizen.journeys import Journeys
from bap.citizen.trip import Document, Trips
from bap.journey import Journey
from protocol_specs.web.face import Face
from protocol_specs.web.maps import map_data
from protocol_specs.web.visit import PageError, Visit


class Sharing:
    """GET /shared/{token}, its live part and its events."""

    def __init__(self, made: Trips, journeys: Journeys) -> None:
        self._trips, self._journeys = made, journeys

    def serve(self, face: Face) -> None:
        """Opens the routes."""
        face.get("/shared/{token}", self.show, is_open=True)
        face.get("/shared/{token}/part", self.part, is_open=True)
        face.get("/shared/{token}/events", self.events, is_open=True)

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /shared/{token}."""
        return visit.page("shared.html", **self._values(visit, self._shared(visit)))

    async def part(self, visit: Visit) -> web.StreamResponse:
        """GET /shared/{token}/part."""
        return visit.page("_shared.html", **self._values(visit, self._shared(visit)))

    async def events(self, visit: Visit) -> web.StreamResponse:
        """GET /shared/{token}/events."""
        return await self._journeys.stream(
            visit, self._shared(visit), may_see=lambda: self._find(visit) is not None
        )

    def _shared(self, visit: Visit) -> Journey:
        found = self._find(visit)
        if found is None:
            raise PageError(404, visit._("This link shows nothing any more."))
        return found

    def _find(self, visit: Visit) -> Journey | None:
        token = visit.arg("token")
        return self._trips.site.node.store.read(lambda session: trips.shared(session, token))

    def _values(self, visit: Visit, journey: Journey) -> dict[str, Any]:
        doc = self._journeys.document(journey)
        return {
            "title": self._trips.title(visit, doc),
            "why": self._trips.why(visit, journey, doc),
            "steps": words.steps(visit, doc),
            "shown": seen_by_others(doc),
            "version": doc["version"],
            "base": f"/shared/{visit.arg('token')}",
            "map_data": self._map(visit, journey, doc),
        }

    def _map(self, visit: Visit, journey: Journey, doc: Document) -> str:
        told, marks = doc["tracking"], []
        if doc["state"] == "booked" and told and told["location"]:
            at = {"lat": told["location"]["lat"], "lon": told["location"]["lon"]}
            marks = [{"id": "vehicle", "kind": "vehicle", "label": visit._("Vehicle"), **at}]
        return map_data(self._trips.site, journey.city, marks=marks)


def seen_by_others(doc: Document) -> dict[str, str]:
    """The driver's first name and the vehicle, while it comes; no citizen, phone or address."""
    order = {} if doc["state"] == "cancelled" else doc["order"] or {}
    agent, vehicle = order.get("agent") or {}, order.get("vehicle") or {}
    look = [vehicle.get(part) for part in ("color", "make", "model")]
    return {
        "driver": " ".join((agent.get("name") or "").split()[:1])[:40],
        "vehicle": " ".join(filter(None, look)),
        "plate": vehicle.get("registration") or "",
    }
