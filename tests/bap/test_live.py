"""A vehicle on the citizen's page as it moves: followed at its provider, and only there."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bap.citizen import live
from protocol_specs.node.client.following import BadStream
from protocol_specs.wire.order import Place, Tracking
from protocol_specs.wire.version import core_1_1 as version
from tests.bap.network import DEADLINE_S, Network, Player
from tests.bap.pages import PAGES, booked, form_of, searched
from tests.support.browsing import Browsing
from tests.support.peers import NOW
from tests.support.streams import next_lines


@pytest.fixture
def settings() -> dict[str, Any]:
    return PAGES


@asynccontextmanager
async def page_of_a_ride(net: Network, url: str | None) -> AsyncIterator[aiohttp.ClientResponse]:
    """The stream of an open page of a booked ride whose provider says `url` with on_track."""
    browser = Browsing(net.citizen.url)
    path = await searched(net, browser)
    await booked(net, browser, path)
    tracking = Tracking("active", Place(3.13, 101.69), NOW, url)
    said = await net.coop.say(
        "on_track", await net.coop.asked("track"), version.write_on_track(tracking)
    )
    assert said.is_ack, said.body
    await net.handled()
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with (
        asyncio.timeout(DEADLINE_S),
        aiohttp.ClientSession(headers={"Cookie": cookies}) as session,
        session.get(f"{net.citizen.url}{path}/events") as response,
    ):
        assert response.status == 200
        yield response


async def place_of(response: aiohttp.ClientResponse, lat: float) -> dict[str, Any]:
    """The position of that latitude, once it is told."""
    while True:
        lines = await next_lines(response)
        told = dict(line.split(": ", 1) for line in lines if line)
        if told["event"] == "position":
            place: dict[str, Any] = json.loads(told["data"])
            if place["lat"] == lat:
                return place


def position(lat: float, **more: Any) -> bytes:
    document = json.dumps({"lat": lat, "lon": 101.7, "at": NOW, **more})
    return f"id: 1\nevent: position\ndata: {document}\n\n".encode()


def url_at(player: Player) -> str:
    return f"{player.peer.url}/live/token"


async def test_the_page_sees_each_position_that_the_provider_streams(net: Network) -> None:
    async with page_of_a_ride(net, url_at(net.coop)) as response:
        for lat in (3.14, 3.15):
            net.coop.streamed.put_nowait(position(lat))
            assert await place_of(response, lat) == {"lat": lat, "lon": 101.7, "label": "Vehicle"}
    assert net.coop.followers == ["/live/token"]
    net.coop.streamed.put_nowait(None)


async def test_how_far_the_vehicle_is_goes_by_what_is_streamed(net: Network) -> None:
    async with page_of_a_ride(net, url_at(net.coop)) as response:
        headers = {"Cookie": response.request_info.headers["Cookie"]}
        part = str(response.url).replace("/events", "/part?key=far")
        said = []
        for lat in (3.14, 3.20):
            net.coop.streamed.put_nowait(position(lat))
            await place_of(response, lat)
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.get(part) as answer,
            ):
                said.append(await answer.text())
        assert all("from the pick-up, as last told" in each for each in said)
        assert said[0] != said[1]
    net.coop.streamed.put_nowait(None)


async def test_nothing_is_followed_that_is_not_at_the_providers_registered_address(
    net: Network,
) -> None:
    async with page_of_a_ride(net, url_at(net.other)) as response:
        assert (await place_of(response, 3.13))["lon"] == 101.69  # what on_track itself said
    assert net.other.followers == []


@pytest.mark.parametrize("piece", [position(91), position(True), b"data: x\n\n" * 2, b"x" * 5_000])
async def test_a_stream_of_nonsense_shows_nothing(net: Network, piece: bytes) -> None:
    async with page_of_a_ride(net, url_at(net.coop)) as response:
        await net.coop.followed.wait()
        net.coop.streamed.put_nowait(piece)
        net.coop.streamed.put_nowait(None)
        assert (await place_of(response, 3.13))["lon"] == 101.69


async def test_a_page_for_people_is_no_stream(net: Network) -> None:
    net.coop.stream_type = "text/html"
    async with page_of_a_ride(net, url_at(net.coop)) as response:
        await net.coop.followed.wait()
        assert (await place_of(response, 3.13))["lon"] == 101.69
    net.coop.streamed.put_nowait(None)


async def test_an_open_page_of_a_link_that_shows_nothing_any_more_sees_no_further_position(
    net: Network,
) -> None:
    browser = Browsing(net.citizen.url)
    path = await searched(net, browser)
    order = await booked(net, browser, path)
    await browser.post(f"{path}/share", form_of(order, f"{path}/share"))
    page = (await browser.get(path)).text
    link = re.search(r"/shared/[\w-]{32}", page)
    assert link
    tracking = Tracking("active", Place(3.13, 101.69), NOW, url_at(net.coop))
    told = version.write_on_track(tracking)
    assert (await net.coop.say("on_track", await net.coop.asked("track"), told)).is_ack
    async with (
        asyncio.timeout(DEADLINE_S),
        aiohttp.ClientSession() as friend,
        friend.get(f"{net.citizen.url}{link.group()}/events") as response,
    ):
        net.coop.streamed.put_nowait(position(3.14))
        await place_of(response, 3.14)
        await browser.post(f"{path}/unshare", form_of(page, f"{path}/unshare"))
        net.coop.streamed.put_nowait(position(3.15))
        assert b"3.15" not in await response.content.read()
    net.coop.streamed.put_nowait(None)


async def test_nobody_is_followed_once_the_page_is_closed(net: Network) -> None:
    async with page_of_a_ride(net, url_at(net.coop)) as response:
        net.coop.streamed.put_nowait(position(3.14))
        await place_of(response, 3.14)
    for n in range(200):
        net.coop.streamed.put_nowait(position(3.15))
        try:
            await asyncio.wait_for(net.coop.left.wait(), 0.05)
            break
        except TimeoutError:
            assert n < 199, "the stream goes on"


@pytest.mark.parametrize(
    "data", [b"{}", b"[]", b"x", b'{"lat":"3","lon":1}', b'{"lat":1,"lon":181}', b'{"lat":NaN}']
)
def test_what_is_no_place_is_refused(data: bytes) -> None:
    with pytest.raises(BadStream):
        live.place(data)
