"""Server-Sent Events: every event once, in order, from where the client left off."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bap.network import DEADLINE_S, Network, network
from tests.support.streams import next_lines


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"heartbeat_s": 0.2}


@asynccontextmanager
async def _stream(net: Network, last: str | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = {"Authorization": f"Bearer {net.citizen.secret}"}
    if last is not None:
        headers["Last-Event-ID"] = last
    url = f"{net.citizen.url}/api/journeys/{net.citizen.journey_id}/events"
    async with net.citizen.session.get(url, headers=headers) as response:
        yield response


async def _next(response: aiohttp.ClientResponse) -> dict[str, str]:
    """The next event; comment lines are passed over."""
    found: dict[str, str] = {}
    async with asyncio.timeout(DEADLINE_S):
        while True:
            (line,) = await next_lines(response, b"\n")
            if not line and found:
                return found
            name, _, value = line.partition(": ")
            if name:
                found[name] = value


async def test_offers_appear_on_the_stream_as_each_provider_answers(net: Network) -> None:
    await net.citizen.search()
    search = await net.gateway.asked("search")
    async with _stream(net) as response:
        assert response.content_type == "text/event-stream"
        for n, (player, price) in enumerate(((net.coop, 1250), (net.other, 990)), start=1):
            assert (await player.offers(search, price)).is_ack
            event = await _next(response)
            assert (event["id"], event["event"]) == (str(n), "offers")
            assert json.loads(event["data"])["offers"][0]["price"]["minor"] == price


async def test_a_stream_goes_on_after_the_last_event_seen(net: Network) -> None:
    journey = await net.booked()
    async with _stream(net) as response:
        seen = [await _next(response) for _ in range(journey["version"])]
    assert [event["id"] for event in seen] == [str(n) for n in range(1, journey["version"] + 1)]
    assert [event["event"] for event in seen] == [
        "offers", "asked", "quote", "asked", "quote", "asked", "order",
    ]  # fmt: skip
    async with _stream(net, last="5") as response:
        assert await _next(response) == seen[5]


async def test_a_quiet_stream_shows_that_it_is_alive(net: Network) -> None:
    await net.citizen.search()
    async with _stream(net) as response:
        async with asyncio.timeout(DEADLINE_S):
            assert await next_lines(response, b"\n") == [": still here"]


async def test_a_stream_needs_the_journeys_own_secret(net: Network) -> None:
    await net.citizen.search()
    net.citizen.secret = "another-secret-of-enough-length"
    async with _stream(net) as response:
        assert response.status == 404


@pytest.mark.parametrize("last", ["-1", "x", "9" * 20])
async def test_a_last_event_id_that_is_no_number_is_refused(net: Network, last: str) -> None:
    await net.citizen.search()
    async with _stream(net, last) as response:
        assert response.status == 400


async def test_more_streams_than_a_journey_may_hold_are_refused(tmp_path: Path) -> None:
    async with network(tmp_path, journeys={"waiting_per_journey_max": 1}) as net:
        await net.citizen.search()
        async with _stream(net) as first, _stream(net) as second:
            assert (first.status, second.status) == (200, 503)


async def test_a_stopping_node_ends_its_streams_and_waits(tmp_path: Path) -> None:
    async with network(tmp_path, heartbeat_s=60) as net:
        await net.citizen.search()
        waiting = asyncio.create_task(net.citizen.call("GET", "?wait_s=60"))
        async with _stream(net) as response, asyncio.timeout(DEADLINE_S):
            net.node.leaving.set()
            rest: Any = await response.content.read()
            status, _ = await waiting
    assert (status, rest) == (200, b"")
