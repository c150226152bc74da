"""The first page: from where to where, ride or parcel; and the visitor's journeys so far."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import ValidationError

from bap.bodies import NeedsBody, ParcelBody, PlaceBody, SearchBody
from bap.citizen import trips
from bap.citizen.trip import Trips, name_of, reason
from bap.citizen.when import NoSuchTime, days_from, moment_of
from bap.settings import Market
from protocol_specs.node.api import ApiError
from protocol_specs.web.face import Face
from protocol_specs.web.maps import map_data
from protocol_specs.web.places import Place, metres, point_of
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire.money import exponent
from protocol_specs.wire.order import Kind
from protocol_specs.wire.version import named

NAMED_WITHIN_M = 500
AREA_WITHIN_M = 3_000
LIVE = ("booked", "confirming", "lost")


class Searching:
    """GET /, POST /search, GET /trips."""

    def __init__(self, made: Trips) -> None:
        self._trips = made

    def serve(self, face: Face) -> None:
        """Opens the routes."""
        face.get("/", self.home, is_open=True)
        face.post("/search", self.search, is_open=True)
        face.get("/trips", self.history, is_open=True)

    async def home(self, visit: Visit) -> web.StreamResponse:
        """GET /?market=, or ?again= or ?back= with a journey whose way is taken once more."""
        market = self._once_more(visit) or self._market(visit.arg("market"))
        return visit.page("home.html", **self._values(visit, market))

    def _once_more(self, visit: Visit) -> Market | None:
        """Fills the form in with the way of an earlier journey of theirs, or the way back."""
        asked = visit.arg("again") or visit.arg("back")
        store = self._trips.site.node.store
        found = asked and store.read(lambda session: trips.mine(session, asked, visit.owner))
        if not found:
            return None
        doc = self._trips.api.document(found.id)
        drop = (doc["order"] and doc["order"]["drop"]) or doc["drop"]
        ends = {"from": doc["pickup"], "to": drop}
        if visit.arg("back"):
            ends = {"from": drop, "to": doc["pickup"]}
        visit.typed = {name: name_of(end) for name, end in ends.items()}
        visit.typed |= {f"{name}_at": f"{end['lat']},{end['lon']}" for name, end in ends.items()}
        return self._trips.market(found)

    def _values(self, visit: Visit, market: Market | None) -> dict[str, Any]:
        site, every = self._trips.site, self._trips.settings.markets
        found = site.node.store.read(lambda session: trips.history(session, visit.owner))
        ahead_s = self._trips.settings.book_ahead_s
        traits = named(market.dialect).traits if market else None
        zone = self._trips.zone(visit, market.city) if market else visit.zone
        return {
            "market": market,
            "number": every.index(market) if market else 0,
            "markets": list(enumerate(every)),
            "kinds": list(dict.fromkeys(one.kind for one in every)),
            "is_parcel": bool(market) and market is not None and market.kind == Kind.DELIVERY,
            "plans": bool(traits and traits.has_planned_start and ahead_s),
            "days": days_from(visit.now, ahead_s, zone),
            "asks_needs": bool(traits and traits.has_vehicle_needs),
            "live": [one for one in found if one.state in LIVE],
            "has_history": bool(found),
            "map_data": map_data(
                site, market.city if market else "", marks=_marks(visit), picks=["from", "to"]
            ),
        }

    async def search(self, visit: Visit) -> web.StreamResponse:
        """POST /search: all cooperatives are asked."""
        market = self._market(visit.text("market"))
        if market is None:
            raise PageError(404)
        wrong: dict[str, str] = {}
        body = self._body(visit, market, wrong)
        if body is None:
            return visit.again("home.html", wrong, **self._values(visit, market))

        async def action() -> str:
            _, told = await self._trips.api.search(visit.request, body)
            journey_id, owner = told["journey_id"], visit.owner
            store = self._trips.site.node.store
            await store.transact(lambda session: trips.add(session, journey_id, owner))
            return visit.to(f"/trips/{journey_id}")

        try:
            return await visit.once_done(action)
        except ApiError as error:
            return visit.again(
                "home.html", {"to": reason(visit, error)}, **self._values(visit, market)
            )

    async def history(self, visit: Visit) -> web.StreamResponse:
        """GET /trips: what this visitor booked."""
        api, store = self._trips.api, self._trips.site.node.store
        found = store.read(lambda session: trips.history(session, visit.owner))
        shown = [(one, api.document(one.id)) for one in found]
        listed = [
            (journey, doc, self._trips.title(visit, doc))
            for journey, doc in shown
            if doc["order"] or journey.state in LIVE
        ]
        return visit.page("history.html", trips=listed, keep_days=self._trips.settings.keep_days)

    def _market(self, number: str) -> Market | None:
        """The market of that number; the first for none. None for a wrong one."""
        every = self._trips.settings.markets
        if not number.isascii() or not (number or "0").isdigit() or len(number) > 3:
            return None
        at = int(number or "0")
        return every[at] if at < len(every) else None

    def _body(self, visit: Visit, market: Market, wrong: dict[str, str]) -> SearchBody | None:
        """What is searched for; None, with what is wrong with which field, if it cannot be."""
        pickup = self.place(visit, market.city, "from", wrong)
        drop = self.place(visit, market.city, "to", wrong)
        parcel = _parcel(visit, market, wrong) if market.kind == Kind.DELIVERY else None
        start_at = self._start(visit, market, wrong)
        needs = _needs(visit, wrong)
        if pickup is None or drop is None or wrong:
            return None
        if (pickup.lat, pickup.lon) == (drop.lat, drop.lon):
            wrong["to"] = visit._("From and to are the same place.")
            return None
        return SearchBody(
            kind="delivery" if market.kind == Kind.DELIVERY else "ride",
            domain=market.domain,
            city=market.city,
            pickup=pickup,
            drop=drop,
            parcel=parcel,
            start_at=start_at,
            needs=needs,
        )

    def _start(self, visit: Visit, market: Market, wrong: dict[str, str]) -> int | None:
        """When it begins at the earliest; None: now, or (with what is wrong) not to be had."""
        if visit.text("when") != "later":
            return None
        zone = self._trips.zone(visit, market.city)
        try:
            at = moment_of(visit.text("day"), visit.text("clock"), zone)
        except NoSuchTime:
            wrong["clock"] = visit._("The clocks are put forward over that time. Choose another.")
            return None
        if at is None:
            wrong["day"] = visit._("Choose a day and a time.")
        elif at < visit.now:
            wrong["day"] = visit._("That time is over. Choose a later one.")
        elif at > visit.now + self._trips.settings.book_ahead_s:
            wrong["day"] = visit._("That is too far ahead. Choose an earlier day.")
        return at

    def place(self, visit: Visit, city: str, name: str, wrong: dict[str, str]) -> PlaceBody | None:
        """The place of a field: as it was picked, by coordinates, or by its name."""
        typed, places = visit.text(name, most=120), self._trips.site.places
        point = point_of(visit.text(f"{name}_at"))
        if point is None or self._is_elsewhere(typed, point, city):
            point = point_of(typed)
        if point is None:
            found = places.find(typed, city)
            if not found:
                wrong[name] = visit._("No such place. Type another name, or tap on the map.")
                return None
            if len(found) > 1 and found[0].name.casefold() != typed.casefold():
                some = ", ".join(place.name for place in found[:4])
                wrong[name] = visit._("Which one: %(places)s?", places=some)
                return None
            point = found[0].lat, found[0].lon
        at = places.nearest(*point, within_m=NAMED_WITHIN_M)
        area = places.nearest(*point, within_m=AREA_WITHIN_M)
        return PlaceBody(
            lat=point[0],
            lon=point[1],
            address=visit.text(f"{name}_address", most=200) or _address(at, point),
            area_code=(area.area_code or None) if area else None,
        )

    def _is_elsewhere(self, typed: str, point: tuple[float, float], city: str) -> bool:
        """Whether the text names places and none of them is at the point: it was typed anew, and
        no script ran that would have taken the point out."""
        written = point_of(typed)
        named = [(one.lat, one.lon) for one in self._trips.site.places.find(typed, city)]
        spots = [written] if written else named
        return bool(spots) and all(metres(*point, *spot) > NAMED_WITHIN_M for spot in spots)


def _marks(visit: Visit) -> list[dict[str, Any]]:
    """The places that stand in the form already."""
    at = {name: point_of(visit.text(f"{name}_at")) for name in ("from", "to")}
    return [
        {"id": name, "kind": name, "lat": found[0], "lon": found[1], "label": visit.text(name)}
        for name, found in at.items()
        if found
    ]


def _address(near: Place | None, point: tuple[float, float]) -> str:
    return near.name if near else f"{point[0]:.4f}, {point[1]:.4f}"


def _needs(visit: Visit, wrong: dict[str, str]) -> NeedsBody | None:
    """What the vehicle must have; None: nothing."""
    seats = visit.text("seats", most=4)
    if seats and not (seats.isascii() and seats.isdecimal() and 1 <= int(seats) <= 60):
        wrong["seats"] = visit._("Write how many people travel.")
        return None
    wheelchair, child_seat = bool(visit.text("wheelchair")), bool(visit.text("child_seat"))
    if not (seats or wheelchair or child_seat):
        return None
    return NeedsBody(
        wheelchair=wheelchair, child_seat=child_seat, seats=int(seats) if seats else None
    )


def _sides(visit: Visit, wrong: dict[str, str]) -> dict[str, int]:
    """The sides of a parcel, as 60x40x40; none for an empty field."""
    text = visit.text("size", most=20).lower().replace(" ", "").replace("\u00d7", "x")
    if not text:
        return {}
    found = text.split("x")
    if len(found) != 3 or not all(s.isascii() and s.isdecimal() and len(s) < 4 for s in found):
        wrong["size"] = visit._("Write three sides in cm, such as 60x40x40.")
        return {}
    return dict(zip(("length_cm", "width_cm", "height_cm"), map(int, found), strict=True))


def _parcel(visit: Visit, market: Market, wrong: dict[str, str]) -> ParcelBody | None:
    weight = amount(visit.text("weight"), 3, least=10, most=100_000)
    if weight is None:
        wrong["weight"] = visit._("Write the weight in kilograms, up to 100.")
    value = None
    if visit.text("value"):
        value = amount(visit.text("value"), exponent(market.currency), least=0, most=10**9)
        if value is None:
            wrong["value"] = visit._("Write an amount of money.")
    told = _sides(visit, wrong)
    if weight is None or "value" in wrong or "size" in wrong:
        return None
    try:
        said = {"weight_grams": weight, "declared_value_minor": value, **told}
        contents = visit.text("contents", most=80) or None
        return ParcelBody.model_validate({**said, "description": contents})
    except ValidationError:
        wrong["size" if told else "weight"] = visit._("This is more than is carried.")
        return None


def amount(text: str, digits: int, *, least: int, most: int) -> int | None:
    """A number as people type it, in units so many digits smaller; None for any other text."""
    whole, _, part = text.replace(",", ".").partition(".")
    if not (whole or part) or not f"{whole}{part}".isdecimal() or len(whole) > 9:
        return None
    if not f"{whole}{part}".isascii() or len(part) > digits:
        return None
    found = int(whole or "0") * 10**digits + int((part or "0").ljust(digits, "0"))
    return found if least <= found <= most else None
