"""A local gazetteer: places by name, found as they are typed, without asking anybody outside.

`data/places.csv`: city, name, other names (`;` between), latitude, longitude (WGS 84), area code.
"""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

SHOWN_MAX = 8
EARTH_M = 6_371_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place with a name. `city` is the network's code of the city, degrees are WGS 84."""

    city: str
    name: str
    lat: float
    lon: float
    area_code: str = ""
    also: tuple[str, ...] = ()

    @property
    def at(self) -> str:
        """As a form carries it."""
        return f"{self.lat:.5f},{self.lon:.5f}"


class Places:
    """The places of some cities, in memory: a few thousand are searched in a millisecond."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = tuple(places)
        self._words = [
            (place, [_plain(name).split() for name in (place.name, *place.also)])
            for place in self._places
        ]

    @classmethod
    def bundled(cls) -> Places:
        """Those that come with the program: the two cities of the demonstration."""
        file = resources.files("protocol_specs.web").joinpath("data", "places.csv")
        return cls.read(file.read_text(encoding="utf-8"))

    @classmethod
    def read(cls, text: str) -> Places:
        """From a file of the form above; ValueError or KeyError for one that is not."""
        return cls(
            Place(
                city=row["city"],
                name=row["name"],
                also=tuple(filter(None, row["also"].split(";"))),
                lat=float(row["lat"]),
                lon=float(row["lon"]),
                area_code=row["area_code"],
            )
            for row in csv.DictReader(io.StringIO(text))
        )

    def of(self, city: str) -> tuple[Place, ...]:
        """All places of a city."""
        return tuple(place for place in self._places if place.city == city)

    def cities(self) -> set[str]:
        """The cities of which there are places."""
        return {place.city for place in self._places}

    def find(self, typed: str, city: str = "", *, most: int = SHOWN_MAX) -> list[Place]:
        """Places of which some name has, for each word typed, a word that begins so; the best
        first: whole names, then names that begin so, then the others by name."""
        wanted = _plain(typed[:80]).split()
        found = []
        for place, names in self._words:
            if city and place.city != city:
                continue
            ranks = [_rank(wanted, words) for words in names]
            best = min((rank for rank in ranks if rank is not None), default=None)
            if wanted and best is not None:
                found.append((best, place.name, place))
        return [place for _, _, place in sorted(found, key=lambda hit: hit[:2])[:most]]

    def nearest(self, lat: float, lon: float, within_m: float = 500) -> Place | None:
        """The place closest to a point, for telling a person where that is; None if all are far."""
        near = min(self._places, key=lambda p: metres(lat, lon, p.lat, p.lon), default=None)
        if near is None or metres(lat, lon, near.lat, near.lon) > within_m:
            return None
        return near


def metres(lat: float, lon: float, lat2: float, lon2: float) -> float:
    """Between two points of one city, as the crow flies."""
    x = math.radians(lon2 - lon) * math.cos(math.radians((lat + lat2) / 2))
    return EARTH_M * math.hypot(x, math.radians(lat2 - lat))


def point_of(text: str) -> tuple[float, float] | None:
    """Latitude and longitude of "3.13400,101.68650"; None where it is not of that form."""
    first, _, second = text.partition(",")
    try:
        lat, lon = float(first), float(second)
    except ValueError:
        return None
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _rank(wanted: list[str], words: list[str]) -> int | None:
    if not all(any(word.startswith(want) for word in words) for want in wanted):
        return None
    if words == wanted:
        return 0
    return 1 if " ".join(words).startswith(" ".join(wanted)) else 2


def _plain(text: str) -> str:
    """Without case, accents and punctuation."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    kept = (
        c if c.isalnum() or unicodedata.category(c) == "Mc" else " "
        for c in folded
        if not unicodedata.combining(c)
    )
    return "".join(kept)
