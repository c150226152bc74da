"""CPU per message that is received and acknowledged, against the floor nobody can go below: an
on_confirm, which is on disk before its ACK, and an on_select, which passes through memory."""

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
KINDS = {"durable": "on_confirm", "passing": "on_select"}
Signed = list[tuple[bytes, str]]  # body and Authorization


def floor_us(action: str, messages: Signed, public: bytes, schemas: Schemas) -> float:
    """Digest, verify, parse and validate each body once: CPU microseconds per message."""
    started = time.process_time()
    for body, value in messages:
        header = signing.parse_header(value)
        signing.verify_header(header, signing.digest(body), public)
        schemas.validate(action, orjson.loads(body))
    return (time.process_time() - started) / len(messages) * 1e6


async def drive(pool: Pool, action: str, messages: Signed, process: Process) -> float:
    """Post every body; the node's CPU microseconds per message. Raises unless each is ACKed."""
    before = process.cpu_s()
    answers = await asyncio.gather(
        *(pool.post(f"/{action}", {"Authorization": value}, body) for body, value in messages)
    )
    refused = [answer for status, answer in answers if status != 200 or b'"ACK"' not in answer]
    if refused:
        raise RuntimeError(f"{len(refused)} refused, the first: {refused[0]!r}")
    return (process.cpu_s() - before) / len(messages) * 1e6


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
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}  # floor, node
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
                for kind, action in KINDS.items():
                    bodies = [sample.callback(bap, bpp, message, action) for _ in range(per_round)]
                    messages = [(body, bpp.sign(body)["Authorization"]) for body in bodies]
                    half = per_round // 2
                    floor = floor_us(action, messages[:half], bpp.key.public, schemas)
                    cost = await drive(pool, action, messages, process)
                    floor += floor_us(action, messages[half:], bpp.key.public, schemas)
                    if number:  # the first round warms caches up
                        found[kind].append((floor / 2, cost))
            pool.close()
            resident = process.resident_mb()
        finally:
            await asyncio.to_thread(process.stop)
    server.close()
    return {
        "body_bytes": len(bodies[0]),
        "messages": rounds * per_round,
        **{kind: _figures(each) for kind, each in found.items()},
        "resident_mb_after": round(resident, 1),
        "start_s": round(process.start_s, 2),
    }


def _figures(found: list[tuple[float, float]]) -> dict[str, Any]:
    shares = sorted(floor / cost for floor, cost in found)
    return {
        "floor_us": round(statistics.median(floor for floor, _ in found), 1),
        "node_us": round(statistics.median(cost for _, cost in found), 1),
        "share_of_floor": round(statistics.median(shares), 3),
        "share_of_floor_rounds": [round(share, 3) for share in shares],
    }
