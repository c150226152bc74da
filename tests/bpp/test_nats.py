"""A provider whose workers hear each other over NATS: quick while it runs, right when it dies."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from protocol_specs.wire import strict_json
from tests.bpp.test_workers import Node, all_answered, prepared, serving, until_acked
from tests.support.nats_server import NatsServer
from tests.support.provider_process import BPP_URL, Home
from tests.support.streams import next_lines
from tests.support.surroundings import Request, Surroundings, surroundings

DEADLINE_S = 90
STREAMS = 5  # one worker takes four of one driver: the fifth is the other's
CSV = "code,name,phone,vehicle,category\nD1,Aminah,60123456781,WXY 1001,CAB\n"


@dataclass
class Driver:
    """One driver at work, and everybody who follows the vehicle."""

    http: aiohttp.ClientSession
    url: str
    token: str
    streams: list[aiohttp.ClientResponse]

    async def post(self, path: str, body: dict[str, Any] | None = None) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.post(f"{self.url}/driver/{path}", json=body, headers=headers) as said:
            assert said.status == 200, await said.text()

    async def is_seen_at(self, lat: float) -> None:
        """Everybody hears of this place, whichever worker holds their stream."""
        await self.post("position", {"lat": lat, "lon": 101.687})
        async with asyncio.timeout(DEADLINE_S):
            for stream in self.streams:
                while not any(f'"lat":{lat}' in line for line in await next_lines(stream)):
                    pass


async def a_driver(http: aiohttp.ClientSession, node: Node, home: Home) -> Driver:
    """Registered, told of the deduction, and online by now."""
    desk = {"Authorization": f"Bearer {(home.data / 'desk.token').read_text().strip()}"}

    async def must(path: str, **body: Any) -> Any:
        async with http.post(f"{node.url}/desk/{path}", headers=desk, **body) as said:
            assert said.status == 201, await said.text()
            return await said.json()

    token = (await must("drivers/import", data=CSV))["tokens"]["D1"]
    about = {"worker": "D1", "by": "tests"}
    of_law = {"category": "self_employed", "residency": "citizen", "source": "a test"}
    await must("insurance/workers/category", json={**about, **of_law, "day": "2020-01-01"})
    said = {**about, "scheme": "my.act872.gig", "how": "paper"}
    await must("insurance/workers/notice", json={**said, "language": "en"})
    await must("insurance/workers/consent", json={**said, "agree": True})
    driver = Driver(http, node.url, token, [])
    await driver.post("online", {"online": True, "lat": 3.139, "lon": 101.687})
    return driver


async def followed(driver: Driver, around: Surroundings, confirm: Request) -> None:
    """Takes that job; then it is followed by more than one worker can serve."""
    answer = await around.answer(confirm)
    await driver.post(f"jobs/{answer['message']['order']['id']}/accept")
    ask = around.request(
        "track", {"order_id": answer["message"]["order"]["id"]}, confirm.transaction_id
    )
    assert await around.send(driver.url, ask)
    told = (await around.answer(ask))["message"]["tracking"]["url"]
    async with asyncio.timeout(DEADLINE_S):
        while len(driver.streams) < STREAMS:
            stream = await driver.http.get(
                told.replace(BPP_URL, driver.url), headers={"Accept": "text/event-stream"}
            )
            if stream.status == 200:
                driver.streams.append(stream)
            else:
                assert stream.status == 503, "that worker has as many as it takes"
                stream.close()
                await asyncio.sleep(0.05)


async def figure(http: aiohttp.ClientSession, node: Node, name: str) -> float:
    async with http.get(f"{node.ops}/metrics") as said:
        found = re.search(rf"^{name} (\S+)$", await said.text(), re.MULTILINE)
        return float(found[1]) if found else 0.0  # no worker has told of it yet


async def until_connected(http: aiohttp.ClientSession, node: Node, workers: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while await figure(http, node, "wayfare_hints_connected") != workers:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


@asynccontextmanager
async def a_nats() -> AsyncIterator[NatsServer]:
    nats = NatsServer()
    nats.start()
    try:
        yield nats
    finally:
        nats.remove()


@pytest.mark.timeout(500)
async def test_rides_go_through_while_nats_dies_and_positions_go_to_whoever_holds_the_stream(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(a_nats())
        around = await stack.enter_async_context(surroundings())
        http = await stack.enter_async_context(aiohttp.ClientSession())
        home = prepared(tmp_path, around, f'workers = 2\nnats.url = "{nats.url}"')
        node = await stack.enter_async_context(serving(home))
        await until_connected(http, node, 2)
        driver = await a_driver(http, node, home)
        quotes = await asyncio.gather(*(around.quoted(node.url) for _ in range(24)))
        confirms = [around.confirm(quoted) for quoted in quotes]
        await asyncio.gather(*(until_acked(around, node.url, one) for one in confirms[:8]))
        await followed(driver, around, confirms[0])
        await driver.is_seen_at(3.11)

        rest = asyncio.gather(*(until_acked(around, node.url, one) for one in confirms[8:16]))
        nats.kill()
        await rest
        await until_connected(http, node, 0)
        await asyncio.gather(*(until_acked(around, node.url, one) for one in confirms[16:20]))
        async with http.get(f"{node.ops}/ready") as said:
            assert "nats" not in strict_json.parse(await said.read()).get("faults", {})
        nats.wipe()
        nats.start()
        await until_connected(http, node, 2)
        await driver.is_seen_at(3.17)
        await asyncio.gather(*(until_acked(around, node.url, one) for one in confirms[20:]))
        await all_answered(around, confirms)

        assert node.count("orders") == len(confirms)
        of_each = "SELECT order_key, count(*) AS n FROM contribution GROUP BY order_key"
        assert node.count(f"({of_each}) AS each") == len(confirms)
        assert node.count(f"({of_each}) AS each WHERE n > 1") == 1, "the one that got a driver"
        assert node.count("received WHERE state <> 'handled'") == 0
        assert await figure(http, node, "wayfare_hints_lost_total") > 0, "they were missed"
        for stream in driver.streams:
            stream.close()
    for confirm in confirms:
        assert len(set(around.heard[confirm.message_id])) == 1
