"""A consumer node on a real socket, with scripted providers and gateways around it, for tests."""

import asyncio
import copy
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from sqlalchemy import select

from bap import rows
from bap.app import assemble
from bap.settings import BapSettings
from protocol_specs.node.messages.tables import Received
from protocol_specs.node.server import Node
from protocol_specs.node.store import Statement
from protocol_specs.wire.order import (
    Agent,
    Cancellation,
    CancellationTerm,
    Catalog,
    Kind,
    Offer,
    OrderView,
    PaymentTerms,
    PriceLine,
    Quote,
    Vehicle,
)
from protocol_specs.wire.parties import SubscriberType, callback_of
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect
from protocol_specs.wire.version import core_1_1 as version
from tests.support.browsing import Mailbox
from tests.support.nodes import listening_socket, running, settings_of, url_of
from tests.support.peers import (
    DELIVERIES,
    NOW,
    RIDES,
    Clock,
    FakeDirectory,
    Peer,
    Said,
    signed_post,
)

DEADLINE_S = 60.0
PICKUP = {"lat": 3.134, "lon": 101.6865, "address": "KL Sentral"}
DROP = {"lat": 3.1579, "lon": 101.7116, "address": "Twin Towers"}
SEARCH = {"kind": "ride", "pickup": PICKUP, "drop": DROP}
CUSTOMER = {"customer": {"name": "Aisyah", "phone": "+60 12-345 6789"}}
CASH = PaymentTerms("BPP", "ON-FULFILLMENT")
NEW = Statement(select(Received.__table__.c.id).where(Received.__table__.c.state == "new"))
ACK = {"message": {"ack": {"status": "ACK"}}}
LINES = (PriceLine("BASE_FARE", 500), PriceLine("DISTANCE_FARE", 750))
FEES = (
    CancellationTerm("RIDE_CONFIRMED", 0, None, "MYR"),
    CancellationTerm("RIDE_ASSIGNED", 300, None, "MYR"),
)


@dataclass
class Player:
    """A provider or gateway: keeps what it is sent, and says what the test tells it to say."""

    peer: Peer
    sock: socket.socket
    clock: Clock
    node_url: str = ""
    answer: tuple[int, dict[str, Any]] = (200, ACK)
    received: list[dict[str, Any]] = field(default_factory=list)
    page: tuple[int, str, str] = (404, "text/plain", "")
    fetched: list[str] = field(default_factory=list)
    goes_on: asyncio.Event | None = None
    form_answer: dict[str, Any] = field(default_factory=dict)
    filled: list[tuple[str, str, bytes]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    streamed: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    followers: list[str] = field(default_factory=list)
    followed: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    stream_type: str = "text/event-stream"

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Sends what the test puts into `streamed`, until None or until who follows goes away."""
        self.followers.append(request.path)
        response = web.StreamResponse(headers={"Content-Type": self.stream_type})
        await response.prepare(request)
        self.followed.set()
        try:
            while (piece := await self.streamed.get()) is not None:
                await response.write(piece)
        except ConnectionError:
            self.left.set()
        return response

    async def take(self, request: web.Request) -> web.Response:
        """Keeps a message and answers as it was told to."""
        async with self.arrived:
            self.received.append(await request.json())
            self.arrived.notify_all()
        status, body = self.answer
        return web.json_response(body, status=status)

    async def show_form(self, request: web.Request) -> web.Response:
        """Gives its form to whoever asks."""
        self.fetched.append(request.path_qs)
        if self.goes_on is not None:
            await self.goes_on.wait()
        status, content_type, text = self.page
        headers = {"Location": "/elsewhere"} if 300 <= status < 400 else None
        return web.Response(status=status, text=text, content_type=content_type, headers=headers)

    async def take_form(self, request: web.Request) -> web.Response:
        """Keeps what was filled in: where to, by whom signed, and the body."""
        signature = request.headers.get("Authorization", "")
        self.filled.append((request.path_qs, signature, await request.read()))
        return web.json_response(self.form_answer)

    async def asked(self, action: str, nth: int = 1) -> dict[str, Any]:
        """The nth message of that action, once it came."""
        async with asyncio.timeout(DEADLINE_S), self.arrived:
            await self.arrived.wait_for(lambda: len(self.of(action)) >= nth)
        return self.of(action)[nth - 1]

    def of(self, action: str) -> list[dict[str, Any]]:
        """The messages of that action so far."""
        return [one for one in self.received if one["context"]["action"] == action]

    async def say(
        self,
        action: str,
        request: dict[str, Any],
        message: dict[str, Any] | None = None,
        *,
        error: dict[str, Any] | None = None,
        **context: Any,
    ) -> Said:
        """Posts a callback to the node, signed; `context` changes fields of the context."""
        theirs = {
            **request["context"],
            "action": action,
            "bpp_id": self.peer.subscriber_id,
            "bpp_uri": self.peer.url,
            **context,
        }
        said = {"context": theirs, **({"error": error} if error else {"message": message})}
        return await signed_post(self.node_url, self.peer, said, created=int(self.clock.at))

    async def offers(
        self, search: dict[str, Any], *prices: int, speech: Dialect = version, **more: Any
    ) -> Said:
        """Posts an on_search with an offer for each price."""
        found = tuple(offer(self, n, price, **more) for n, price in enumerate(prices))
        catalog = Catalog("Catalog", found, made_at=NOW)
        intent = speech.read_search(search["message"])
        return await self.say("on_search", search, speech.write_on_search(catalog, intent=intent))


def offer(player: Player, n: int, price_minor: int, **more: Any) -> Offer:
    """An offer of a cooperative named after its platform."""
    values: dict[str, Any] = {
        "provider_id": "coop",
        "provider_name": f"Cooperative of {player.peer.subscriber_id}",
        "item_id": f"item-{n}",
        "fulfillment_id": f"f-{n}",
        "kind": "RIDE",
        "vehicle_category": "CAB",
        "name": "Ride",
        "currency": "MYR",
        "price_minor": price_minor,
        "eta_min": 4 + n,
        "payments": (PaymentTerms("BPP", "ON-FULFILLMENT", id="p1"),),
        **more,
    }
    return Offer(**{**values, "kind": Kind(values["kind"])})


def quoted(
    asked: dict[str, Any],
    lines: tuple[PriceLine, ...] = LINES,
    *,
    speech: Dialect = version,
    currency: str = "MYR",
    **more: Any,
) -> OrderView:
    """The order of a select or init with a price."""
    view = speech.read_init(asked["message"])
    quote = Quote(str(uuid.uuid4()), currency, lines, 300)
    return replace(view, **{"quote": quote, **more})


def ordered(
    asked: dict[str, Any], state: str, at: int = NOW, *, speech: Dialect = version, **more: Any
) -> OrderView:
    """The order of a confirm as it stands in `state`."""
    view = speech.read_confirm(asked["message"])
    driven = state not in ("RIDE_CONFIRMED", "RIDE_CANCELLED")
    fulfillment = replace(
        view.fulfillment,
        state=state,
        start_code="4821",
        agent=Agent("Ravi", "+60111111111") if driven else None,
        vehicle=Vehicle("CAB", registration="WXY 1234") if driven else view.fulfillment.vehicle,
    )
    values: dict[str, Any] = {
        "id": "order-1",
        "status": "ACTIVE",
        "fulfillment": fulfillment,
        "cancellation_terms": FEES,
        "created_at": NOW,
        "updated_at": at,
        **more,
    }
    return replace(view, **values)


def cancelled(
    asked: dict[str, Any], fee_minor: int, by: Any = "CONSUMER", at: int = NOW + 60
) -> OrderView:
    """The order of a confirm, cancelled at a fee."""
    total = sum(line.amount_minor for line in LINES)
    lines = (*LINES, PriceLine("CANCELLATION_CHARGES", fee_minor), PriceLine("REFUND", -total))
    return ordered(
        asked,
        "RIDE_CANCELLED",
        at,
        status="CANCELLED",
        quote=Quote("q", "MYR", lines),
        cancellation=Cancellation(by, "005", at),
    )


def message_of(view: OrderView, action: str, speech: Dialect = version) -> dict[str, Any]:
    """The wire's form of an order callback, free to be tampered with."""
    message: dict[str, Any] = copy.deepcopy(speech.write_on_order(view, action=action))
    return message


@dataclass
class Citizen:
    """A browser of one citizen."""

    session: aiohttp.ClientSession
    url: str
    journey_id: str = ""
    secret: str = ""

    async def call(
        self, method: str, path: str, body: Any = None, *, secret: str | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of a request about this journey."""
        headers = {"Authorization": f"Bearer {secret or self.secret}"}
        url = f"{self.url}/api/journeys/{self.journey_id}{path}"
        async with self.session.request(method, url, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def search(
        self, body: Any = None, query: str = "", headers: Any = None
    ) -> tuple[int, Any]:
        """Begins a journey and keeps its secret."""
        url = f"{self.url}/api/journeys{query}"
        async with self.session.post(url, json=body or SEARCH, headers=headers) as response:
            status, told = response.status, await response.json()
        if status == 201:
            self.journey_id, self.secret = told["journey_id"], told["secret"]
        return status, told

    async def journey(self, until: Any = None) -> Any:
        """The journey, once `until(journey)` holds."""
        status, now = await self.call("GET", "")
        async with asyncio.timeout(DEADLINE_S):
            while until is not None and not until(now):
                status, now = await self.call("GET", f"?wait_s=5&since={now['version']}")
        assert status == 200, now
        return now


@dataclass
class Network:
    """A consumer node, a gateway and two providers."""

    node: Node
    clock: Clock
    directory: FakeDirectory
    gateway: Player
    coop: Player
    other: Player
    citizen: Citizen
    mailbox: Mailbox

    async def searched(self, *prices: int) -> dict[str, Any]:
        """A search that `coop` answered with offers of these prices."""
        status, told = await self.citizen.search()
        assert status == 201, told
        search = await self.gateway.asked("search")
        said = await self.coop.offers(search, *(prices or (1250,)))
        assert said.is_ack, said.body
        return await self.citizen.journey(lambda journey: journey["offers"])

    async def answered(self, action: str, path: str, body: Any, reply: Any) -> Any:
        """Asks `action` and lets `coop` answer with what `reply(request)` gives: a message."""
        before = len(self.coop.of(action))
        method = "GET" if body is None else "POST"
        asking = asyncio.create_task(self.citizen.call(method, f"{path}?wait_s=8", body))
        request = await self.coop.asked(action, before + 1)
        said = await self.coop.say(callback_of(action), request, reply(request))
        assert said.is_ack, said.body
        status, journey = await asking
        assert status == 200, journey
        return journey

    async def selected(self, offer_id: str | None = None) -> Any:
        """The journey with a price."""
        journey = await self.citizen.journey()
        body = {"offer_id": offer_id or journey["offers"][0]["offer_id"]}
        return await self.answered(
            "select", "/select", body, lambda asked: message_of(quoted(asked), "on_select")
        )

    async def ready(self, **more: Any) -> Any:
        """The journey with its final terms, only to be confirmed."""
        await self.searched()
        await self.selected()
        return await self.answered(
            "init",
            "/init",
            CUSTOMER,
            lambda asked: message_of(
                quoted(asked, **{"cancellation_terms": FEES, **more}), "on_init"
            ),
        )

    async def booked(self, state: str = "RIDE_ASSIGNED", **more: Any) -> Any:
        """The journey with an order."""
        journey = await self.ready()
        body = {"quote_hash": journey["quote"]["hash"]}
        return await self.answered(
            "confirm",
            "/confirm",
            body,
            lambda asked: message_of(ordered(asked, state, **more), "on_confirm"),
        )

    async def handled(self) -> None:
        """Until every message that was ACKed is handled."""
        changed = asyncio.Event()
        self.node.store.listen(rows.CHANNEL, lambda _: changed.set())
        async with asyncio.timeout(DEADLINE_S):
            while self.node.store.read(lambda session: session.one(NEW)) is not None:
                await changed.wait()
                changed.clear()

    async def unasked(self, action: str, view: OrderView, *, by: Player | None = None) -> Said:
        """An unsolicited callback of `coop` about the order confirmed."""
        confirm = self.coop.of("confirm")[0]
        message = message_of(view, action)
        return await (by or self.coop).say(action, confirm, message, message_id=str(uuid.uuid4()))


@asynccontextmanager
async def network(
    folder: Path, *, domains: tuple[str, ...] = (RIDES, DELIVERIES), **settings: Any
) -> AsyncIterator[Network]:
    """All of it, listening."""
    clock = Clock()
    async with (
        listening("bg.example.org", SubscriberType.BG, clock, domains) as gateway,
        listening("coop.example.org", SubscriberType.BPP, clock, domains) as coop,
        listening("other.example.org", SubscriberType.BPP, clock, domains) as other,
    ):
        directory = FakeDirectory([player.peer for player in (gateway, coop, other)])
        sock = listening_socket()
        values = {"domains": domains, **settings}
        given = settings_of(BapSettings, folder, sock, subscriber_id="bap.example.org", **values)
        mailbox = Mailbox()
        node = assemble(given, clock=clock, directory=directory, sender=mailbox)
        for player in (gateway, coop, other):
            player.node_url = url_of(sock)
        async with running(node, sock), aiohttp.ClientSession() as session:
            citizen = Citizen(session, url_of(sock))
            yield Network(node, clock, directory, gateway, coop, other, citizen, mailbox)


@asynccontextmanager
async def listening(
    name: str, type: SubscriberType, clock: Clock, domains: tuple[str, ...]
) -> AsyncIterator[Player]:
    """One of them, listening."""
    sock = listening_socket()
    peer = Peer(name, type, url_of(sock), domains=domains)
    player = Player(peer, sock, clock)
    app = web.Application()
    app.router.add_get("/forms/{name}", player.show_form)
    app.router.add_post("/forms/{name}", player.take_form)
    app.router.add_get("/live/{token}", player.stream)
    app.router.add_post("/{action}", player.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    try:
        yield player
    finally:
        await runner.cleanup()
