"""A cooperative at its real signed door, and a consumer platform that hears its callbacks."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from sqlalchemy import select

from bpp.app import build_from
from bpp.orders.extension import Extension
from bpp.orders.order import Order, read_order
from bpp.orders.tables import OrderEventRow, OrderRow, QuoteRow, RatingRow, SubmissionRow
from bpp.settings import BppSettings
from protocol_specs.node.server import Node
from protocol_specs.node.store import Statement
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import SchemaFault, ack
from protocol_specs.wire.parties import callback_of
from protocol_specs.wire.schema import Schemas
from protocol_specs.wire.timestamp import rfc3339
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of, url_of
from tests.support.peers import RIDES, Clock, FakeDirectory, Peer, Said, signed_post
from tests.support.told import tell_everybody

DEADLINE_S = 60
STRICT = Schemas.load("strict")
GPS = {"START": "3.139000,101.686900", "END": "3.157900,101.711600"}
AT_PICKUP = {"lat": 3.1391, "lon": 101.6870}
CUSTOMER = {"person": {"name": "Siti"}, "contact": {"phone": "60111111111"}}
CASH = {"collected_by": "BPP", "type": "ON-FULFILLMENT", "status": "NOT-PAID"}

_TABLES = {
    "orders": Statement(select(OrderRow.__table__).order_by(OrderRow.__table__.c.key)),
    "events": Statement(select(OrderEventRow.__table__)),
    "quotes": Statement(select(QuoteRow.__table__)),
    "ratings": Statement(select(RatingRow.__table__)),
    "forms": Statement(select(SubmissionRow.__table__)),
}


def token(code: str) -> str:
    """The bearer token of the driver with this code."""
    return f"token-of-driver-{code}"


def ride_settings(drivers: int = 2, **changes: Any) -> dict[str, Any]:
    """The settings of a taxi cooperative with drivers D1, D2 ..."""
    codes = [f"D{n}" for n in range(1, drivers + 1)]
    values: dict[str, Any] = {
        "provider_id": "kl-taxi",
        "provider_name": "KL Taxi Cooperative",
        "kind": "ride",
        "currency": "MYR",
        "categories": ("CAB",),
        "takes_orders_without_driver": True,
        "service_area": ({"lat": 3.139, "lon": 101.6869, "radius_m": 20_000},),
        "fares": {"base": "3.00", "per_km": "0.70"},
        "cancellation": (
            {"state": "RIDE_ASSIGNED", "fee": "0.00"},
            {"state": "RIDE_ENROUTE_PICKUP", "fee": "2.00"},
        ),
        "vehicles": tuple({"registration": f"W {c}", "category": "CAB"} for c in codes),
        "drivers": tuple(
            {
                "code": code,
                "name": f"Driver {code}",
                "phone": "9876500001",
                "vehicle": f"W {code}",
                "token_sha256": hashlib.sha256(token(code).encode()).hexdigest(),
            }
            for code in codes
        ),
    }
    return {**values, **changes}


@dataclass
class Consumer:
    """A BAP with a door of its own, at which it believes and keeps what it hears.

    `faults` says where a callback broke the strict schema: at the end there must be none.
    """

    peer: Peer
    schemas: Schemas = STRICT
    heard: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, request: web.Request) -> web.Response:
        """Take a callback."""
        document = strict_json.parse(await request.read())
        try:
            self.schemas.validate(document["context"]["action"], document)
        except SchemaFault as fault:
            self.faults.append(f"{fault.path}: {fault.reason}")
        async with self.news:
            self.heard.append(document)
            self.news.notify_all()
        return web.Response(body=ack(), content_type="application/json")

    async def callback(self, action: str, *, n: int = 1, **context: str) -> dict[str, Any]:
        """The n-th callback of this action (and of this context), within the deadline."""

        def found() -> list[dict[str, Any]]:
            return [
                heard
                for heard in self.heard
                if heard["context"]["action"] == action
                and all(heard["context"][name] == value for name, value in context.items())
            ]

        async with self.news, asyncio.timeout(DEADLINE_S):
            await self.news.wait_for(lambda: len(found()) >= n)
        return found()[n - 1]


@dataclass
class Cooperative:
    """The provider's node, its drivers' phones, and the BAPs around it."""

    node: Node
    clock: Clock
    bap: Consumer
    other: Consumer
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """Where the node listens."""
        return f"http://127.0.0.1:{self.node.port}"

    def message(
        self,
        action: str,
        message: dict[str, Any] | None,
        sender: Consumer | None = None,
        **context: Any,
    ) -> dict[str, Any]:
        """A whole message of the BAP to this provider; a meta call has no `message`."""
        said = peers.context_of(
            action,
            sender=(sender or self.bap).peer,
            to_id=None if action == "search" else self.node.receiver.subscriber_id,
            to_url=None if action == "search" else self.node.receiver.url,
            timestamp=rfc3339(int(self.clock.at * 1000)),
            **context,
        )
        return {"context": said} if message is None else {"context": said, "message": message}

    async def say(
        self,
        action: str,
        message: dict[str, Any] | None,
        sender: Consumer | None = None,
        **context: Any,
    ) -> Said:
        """POST it, signed."""
        who = sender or self.bap
        document = self.message(action, message, sender, **context)
        return await signed_post(self.url, who.peer, document, created=int(self.clock.at))

    async def ask(
        self,
        action: str,
        message: dict[str, Any] | None,
        sender: Consumer | None = None,
        **context: Any,
    ) -> dict[str, Any]:
        """POST it, expect ACK, and wait for its callback."""
        who, message_id = sender or self.bap, str(uuid.uuid4())
        said = await self.say(action, message, sender, message_id=message_id, **context)
        assert said.is_ack, said.body
        return await who.callback(callback_of(action), message_id=message_id)

    async def drive(self, code: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One call of a driver's phone."""
        headers = {"Authorization": f"Bearer {token(code)}"}
        return await self.call(method, f"/driver/{path}", body, headers)

    async def desk(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One call of the desk."""
        secret = (self.node.settings.data_dir / "desk.token").read_text().strip()
        return await self.call(method, f"/desk/{path}", body, {"Authorization": f"Bearer {secret}"})

    async def call(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, Any]:
        """One JSON call: status and answer."""
        data = body if isinstance(body, bytes) else None
        async with self.session.request(
            method, f"{self.url}{path}", json=None if data else body, data=data, headers=headers
        ) as response:
            return response.status, await response.json()

    async def online(self, *codes: str) -> None:
        """These drivers go online near the pickup."""
        for code in codes:
            status, _ = await self.drive(code, "POST", "online", {"online": True, **AT_PICKUP})
            assert status == 200

    async def carried_out(self, order_id: str, driver: str = "D1", **end: Any) -> None:
        """The driver takes the order from assignment to its end."""
        job = f"jobs/{order_id}"
        code = self.order(order_id).view.fulfillment.start_code
        for step, body in (
            ("enroute", None),
            ("arrived", None),
            ("start", {"code": code}),
            ("end", end),
        ):
            status, answer = await self.drive(driver, "POST", f"{job}/{step}", body)
            assert status == 200, answer

    async def quoted(self, transaction_id: str, sender: Consumer | None = None) -> dict[str, Any]:
        """The order of on_init."""
        init = await self.ask("init", order_asked(), sender, transaction_id=transaction_id)
        order: dict[str, Any] = init["message"]["order"]
        return order

    async def confirmed(self, transaction_id: str | None = None) -> dict[str, Any]:
        """A whole booking: the order of on_confirm."""
        transaction_id = transaction_id or str(uuid.uuid4())
        draft = await self.quoted(transaction_id)
        reply = await self.ask("confirm", accepting(draft), transaction_id=transaction_id)
        order: dict[str, Any] = reply["message"]["order"]
        return order

    def order(self, order_id: str) -> Order:
        """The order as it is stored."""
        rows = [row for row in self._rows("orders") if row["order_id"] == order_id]
        return read_order(rows[0]["document"])

    def books(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of business: what a refusal must leave as it was."""
        return {name: [tuple(row) for row in self._rows(name)] for name in _TABLES}

    def _rows(self, name: str) -> list[Any]:
        return self.node.store.read(lambda session: session.all(_TABLES[name]))


def order_asked(**changes: Any) -> dict[str, Any]:
    """The order of select and init."""
    stops = [{"type": kind, "location": {"gps": gps}} for kind, gps in GPS.items()]
    order = {
        "provider": {"id": "kl-taxi"},
        "items": [{"id": "ride-cab"}],
        "fulfillments": [{"id": "ride-cab-fulfillment", "customer": CUSTOMER, "stops": stops}],
        "billing": {"name": "Siti", "phone": "60111111111"},
        "payments": [CASH],
    }
    return {"order": {**order, **changes}}


def accepting(draft: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The confirm of a draft that came with on_init."""
    kept = ("provider", "items", "fulfillments", "billing", "payments", "quote")
    order = {name: draft[name] for name in kept}
    return {"order": {**order, **changes}}


@asynccontextmanager
async def consumer(name: str, domain: str, schemas: Schemas = STRICT) -> AsyncIterator[Consumer]:
    """A BAP that listens on a real socket, and finds fault by these schemas."""
    sock = listening_socket()
    there = Consumer(Peer(name, peers.SubscriberType.BAP, url_of(sock), (domain,)), schemas)
    app = web.Application()
    app.router.add_post("/{action}", there.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    try:
        yield there
        assert there.faults == [], there.faults
    finally:
        await runner.cleanup()


@asynccontextmanager
async def cooperative(
    folder: Path,
    extensions: tuple[Extension, ...] = (),
    *,
    domain: str = RIDES,
    schemas: Schemas = STRICT,
    **changes: Any,
) -> AsyncIterator[Cooperative]:
    """A ride cooperative that runs, and two BAPs whose messages are of these `schemas`."""
    clock, sock = Clock(), listening_socket()
    settings = settings_of(
        BppSettings,
        folder,
        sock,
        subscriber_id="bpp.example.org",
        domains=(domain,),
        **ride_settings(**changes),
    )
    async with (
        consumer("bap.example.org", domain, schemas) as bap,
        consumer("other.example.org", domain, schemas) as other,
        aiohttp.ClientSession() as session,
    ):
        directory = FakeDirectory([bap.peer, other.peer])
        node = build_from(settings, clock=clock, directory=directory, extensions=extensions)
        tell_everybody(node.store, settings, node.now())
        async with running(node, sock):
            yield Cooperative(node, clock, bap, other, session)
