"""How long drivers take to a pickup: by a straight line with a detour, or by a router asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import orjson

from bpp.geo import distance_m
from protocol_specs.wire.order import Place

DEADLINE_S = 2.0
ANSWER_BYTES_MAX = 1_000_000


class NoRoute(Exception):
    """The router did not answer, or not in a way that can be read; the text says which."""


class Router(Protocol):
    """Whoever knows how long it takes."""

    @property
    def name(self) -> str:
        """A word for it, kept with each list of candidates."""
        ...

    async def travel_s(self, places: Sequence[Place], to: Place) -> list[int | None]:
        """Seconds from each place to `to`; None: there is no way. Raises NoRoute."""
        ...


@dataclass(frozen=True, slots=True)
class StraightLine:
    """The distance as the crow flies, times a detour factor, at one speed. Never fails."""

    detour: float = 1.35
    km_per_h: float = 22.0
    name: str = "straight line"

    def travel_s(self, places: Sequence[Place], to: Place) -> list[int]:
        """Seconds from each place to `to`."""
        pace = self.detour * 3.6 / self.km_per_h
        return [round(distance_m(at.lat, at.lon, to.lat, to.lon) * pace) for at in places]


@dataclass(frozen=True, slots=True)
class Osrm:
    """An OSRM server's table service: project-osrm.org/docs, table service, many to one."""

    url: str
    session: Callable[[], aiohttp.ClientSession]
    profile: str = "driving"
    name: str = "OSRM"

    async def travel_s(self, places: Sequence[Place], to: Place) -> list[int | None]:
        """Seconds from each place to `to`. Raises NoRoute."""
        points = ";".join(f"{place.lon:.6f},{place.lat:.6f}" for place in (to, *places))
        sources = ";".join(str(n) for n in range(1, len(places) + 1))
        answer = await _asked(
            self.session(),
            "GET",
            f"{self.url}/table/v1/{self.profile}/{points}",
            params={"sources": sources, "destinations": "0", "annotations": "duration"},
        )
        if answer.get("code") != "Ok":
            raise NoRoute(f"OSRM answers {str(answer.get('code'))[:40]!r}")
        return _seconds([row[0] for row in _rows(answer, "durations", len(places))])


@dataclass(frozen=True, slots=True)
class Valhalla:
    """A Valhalla server's matrix service: valhalla.github.io, sources_to_targets."""

    url: str
    session: Callable[[], aiohttp.ClientSession]
    costing: str = "auto"
    name: str = "Valhalla"

    async def travel_s(self, places: Sequence[Place], to: Place) -> list[int | None]:
        """Seconds from each place to `to`. Raises NoRoute."""
        body = {
            "sources": [{"lat": place.lat, "lon": place.lon} for place in places],
            "targets": [{"lat": to.lat, "lon": to.lon}],
            "costing": self.costing,
        }
        url = f"{self.url}/sources_to_targets"
        answer = await _asked(self.session(), "POST", url, data=orjson.dumps(body))
        rows = _rows(answer, "sources_to_targets", len(places))
        try:
            return _seconds([row[0]["time"] for row in rows])
        except (KeyError, TypeError):
            raise NoRoute("Valhalla's answer has no times") from None


@dataclass(frozen=True, slots=True)
class Routing:
    """The configured router, and the straight line where there is none or it does not answer: a job
    never waits for a router.
    """

    line: StraightLine = StraightLine()
    router: Router | None = None

    async def travel_s(
        self, places: Sequence[Place], to: Place
    ) -> tuple[str, Sequence[int | None]]:
        """Who answered, and the seconds from each place to `to`; None: there is no way."""
        if self.router is None or not places:
            return self.line.name, self.line.travel_s(places, to)
        try:
            return self.router.name, await self.router.travel_s(places, to)
        except NoRoute as why:
            said = f"{self.line.name}, for {self.router.name} did not answer: {why}"
            return said, self.line.travel_s(places, to)


def _rows(answer: dict[str, Any], key: str, wanted: int) -> list[Any]:
    rows = answer.get(key)
    if not isinstance(rows, list) or len(rows) != wanted:
        raise NoRoute(f"the answer has no {wanted} {key}")
    if not all(isinstance(row, list) and len(row) == 1 for row in rows):
        raise NoRoute(f"the rows of {key} are not of one column")
    return rows


def _seconds(values: list[Any]) -> list[int | None]:
    for value in values:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise NoRoute("a time is not a number")
        if value is not None and not 0 <= value < 1_000_000:
            raise NoRoute("a time is beyond all reason")
    return [None if value is None else round(value) for value in values]


async def _asked(
    session: aiohttp.ClientSession, method: str, url: str, **more: Any
) -> dict[str, Any]:
    """The JSON object of a 200 answer, bounded in size and time, redirects not followed."""
    deadline = aiohttp.ClientTimeout(total=DEADLINE_S)
    try:
        async with session.request(
            method, url, timeout=deadline, allow_redirects=False, **more
        ) as response:
            if response.status != 200:
                raise NoRoute(f"status {response.status}")
            body = await response.content.read(ANSWER_BYTES_MAX + 1)
            while len(body) <= ANSWER_BYTES_MAX and not response.content.at_eof():
                body += await response.content.read(ANSWER_BYTES_MAX + 1 - len(body))
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise NoRoute(type(error).__name__) from None
    if len(body) > ANSWER_BYTES_MAX:
        raise NoRoute("the answer is too long")
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NoRoute("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise NoRoute("the answer is not a JSON object")
    return answer
