"""The plain map: streets of a city sketched from its places, for where no map tiles can be had.

GeoJSON (RFC 7946) FeatureCollection; each LineString has a property `kind`: `water`, `street` or
`main`. It is a sketch and is labelled so: main streets join neighbouring places, a grid of small
ones lies between. A file of the same form with surveyed streets replaces it.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence

from protocol_specs.web.places import Place, metres

Point = tuple[float, float]  # longitude first, as GeoJSON has it
NEIGHBOURS = 3
GRID_M = 900
MARGIN_M = 2_500
BEND = 0.12


def city_map(places: Sequence[Place], seed: str) -> bytes:
    """The sketch of a city as GeoJSON; the same bytes for the same places and seed."""
    chance = random.Random(seed)  # noqa: S311 - a drawing
    features = [
        *(_line("water", line) for line in _river(places, chance)),
        *(_line("street", line) for line in _grid(places, chance)),
        *(_line("main", line) for line in _main_streets(places, chance)),
    ]
    document = {"type": "FeatureCollection", "features": features}
    return json.dumps(document, separators=(",", ":")).encode()


def _line(kind: str, line: Sequence[Point]) -> dict[str, object]:
    points = [[round(lon, 5), round(lat, 5)] for lon, lat in line]
    return {
        "type": "Feature",
        "properties": {"kind": kind},
        "geometry": {"type": "LineString", "coordinates": points},
    }


def _main_streets(places: Sequence[Place], chance: random.Random) -> Iterator[list[Point]]:
    """Each place joined with its nearest neighbours, by a street that is not quite straight."""
    done: set[frozenset[str]] = set()
    for place in places:
        others = sorted(
            (p for p in places if p is not place),
            key=lambda p: metres(place.lat, place.lon, p.lat, p.lon),
        )
        for other in others[:NEIGHBOURS]:
            pair = frozenset((place.name, other.name))
            if pair not in done:
                done.add(pair)
                yield _bent((place.lon, place.lat), (other.lon, other.lat), chance)


def _bent(a: Point, b: Point, chance: random.Random) -> list[Point]:
    """From a to b with a slight bow."""
    by = chance.uniform(-BEND, BEND)
    dx, dy = b[0] - a[0], b[1] - a[1]
    steps = 6
    return [
        (
            a[0] + dx * t - dy * by * math.sin(math.pi * t),
            a[1] + dy * t + dx * by * math.sin(math.pi * t),
        )
        for t in (step / steps for step in range(steps + 1))
    ]


def _grid(places: Sequence[Place], chance: random.Random) -> Iterator[list[Point]]:
    """Small streets around the places, a little askew, none through the whole city."""
    west, south, east, north = _box(places)
    up = GRID_M / 111_320
    along = up / math.cos(math.radians(south))
    for axis in (0, 1):
        at = (west, south)[axis]
        while at < (east, north)[axis]:
            start = (south, west)[axis]
            step = (up, along)[axis]
            while start < (north, east)[axis]:
                length = step * chance.randint(2, 5)
                askew = chance.uniform(-0.05, 0.05) * length
                if chance.random() < 0.8:
                    ends = ((at, start), (at + askew, start + length))
                    yield [point if axis == 0 else (point[1], point[0]) for point in ends]
                start += length
            at += (along, up)[axis] * chance.uniform(0.8, 1.2)


def _river(places: Sequence[Place], chance: random.Random) -> Iterator[list[Point]]:
    west, south, east, north = _box(places)
    x, steps = (west + east) / 2, 24
    line = []
    for step in range(steps + 1):
        x += chance.uniform(-1, 1) * (east - west) / 30
        line.append((x, south + (north - south) * step / steps))
    yield line


def _box(places: Sequence[Place]) -> tuple[float, float, float, float]:
    """West, south, east, north of the places, with a margin."""
    margin = MARGIN_M / 111_320
    lats, lons = [p.lat for p in places], [p.lon for p in places]
    return min(lons) - margin, min(lats) - margin, max(lons) + margin, max(lats) + margin
