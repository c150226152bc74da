"""A network whose registry and gateway have two workers each: searches, answers, successions."""

import asyncio
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from protocol_specs.node.settings import NodeSettings
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.context import new_context
from protocol_specs.wire.errors import ack
from tests.gateway.world import INTENT
from tests.registry.participant import Desk, Pair, Participant
from tests.registry.test_workers import registry, taken_in
from tests.support.nodes import listening_socket, url_of
from tests.support.peers import CITY, COUNTRY, RIDES, Said, post
from tests.support.worker_processes import WorkerNode, serving, write_config

GATEWAY = """
[web]
[fanout]
answers_per_provider_max = 2
searches_per_bap_per_s = 1000
[registry]
url = "{url}"
subscriber_id = "registry.example.org"
unique_key_id = "k1"
signing_public_key = "{signing}"
encryption_public_key = "{encryption}"
"""


@dataclass
class Party(Participant):
    """A consumer or provider: it keeps what comes, by message_id and body."""

    got: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        """Its door."""
        if request.path.endswith("/on_subscribe"):
            return web.json_response({"answer": self.answer(await request.json())})
        body = await request.read()
        message_id = strict_json.parse(body)["context"]["message_id"]
        async with self.news:
            self.got[message_id, body] += 1
            self.news.notify_all()
        return web.Response(body=ack(), content_type="application/json")

    async def has(self, count: int) -> None:
        """Waits until so many different messages came."""
        async with self.news, asyncio.timeout(90):
            await self.news.wait_for(lambda: len(self.got) >= count)

    def message(self, action: str, to: "Party | None", **changes: Any) -> bytes:
        """A message of this party, to `to` or to everybody."""
        bap, bpp = (self, to) if self.kind == "BAP" else (to, self)
        context = new_context(
            action=action,
            domain=RIDES,
            version="1.1.1",
            city=CITY,
            country=COUNTRY,
            bap_id=bap.subscriber_id if bap else "",
            bap_uri=bap.url if bap else "",
            bpp_id=bpp.subscriber_id if bpp else None,
            bpp_uri=bpp.url if bpp else None,
            transaction_id=changes.pop("transaction_id", str(uuid.uuid4())),
            message_id=changes.pop("message_id", str(uuid.uuid4())),
            now_ms=time.time_ns() // 1_000_000,
            ttl="PT5M",
        )
        message = INTENT if action == "search" else {"catalog": {"descriptor": changes}}
        return strict_json.dumps({"context": context, "message": message})

    async def send(self, url: str, body: bytes) -> Said:
        """Signed now, on a connection of its own."""
        action = strict_json.parse(body)["context"]["action"]
        return await post(f"{url}/{action}", body, self.sign(body, "k1"))

    async def statuses(self, url: str, body: bytes, times: int = 4) -> set[int]:
        """How that is answered, again and again, on connections that reach both workers."""
        return {(await self.send(url, body)).status for _ in range(times)}

    async def send_at_last(self, url: str, body: bytes) -> None:
        """Until it is ACKed: the node may be without a worker for a moment, and says so."""
        async with asyncio.timeout(90):
            while True:
                try:
                    if (said := await self.send(url, body)).is_ack:
                        return
                    assert said.status == 503, said.body
                except aiohttp.ClientError:  # of the worker that was killed
                    pass
                await asyncio.sleep(0.05)

    def answer_to(self, search: bytes, to: "Party", name: str = "") -> bytes:
        asked = strict_json.parse(search)["context"]
        ids = {one: asked[one] for one in ("transaction_id", "message_id")}
        return self.message("on_search", to, name=name or self.subscriber_id, **ids)


@asynccontextmanager
async def party(desk: Desk, name: str, kind: str) -> AsyncIterator[Party]:
    """One that takes part, and listens."""
    sock, pair = listening_socket(), Pair("k1")
    who = Party(desk, url_of(sock), {"k1": pair}, name, kind)
    app = web.Application()
    app.router.add_post("/{action}", who.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    try:
        said = await who.apply("k1", city=CITY)
        assert said.status == 200, said.body
        await taken_in(who)
        yield who
    finally:
        await runner.cleanup()


@dataclass
class Network:
    gateway: WorkerNode
    consumer: Party
    providers: list[Party]

    async def search(self, kept: aiohttp.ClientSession | None = None) -> bytes:
        """One that is ACKed, on a connection of its own or one that is kept."""
        body = self.consumer.message("search", None)
        if kept is None:
            said = await self.consumer.send(self.gateway.url, body)
            assert said.is_ack, said.body
            return body
        signed = self.consumer.sign(body, "k1") | {"Content-Type": "application/json"}
        async with kept.post(f"{self.gateway.url}/search", data=body, headers=signed) as response:
            assert response.status == 200, await response.read()
        return body


@asynccontextmanager
async def network(folder: Path) -> AsyncIterator[Network]:
    async with AsyncExitStack() as stack:
        desk, _ = await stack.enter_async_context(registry(folder / "registry"))
        pins = {
            "signing": keys.b64encode(desk.public),
            "encryption": keys.b64encode(_encryption(desk.settings)),
        }
        config = write_config(folder / "gateway", "gateway", GATEWAY.format(url=desk.url, **pins))
        starting = asyncio.create_task(stack.enter_async_context(serving("gateway", config)))
        names = {"bap.example.org": "BAP"} | {f"bpp{n}.example.org": "BPP" for n in range(3)}
        parties = [
            await stack.enter_async_context(party(desk, name, kind)) for name, kind in names.items()
        ]
        yield Network(await starting, parties[0], parties[1:])


def _encryption(settings: NodeSettings) -> bytes:
    secret = settings.encryption_key.read_text().strip()
    return keys.encryption_key(secret).public


@pytest.mark.timeout(500)
async def test_two_workers_of_a_gateway_forward_each_search_once_and_each_answer_that_was_asked_for(
    tmp_path: Path,
) -> None:
    async with network(tmp_path) as net:
        url, consumer, providers = net.gateway.url, net.consumer, net.providers
        # Every search comes three times, on connections of its own: to the same providers once.
        searches: list[bytes] = []
        for _ in range(10):  # no more at a time than a provider is sent at once
            some = [consumer.message("search", None) for _ in range(3)]
            said = await asyncio.gather(*(consumer.send(url, each) for each in some * 3))
            assert {each.is_ack for each in said} == {True}
            searches += some
            for provider in providers:
                await provider.has(len(searches))
        # Every answer comes twice, and is relayed once; a third one of a provider is too many.
        answers = [one.answer_to(each, consumer) for each in searches for one in providers]
        by = dict(zip(answers, providers * len(searches), strict=True))
        said = await asyncio.gather(*(by[each].send(url, each) for each in answers * 2))
        assert {each.is_ack for each in said} == {True}
        await consumer.has(len(answers))
        one = providers[0]
        for search in searches[:4]:
            second, third = (one.answer_to(search, consumer, name) for name in "23")
            changed = consumer.message("search", None, message_id=_id(search))
            unasked = one.answer_to(consumer.message("search", None), consumer)
            assert await one.statuses(url, second) == {200}
            assert await one.statuses(url, third) == {429}
            assert await one.statuses(url, unasked) == {401}
            assert await consumer.statuses(url, changed) == {400}
        assert {n for one in (consumer, *providers) for n in one.got.values()} == {1}
        assert len(providers[0].got) == len(searches)
        await tells(url, offered=len(searches))
        await while_workers_come_and_go(net, searches)


async def while_workers_come_and_go(net: Network, before: list[bytes]) -> None:
    url, consumer, provider = net.gateway.url, net.consumer, net.providers[0]
    held, searches = net.gateway.pids(), list(before)
    net.gateway.process.send_signal(signal.SIGHUP)
    replacing = asyncio.create_task(net.gateway.replaced(held))
    async with aiohttp.ClientSession() as kept:  # its connection is kept until it is told to end
        while not replacing.done():
            searches.append(await net.search(kept if len(searches) % 2 else None))
            await provider.has(len(searches))
            assert (await provider.send(url, provider.answer_to(searches[-1], consumer))).is_ack
            await asyncio.sleep(0.1)  # workers that begin need the processor too
    await replacing
    assert set(net.gateway.pids().values()).isdisjoint(held.values())
    # What was asked of those before is held by those after them.
    said = await asyncio.gather(*(consumer.send(url, each) for each in searches))
    assert {each.is_ack for each in said} == {True}
    for search in before[-6:]:  # each of them was answered once
        late = provider.answer_to(search, consumer, "late")
        assert (await provider.send(url, late)).is_ack
        assert (await provider.send(url, provider.answer_to(search, consumer, "4"))).status == 429
    assert len(provider.got) == len(searches)
    assert set(provider.got.values()) == {1}
    await tells(url, offered=len(searches))
    held = net.gateway.pids()
    os.kill(held[1], signal.SIGKILL)
    for _ in range(8):
        searches.append(consumer.message("search", None))
        await consumer.send_at_last(url, searches[-1])
    await provider.has(len(searches))
    await net.gateway.replaced({1: held[1]})
    await net.search()


async def tells(url: str, *, offered: int) -> None:
    """Both workers' reports, and pages, tell of all searches."""
    deadline = time.monotonic() + 90
    async with aiohttp.ClientSession() as session:
        for path in ("report", "figures.json") * 3:
            while True:
                shown = await (
                    await session.get(f"{url}/{path}", headers={"Connection": "close"})
                ).json()
                told = (
                    shown["searches"]["day"]
                    if path == "figures.json"
                    else min((one["offered"] for one in shown["day"]["providers"]), default=0)
                )
                if told == offered:
                    break
                assert time.monotonic() < deadline, (path, told, offered)
                await asyncio.sleep(0.2)


def _id(body: bytes) -> str:
    found: str = strict_json.parse(body)["context"]["message_id"]
    return found
