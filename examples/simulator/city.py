"""`wayfare simulate city`: one day of several cooperatives and thousands of wishes, and its report.

Nodes, wire, signatures and books are the real ones; drivers move on straight lines at city speed.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import random
import sqlite3
import sys
import tempfile
import time
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from bpp.dispatch import offers
from bpp.geo import distance_m
from examples.simulator import city_page, city_report
from examples.simulator.auditor import Auditor
from examples.simulator.calls import App, Json, Refusal, Unanswered
from examples.simulator.machine import machine
from examples.simulator.people import MOVES, Citizen, Driver, Habits, Point, Town, token_of
from examples.simulator.wires import Wires
from examples.simulator.world import House, World, as_life, dice_of, scratch

HOUR_S = 3600.0
METRES_PER_S = 6.5  # as the crow flies, with lights and turns: 23 km/h
HERE_S = 600.0  # an idle driver's phone says where it is
DAY_S = 24 * HOUR_S
OVERTIME_S = 2 * HOUR_S
COUNTED = ("sent", "accepted", "refused")


@dataclass(frozen=True, slots=True)
class CityPlan:
    """How large a day. Wishes are spread over the hours as city.toml says."""

    seed: int
    drivers: int = 900
    citizens: int = 3000
    hours: float = 24.0
    poll_s: float = 30.0


@dataclass(slots=True)
class Shift(Driver):
    """A driver through the shift of a day: is called by the node, drives, ends at the drop. A shift
    that crosses midnight is two spells: yesterday's end in the morning, today's begin at night."""

    zone: str = ""  # where the driver lives, and begins
    spells: list[tuple[float, float]] = field(default_factory=list)  # from and to, the first first
    online: list[tuple[float, float]] = field(default_factory=list)  # what became of them
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    agent_id: str = ""
    at: Point = (0.0, 0.0)
    seen_s: float = 0.0  # when the phone last said where it is

    async def live(self) -> None:
        """Every spell of the day."""
        loop = asyncio.get_running_loop()
        for begins_s, ends_s in self.spells:
            await asyncio.sleep(max(0.0, begins_s - loop.time()))
            if self.town.is_closing:
                return
            self.at, began = self.home, loop.time()
            await (self._be_online() if self.agent_id else self._begin())
            await self._work_until(ends_s)
            self.online.append((began, loop.time()))
            self.online_s += loop.time() - began
            await self.app.post("/driver/online", {"online": False})

    async def _work_until(self, ends_s: float) -> None:
        """Until the spell is over, and the job in hand done."""
        loop = asyncio.get_running_loop()
        while True:
            self.wake.clear()
            job = await self._next_job()
            if job is not None:
                since = loop.time()
                await self._carry_out(job)
                self.busy_s += loop.time() - since
            elif loop.time() >= ends_s or self.town.is_closing:
                return
            else:
                await self._wait(ends_s)

    async def _be_online(self) -> None:
        lat, lon = self.at
        body = {"online": True, "lat": lat, "lon": lon}
        self.agent_id = (await self.app.post("/driver/online", body))["agent_id"]
        self.seen_s = asyncio.get_running_loop().time()

    async def _wait(self, ends_s: float) -> None:
        """For word of a job. The phone says where it is every HERE_S, however often it is rung: a
        place that is older than `fresh_s` is not asked."""
        try:
            async with asyncio.timeout_at(min(self.seen_s + HERE_S, ends_s)):
                await self.wake.wait()
        except TimeoutError:
            await self._be_online()

    async def _next_job(self) -> Json | None:
        job = (await self.app.get("/driver/job"))["job"]
        if job is None:
            found = (await self.app.get("/driver/offers"))["offers"]
            if found:
                try:
                    answer = await self.app.post(f"/driver/jobs/{found[0]['order_id']}/accept")
                except Refusal:
                    return None  # somebody was quicker, or the citizen cancelled
                job = answer["job"]
        return None if job is None else dict(job)

    async def _carry_out(self, job: Json) -> None:
        """One step after the other; a job that is gone was cancelled."""
        while job is not None and job["status"] == "ACTIVE":
            move = MOVES[job["state"]]
            towards = "drop" if move.step in ("end", "arrived-drop") else "pickup"
            if move.is_drive:
                await self._drive(job[towards])
            else:
                await asyncio.sleep(self.dice.uniform(5, 60))
            body = {}
            if move.needs_code:
                while job["order_id"] not in self.town.codes:  # noqa: ASYNC110  they look again
                    await asyncio.sleep(10)
                body = {"code": self.town.codes[job["order_id"]]}
            try:
                job = (await self.app.post(f"/driver/jobs/{job['order_id']}/{move.step}", body))[
                    "job"
                ]
            except Refusal:
                job = (await self.app.get("/driver/job"))["job"]
        await self._be_online()

    async def _drive(self, place: Json) -> None:
        there = (place["lat"], place["lon"])
        await asyncio.sleep(metres(self.at, there) / METRES_PER_S * self.dice.uniform(0.8, 1.4))
        self.at = there
        await self.app.post("/driver/position", {"lat": there[0], "lon": there[1]})


def metres(one: Point, other: Point) -> float:
    """The straight line."""
    return distance_m(*one, *other)


def somewhere(dice: random.Random, cells: list[Any], weight: int) -> tuple[Point, str]:
    """Somewhere in a cell, chosen by who lives (3) or works (4) there; and the cell's name."""
    cell = dice.choices(cells, [one[weight] for one in cells])[0]
    lat, lon = (place + dice.gauss(0, 0.006) for place in cell[1:3])
    return (lat, lon), cell[0]


def spells_of(begins_s: float, ends_s: float) -> list[tuple[float, float]]:
    """A shift within one day from midnight on, as every day has it: what is left of yesterday's
    after midnight, and today's until midnight."""
    if ends_s <= DAY_S:
        return [(begins_s, ends_s)]
    return [(0.0, ends_s - DAY_S), (begins_s, DAY_S)]


def run(plan: CityPlan, out: Path) -> int:
    """The day, its report in `out`, one paragraph on standard output; 0 when nothing was found."""
    with tempfile.TemporaryDirectory(prefix="wayfare-", dir=scratch()) as folder:
        figures = simulate(plan, Path(folder))
    out.mkdir(parents=True, exist_ok=True)
    (out / "city.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (out / "city.html").write_text(city_page.page(figures), encoding="utf-8")
    print(city_report.paragraph(figures))
    print(f"{out / 'city.html'} and {out / 'city.json'}")
    for finding in figures["findings"]:
        print(f"FINDING: {finding}", file=sys.stderr)
    return 1 if figures["findings"] else 0


def simulate(plan: CityPlan, data: Path) -> Json:
    """The figures of the day, as city.json shows them."""
    began, counts, connect = time.process_time(), Counter[str](), sqlite3.connect

    def write(line: str) -> None:
        for event in COUNTED:
            counts[event] += f'"event":"{event}"' in line

    loop = Wires(dice_of("wires", plan.seed))
    chance = dice_of("machine", plan.seed)
    with machine(loop.time, chance, write, poll_s=plan.poll_s) as disk:
        world = World(loop, disk, chance, data, seed=plan.seed)
        day = _Day(plan, world, connect)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(day.whole())
    figures = city_report.figures(plan, day.town, day.shifts, day.books, dict(counts))
    figures["findings"] = day.findings
    figures["simulated_s"] = round(loop.now)
    figures["steps"], figures["cpu_s"] = loop.steps, round(time.process_time() - began, 1)
    return figures


class _Day:
    def __init__(self, plan: CityPlan, world: World, connect: Any) -> None:
        self._plan, self._world = plan, world
        self._dice = dice_of("city", plan.seed)
        text = resources.files("examples.simulator").joinpath("city.toml").read_text("utf-8")
        self._map: Json = tomllib.loads(text)
        self.town = Town(Habits(cancels=0.04, rates=0.3, follows_s=60))
        self.shifts: list[Shift] = []
        self.books: list[Json] = []
        self.findings: list[str] = []
        self._auditor = Auditor(world, self.town, connect)
        self._people: list[asyncio.Task[None]] = []

    async def whole(self) -> None:
        """From midnight to the last ride's end, and the books."""
        as_life("people")
        await self._open()
        self._wish()
        closes = self._world.loop.now + self._plan.hours * HOUR_S
        while (left := closes - self._world.loop.now) > 0:
            await asyncio.sleep(min(left, HOUR_S))
            gc.collect()  # the simulated machine's is off: what goes in circles would be gigabytes
        self.town.is_closing = True
        for shift in self.shifts:
            shift.wake.set()
        await asyncio.sleep(60)  # who has no job goes offline, and is counted
        until = self._world.loop.now + OVERTIME_S
        while self._world.loop.now < until and self._auditor.waits():  # noqa: ASYNC110  from outside
            await asyncio.sleep(300)
        self._auditor.judge()
        self.findings = [*self._auditor.findings, *self._world.loop.faults]
        self.books = [self._auditor.books_of(house) for house in self._world.of_role("bpp")]
        for task in self._people:
            task.cancel()
        for house in self._world.houses.values():
            await self._world.stop(house)
        self._auditor.close()

    async def _open(self) -> None:
        world = self._world
        world.add("registry", "registry", "registry")
        world.add("gateway", "gateway", "gateway")
        world.add("citizens", "bap", "bap", journeys={"journeys_per_minute": 100_000})
        for city in self._map["cities"].values():
            drivers = self._plan.drivers * city["share_of_wishes"] // 100
            each = drivers // len(city["cooperatives"])
            for name in city["cooperatives"]:
                self._add_coop(name, city, each)
        for house in world.houses.values():
            await world.start(house)
        for house in list(world.houses.values())[1:]:
            await world.join(house)
        await asyncio.sleep(20)
        for house in world.of_role("bpp"):
            await self._hire(house)

    def _add_coop(self, name: str, city: Json, count: int) -> None:
        category = "CAB" if city["kind"] == "ride" else "TWO_WHEELER"
        codes = [f"{name}-{n}" for n in range(count)]
        plates = [f"{name[:3].upper()} {n:04d}" for n in range(count)]
        vehicles = [{"registration": plate, "category": category} for plate in plates]
        drivers = [
            {"code": code, "name": code, "phone": f"+6013{n:07d}", "vehicle": plates[n],
             "token_sha256": hashlib.sha256(token_of(code).encode()).hexdigest()}
            for n, code in enumerate(codes)
        ]  # fmt: skip
        changes: Json = {
            "drivers": drivers,
            "vehicles": vehicles,
            "subscriber_id": f"{name}.city.example",
            "provider_id": name,
            "provider_name": city["cooperatives"][name]["name"],
            "assignment": city["cooperatives"][name]["assignment"],
            "dispatch": {"radius_m": 8000},
        }
        house = self._world.add(name, "bpp", city["like"], **changes)
        house.document["insurance"]["witness"] = str(self._world.data / "witness" / f"{name}.jsonl")
        for code in codes:
            self.shifts.append(self._shift(house, code, city))

    def _shift(self, house: House, code: str, city: Json) -> Shift:
        starts = self._map["shifts"]
        hour = self._dice.choices([s[0] for s in starts], [s[1] for s in starts])[0]
        begins = (hour + self._dice.random()) * HOUR_S
        home, zone = somewhere(self._dice, city["cells"], 3)
        spells = spells_of(begins, begins + self._map["shift_hours"] * HOUR_S)
        return Shift(self.town, house, code, home, self._new_dice(), zone=zone, spells=spells)

    async def _hire(self, house: House) -> None:
        """The desk knows each driver's standing; their phones ring when the node has a job."""
        desk = App(house.port, (house.folder / "data" / "desk.token").read_text().strip())
        own = [shift for shift in self.shifts if shift.coop is house]
        for shift in own:
            status = {"category": "self_employed", "residency": "citizen", "source": "as declared"}
            body = {"worker": shift.name, "by": "desk", **status}
            await desk.post("/desk/insurance/workers/category", body)
            self._people.append(asyncio.create_task(self._live(shift)))

        def ring(agent_id: str) -> None:
            for shift in own:
                if agent_id in (shift.agent_id, offers.EVERYBODY):
                    shift.wake.set()

        if house.node is not None:
            house.node.store.listen(offers.CHANNEL, ring)

    async def _live(self, shift: Shift) -> None:
        try:
            await shift.live()
        except (Unanswered, Refusal) as error:
            self.findings.append(f"driver {shift.name} was left: {error}")

    def _wish(self) -> None:
        """Every wish of the day at its time and place."""
        weights, cities = self._map["by_hour"], list(self._map["cities"].values())
        hours = [n for n in range(24) if n < self._plan.hours]
        for _ in range(self._plan.citizens):
            hour = self._dice.choices(hours, [weights[n] for n in hours])[0]
            at = (hour + self._dice.random()) * HOUR_S
            city = self._dice.choices(cities, [c["share_of_wishes"] for c in cities])[0]
            self._people.append(asyncio.create_task(self._citizen(at, city)))

    async def _citizen(self, at: float, city: Json) -> None:
        dice, loop = self._new_dice(), self._world.loop
        is_morning = at < 12 * HOUR_S
        (pickup, zone), (drop, _) = (
            somewhere(self._dice, city["cells"], n) for n in ((3, 4) if is_morning else (4, 3))
        )
        await asyncio.sleep(max(0.0, at - loop.now))
        bap = self._world.of_role("bap")[0]
        wants_cancel = dice.random() < self.town.habits.cancels
        await Citizen(
            self.town, bap, dice, city["kind"], pickup, drop, wants_cancel=wants_cancel, zone=zone
        ).live()

    def _new_dice(self) -> random.Random:
        return dice_of("one", self._dice.getrandbits(64))
