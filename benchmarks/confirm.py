"""Insured orders per second: confirm POSTed to on_confirm acknowledged, at one real BPP process."""

import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from benchmarks.lean import Pool, listen
from benchmarks.peer import Network, Party, common_settings
from benchmarks.percentiles import percentiles_ms
from benchmarks.processes import WAYFARE, Process, free_port
from protocol_specs.wire.context import new_context

DOMAIN = "nic2004:60221"
SHARES = (0.3, 0.8)  # of the rate that was reached
IN_FLIGHT = 64  # orders at once: POSTed, and their on_confirm not yet acknowledged
STOPS = [
    {"type": "START", "location": {"gps": "3.139000,101.686900"}},
    {"type": "END", "location": {"gps": "3.157900,101.711600"}},
]
INTENT = {"intent": {"fulfillment": {"stops": STOPS}, "payment": {"collected_by": "BPP"}}}
ACCEPTED = ("provider", "items", "fulfillments", "billing", "payments", "quote")
CUSTOMER = {"person": {"name": "Asha Raman"}, "contact": {"phone": "60111111111"}}
COOPERATIVE = """
provider_id = "kl-taxi"
provider_name = "KL Taxi Cooperative"
kind = "ride"
currency = "MYR"
categories = ["CAB"]
assignment = "offer"
takes_orders_without_driver = true
quote_ttl_s = 3600
service_area = [{ lat = 3.139, lon = 101.6869, radius_m = 20000 }]

[fares]
base = "3.00"
per_km = "0.70"

[[vehicles]]
registration = "W 1"
category = "CAB"

[insurance]
schemes = ["my.act872.gig"]
allow_unverified = true
commission_rate = "0.20"
ledger_key = "ledger/signing.key"
witness = "witness/heads.jsonl"

[insurance.liable_party."my.act872.gig"]
party = "bpp"
source = "a measurement"

[insurance.mandates]
"my.act872.gig" = "a measurement"
"""


class Consumer:
    """The BAP: asks, and waits for the callback of each message_id."""

    def __init__(self, bap: Party, bpp: Party, pool: Pool) -> None:
        self.bap, self.bpp, self.pool = bap, bpp, pool
        self.waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.heard = 0

    def hear(self, action: str, body: bytes) -> None:
        """A callback has come; it is acknowledged by the listener."""
        self.heard += 1
        document = orjson.loads(body)
        waiter = self.waiting.pop(document["context"]["message_id"], None)
        if waiter is not None and not waiter.done():
            waiter.set_result(document)

    def document(self, action: str, message: dict[str, Any], transaction_id: str) -> bytes:
        """A request as bytes; its message_id is made here."""
        context = new_context(
            action=action,
            domain=DOMAIN,
            version="1.1.1",
            city=self.bap.city,
            country=self.bap.country,
            bap_id=self.bap.subscriber_id,
            bap_uri=self.bap.url,
            bpp_id=self.bpp.subscriber_id,
            bpp_uri=self.bpp.url,
            transaction_id=transaction_id,
            message_id=str(uuid.uuid4()),
            now_ms=time.time_ns() // 1_000_000,
            ttl="PT10M",
        )
        return orjson.dumps({"context": context, "message": message})

    async def ask(self, action: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """POST it; the callback's message. Raises when it is refused at once or by decision."""
        message_id = orjson.loads(body)["context"]["message_id"]
        answer = asyncio.get_running_loop().create_future()
        self.waiting[message_id] = answer
        status, said = await self.pool.post(f"/{action}", headers, body)
        if status != 200 or b'"ACK"' not in said:
            raise RuntimeError(f"{action} refused with {status}: {said!r}")
        document = await asyncio.wait_for(answer, 60)
        if "error" in document:
            raise RuntimeError(f"{action} answered with {document['error']}")
        answered: dict[str, Any] = document["message"]
        return answered


def init_order(item_id: str) -> dict[str, Any]:
    """What an init asks for."""
    return {
        "provider": {"id": "kl-taxi"},
        "items": [{"id": item_id}],
        "fulfillments": [{"id": f"{item_id}-fulfillment", "stops": STOPS, "customer": CUSTOMER}],
        "billing": {"name": "Asha Raman"},
        "payments": [{"collected_by": "BPP", "type": "ON-FULFILLMENT", "status": "NOT-PAID"}],
    }


def confirm_order(draft: dict[str, Any]) -> dict[str, Any]:
    """The accepted draft."""
    return {name: draft[name] for name in ACCEPTED if name in draft}


@asynccontextmanager
async def cooperative(
    fill: Callable[[Path, Party], None] | None = None,
) -> AsyncIterator[tuple[Consumer, Process]]:
    """An insured ride cooperative as a process of its own, and a platform connected to it.

    `fill` gets the node's folder, with its node.toml, and the platform, before the node starts.
    """
    port = free_port()
    registry = Party("registry.example", "REGISTRY", DOMAIN, "")
    bpp = Party("bpp.example", "BPP", DOMAIN, f"http://127.0.0.1:{port}", "std:03", "MYS")
    bap = Party("bap.example", "BAP", DOMAIN, "", "std:03", "MYS")
    pool = Pool("127.0.0.1", port)
    consumer = Consumer(bap, bpp, pool)
    network = Network([bap, bpp], consumer.hear)
    server, heard_at = await listen(network.answer)
    registry.url = bap.url = f"http://127.0.0.1:{heard_at}"
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        settle(cwd, bpp, registry, port)
        if fill is not None:
            await asyncio.to_thread(fill, cwd, bap)
        arguments = ["-c", WAYFARE, "serve", "bpp", "--config", "node.toml"]
        process = await asyncio.to_thread(Process, arguments, port, cwd=cwd)
        try:
            await pool.open(IN_FLIGHT)
            yield consumer, process
        finally:
            pool.close()
            server.close()
            await asyncio.to_thread(process.stop)


def settle(cwd: Path, bpp: Party, registry: Party, port: int) -> None:
    """Writes what the cooperative's node starts from: settings, keys, a place for the witness."""
    bpp.write_keys(cwd)
    Party("ledger", "", "", "").write_keys(cwd / "ledger")
    head, _, tail = common_settings(bpp, port, registry).partition("\n[registry]")
    ours, _, tables = COOPERATIVE.partition("\n[fares]")
    (cwd / "node.toml").write_text(f"{head}{ours}\n[fares]{tables}\n[registry]{tail}")
    (cwd / "witness").mkdir()


async def measure(*, orders: int, paced: int) -> dict[str, Any]:
    """Quotes first, then the confirms, a fixed number in flight over kept-alive connections; then
    `paced` orders with a search each: as fast as they go, and at each of the shares of that."""
    async with cooperative() as (consumer, process):
        bodies = await quoted(consumer, orders)
        headers = [consumer.bap.sign(body) for body in bodies]
        cpu, own, started = process.cpu_s(), time.process_time(), time.monotonic()
        took_s = await confirmed(consumer, zip(bodies, headers, strict=True))
        elapsed = time.monotonic() - started
        cpu, own = process.cpu_s() - cpu, time.process_time() - own
        pairs_per_s = await searched_and_confirmed(consumer, paced)
        at_load = {
            f"{share:.0%}": await at_rate(consumer, paced, share * pairs_per_s) for share in SHARES
        }
        return {
            "orders": orders,
            "in_flight": IN_FLIGHT,
            "orders_per_s": round(orders / elapsed),
            "confirm_to_on_confirm_ms": percentiles_ms(took_s),
            "at_load": at_load,
            "node_us_per_order": round(cpu / orders * 1e6),
            "generator_us_per_order": round(own / orders * 1e6),
            "resident_mb_after": round(process.resident_mb(), 1),
            "start_s": round(process.start_s, 2),
        }


async def quoted(consumer: Consumer, orders: int) -> list[bytes]:
    """A confirm for each of so many quotes, ready to be signed and sent."""
    item_id, at_once = "ride-cab", asyncio.Semaphore(IN_FLIGHT)

    async def one() -> bytes:
        async with at_once:  # a node sheds what it cannot finish soon
            return await drafted()

    async def drafted() -> bytes:
        transaction_id = str(uuid.uuid4())
        body = consumer.document("init", {"order": init_order(item_id)}, transaction_id)
        draft = (await consumer.ask("init", body, consumer.bap.sign(body)))["order"]
        return consumer.document("confirm", {"order": confirm_order(draft)}, transaction_id)

    return list(await asyncio.gather(*(one() for _ in range(orders))))


async def confirmed(
    consumer: Consumer, asked: Iterable[tuple[bytes, dict[str, str]]]
) -> list[float]:
    """Confirm them all, IN_FLIGHT at once; the seconds each took from POST to on_confirm."""
    took_s: list[float] = []
    waiting = iter(asked)

    async def one_after_the_other() -> None:
        for body, signed in waiting:
            started = time.monotonic()
            await consumer.ask("confirm", body, signed)
            took_s.append(time.monotonic() - started)

    await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))
    return took_s


def searching(consumer: Consumer) -> bytes:
    """A search, ready to be signed and sent."""
    return consumer.document("search", INTENT, str(uuid.uuid4()))


async def searched_and_confirmed(consumer: Consumer, orders: int) -> float:
    """Orders a second, each with a search before it, IN_FLIGHT at once."""
    waiting = iter(await quoted(consumer, orders))

    async def one_after_the_other() -> None:
        for body in waiting:
            for action, asked in (("search", searching(consumer)), ("confirm", body)):
                await consumer.ask(action, asked, consumer.bap.sign(asked))

    started = time.monotonic()
    await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))
    return orders / (time.monotonic() - started)


async def at_rate(consumer: Consumer, orders: int, per_s: float) -> dict[str, Any]:
    """Confirms at that rate whatever the node does, and a search beside each: how long they took
    from POST to callback."""
    bodies = await quoted(consumer, orders)
    took_s: dict[str, list[float]] = {"confirm": [], "search": []}
    begin = time.monotonic()

    async def one(action: str, at: float, body: bytes) -> None:
        await asyncio.sleep(at - time.monotonic())
        started = time.monotonic()
        await consumer.ask(action, body, consumer.bap.sign(body))
        took_s[action].append(time.monotonic() - started)

    async with asyncio.TaskGroup() as group:
        for n, body in enumerate(bodies):
            group.create_task(one("confirm", begin + n / per_s, body))
            group.create_task(one("search", begin + (n + 0.5) / per_s, searching(consumer)))
    return {
        "orders_per_s": round(per_s),
        "confirm_to_on_confirm_ms": percentiles_ms(took_s["confirm"]),
        "search_to_first_offer_ms": percentiles_ms(took_s["search"]),
    }
