"""Start time and resident memory of each node after many messages at its real door."""

import asyncio
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from benchmarks import sample
from benchmarks.lean import Answer, Pool, listen
from benchmarks.peer import Network, Party, common_settings
from benchmarks.processes import WAYFARE, Process, free_port
from protocol_specs.wire.context import new_context

DOMAIN = "nic2004:60221"
CONNECTIONS = 16
INTENT = {
    "intent": {
        "fulfillment": {
            "stops": [
                {"type": "START", "location": {"gps": "3.139000,101.686900"}},
                {"type": "END", "location": {"gps": "3.157900,101.711600"}},
            ]
        }
    }
}
SEARCHES_UNBOUNDED = "\n[fanout]\nsearches_per_bap_per_s = 1000000\n"
Send = Callable[[Pool], Awaitable[Answer]]


def registry_settings(node: Party, port: int) -> str:
    """The registry has no registry above it, and here one address asks for all."""
    head, _, _ = common_settings(node, port, node).partition("\n[registry]")
    return f"{head}\n[bounds]\nlookup_per_s = 1000000\n"


async def resident(role: str, toml: str, node: Party, port: int, send: Send, messages: int) -> Any:
    """Start `role`, send so many messages, and read its memory."""
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        node.write_keys(cwd)
        (cwd / "node.toml").write_text(toml)
        arguments = ["-c", WAYFARE, "serve", role, "--config", "node.toml"]
        process = await asyncio.to_thread(Process, arguments, port, cwd=cwd)
        pool = Pool("127.0.0.1", port)
        try:
            await pool.open(CONNECTIONS)
            fresh = process.resident_mb()
            for _ in range(messages // 500):
                await asyncio.gather(*(send(pool) for _ in range(500)))
            return {
                "start_s": round(process.start_s, 2),
                "start_cpu_s": round(process.start_cpu_s, 2),
                "resident_mb_fresh": round(fresh, 1),
                "resident_mb_after": round(process.resident_mb(), 1),
                "messages": messages,
            }
        finally:
            pool.close()
            await asyncio.to_thread(process.stop)


def search(bap: Party, *, city: str = "std:03", country: str = "MYS") -> bytes:
    """A search with a message_id of its own."""
    context = new_context(
        action="search",
        domain=DOMAIN,
        version="1.1.1",
        city=city,
        country=country,
        bap_id=bap.subscriber_id,
        bap_uri=bap.url,
        transaction_id=str(uuid.uuid4()),
        message_id=str(uuid.uuid4()),
        now_ms=time.time_ns() // 1_000_000,
    )
    return orjson.dumps({"context": context, "message": INTENT})


async def measure(*, messages: int) -> dict[str, Any]:
    """Registry: look-ups. Gateway: searches to one provider. BAP: verified answers nobody asked."""
    bpp = Party("bpp.example", "BPP", DOMAIN, "")
    bap = Party("bap.example", "BAP", DOMAIN, "")
    registry = Party("registry.example", "REGISTRY", DOMAIN, "")
    network = Network([bap, bpp], lambda action, body: None)
    server, heard_at = await listen(network.answer)
    registry.url = bap.url = bpp.url = f"http://127.0.0.1:{heard_at}"
    results = {}

    def own(name: str, kind: str) -> tuple[Party, int]:
        port = free_port()
        party = Party(name, kind, DOMAIN, f"http://127.0.0.1:{port}", "std:03", "MYS")
        network.parties.append(party)
        return party, port

    node, port = own("registry.example", "REGISTRY")
    question = orjson.dumps({"type": "BPP", "domain": DOMAIN})
    results["registry"] = await resident(
        "registry",
        registry_settings(node, port),
        node,
        port,
        lambda pool: pool.post("/lookup", {}, question),
        messages,
    )

    async def searched(pool: Pool) -> Answer:
        body = search(bap)
        return await pool.post("/search", bap.sign(body), body)

    node, port = own("bg.example", "BG")
    toml = common_settings(node, port, registry) + SEARCHES_UNBOUNDED
    results["gateway"] = await resident("gateway", toml, node, port, searched, messages)

    node, port = own("own-bap.example", "BAP")
    message, consumer = sample.message(), node

    async def answered(pool: Pool) -> Answer:
        body = sample.callback(consumer, bpp, message)
        return await pool.post("/on_confirm", bpp.sign(body), body)

    toml = common_settings(node, port, registry)
    results["bap"] = await resident("bap", toml, node, port, answered, messages)
    server.close()
    return results
