"""The adapter hop: receive, verify, validate, sign, send on, relay the ACK; CPU beside Go's.

Ours is `benchmarks.adapter`, a node with every check of its door; Go's is adapter.go, leaner than a
node (its first lines say in what). Same bodies, same run, alternating rounds; what they send on is
taken by a listener of this process.
"""

import asyncio
import base64
import hashlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import sample
from benchmarks.lean import Pool, listen
from benchmarks.peer import Network, Party, common_settings
from benchmarks.processes import Process, cpu_s_of, free_port
from protocol_specs.wire import keys

CONNECTIONS = 16
DOMAIN = "nic2004:60221"
SOURCE = Path(__file__).with_name("adapter.go")
START_S = 10


class Go:
    """The Go adapter as a process."""

    def __init__(self, folder: Path, sender: Party, seed: bytes, target: str) -> None:
        self.port = free_port()
        public = base64.b64encode(sender.key.public).decode()
        arguments = [str(self.port), target, public, base64.b64encode(seed).decode()]
        self._popen = subprocess.Popen([str(self._built(folder)), *arguments])

    @staticmethod
    def is_here() -> bool:
        return shutil.which("go") is not None

    @staticmethod
    def _built(folder: Path) -> Path:
        """From the standard library alone: nothing is fetched."""
        program = folder / "adapter"
        offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
        command = ["go", "build", "-o", str(program), str(SOURCE)]
        subprocess.run(command, check=True, env=os.environ | offline)
        return program

    def cpu_s(self) -> float:
        """Seconds on a processor so far, all threads."""
        return cpu_s_of(self._popen.pid)

    def stop(self) -> None:
        self._popen.kill()
        self._popen.wait()


def signed_for_go(sender: Party, body: bytes) -> str:
    """As Party.sign, over SHA-512."""
    now = int(time.time())
    digest = base64.b64encode(hashlib.sha512(body).digest()).decode()
    text = f"(created): {now}\n(expires): {now + 3000}\ndigest: SHA-512={digest}"
    signature = keys.b64encode(sender.key.sign(text.encode()))
    return (
        f'Signature keyId="{sender.key_id}|ed25519",algorithm="ed25519",created="{now}",'
        f'expires="{now + 3000}",headers="(created) (expires) digest",signature="{signature}"'
    )


async def connected(port: int) -> Pool:
    """Connections to what may still be starting."""
    deadline = time.monotonic() + START_S
    while True:
        pool = Pool("127.0.0.1", port)
        try:
            await pool.open(CONNECTIONS)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            return pool


async def drive(
    pool: Pool, bodies: list[bytes], headers: list[str], process: Process | Go
) -> float:
    """Post every body; the adapter's CPU microseconds per message. Raises unless each is ACKed."""
    before = process.cpu_s()
    posts = [
        pool.post("/on_confirm", {"Authorization": header}, body)
        for body, header in zip(bodies, headers, strict=True)
    ]
    for status, answer in await asyncio.gather(*posts):
        if status != 200 or b'"ACK"' not in answer:
            raise RuntimeError(f"refused: {answer!r}")
    return (process.cpu_s() - before) / len(bodies) * 1e6


async def measure(*, rounds: int, per_round: int) -> dict[str, Any]:
    """Medians over the rounds; `of_go` is ours by Go's, the median of paired rounds."""
    port = free_port()
    registry = Party("registry.example", "REGISTRY", DOMAIN, "")
    bpp = Party("bpp.example", "BPP", DOMAIN, "https://bpp.example")
    bap = Party("bap.example", "BAP", DOMAIN, f"http://127.0.0.1:{port}")
    passed = 0

    def count(action: str, body: bytes) -> None:
        nonlocal passed
        passed += 1

    server, behind = await listen(Network([bap, bpp], count).answer)
    registry.url = application = f"http://127.0.0.1:{behind}"
    message, ours, theirs, resident = sample.message(), [], [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        bap.write_keys(cwd)
        (cwd / "node.toml").write_text(common_settings(bap, port, registry))
        go = Go(cwd, bpp, bap.key.seed, application) if Go.is_here() else None
        arguments = ["-m", "benchmarks.adapter", "node.toml", application]
        node = await asyncio.to_thread(Process, arguments, port, cwd=cwd)
        pools = [await connected(port)]
        try:
            if go is not None:
                pools.append(await connected(go.port))
            for number in range(rounds + 1):
                bodies = [sample.on_confirm(bap, bpp, message) for _ in range(per_round)]
                headers = [bpp.sign(body)["Authorization"] for body in bodies]
                cost = await drive(pools[0], bodies, headers, node)
                if number:  # the first round warms caches up
                    ours.append(cost)
                if go is not None:
                    headers = [signed_for_go(bpp, body) for body in bodies]
                    cost = await drive(pools[1], bodies, headers, go)
                    if number:
                        theirs.append(cost)
            resident = node.resident_mb()
        finally:
            for pool in pools:
                pool.close()
            await asyncio.to_thread(node.stop)
            if go is not None:
                go.stop()
    server.close()
    if passed != (rounds + 1) * per_round * len(pools):
        raise RuntimeError(f"{passed} messages came through")
    return {
        "body_bytes": len(bodies[0]),
        "messages": rounds * per_round,
        "node_us": round(statistics.median(ours), 1),
        "resident_mb_after": round(resident, 1),
        **_beside_go(ours, theirs),
    }


def _beside_go(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    if not theirs:
        return {"go": "no go here"}
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    return {
        "go_us": round(statistics.median(theirs), 1),
        "of_go": round(statistics.median(ratios), 2),
        "of_go_rounds": [round(ratio, 2) for ratio in sorted(ratios)],
    }
