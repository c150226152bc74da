"""The adapter hop: receive, verify, validate, sign, send on, relay the ACK; CPU beside Go's.

Ours is `benchmarks.adapter`, a node with every check of its door. Beside it adapter.go twice: with
the standard library alone, which checks less (its first lines say what), and with the same digest
and schema by Go libraries (adapter_schema.go), where these are in Go's cache: nothing is fetched
here. Same bodies, same run, alternating rounds; a listener of this process takes what
they send on.
"""

import asyncio
import base64
import hashlib
import json
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
from protocol_specs.wire.schema_documents import CORE, documents, schemas_of

CONNECTIONS = 16
DOMAIN = "nic2004:60221"
SIGNATURE = "Authorization"
START_S = 10
LEAN, EQUAL = "go_lean", "go"
MADE_OF = {
    "main.go": "adapter.go",
    "schema.go": "adapter_schema.go",
    "go.mod": "adapter.mod",
    "go.sum": "adapter.sum",
}


class Go:
    """The Go adapter as a process; with the schema of on_confirm, or the standard library alone."""

    def __init__(self, program: Path, sender: Party, seed: bytes, target: str) -> None:
        self.port = free_port()
        self.is_lean = program.name == LEAN
        schema = program.with_name("on_confirm.json")
        arguments = [str(self.port), target, keys.b64encode(sender.key.public)]
        self._popen = subprocess.Popen([program, *arguments, keys.b64encode(seed), schema])

    def signed(self, sender: Party, body: bytes) -> str:
        """The sender's header, over the digest that this one knows."""
        return signed_over_sha512(sender, body) if self.is_lean else sender.sign(body)[SIGNATURE]

    def cpu_s(self) -> float:
        """Seconds on a processor so far, all threads."""
        return cpu_s_of(self._popen.pid)

    def stop(self) -> None:
        self._popen.kill()
        self._popen.wait()


def built(folder: Path) -> list[Path]:
    """The Go adapters that can be made here, into `folder`; nothing is fetched."""
    if shutil.which("go") is None:
        return []
    here = Path(__file__).parent
    for name, source in MADE_OF.items():
        shutil.copy(here / source, folder / name)
    schema = schemas_of(documents("receive", CORE))["on_confirm"]
    (folder / "on_confirm.json").write_text(json.dumps(schema))
    offline = os.environ | {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    programs = {LEAN: ("off", ["main.go"]), EQUAL: ("on", ["main.go", "schema.go"])}
    made = []
    for program, (modules, sources) in programs.items():
        command, env = ["go", "build", "-o", program, *sources], offline | {"GO111MODULE": modules}
        told = subprocess.run(command, cwd=folder, env=env, capture_output=True)
        if told.returncode == 0:
            made.append(folder / program)
    return made


def signed_over_sha512(sender: Party, body: bytes) -> str:
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
    """Medians over the rounds; `of_go` and `of_go_lean` are ours by theirs, in paired rounds."""
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
    message, costs, resident = sample.message(), dict[str, list[float]](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        bap.write_keys(cwd)
        (cwd / "node.toml").write_text(common_settings(bap, port, registry))
        gos = [Go(program, bpp, bap.key.seed, application) for program in built(cwd)]
        arguments = ["-m", "benchmarks.adapter", "node.toml", application]
        node = await asyncio.to_thread(Process, arguments, port, cwd=cwd)
        adapters: list[tuple[Process | Go, Pool]] = [(node, await connected(port))]
        adapters += [(go, await connected(go.port)) for go in gos]
        try:
            for number in range(rounds + 1):
                bodies = [sample.callback(bap, bpp, message) for _ in range(per_round)]
                for adapter, pool in adapters:
                    headers = [_header(adapter, bpp, body) for body in bodies]
                    cost = await drive(pool, bodies, headers, adapter)
                    if number:  # the first round warms caches up
                        costs.setdefault(_name(adapter), []).append(cost)
            resident = node.resident_mb()
        finally:
            for adapter, pool in adapters:
                pool.close()
                await asyncio.to_thread(adapter.stop)
    server.close()
    if passed != (rounds + 1) * per_round * len(adapters):
        raise RuntimeError(f"{passed} messages came through")
    return {
        "body_bytes": len(bodies[0]),
        "messages": rounds * per_round,
        **{f"{name}_us": round(statistics.median(each), 1) for name, each in costs.items()},
        **{f"of_{go}": _ratio(costs, go) for go in (EQUAL, LEAN) if go in costs},
        "resident_mb_after": round(resident, 1),
    }


def _name(adapter: Process | Go) -> str:
    if isinstance(adapter, Process):
        return "node"
    return LEAN if adapter.is_lean else EQUAL


def _header(adapter: Process | Go, sender: Party, body: bytes) -> str:
    return adapter.signed(sender, body) if isinstance(adapter, Go) else sender.sign(body)[SIGNATURE]


def _ratio(costs: dict[str, list[float]], other: str) -> float:
    """The median of paired rounds."""
    pairs = zip(costs["node"], costs[other], strict=True)
    return round(statistics.median(ours / theirs for ours, theirs in pairs), 2)
