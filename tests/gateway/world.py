"""A gateway between one consumer and some providers, all on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from aiohttp import web

from gateway.app import GATEWAY, Gateway, assemble
from gateway.settings import Fanout, GatewaySettings
from protocol_specs.node.settings import Limits
from protocol_specs.web.settings import WebSettings
from protocol_specs.wire.errors import ack
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import Clock, FakeDirectory, Peer, Said, context_of

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
        self.published: bytes | None = None  # at /figures.json
        self.traced: dict[str, Any] = {}  # what it answers to a hop query

    async def publish(self, request: web.Request) -> web.Response:
        if self.published is None:
            return web.Response(status=404)
        return web.Response(body=self.published, content_type="application/json")

    async def take(self, request: web.Request) -> web.Response:
        if request.path.endswith("/trace"):
            return web.json_response(self.traced)
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
        app.router.add_get("/figures.json", provider.publish)
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
        self,
        tmp_path: Path,
        *others: Provider,
        limits: dict[str, Any] | None = None,
        web: WebSettings | None = None,
        **fanout: Any,
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
            web=web,
        )
        self.node = assemble(settings, clock=self.clock, directory=self.directory)
        self.url = settings.url

    def search(self, **changes: Any) -> dict[str, Any]:
        context = context_of(
            "search", sender=self.consumer.peer, to_id=None, to_url=None, **changes
        )
        return {"context": context, "message": deepcopy(INTENT)}

    @property
    def gateway(self) -> Gateway:
        return self.node.app[GATEWAY]

    async def settled(self) -> None:
        """Returns when nothing is on its way."""
        async with asyncio.timeout(60):
            await self.node.arrivals.drained()
            await self.gateway.sending.settled()

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
    async with asyncio.timeout(60):
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
