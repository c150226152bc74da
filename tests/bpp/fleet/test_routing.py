"""Travel times come from the configured router, and from the straight line whenever it fails."""

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bpp.fleet.routing import ANSWER_BYTES_MAX, Osrm, Routing, StraightLine, Valhalla
from protocol_specs.wire.order import Place

PICKUP = Place(3.139, 101.687)
DRIVERS = (Place(3.149, 101.687), Place(3.139, 101.697))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Answering:
    """A router's address that answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: bytes = b"{}"
        self.status = 200
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.query), await request.read()))
        return web.Response(body=self.answer, status=self.status, headers={"Location": "/other"})


@pytest.fixture
async def server() -> AsyncIterator[tuple[Answering, str, aiohttp.ClientSession]]:
    answering = Answering()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answering.handle)
    async with TestServer(app) as running, aiohttp.ClientSession() as session:
        yield answering, str(running.make_url("")).rstrip("/"), session


async def test_a_straight_line_is_its_length_times_the_detour_at_one_speed() -> None:
    line = StraightLine(detour=1.5, km_per_h=36)
    assert await Routing(line).travel_s(DRIVERS[:1], PICKUP) == ("straight line", [167])


async def test_osrm_is_asked_for_one_table(
    server: tuple[Answering, str, aiohttp.ClientSession],
) -> None:
    answering, url, session = server
    answering.answer = orjson.dumps({"code": "Ok", "durations": [[61.4], [None]]})
    said = await Routing(router=Osrm(url, lambda: session)).travel_s(DRIVERS, PICKUP)
    assert said == ("OSRM", [61, None])
    path, query, _ = answering.asked[0]
    assert path == ("/table/v1/driving/101.687000,3.139000;101.687000,3.149000;101.697000,3.139000")
    assert query == {"sources": "1;2", "destinations": "0", "annotations": "duration"}


async def test_valhalla_is_asked_for_one_matrix(
    server: tuple[Answering, str, aiohttp.ClientSession],
) -> None:
    answering, url, session = server
    rows = [[{"time": 61, "distance": 1.1}], [{"time": None, "distance": None}]]
    answering.answer = orjson.dumps({"sources_to_targets": rows})
    said = await Routing(router=Valhalla(url, lambda: session)).travel_s(DRIVERS, PICKUP)
    assert said == ("Valhalla", [61, None])
    path, _, body = answering.asked[0]
    assert path == "/sources_to_targets"
    assert orjson.loads(body)["targets"] == [{"lat": 3.139, "lon": 101.687}]


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (500, b"{}", "status 500"),
        (302, b"{}", "status 302"),
        (200, b"no", "not JSON"),
        (200, b"[]", "not a JSON object"),
        (200, b'{"code": "NoTable"}', "NoTable"),
        (200, b'{"code": "Ok", "durations": [[1]]}', "no 2 durations"),
        (200, b'{"code": "Ok", "durations": [[1], []]}', "one column"),
        (200, b'{"code": "Ok", "durations": [[1], ["2"]]}', "not a number"),
        (200, b'{"code": "Ok", "durations": [[1], [true]]}', "not a number"),
        (200, b'{"code": "Ok", "durations": [[1], [-1]]}', "beyond all reason"),
        (200, b"x" * (ANSWER_BYTES_MAX + 1), "too long"),
    ],
)
async def test_whatever_a_router_does_the_job_goes_on_by_the_straight_line(
    server: tuple[Answering, str, aiohttp.ClientSession], status: int, answer: bytes, why: str
) -> None:
    answering, url, session = server
    answering.status, answering.answer = status, answer
    name, seconds = await Routing(router=Osrm(url, lambda: session)).travel_s(DRIVERS, PICKUP)
    assert name.startswith("straight line")
    assert why in name
    assert seconds == StraightLine().travel_s(DRIVERS, PICKUP)


async def test_a_router_that_is_not_there_costs_nothing_but_its_name() -> None:
    async with aiohttp.ClientSession() as session:
        routing = Routing(router=Osrm("http://127.0.0.1:1", lambda: session))
        name, seconds = await routing.travel_s(DRIVERS, PICKUP)
    assert "OSRM did not answer: ClientConnectorError" in name
    assert seconds == StraightLine().travel_s(DRIVERS, PICKUP)
