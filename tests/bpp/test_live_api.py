"""The live url of an order: who follows a vehicle, what is seen, and when that ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bpp import live_api
from bpp.orders import live
from tests.bpp.cooperative import AT_PICKUP, DEADLINE_S, Cooperative, cooperative
from tests.support.streams import next_lines

STREAM = {"Accept": "text/event-stream"}
ELSEWHERE = {"lat": 3.14567, "lon": 101.69123}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path) as running:
        yield running


async def followed(there: Cooperative) -> tuple[dict[str, Any], str]:
    """An order with a driver, and its live url as on_track tells it."""
    await there.online("D1")
    order = await there.confirmed()
    answer = await there.ask("track", {"order_id": order["id"]})
    return order, answer["message"]["tracking"]["url"]


@asynccontextmanager
async def streaming(there: Cooperative, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with asyncio.timeout(DEADLINE_S), there.session.get(url, headers=STREAM) as response:
        assert response.status == 200
        yield response


async def told(response: aiohttp.ClientResponse) -> tuple[str, Any]:
    """The next event and its document."""
    lines = await next_lines(response)
    found = dict(line.split(": ", 1) for line in lines if line)
    return found["event"], json.loads(found["data"])


async def test_each_new_position_is_told_as_it_is_posted(there: Cooperative) -> None:
    _, url = await followed(there)
    async with streaming(there, url) as response:
        assert await told(response) == (
            "position",
            {"lat": 3.139, "lon": 101.687, "at": int(there.clock.at)},
        )
        there.clock.at += 1
        await there.drive("D1", "POST", "position", ELSEWHERE)
        kind, seen = await told(response)
    assert (kind, seen["lat"], seen["lon"]) == ("position", 3.146, 101.691)  # about 100 m


async def test_on_board_the_position_is_exact_and_at_the_end_the_stream_ends(
    there: Cooperative,
) -> None:
    order, url = await followed(there)
    job, code = f"jobs/{order['id']}", there.order(order["id"]).view.fulfillment.start_code
    for step, body in (("enroute", None), ("arrived", None), ("start", {"code": code})):
        assert (await there.drive("D1", "POST", f"{job}/{step}", body))[0] == 200
    async with streaming(there, url) as response:
        assert (await told(response))[1]["lat"] == AT_PICKUP["lat"]
        assert (await there.drive("D1", "POST", f"{job}/end", {}))[0] == 200
        await there.drive("D1", "POST", "position", ELSEWHERE)
        assert await told(response) == ("ended", {})
        assert await response.content.read() == b""


async def test_a_minute_after_the_end_the_url_leads_nowhere(there: Cooperative) -> None:
    order, url = await followed(there)
    await there.carried_out(order["id"])
    for later_s, status in ((live.OPEN_AFTER_END_S, 200), (1, 404)):
        there.clock.at += later_s
        async with there.session.get(url) as response:
            assert (response.status, (await response.json()).get("lat")) == (status, None)


async def test_another_token_and_another_order_show_nothing(there: Cooperative) -> None:
    _, url = await followed(there)
    base, job_id, token = url.rsplit("/", 2)
    other = "0" if token[0] != "0" else "1"
    for wrong in (f"{base}/{job_id}/{other}{token[1:]}", f"{base}/{job_id}x/{token}"):
        async with there.session.get(wrong) as response:
            assert response.status == 404


async def test_who_takes_no_stream_gets_the_position_once(there: Cooperative) -> None:
    _, url = await followed(there)
    async with there.session.get(url) as response:
        assert (await response.json())["lat"] == 3.139


async def test_no_more_than_a_few_follow_one_driver(there: Cooperative) -> None:
    _, url = await followed(there)
    async with asyncio.timeout(DEADLINE_S):
        open_ones = [
            await there.session.get(url, headers=STREAM)
            for _ in range(live_api.STREAMS_PER_DRIVER_MAX)
        ]
        refused = await there.session.get(url, headers=STREAM)
        assert [one.status for one in (*open_ones, refused)] == [200] * len(open_ones) + [503]
    for one in (*open_ones, refused):
        one.close()


async def test_a_vehicle_that_nobody_drives_yet_has_no_url(there: Cooperative) -> None:
    order = await there.confirmed()
    answer = await there.ask("track", {"order_id": order["id"]})
    assert answer["message"]["tracking"] == {"status": "inactive"}
