"""What a look-up costs the registry as subscribers grow, and a snapshot that changed or did not.

Every question is asked once, so that no answer is one that was kept; what a kept one costs is told
beside it. Sizes are measured in turn, round by round, so that what else the machine does hits all.
"""

import asyncio
import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import orjson

from benchmarks.lean import Pool
from benchmarks.peer import DAY_S, Party, common_settings
from benchmarks.processes import WAYFARE, Process, free_port
from protocol_specs.node.messages import tables
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import strict_json
from protocol_specs.wire.keys import b64encode
from registry import directory, participants, records
from registry.tables import METADATA, TRIGGERS

DOMAIN, TYPE, COUNTRY = "nic2004:60221", "BPP", "IND"
PER_CITY = 20
CONNECTIONS = 8
SNAPSHOT = f"/snapshot?domain={DOMAIN}"
SNAPSHOT_RECORDS = 1_000
Question = dict[str, str]


def name(number: int) -> str:
    return f"provider{number:06}.example.org"


def city(number: int) -> str:
    return f"std:{number // PER_CITY:05}"


def fill(data_dir: Path, subscribers: int) -> None:
    """A registry's data folder with so many providers, 20 in each city, a key each."""
    tables.define(METADATA)
    store = Store.open(data_dir, METADATA, triggers=TRIGGERS)
    now = int(time.time())
    times = {"created": now, "updated": now}
    valid = {"valid_from": now - DAY_S, "valid_until": now + 90 * DAY_S, "retired": 0}

    def write(session: Session) -> None:
        for number in range(subscribers):
            role = {"subscriber_id": name(number), "domain": DOMAIN, "type": TYPE}
            place = {"url": f"https://{name(number)}", "cities": city(number), "country": COUNTRY}
            status = {"status": "SUBSCRIBED"}
            session.run(participants.ADD_ROLE, **role, **place, **status, **times)
            session.run(participants.ADD_CITY, **role, city=city(number))
            public = b64encode(sha256(name(number).encode()).digest())
            key = {"signing_public_key": public, "encryption_public_key": public}
            one = {"subscriber_id": name(number), "unique_key_id": "k1"}
            session.run(participants.ADD_KEY, **one, **key, **valid)

    store.transact_now(write)
    store.close()


def questions(subscribers: int, count: int) -> list[Question]:
    """Look-ups of one key, no two alike: of random subscribers, with any of five more filters."""
    more = {
        "type": TYPE,
        "domain": DOMAIN,
        "country": COUNTRY,
        "status": "SUBSCRIBED",
        "city": "*",
    }
    choices = [
        {key: value for key, value, on in zip(more, more.values(), chosen, strict=True) if on}
        for chosen in product((False, True), repeat=len(more))
    ]
    asked = random.Random(subscribers).sample(range(subscribers * len(choices)), count)
    return [
        {"subscriber_id": name(number % subscribers), "unique_key_id": "k1"}
        | choices[number // subscribers]
        for number in asked
    ]


def searches(subscribers: int, count: int) -> list[Question]:
    """Who serves this city? Twenty do, in each."""
    draw = random.Random(subscribers).randrange
    return [{"type": TYPE, "domain": DOMAIN, "city": city(draw(subscribers))} for _ in range(count)]


def find_us(store: Store, asked: Sequence[Question]) -> float:
    """CPU microseconds of one look-up in the directory, from filters to the bytes of the answer."""
    now = int(time.time())

    def find(session: Session) -> None:
        for question in asked:
            filters = {key: value for key, value in question.items() if key != "status"}
            rows = directory.find(session, filters, status="SUBSCRIBED", now=now)
            if not rows:
                raise RuntimeError(f"{question} found nobody")
            strict_json.dumps([records.record(row, now) for row in rows])

    started = time.process_time()
    store.read(find)
    return (time.process_time() - started) / len(asked) * 1e6


def settings(node: Party, port: int) -> str:
    """The registry has no registry above it, and here one address asks for all."""
    head, _, _ = common_settings(node, port, node).partition("\n[registry]")
    return f"{head}\n[bounds]\nlookup_per_s = 1000000\nsnapshot_per_s = 1000000\n"


class Served:
    """A registry process with so many subscribers, and connections to it."""

    def __init__(self, folder: Path, subscribers: int) -> None:
        port = free_port()
        node = Party("registry.example", "REGISTRY", DOMAIN, f"http://127.0.0.1:{port}")
        node.write_keys(folder)
        (folder / "node.toml").write_text(settings(node, port))
        arguments = ["-c", WAYFARE, "serve", "registry", "--config", "node.toml"]
        self.process = Process(arguments, port, cwd=folder)
        self.pool = Pool("127.0.0.1", port)
        self.asked = questions(subscribers, 1_000)

    async def look_up(self, asked: Sequence[Question]) -> tuple[float, float]:
        """CPU microseconds of one, and how many came in a second."""
        bodies = [orjson.dumps(question) for question in asked]
        before, started = self.process.cpu_s(), time.perf_counter()
        answers = await asyncio.gather(*(self.pool.post("/lookup", {}, body) for body in bodies))
        took_s, cpu_s = time.perf_counter() - started, self.process.cpu_s() - before
        wrong = [answer for answer in answers if answer[0] != 200 or answer[1] == b"[]"]
        if wrong:
            raise RuntimeError(f"{len(wrong)} look-ups failed, the first: {wrong[0]!r}")
        return cpu_s / len(asked) * 1e6, len(asked) / took_s

    async def snapshot(self, times: int, headers: dict[str, str], status: int) -> float:
        """CPU microseconds of one GET /snapshot."""
        before = self.process.cpu_s()
        for _ in range(times):
            answer = await self.pool.get(SNAPSHOT, headers)
            if answer[0] != status:
                raise RuntimeError(f"{answer[0]}, not {status}")
        return (self.process.cpu_s() - before) / times * 1e6


async def measure(*, quick: bool) -> dict[str, Any]:
    """Directory and HTTP at each size; the ratio is the largest size's cost by the smallest's."""
    sizes = (100, 10_000) if quick else (100, 10_000, 100_000)
    rounds = 4 if quick else 10
    with tempfile.TemporaryDirectory() as top:
        folders = {size: Path(top) / str(size) for size in sizes}
        for size, folder in folders.items():
            await asyncio.to_thread(fill, folder / "data", size)
        pure = in_process(folders, rounds)
        http = await over_http(folders, rounds)
        snapshot = await of_snapshot(Path(top) / "snapshot", 10 if quick else 50)
    return {
        "subscribers": list(sizes),
        **pure,
        **http,
        **snapshot,
    }


def in_process(folders: dict[int, Path], rounds: int) -> dict[str, Any]:
    """The directory alone."""
    with ExitStack() as opened:
        stores = {size: Store.read_only(folder / "data") for size, folder in folders.items()}
        for store in stores.values():
            opened.callback(store.close)
        result: dict[str, Any] = {}
        for kind, ask in (("key", questions), ("city", searches)):
            costs: dict[int, list[float]] = {size: [] for size in stores}
            for _ in range(rounds + 1):
                for size, store in stores.items():
                    costs[size].append(find_us(store, ask(size, 500)))
            result |= told(f"directory_{kind}", {size: cost[1:] for size, cost in costs.items()})
    return result


async def over_http(folders: dict[int, Path], rounds: int) -> dict[str, Any]:
    """Processes of every size side by side, asked in turn."""
    async with AsyncExitStack() as opened:
        served = {}
        for size, folder in folders.items():
            one = served[size] = await asyncio.to_thread(Served, folder, size)
            opened.push_async_callback(asyncio.to_thread, one.process.stop)
            await one.pool.open(CONNECTIONS)
            opened.callback(one.pool.close)
        costs: dict[int, list[float]] = {size: [] for size in served}
        rates: dict[int, list[float]] = {size: [] for size in served}
        part = 1_000 // (rounds + 1)
        for n in range(rounds + 1):
            for size, one in served.items():
                cost, rate = await one.look_up(one.asked[n * part : (n + 1) * part])
                costs[size].append(cost)
                rates[size].append(rate)
        largest = served[max(served)]
        kept = [(await largest.look_up(largest.asked[:1] * part))[0] for _ in range(rounds)]
        result = told("http_key", {size: cost[1:] for size, cost in costs.items()})
        result["http_lookups_per_s"] = [round(statistics.median(r[1:])) for r in rates.values()]
        result["http_kept_us"] = round(statistics.median(kept), 1)
        result["resident_mb"] = round(largest.process.resident_mb(), 1)
    return result


async def of_snapshot(folder: Path, times: int) -> dict[str, Any]:
    """One of 1,000 records, whole and unchanged."""
    await asyncio.to_thread(fill, folder / "data", SNAPSHOT_RECORDS)
    one = await asyncio.to_thread(Served, folder, SNAPSHOT_RECORDS)
    try:
        await one.pool.open(1)
        _, body = await one.pool.get(SNAPSHOT, {})
        etag = await asyncio.to_thread(etag_of, one.process.port)
        whole = await one.snapshot(times, {}, 200)
        unchanged = await one.snapshot(times, {"If-None-Match": etag}, 304)
        one.pool.close()
    finally:
        await asyncio.to_thread(one.process.stop)
    return {
        "snapshot_records": SNAPSHOT_RECORDS,
        "snapshot_bytes": len(body),
        "snapshot_200_us": round(whole, 1),
        "snapshot_304_us": round(unchanged, 1),
        "snapshot_304_share": round(unchanged / whole, 3),
    }


def etag_of(port: int) -> str:
    """The entity tag of the snapshot."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{SNAPSHOT}", timeout=10) as response:
        return str(response.headers["ETag"])


def told(kind: str, costs: dict[int, list[float]]) -> dict[str, Any]:
    """Medians of each size, and the median over rounds of largest by smallest."""
    smallest, largest = costs[min(costs)], costs[max(costs)]
    ratios = [big / small for small, big in zip(smallest, largest, strict=True)]
    return {
        f"{kind}_us": [round(statistics.median(cost), 1) for cost in costs.values()],
        f"{kind}_growth": round(statistics.median(ratios), 3),
    }
