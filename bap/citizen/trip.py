"""One journey as the pages show it: whose it is, how it stands, and when a page is out of date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from bap import rows
from bap.citizen import trips, words
from bap.client_api import LET_IN, PATIENCE_S, ClientApi
from bap.journey import Journey
from bap.settings import BapSettings, Market
from protocol_specs.node.api import ApiError
from protocol_specs.node.store import Session
from protocol_specs.web.languages import N_
from protocol_specs.web.maps import map_data
from protocol_specs.web.places import metres
from protocol_specs.web.site import Site
from protocol_specs.web.streams import Event
from protocol_specs.web.visit import PageError, Visit

Document = dict[str, Any]
WAIT_S = 6.0  # a page is rather shown without an answer than late; it brings itself up to date
ON_THE_PAGE = (
    "state",
    "consent_needed",
    "update",
    "form",
    "support",
    "return_reasons",
    "offer_id",
)
OF_THE_ORDER = ("quote", "payments", "contributions", "drop", "ready_to_ship")


class Trips:
    """What all pages of a journey share."""

    def __init__(self, site: Site, settings: BapSettings, api: ClientApi) -> None:
        self.site, self.settings, self.api = site, settings, api

    def mine(self, visit: Visit) -> Journey:
        """The journey of the path, if it is this visitor's. Raises PageError 404."""
        found = self.site.node.store.read(
            lambda session: trips.mine(session, visit.arg("id"), visit.owner)
        )
        if found is None:
            raise PageError(404)
        return found

    def market(self, journey: Journey) -> Market | None:
        """The market that the journey was begun in, if there still is one."""
        for market in self.settings.markets:
            if (market.domain, market.city) == (journey.domain, journey.city):
                return market
        return None

    def zone(self, visit: Visit, city: str) -> tzinfo:
        """By whose clocks times in that city are told."""
        known = (market.zone for market in self.settings.markets if market.city == city)
        name = next((zone for zone in known if zone is not None), None)
        return visit.zone if name is None else ZoneInfo(name)

    async def ask(
        self, visit: Visit, journey: Journey, handler: Callable[..., Awaitable[Any]], *body: Any
    ) -> None:
        """Asks by a handler of the client API, and waits for the answer a little."""
        visit.request[LET_IN] = journey
        visit.request[PATIENCE_S] = WAIT_S
        await handler(visit.request, *body)

    async def ask_quietly(
        self,
        visit: Visit,
        journey: Journey,
        handler: Callable[..., Awaitable[Any]],
        wait_s: float = 0.0,
    ) -> None:
        """Asks for what the page can also do without, and does not wait for it long."""
        visit.request[LET_IN] = journey
        visit.request[PATIENCE_S] = wait_s
        try:
            await handler(visit.request)
        except ApiError:
            return

    async def did(
        self,
        visit: Visit,
        handler: Callable[..., Awaitable[Any]],
        body: Any,
        *,
        flash: str = "",
        back: str = "",
    ) -> web.StreamResponse:
        """Does what a form wants, once, and shows the journey; a refusal is said in words."""
        journey = self.mine(visit)
        here = visit.to(f"/trips/{journey.id}") + back

        async def action() -> str:
            await self.ask(visit, journey, handler, *(() if body is None else (body,)))
            return here

        try:
            return await visit.once_done(action, flash=flash)
        except ApiError as error:
            return await visit.see(here, flash=reason(visit, error), kind="bad")

    def values(self, visit: Visit, journey: Journey, doc: Document) -> dict[str, Any]:
        """What every template of a journey gets."""
        offer = next((one for one in doc["offers"] if one["offer_id"] == doc["offer_id"]), None)
        return {
            "doc": doc,
            "trip_url": f"/trips/{journey.id}",
            "key": page_key(doc),
            "offer": offer,
            "market": self.market(journey),
            "words": words,
            "title": self.title(visit, doc) if doc["order"] or is_booking(doc) else "",
            "begins": self.begins(visit, doc),
            "why": self.why(visit, journey, doc),
            "distance": distance(doc),
        }

    def begins(self, visit: Visit, doc: Document) -> str:
        """Day and time of a start that was planned, as its city's clocks tell it; else ""."""
        order = doc["order"]
        at = (order and order["start_at"]) or doc["start_at"]
        if doc["start_at"] is None or at is None:
            return ""
        return visit.speech.planned(at, self.zone(visit, doc["city"]))

    def title(self, visit: Visit, doc: Document) -> str:
        """The one sentence that says how an order stands."""
        return words.title(visit, doc, self.begins(visit, doc))

    def why(self, visit: Visit, journey: Journey, doc: Document) -> str:
        """Why it ended otherwise than it should; "" where nothing is known."""
        return words.why(visit, doc, is_flat=journey.speech.traits.is_flat)

    def map(self, journey: Journey, doc: Document, visit: Visit) -> str:
        """From, to and the vehicle, as far as they are known."""
        drop = (doc["order"] and doc["order"]["drop"]) or doc["drop"]
        marks = [
            _mark("from", doc["pickup"], name_of(doc["pickup"])),
            _mark("to", drop, name_of(drop)),
        ]
        told = doc["tracking"]
        if told and told["location"] and doc["state"] == "booked":
            marks.append(_mark("vehicle", told["location"], visit._("Vehicle")))
        line = [[mark["lat"], mark["lon"]] for mark in marks[:2]]
        return map_data(self.site, journey.city, marks=marks, line=line, dashed=True)


def _mark(kind: str, place: Document, label: str) -> Document:
    return {"id": kind, "kind": kind, "lat": place["lat"], "lon": place["lon"], "label": label}


def name_of(place: Document | None) -> str:
    """A place in words."""
    if place is None:
        return ""
    return place["address"] or f"{place['lat']:.4f}, {place['lon']:.4f}"


def is_booking(doc: Document) -> bool:
    """Whether the citizen's word is given, whatever came of it."""
    return doc["order"] is not None or doc["state"] in ("confirming", "lost")


def page_key(doc: Document) -> str:
    """Names what stands on the page besides its live part: when it differs, the page is old."""
    shown = [doc[name] for name in ON_THE_PAGE]
    shown.append(doc["order"] and [doc["order"][name] for name in OF_THE_ORDER])
    shown.append(doc["cancellation"] and [doc["cancellation"]["fee"]])
    shown.append(doc["rating"] and [doc["rating"]["given"], doc["rating"]["categories"]])
    quote = doc["quote"]["hash"] if doc["quote"] else None
    waits = bool(doc["offer_id"]) and "select" in doc["waiting_for"]
    text = json.dumps([shown, quote, waits, is_booking(doc)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def distance(doc: Document) -> int | None:
    """Metres from the vehicle to where it is going; None while that is unknown."""
    told = doc["tracking"]
    if doc["state"] != "booked" or not doc["order"] or not told or not told["location"]:
        return None
    goal = doc["pickup"]
    if words.is_under_way(doc):
        goal = doc["order"]["drop"] or doc["drop"]
    at = told["location"]
    return round(metres(at["lat"], at["lon"], goal["lat"], goal["lon"]))


def reason(visit: Visit, error: ApiError) -> str:
    """Why the API refused, in the visitor's words."""
    known = words.REASONS.get(
        error.code, N_("That did not work. See how it stands, and try again.")
    )
    return visit._(known)


def happened(journey_id: str, since: int, session: Session, label: str) -> list[Event]:
    """Events for a page: positions as they are told, all else only says that there is news."""
    found: list[Event] = []
    for row in rows.events_since(session, journey_id, since):
        told = json.loads(bytes(row["document"])) if row["kind"] == "tracking" else {}
        at = told.get("location")
        if at:
            mark = {"lat": at["lat"], "lon": at["lon"], "label": label}
            found.append(Event(row["n"], "position", json.dumps(mark).encode()))
        found.append(Event(row["n"], "changed", b"{}"))
    return found
