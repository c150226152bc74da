"""The gateway's CPU per target of a search, against a lean pooled client that sends the same bytes.

The providers are listeners of this process, each on a port of its own, with an ACK for everything.
"""

import asyncio
import base64
import json
import resource
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.footprint import SEARCHES_UNBOUNDED, search
from benchmarks.lean import Listener, Pool, listen
from benchmarks.peer import Network, Party, common_settings
from benchmarks.processes import ROOT, WAYFARE, Process, free_port
from protocol_specs.node.client.pool import tail
from protocol_specs.wire.errors import ack

DOMAIN = "nic2004:60221"
QUIET_S = 0.15  # after the last ACK was sent, until the gateway has read it


class Providers:
    """So many listeners, and when the last of them was reached."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self._servers: list[asyncio.Server] = []
        self._reached = 0
        self._wanted = 0
        self._all = asyncio.Event()
        self._ack = ack()

    async def open(self, count: int) -> None:
        for _ in range(count):
            sock = socket.socket()
            sock.bind(("127.0.0.1", 0))
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Listener(self._answer), sock=sock)
            self._servers.append(server)
            self.ports.append(sock.getsockname()[1])

    def expect(self) -> None:
        """Each of them once, from now on."""
        self._reached, self._wanted = 0, len(self.ports)
        self._all.clear()

    async def reached(self) -> None:
        async with asyncio.timeout(60):
            await self._all.wait()

    def close(self) -> None:
        for server in self._servers:
            server.close()

    def _answer(self, path: str, body: bytes) -> bytes:
        self._reached += 1
        if self._reached == self._wanted:
            self._all.set()
        return self._ack


class Floor:
    """The lean client, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, ports: list[int], rest: bytes) -> "Floor":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.fan",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        floor = cls(process)
        told = {"ports": ports, "tail": base64.b64encode(rest).decode()}
        if await floor._say(json.dumps(told)) != b"ready\n":
            raise RuntimeError("the lean client did not start")
        return floor

    async def round(self) -> dict[str, float]:
        """CPU seconds of one message to all, and seconds to the last ACK."""
        answer: dict[str, float] = json.loads(await self._say("go"))
        return answer

    async def stop(self) -> None:
        self._process.terminate()
        await self._process.wait()

    async def _say(self, line: str) -> bytes:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the lean client has no pipes")
        stdin.write(line.encode() + b"\n")
        await stdin.drain()
        return await stdout.readline()


async def fan_out(pool: Pool, bap: Party, providers: Providers) -> float:
    """One search through the gateway; seconds until the last provider had it."""
    body = search(bap, city="std:080", country="IND")
    headers = bap.sign(body)
    providers.expect()
    began = time.perf_counter()
    status, answer = await pool.post("/search", headers, body)
    if status != 200:
        raise RuntimeError(f"the search was refused: {answer!r}")
    await providers.reached()
    return time.perf_counter() - began


async def at(count: int, *, rounds: int, searches: int) -> dict[str, Any]:
    """The figures with `count` providers: medians over alternating rounds of floor and gateway."""
    providers = Providers()
    await providers.open(count)
    port = free_port()
    registry = Party("registry.example", "REGISTRY", DOMAIN, "")
    bap = Party("bap.example", "BAP", DOMAIN, "https://bap.example")
    bg = Party("bg.example", "BG", DOMAIN, f"http://127.0.0.1:{port}")
    bpps = [
        Party(f"p{n}.example", "BPP", DOMAIN, f"http://127.0.0.1:{at}")
        for n, at in enumerate(providers.ports)
    ]
    server, registry_port = await listen(Network([bap, bg, *bpps], lambda *_: None).answer)
    registry.url = f"http://127.0.0.1:{registry_port}"
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        bg.write_keys(cwd)
        (cwd / "node.toml").write_text(common_settings(bg, port, registry) + SEARCHES_UNBOUNDED)
        arguments = ["-c", WAYFARE, "serve", "gateway", "--config", "node.toml"]
        process = await asyncio.to_thread(Process, arguments, port, cwd=cwd)
        floor = await Floor.start(providers.ports, _tail(bg, bap))
        pool = Pool("127.0.0.1", port)
        try:
            await pool.open(1)
            return await _rounds(
                process, floor, lambda: fan_out(pool, bap, providers), rounds, searches, count
            )
        finally:
            pool.close()
            await floor.stop()
            await asyncio.to_thread(process.stop)
            server.close()
            providers.close()


def _tail(bg: Party, bap: Party) -> bytes:
    """What the gateway adds and forwards, as it does."""
    body = search(bap, city="std:080", country="IND")
    ours = bg.sign(body)["Authorization"]
    return tail(
        bap.sign(body) | {"X-Gateway-Authorization": ours, "Proxy-Authorization": ours}, body
    )


async def _rounds(
    process: Process, floor: Floor, one: Any, rounds: int, searches: int, count: int
) -> dict[str, Any]:
    floors, costs, ratios, last, floor_last = [], [], [], [], []
    for number in range(rounds + 1):
        answers = [await floor.round() for _ in range(searches)]
        before = process.cpu_s()
        took = [await one() for _ in range(searches)]
        await asyncio.sleep(QUIET_S)
        cost = (process.cpu_s() - before) / searches / count * 1e6
        if number:  # the first round opens the connections
            floors.append(sum(answer["cpu_s"] for answer in answers) / searches / count * 1e6)
            costs.append(cost)
            ratios.append(cost / floors[-1])
            last += took
            floor_last += [answer["last_ack_s"] for answer in answers]
    return {
        "floor_us_per_target": round(statistics.median(floors), 1),
        "gateway_us_per_target": round(statistics.median(costs), 1),
        "ratio": round(statistics.median(ratios), 2),
        "last_ack_ms": round(statistics.median(last) * 1000, 1),
        "floor_last_ack_ms": round(statistics.median(floor_last) * 1000, 1),
        "searches": rounds * searches,
    }


async def measure(*, rounds: int) -> dict[str, Any]:
    """At 50, 500 and 2000 providers; as many requests in a round of each."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return {
        str(count): await at(count, rounds=rounds, searches=max(2, 4000 // count))
        for count in (50, 500, 2000)
    }
