"""What stands around a node process: a registry, and a BAP that keeps the bytes it hears."""

import asyncio
import socket
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.answers import HEADER
from protocol_specs.wire.errors import ack
from protocol_specs.wire.parties import SubscriberType
from protocol_specs.wire.timestamp import rfc3339
from tests.bpp.cooperative import accepting, order_asked
from tests.support import peers
from tests.support.nodes import listening_socket, url_of
from tests.support.peers import Peer
from tests.support.provider_process import BPP_ID, BPP_URL

DEADLINE_S = 90
DAY_S = 86_400
NOT_STORED = b"this message cannot be stored now"

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True)
class Request:
    """A request of the BAP as bytes: sent again, it is these bytes under a fresh signature."""

    action: str
    transaction_id: str
    message_id: str
    body: bytes


@dataclass
class Surroundings:
    """The registry and the BAP. `heard` holds each callback's bytes by the message_id it answers.

    While `is_down` the BAP takes no callback: a proxy before it says 503.
    """

    registry: Peer
    bap: Peer
    heard: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    is_down: bool = False
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def request(
        self, action: str, message: dict[str, Any], transaction_id: str | None = None
    ) -> Request:
        """A new request to the provider; it stays good for ten minutes."""
        message_id, transaction_id = str(uuid.uuid4()), transaction_id or str(uuid.uuid4())
        context = peers.context_of(
            action,
            sender=self.bap,
            to_id=BPP_ID,
            to_url=BPP_URL,
            timestamp=rfc3339(time.time_ns() // 1_000_000),
            ttl="PT10M",
            transaction_id=transaction_id,
            message_id=message_id,
        )
        body = strict_json.dumps({"context": context, "message": message})
        return Request(action, transaction_id, message_id, body)

    async def send(self, url: str, request: Request) -> bool:
        """POSTs it, signed now. True: ACKed; False: the node died before its answer came.

        Anything else that the node says fails the test; but a database that is late, as all is on a
        machine with much else to do, is come back to, as a peer does.
        """
        deadline = time.monotonic() + DEADLINE_S
        while True:
            signed = self.bap.authorization(request.body, created=int(time.time()))
            try:
                said = await peers.post(
                    f"{url}/{request.action}", request.body, {"Authorization": signed}
                )
            except (aiohttp.ClientError, ConnectionError):
                return False
            if not (said.status == 503 and NOT_STORED in said.body):
                assert said.is_ack, said.body
                return True
            assert time.monotonic() < deadline, said.body
            await asyncio.sleep(0.2)

    async def answer(self, request: Request) -> dict[str, Any]:
        """The callback to it, within the deadline."""
        async with self._news, asyncio.timeout(DEADLINE_S):
            await self._news.wait_for(lambda: self.heard[request.message_id])
        return strict_json.parse(self.heard[request.message_id][0])

    async def quoted(self, url: str) -> "Quoted":
        """A journey up to the answer to its init."""
        init = self.request("init", order_asked())
        assert await self.send(url, init)
        answer = await self.answer(init)
        return Quoted(init.transaction_id, answer["message"]["order"])

    def confirm(self, quoted: "Quoted") -> Request:
        """A confirm of that quote; each call makes a new message."""
        return self.request("confirm", accepting(quoted.draft), quoted.transaction_id)

    async def hear(self, request: web.Request) -> web.Response:
        """The BAP's door."""
        body = await request.read()
        if self.is_down:
            return web.Response(status=503)
        async with self._news:
            self.heard[strict_json.parse(body)["context"]["message_id"]].append(body)
            self._news.notify_all()
        return web.Response(body=ack(), content_type="application/json")

    async def look_up(self, request: web.Request) -> web.Response:
        """The registry's door: it knows the BAP only."""
        wanted = strict_json.parse(await request.read()).get("subscriber_id")
        known = [self.bap] if wanted in (None, self.bap.subscriber_id) else []
        body = strict_json.dumps([_record(peer) for peer in known])
        signed = {HEADER: self.registry.authorization(body, created=int(time.time()))}
        return web.Response(body=body, content_type="application/json", headers=signed)


@dataclass(frozen=True)
class Quoted:
    """A draft that came with on_init, ready to be confirmed."""

    transaction_id: str
    draft: dict[str, Any]


@asynccontextmanager
async def surroundings() -> AsyncIterator[Surroundings]:
    """A registry and a BAP that listen."""
    registry_sock, bap_sock = listening_socket(), listening_socket()
    around = Surroundings(
        registry=Peer("registry.example.org", SubscriberType.REGISTRY, url_of(registry_sock)),
        bap=Peer("bap.example.org", SubscriberType.BAP, url_of(bap_sock)),
    )
    async with (
        _listening(registry_sock, "/lookup", around.look_up),
        _listening(bap_sock, "/{action}", around.hear),
    ):
        yield around


@asynccontextmanager
async def _listening(sock: socket.socket, path: str, handler: Handler) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    try:
        yield
    finally:
        await runner.cleanup()


def _record(peer: Peer) -> dict[str, Any]:
    now = int(time.time())
    return {
        "subscriber_id": peer.subscriber_id,
        "url": peer.url,
        "type": peer.type.value,
        "domain": peer.domains[0],
        "city": peer.cities[0],
        "country": peers.COUNTRY,
        "key_id": peer.unique_key_id,
        "signing_public_key": keys.b64encode(peer.key.public),
        "encr_public_key": keys.b64encode(peer.encryption.public),
        "valid_from": rfc3339((now - DAY_S) * 1000),
        "valid_until": rfc3339((now + DAY_S) * 1000),
        "status": "SUBSCRIBED",
    }
