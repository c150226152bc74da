"""The gateway at its real door: whom a search reaches, with which bytes and signatures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.app import GATEWAY, assemble
from gateway.settings import Fanout, GatewaySettings
from protocol_specs.node.settings import Limits
from protocol_specs.wire import signing, strict_json
from protocol_specs.wire.errors import ack
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import CITY, NOW, Clock, FakeDirectory, Peer, Said, context_of

INTENT = {
    "intent": {
        "fulfillment": {
            "stops": [
                {"type": "START", "location": {"gps": "3.157900,101.711600"}},
                {"type": "END", "location": {"gps": "3.134000,101.686000"}},
            ]
        }
    }
}


class Provider:
    """A participant that keeps what it is sent, byte for byte."""

    def __init__(self, make: Any, name: str, **more: Any) -> None:
        self.sock = listening_socket()
        port = self.sock.getsockname()[1]
        self.peer: Peer = make(name, **more)
        object.__setattr__(self.peer, "url", f"http://127.0.0.1:{port}/beckn")
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.arrived = asyncio.Event()
        self.holds = asyncio.Event()
        self.holds.set()

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.path, dict(request.headers), await request.read()))
        self.arrived.set()
        await self.holds.wait()
        return web.Response(body=ack(), content_type="application/json")


@asynccontextmanager
async def serving(*providers: Provider) -> AsyncIterator[None]:
    runners = []
    for provider in providers:
        app = web.Application()
        app.router.add_post("/beckn/{action}", provider.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, provider.sock).start()
        runners.append(runner)
    try:
        yield
    finally:
        for provider in providers:
            provider.holds.set()
        for runner in runners:
            await runner.cleanup()


class World:
    """A gateway between one consumer and some providers."""

    def __init__(
        self, tmp_path: Path, *others: Provider, limits: dict[str, Any] | None = None, **fanout: Any
    ) -> None:
        self.consumer = Provider(peers.bap, "bap.example.org")
        self.others = (self.consumer, *others)
        self.directory = FakeDirectory(other.peer for other in self.others)
        self.sock = listening_socket()
        self.clock = Clock()
        settings = settings_of(
            GatewaySettings,
            tmp_path,
            self.sock,
            subscriber_id="bg.example.org",
            fanout=Fanout(**fanout),
            limits=Limits(**limits or {}),
        )
        self.node = assemble(settings, clock=self.clock, directory=self.directory)
        self.url = settings.url

    def search(self, **changes: Any) -> dict[str, Any]:
        context = context_of(
            "search", sender=self.consumer.peer, to_id=None, to_url=None, **changes
        )
        return {"context": context, "message": INTENT}

    async def settled(self) -> None:
        """Returns when nothing is on its way."""
        async with asyncio.timeout(10):
            await self.node.arrivals.drained()
            await self.node.app[GATEWAY].sending.settled()

    async def send(self, document: dict[str, Any], sender: Peer | None = None) -> Said:
        return await peers.signed_post(self.url, sender or self.consumer.peer, document)


@asynccontextmanager
async def world(tmp_path: Path, *others: Provider, **fanout: Any) -> AsyncIterator[World]:
    made = World(tmp_path, *others, **fanout)
    async with serving(*made.others), running(made.node, made.sock):
        yield made


def bpp(name: str = "bpp.example.org", **more: Any) -> Provider:
    return Provider(peers.bpp, name, **more)


async def arrived(provider: Provider) -> tuple[str, dict[str, str], bytes]:
    async with asyncio.timeout(10):
        await provider.arrived.wait()
    return provider.got[0]


def on_search(w: World, provider: Provider, asked: dict[str, Any]) -> dict[str, Any]:
    context = context_of(
        "on_search",
        sender=provider.peer,
        to_id=w.consumer.peer.subscriber_id,
        to_url=w.consumer.peer.url,
        transaction_id=asked["context"]["transaction_id"],
        message_id=asked["context"]["message_id"],
    )
    return {"context": context, "message": {"catalog": {"descriptor": {"name": "Coop"}}}}


async def test_a_search_reaches_every_matching_provider_byte_for_byte_with_both_signatures(
    tmp_path: Path,
) -> None:
    one, two = bpp("one.example.org"), bpp("two.example.org")
    async with world(tmp_path, one, two) as w:
        body = strict_json.dumps(w.search())
        assert (await w.send(body)).is_ack  # type: ignore[arg-type]  # bytes pass as they are
        for provider in (one, two):
            path, headers, received = await arrived(provider)
            assert path == "/beckn/search"
            assert received == body
            sender = signing.parse_header(headers["Authorization"])
            assert sender.key_id == w.consumer.peer.key_id
            signing.verify_header(sender, signing.digest(body), w.consumer.peer.key.public)
            ours = headers["X-Gateway-Authorization"]
            assert headers["Proxy-Authorization"] == ours
            gateway = signing.parse_header(ours)
            assert gateway.key_id.subscriber_id == "bg.example.org"
            public = w.node.client._key.public
            signing.verify_header(gateway, signing.digest(body), public)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"domains": ("nic2004:60232",)},
        {"cities": ("std:99",)},
    ],
)
async def test_a_provider_of_another_domain_or_city_is_not_asked(
    tmp_path: Path, elsewhere: dict[str, Any]
) -> None:
    near, far = bpp("near.example.org"), bpp("far.example.org", **elsewhere)
    async with world(tmp_path, near, far) as w:
        assert (await w.send(w.search())).is_ack
        await arrived(near)
        await w.settled()
        assert far.got == []


async def test_a_suspended_provider_is_not_asked(tmp_path: Path) -> None:
    near, gone = bpp("near.example.org"), bpp("gone.example.org")
    async with world(tmp_path, near, gone) as w:
        w.directory.forget(gone.peer)
        w.directory.held += gone.peer.records(status="UNSUBSCRIBED")
        assert (await w.send(w.search())).is_ack
        await arrived(near)
        await w.settled()
        assert gone.got == []


async def test_a_search_for_one_provider_reaches_only_that_one(tmp_path: Path) -> None:
    one, two = bpp("one.example.org"), bpp("two.example.org")
    async with world(tmp_path, one, two) as w:
        document = w.search(bpp_id="two.example.org", bpp_uri=two.peer.url)
        said = await w.send(document)
        assert said.is_ack, said.json
        await arrived(two)
        await w.settled()
        assert one.got == []


async def test_an_empty_market_is_no_fault(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        assert (await w.send(w.search())).is_ack


async def test_the_same_search_again_is_acknowledged_and_not_forwarded_twice(
    tmp_path: Path,
) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        document = w.search()
        assert (await w.send(document)).is_ack
        await arrived(one)
        assert (await w.send(document)).is_ack
        await w.settled()
        assert len(one.got) == 1


async def test_a_provider_that_hangs_holds_nobody_else_up(tmp_path: Path) -> None:
    slow, quick = bpp("slow.example.org"), bpp("quick.example.org")
    slow.holds.clear()
    async with world(tmp_path, slow, quick, each_s=0.2) as w:
        assert (await w.send(w.search())).is_ack
        await arrived(quick)
        async with asyncio.timeout(10):
            await w.settled()


async def test_a_provider_that_goes_on_hanging_does_not_slow_the_searches_of_others(
    tmp_path: Path,
) -> None:
    slow, quick = bpp("slow.example.org"), bpp("quick.example.org")
    slow.holds.clear()
    limits = {"passing_workers": 2}
    async with world(tmp_path, slow, quick, each_s=0.5, limits=limits) as w:
        for _ in range(4):
            assert (await w.send(w.search())).is_ack
        await w.settled()
        asked = len(slow.got)
        async with asyncio.timeout(5):  # at half a second for each two, it would be ten
            for _ in range(40):
                assert (await w.send(w.search())).is_ack
            await w.settled()
        assert len(quick.got) == 44
        assert len(slow.got) == asked
        slow.holds.set()
        w.clock.at += 2
        for _ in range(2):
            assert (await w.send(w.search())).is_ack
            await w.settled()
        assert len(slow.got) == asked + 2


async def test_a_search_that_is_not_the_consumers_is_refused_and_goes_nowhere(
    tmp_path: Path,
) -> None:
    one = bpp()
    stranger = peers.bap("stranger.example.org")
    async with world(tmp_path, one) as w:
        w.directory.held += stranger.records()
        said = await w.send(w.search(), sender=stranger)
        assert (said.status, said.code) == (401, "10001")
        said = await w.send(w.search(), sender=one.peer)
        assert said.status == 401
        await w.settled()
        assert one.got == []


async def test_an_answer_is_relayed_to_the_consumer_with_both_signatures(tmp_path: Path) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await arrived(one)
        answer = strict_json.dumps(on_search(w, one, asked))
        said = await w.send(answer, sender=one.peer)  # type: ignore[arg-type]  # bytes
        assert said.is_ack, said.json
        path, headers, received = await arrived(w.consumer)
        assert (path, received) == ("/beckn/on_search", answer)
        sender = signing.parse_header(headers["Authorization"])
        assert sender.key_id == one.peer.key_id
        assert signing.parse_header(headers["X-Gateway-Authorization"])


async def test_an_answer_of_a_provider_that_was_not_asked_is_refused(tmp_path: Path) -> None:
    one, other = bpp("one.example.org"), bpp("other.example.org", cities=("std:99",))
    async with world(tmp_path, one, other) as w:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await arrived(one)
        said = await w.send(on_search(w, other, asked), sender=other.peer)
        assert said.status == 401
        assert "was not asked" in said.json["error"]["message"]
        await w.settled()
        assert w.consumer.got == []


async def test_a_provider_answers_one_search_a_bounded_number_of_times(tmp_path: Path) -> None:
    one = bpp()
    async with world(tmp_path, one, answers_per_provider_max=1) as w:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await arrived(one)
        first = on_search(w, one, asked)
        assert (await w.send(first, sender=one.peer)).is_ack
        second = on_search(w, one, asked)
        second["message"]["catalog"]["descriptor"]["name"] = "Coop again"
        assert (await w.send(second, sender=one.peer)).status == 429


async def test_a_search_for_a_city_that_is_not_ours_is_refused_with_the_code_for_it(
    tmp_path: Path,
) -> None:
    everywhere = bpp(cities=("*",))
    async with world(tmp_path, everywhere) as w:
        city = {"city": {"code": "std:080"}, "country": {"code": "IND"}}
        assert CITY != "std:080"
        said = await w.send(w.search(location=city))
        assert (said.status, said.code) == (400, "10002")
        assert said.json["error"]["paths"] == "/context/location/city/code"
        await w.settled()
        assert everywhere.got == []
