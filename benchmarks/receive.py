"""CPU per received on_confirm, durable and acknowledged, against the floor nobody can go below."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks import sample
from benchmarks.lean import Pool, listen
from benchmarks.peer import Network, Party, common_settings
from benchmarks.processes import Process, free_port
from protocol_specs.wire import signing
from protocol_specs.wire.schema import Schemas

CONNECTIONS = 16


def floor_us(bodies: list[bytes], headers: list[str], public: bytes, schemas: Schemas) -> float:
    """Digest, verify, parse and validate each body once: CPU microseconds per message."""
    started = time.process_time()
    for body, value in zip(bodies, headers, strict=True):
        header = signing.parse_header(value)
        signing.verify_header(header, signing.digest(body), public)
        schemas.validate("on_confirm", orjson.loads(body))
    return (time.process_time() - started) / len(bodies) * 1e6


async def drive(pool: Pool, bodies: list[bytes], headers: list[str], process: Process) -> float:
    """Post every body; the node's CPU microseconds per message. Raises unless each is ACKed."""
    before = process.cpu_s()
    answers = await asyncio.gather(
        *(
            pool.post("/on_confirm", {"Authorization": value}, body)
            for body, value in zip(bodies, headers, strict=True)
        )
    )
    refused = [answer for status, answer in answers if status != 200 or b'"ACK"' not in answer]
    if refused:
        raise RuntimeError(f"{len(refused)} refused, the first: {refused[0]!r}")
    return (process.cpu_s() - before) / len(bodies) * 1e6


async def measure(*, rounds: int, per_round: int) -> dict[str, Any]:
    """Alternate rounds of floor and node; the share of the floor is floor / node.

    A round's floor is measured half before and half after the node's part, on the same messages,
    and the share is the median over the rounds: what else the machine does hits both.
    """
    port = free_port()
    domain = "nic2004:60221"
    registry = Party("registry.example", "REGISTRY", domain, "")
    bpp = Party("bpp.example", "BPP", domain, "https://bpp.example")
    bap = Party("bap.example", "BAP", domain, f"http://127.0.0.1:{port}")
    network = Network([bap, bpp], lambda action, body: None)
    server, registry_port = await listen(network.answer)
    registry.url = f"http://127.0.0.1:{registry_port}"
    schemas = Schemas.load("receive")
    message = sample.message()
    floors, costs, shares = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        bap.write_keys(cwd)
        (cwd / "node.toml").write_text(common_settings(bap, port, registry))
        arguments = ["-m", "benchmarks.receiver", "node.toml"]
        process = await asyncio.to_thread(Process, arguments, port, cwd=cwd)
        try:
            pool = Pool("127.0.0.1", port)
            await pool.open(CONNECTIONS)
            for number in range(rounds + 1):
                bodies = [sample.on_confirm(bap, bpp, message) for _ in range(per_round)]
                headers = [bpp.sign(body)["Authorization"] for body in bodies]
                half = per_round // 2
                floor = floor_us(bodies[:half], headers[:half], bpp.key.public, schemas)
                cost = await drive(pool, bodies, headers, process)
                floor += floor_us(bodies[half:], headers[half:], bpp.key.public, schemas)
                if number:  # the first round warms caches up
                    floors.append(floor / 2)
                    costs.append(cost)
                    shares.append(floor / 2 / cost)
            pool.close()
            resident = process.resident_mb()
        finally:
            await asyncio.to_thread(process.stop)
    server.close()
    return {
        "body_bytes": len(bodies[0]),
        "messages": rounds * per_round,
        "floor_us": round(statistics.median(floors), 1),
        "node_us": round(statistics.median(costs), 1),
        "share_of_floor": round(statistics.median(shares), 3),
        "share_of_floor_rounds": [round(share, 3) for share in sorted(shares)],
        "resident_mb_after": round(resident, 1),
        "start_s": round(process.start_s, 2),
    }
