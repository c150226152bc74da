"""Pages under fifty visitors, a live position on its way, and nine hundred drivers' positions."""

import asyncio
import hashlib
import json
import random
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp

from benchmarks.lean import Pool
from benchmarks.percentiles import percentiles_ms
from benchmarks.processes import cpu_s_of
from benchmarks.visitor import Visitor
from examples import play
from examples.calls import Caller
from examples.network import Network, join_all, network, start_all, write_settings
from examples.pages import AMINAH, OFFICE
from examples.people import Desk, Driver

VISITORS, THINK_S = 50, 1.0
DRIVERS, EVERY_S = 900, 5.0
LIVE_PAUSE_S = 0.3
FILES = re.compile(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"')
RIDE = {"from": "KL Sentral", "from_at": "", "to": "Petronas Twin Towers", "to_at": ""}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of somebody who is signed in."""

    node: str
    path: str
    cookies: str


async def measure(*, seconds: float, positions: int, lived: int) -> dict[str, Any]:
    """A network of five nodes with a ride under way; then each of the three measurements."""
    with tempfile.TemporaryDirectory() as folder, network(Path(folder), 0) as plan:
        await asyncio.to_thread(_start, plan)
        aminah = await asyncio.to_thread(_hire, plan)
        pages = await asyncio.to_thread(_visit, plan, aminah)
        weight = await asyncio.to_thread(_weight, plan.url("bap"))
        live = await _live(plan, pages["citizen"], aminah, lived)
        return {
            "visitors": VISITORS,
            "first_page_bytes": weight,
            "live_position_ms": percentiles_ms(live),
            **{name: await _under_load(plan, page, seconds) for name, page in pages.items()},
            "positions": await _positions(plan, positions),
        }


def _start(plan: Network) -> None:
    write_settings(plan)
    listed = "".join(
        f'\n[[vehicles]]\nregistration = "B {n}"\ncategory = "CAB"\n'
        f'\n[[drivers]]\ncode = "B{n}"\nname = "Driver {n}"\nphone = "+6014{n:07}"\n'
        f'vehicle = "B {n}"\ntoken_sha256 = "{hashlib.sha256(_token(n).encode()).hexdigest()}"\n'
        for n in range(DRIVERS)
    )
    with plan.config("rides").open("a") as settings:
        settings.write(listed)
    start_all(plan)
    join_all(plan)


def _token(n: int) -> str:
    return f"token-of-bench-driver-{n}"


def _hire(plan: Network) -> Driver:
    secret = (plan.folder("rides") / "data" / "desk.token").read_text().strip()
    desk = Desk(Caller(plan.url("rides"), secret))
    for person in OFFICE["rides"]:
        desk.let_in(**person)
    driver = desk.add_driver(**AMINAH)
    driver.go_online(*play.NEAR_KL_SENTRAL)
    return driver


def _visit(plan: Network, driver: Driver) -> dict[str, Page]:
    """A citizen whose ride has begun, its driver, and a dispatcher."""
    citizen = Visitor(plan.url("bap"))
    citizen.open("/")
    citizen.send("/search", **RIDE)
    path = "/" + citizen.url.split("/", 3)[3]
    steps: tuple[tuple[str, dict[str, str]], ...] = (
        ("choose", {}),
        ("who", {"name": "Mei Ling", "phone": "+60123456789", "payment": "ON-FULFILLMENT"}),
        ("book", {}),
    )
    for name, fields in steps:
        action = f"{path}/{name}"
        citizen.until(path, lambda text, action=action: f'action="{action}"' in text)
        citizen.send(action, **fields)
    driver.step(driver.job()["order_id"], "enroute")
    citizen.until(path, lambda text: AMINAH["vehicle"] in text)
    codes = plan.folder("rides") / "data" / "codes.jsonl"
    found = {"citizen": Page("bap", path, citizen.cookies)}
    for name, face, phone in (
        ("driver", "/drive/", AMINAH["phone"]),
        ("office", "/office/", OFFICE["rides"][1]["phone"]),
    ):
        visitor = Visitor(plan.url("rides"))
        visitor.sign_in(f"{face}sign-in", phone, codes)
        found[name] = Page("rides", face, visitor.cookies)
    return found


def _weight(url: str) -> int:
    """Bytes on the wire of the first page and the files that it names, without map tiles."""
    visitor = Visitor(url)
    text = visitor.open("/")
    sizes = [len(visitor.open(urljoin(url, path)).encode()) for path in set(FILES.findall(text))]
    return len(text.encode()) + sum(sizes)


async def _under_load(plan: Network, page: Page, seconds: float) -> dict[str, Any]:
    """What the page takes while fifty people open it every second, from request to last byte."""
    pool = Pool("127.0.0.1", plan.ports[page.node])
    await pool.open(VISITORS)
    pid, took_s = plan.started[page.node].pid, list[float]()
    end = time.monotonic() + seconds
    before = cpu_s_of(pid)

    async def one() -> None:
        await asyncio.sleep(random.random() * THINK_S)
        while time.monotonic() < end:
            started = time.monotonic()
            status, _ = await pool.get(page.path, {"Cookie": page.cookies})
            took_s.append(time.monotonic() - started)
            if status != 200:
                raise RuntimeError(f"{page.path} answered {status}")
            await asyncio.sleep(THINK_S)

    await asyncio.gather(*(one() for _ in range(VISITORS)))
    cpu_ms = (cpu_s_of(pid) - before) / len(took_s) * 1000
    pool.close()
    return {"page_ms": percentiles_ms(took_s), "cpu_ms": round(cpu_ms, 2)}


async def _live(plan: Network, page: Page, driver: Driver, times: int) -> list[float]:
    """From the driver's POST to the event at the citizen's browser, seconds."""
    took_s: list[float] = []
    headers = {"Authorization": f"Bearer {driver.at.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"{plan.url(page.node)}{page.path}/events", headers={"Cookie": page.cookies}
        ) as stream,
    ):
        for n in range(times + 1):
            here = {"lat": round(3.13 + n / 1000, 3), "lon": 101.687}
            started = time.monotonic()
            await session.post(f"{plan.url('rides')}/driver/position", json=here, headers=headers)
            async with asyncio.timeout(60):
                await _told(stream, here["lat"])
            if n:  # with the first one the stream is found and opened
                took_s.append(time.monotonic() - started)
            await asyncio.sleep(LIVE_PAUSE_S)
    return took_s


async def _told(stream: aiohttp.ClientResponse, lat: float) -> None:
    """Until the stream says a position of that latitude."""
    while True:
        event = await stream.content.readuntil(b"\n\n")
        if not event:  # and would be again, for ever
            raise RuntimeError("the stream ended")
        if b"event: position" in event:
            told = json.loads(event.partition(b"data: ")[2])
            if told["lat"] == lat:
                return


async def _positions(plan: Network, times: int) -> dict[str, Any]:
    """The share of a core that the positions of all drivers cost, by their CPU."""
    port, pid = plan.ports["rides"], plan.started["rides"].pid
    pool = Pool("127.0.0.1", port)
    await pool.open(16)

    async def post(path: str, n: int, **more: Any) -> None:
        body = json.dumps({"lat": 3.1 + n / 10_000, "lon": 101.6, **more}).encode()
        status, said = await pool.post(path, {"Authorization": f"Bearer {_token(n)}"}, body)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {said!r}")

    await asyncio.gather(*(post("/driver/online", n, online=True) for n in range(DRIVERS)))
    before = cpu_s_of(pid)
    for _ in range(times):
        await asyncio.gather(*(post("/driver/position", n) for n in range(DRIVERS)))
    each_s = (cpu_s_of(pid) - before) / (times * DRIVERS)
    pool.close()
    return {
        "drivers": DRIVERS,
        "us_each": round(each_s * 1e6),
        "of_a_core": round(each_s * DRIVERS / EVERY_S, 3),
    }
