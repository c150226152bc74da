"""The page of one journey: offers, then one offer and its price, then the order, kept fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bap.citizen import trips
from bap.citizen.live import Followed, Live
from bap.citizen.trip import Document, Trips, happened, is_booking, page_key
from bap.form_api import FormApi
from bap.journey import Journey
from bap.order_api import OrderApi
from protocol_specs.web.face import Face
from protocol_specs.web.streams import BadEventId, Event, last_event_id, send_events
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.web.waiting import Crowded, Watch

SEARCHING_S = 30
TRACK_EVERY_S, TRACK_WHILE_LIVE_S = 3, 15
LIST_WAIT_S = 1.0
LAST = 1 << 31


class Journeys:
    """GET /trips/{id}, its live part, its events and its receipt."""

    def __init__(
        self, made: Trips, orders: OrderApi, forms: FormApi, watch: Watch, live: Live
    ) -> None:
        self._trips, self._orders, self._forms = made, orders, forms
        self._watch, self._live = watch, live

    def serve(self, face: Face) -> None:
        """Opens the routes."""
        face.get("/trips/{id}", self.show, is_open=True)
        face.get("/trips/{id}/part", self.part, is_open=True)
        face.get("/trips/{id}/events", self.events, is_open=True)
        face.get("/trips/{id}/where", self.where, is_open=True)
        face.get("/trips/{id}/receipt", self.receipt, is_open=True)

    def document(self, journey: Journey) -> Document:
        """The journey as its pages show it now."""
        return self._live.as_seen(journey.id, self._trips.api.document(journey.id))

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /trips/{id}: whatever is to be done next; `?offers=1` goes back to the offers."""
        journey = self._trips.mine(visit)
        doc = self.document(journey)
        if is_booking(doc):
            if await self._ask_along(visit, journey, doc):
                doc = self.document(journey)
            return visit.page("order.html", **self._order_values(visit, journey, doc))
        waits = "select" in doc["waiting_for"] and doc["offer_id"]
        if visit.arg("offers") or not (doc["quote"] or waits):
            return visit.page("offers.html", **self._offers_values(visit, journey, doc))
        if doc["form"] and not doc["form"]["is_submitted"] and not doc["form"]["fields"]:
            await self._trips.ask_quietly(visit, journey, self._forms.show)
            doc = self.document(journey)
        return visit.page("quote.html", **self._quote_values(visit, journey, doc))

    async def part(self, visit: Visit) -> web.StreamResponse:
        """GET /trips/{id}/part: what moves on that page; the whole page where more has changed."""
        journey = self._trips.mine(visit)
        doc = self.document(journey)
        if visit.arg("key") in ("sos", "far") and doc["order"]:
            name = f"_{visit.arg('key')}.html"  # what moves with the vehicle
            return visit.page(name, **self._trips.values(visit, journey, doc))
        if visit.arg("key") not in (page_key(doc), "offers"):
            return web.Response(status=204, headers={"HX-Refresh": "true"})
        if is_booking(doc):
            return visit.page("_order.html", **self._order_values(visit, journey, doc))
        if visit.arg("key") == "offers" or not doc["offer_id"]:
            return visit.page("_offers.html", **self._offers_values(visit, journey, doc))
        return visit.page("_quote.html", **self._quote_values(visit, journey, doc))

    async def _ask_along(self, visit: Visit, journey: Journey, doc: Document) -> bool:
        """What the order's page needs of the provider, asked when the page is opened; whether
        there may be answers now."""
        waiting, form, asked = doc["waiting_for"], doc["form"], False
        if form and not form["is_submitted"] and not form["fields"]:
            await self._trips.ask_quietly(visit, journey, self._forms.show)
            asked = True
        for block, name in (
            ("cancellation", "cancellation-reasons"),
            ("rating", "rating-categories"),
        ):
            action = f"get_{name.replace('-', '_')}"
            if doc[block] and not doc[block]["asked"] and action not in waiting:
                visit.request.match_info["list"] = name
                await self._trips.ask_quietly(visit, journey, self._orders.listed, LIST_WAIT_S)
                asked = True
        await self._track(visit, journey, doc)
        return asked

    async def _track(self, visit: Visit, journey: Journey, doc: Document) -> None:
        told = doc["tracking"]
        is_live = self._live.is_streaming(journey.id)
        every_s = TRACK_WHILE_LIVE_S if is_live else TRACK_EVERY_S
        is_new = told and visit.now - told["told_at"] < every_s
        driven = doc["state"] == "booked" and doc["order"] and doc["order"]["agent"]
        if driven and not is_new and "track" not in doc["waiting_for"]:
            await self._trips.ask_quietly(visit, journey, self._orders.track)

    async def where(self, visit: Visit) -> web.StreamResponse:
        """GET /trips/{id}/where: asks where the vehicle is; the answer comes with the events."""
        journey = self._trips.mine(visit)
        await self._track(visit, journey, self.document(journey))
        return web.Response(status=204)

    async def events(self, visit: Visit) -> web.StreamResponse:
        """GET /trips/{id}/events."""
        return await self.stream(visit, self._trips.mine(visit))

    async def stream(
        self, visit: Visit, journey: Journey, may_see: Callable[[], bool] = lambda: True
    ) -> web.StreamResponse:
        """The events of a journey for a page that shows it, for as long as it may be seen."""
        node, label = self._trips.site.node, visit._("Vehicle")
        followed, shown, over = Followed(), 0, asyncio.Event()

        def since_then(after: int) -> list[Event]:
            nonlocal shown
            if node.leaving.is_set() or not may_see():
                over.set()
                return [Event(after, "ended", b"{}")]
            read = node.store.read
            events = read(lambda session: happened(journey.id, after, session, label))
            if followed.n != shown:
                shown = followed.n
                events.append(followed.event(events[-1].n if events else after, label))
            return events

        try:
            since = last_event_id(visit.request)
            with self._watch.bell(journey.id) as bell:
                async with self._live.watched(journey.id) as followed:
                    return await send_events(
                        visit.request,
                        happened=since_then,
                        bell=bell,
                        since=since,
                        stopping=over,
                        heartbeat_s=self._trips.settings.heartbeat_s,
                    )
        except BadEventId:
            raise PageError(400) from None
        except Crowded:
            raise PageError(503, retry_after_s=5) from None

    async def receipt(self, visit: Visit) -> web.StreamResponse:
        """GET /trips/{id}/receipt: to be printed or kept."""
        journey = self._trips.mine(visit)
        doc = self.document(journey)
        if doc["order"] is None or doc["order"]["quote"] is None:
            raise PageError(404)
        return visit.page("receipt.html", **self._trips.values(visit, journey, doc))

    def _offers_values(self, visit: Visit, journey: Journey, doc: Document) -> dict[str, Any]:
        sort = visit.arg("sort") if visit.arg("sort") in SORTS else "price"
        age_s = visit.now - doc["created_at"]
        return {
            **self._trips.values(visit, journey, doc),
            "offers": sorted(doc["offers"], key=SORTS[sort]),
            "sort": sort,
            "cooperatives": len({(one["bpp_id"], one["provider_id"]) for one in doc["offers"]}),
            "searching": "search" in doc["waiting_for"] and age_s < SEARCHING_S,
        }

    def _quote_values(self, visit: Visit, journey: Journey, doc: Document) -> dict[str, Any]:
        values = self._trips.values(visit, journey, doc)
        form = doc["form"]
        offered = [one["type"] for one in values["offer"]["payments"]] if values["offer"] else []
        market = values["market"]
        usual = market.payment.type if market and market.payment else "ON-FULFILLMENT"
        return {
            **values,
            "form": form if form and not form["is_submitted"] else None,
            "form_first": bool(form and form["required"] and not form["is_submitted"]),
            "pays": list(dict.fromkeys(offered)) or [usual],
            "is_ready": doc["state"] == "ready",
            "map_data": self._trips.map(journey, doc, visit),
        }

    def _order_values(self, visit: Visit, journey: Journey, doc: Document) -> dict[str, Any]:
        read = self._trips.site.node.store.read
        token = read(lambda session: trips.share_token(session, journey.id))
        form = doc["form"]
        return {
            **self._trips.values(visit, journey, doc),
            "form": form if form and not form["is_submitted"] else None,
            "share_url": f"{self._trips.settings.url}/shared/{token}" if token else "",
            "complaints": read(lambda session: trips.complaints(session, journey.id)),
            "complaint_hours": self._trips.settings.complaint_hours,
            "map_data": self._trips.map(journey, doc, visit),
        }


def _by_price(one: Document) -> tuple[Any, ...]:
    return one["price"]["minor"], _soon(one)


def _by_time(one: Document) -> tuple[Any, ...]:
    return _soon(one), one["price"]["minor"]


def _by_vehicle(one: Document) -> tuple[Any, ...]:
    return one["vehicle_category"] or "~", one["price"]["minor"]


def _soon(one: Document) -> int:
    return LAST if one["eta_min"] is None else one["eta_min"]


SORTS = {"price": _by_price, "time": _by_time, "vehicle": _by_vehicle}
