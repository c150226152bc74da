"""Maps and place search of a face: what Leaflet is told, and places as they are typed."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from protocol_specs.web.face import Face
from protocol_specs.web.site import Site
from protocol_specs.web.sketch import city_map
from protocol_specs.web.visit import Visit

FOUND_HEADERS = {"Cache-Control": "private, max-age=60"}


def add_maps(face: Face) -> None:
    """Opens GET /places?q=&city= of a face: JSON `[{name, at, area}]`, for the place field."""
    site = face.site
    for city in site.places.cities():
        name = _file(city)
        if not site.assets.has(name):
            site.assets.add(name, city_map(site.places.of(city), city))

    async def places(visit: Visit) -> web.StreamResponse:
        found = site.places.find(visit.arg("q"), visit.arg("city"))
        shown = [{"name": p.name, "at": p.at, "area": p.area_code} for p in found]
        return web.json_response(shown, headers=FOUND_HEADERS)

    face.get("/places", places, is_open=True)


def map_data(site: Site, city: str, **more: Any) -> str:
    """What the map frame carries for its script, as JSON.

    `more`: `marks` [{id, lat, lon, label, kind}], `line` [[lat, lon], ...], `picks` a field's name,
    `circles` [{lat, lon, radius_m, label}].
    """
    shown = site.settings.map
    known: dict[str, Any] = {"tiles": shown.tiles, "credit": shown.credit}
    if shown.tiles is None and site.assets.has(_file(city)):
        known["sketch"] = site.assets.url(_file(city))
    places = site.places.of(city)
    if places:
        middle = places[0]
        known["centre"] = [middle.lat, middle.lon]
        known["places"] = [[p.lat, p.lon, p.name] for p in places] if shown.tiles is None else []
    return json.dumps({**known, **more}, ensure_ascii=False)


def _file(city: str) -> str:
    return f"map-{city.replace(':', '-')}.geojson"
