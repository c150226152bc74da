"""One run: a seed, some time, faults or none; what happened, and what the auditor found."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.simulator.auditor import Auditor
from examples.simulator.calls import App
from examples.simulator.faults import Troubles
from examples.simulator.machine import machine
from examples.simulator.people import Citizen, Driver, Habits, Town, token_of
from examples.simulator.wires import Wires
from examples.simulator.world import House, World, as_life, dice_of, scratch

LOOK_S = 10.0
REST_S = 2700.0  # after the faults: three times as long as a receiver is left alone
KL = (3.1390, 101.6869)
BENGALURU = (12.9716, 77.5946)
COOPS = {"rides": ("rides", KL), "taxis": ("rides", KL), "couriers": ("couriers", BENGALURU)}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be simulated."""

    seed: int
    seconds: float = 900.0
    has_faults: bool = True
    drivers: int = 3  # of each cooperative
    citizens: int = 12
    poll_s: float = 1.0  # how often loops look that nobody wakes; 1 in production


@dataclass(slots=True)
class Report:
    """What came of it. `log_hash` is of every line that every node wrote, in their order."""

    plan: Plan
    findings: list[str] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    network: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    simulated_s: float = 0.0
    took_s: float = 0.0
    answers: int = 0
    commits: int = 0
    log_hash: str = ""

    @property
    def again(self) -> str:
        """How to run it again."""
        plan = self.plan
        words = f"wayfare simulate --seed {plan.seed} --minutes {plan.seconds / 60:g}"
        words += f" --drivers {plan.drivers} --citizens {plan.citizens} --poll {plan.poll_s:g}"
        return words + (" --faults" if plan.has_faults else "")


def simulate(plan: Plan, data: Path | None = None, lines: list[str] | None = None) -> Report:
    """Run the plan in a folder of its own, which is deleted unless `data` names one. `lines` gets
    what the nodes wrote."""
    if data is None:
        with tempfile.TemporaryDirectory(prefix="wayfare-", dir=scratch()) as folder:
            return simulate(plan, Path(folder), lines)
    began = time.perf_counter()
    report, digest, connect = Report(plan), hashlib.sha256(), sqlite3.connect
    inside = str(data)

    def write(line: str) -> None:
        digest.update(line.replace(inside, "").encode())
        if lines is not None:
            lines.append(line)

    loop = Wires(dice_of("wires", plan.seed))
    chance = dice_of("machine", plan.seed)
    with machine(loop.time, chance, write, poll_s=plan.poll_s) as disk:
        world = World(loop, disk, chance, data, seed=plan.seed)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(_Run(plan, world, report, connect).whole())
        report.commits = disk.commits
    report.log_hash, report.took_s = digest.hexdigest(), time.perf_counter() - began
    return report


class _Run:
    def __init__(self, plan: Plan, world: World, report: Report, connect: Any) -> None:
        self._plan, self._world, self._report = plan, world, report
        self._dice = dice_of("people", plan.seed)
        self._town = Town(Habits())
        self._troubles = Troubles(world, dice_of("faults", plan.seed))
        self._auditor = Auditor(world, self._town, connect)
        self._people: list[asyncio.Task[None]] = []

    async def whole(self) -> None:
        """From the first node's start to the last finding."""
        as_life("people")
        report, world = self._report, self._world
        await self._open()
        await self._day()
        await self._rest()
        self._auditor.judge()
        report.findings = self._auditor.findings + [f"unexpected: {f}" for f in world.loop.faults]
        report.answers, report.troubles = self._auditor.answers, self._troubles.happened
        report.outcomes = Counter(citizen.outcome for citizen in self._town.journeys)
        report.network = {**world.loop.counts}
        report.steps, report.simulated_s = world.loop.steps, world.loop.now
        await self._close()

    async def _open(self) -> None:
        world = self._world
        world.add("registry", "registry", "registry")
        world.add("gateway", "gateway", "gateway")
        world.add("citizens", "bap", "bap")
        world.add("visitors", "bap", "bap", subscriber_id="visitors.wayfare.example")
        for name, (like, home) in COOPS.items():
            self._add_coop(name, like, home)
        for house in world.houses.values():
            await world.start(house)
        for house in list(world.houses.values())[1:]:
            await world.join(house)
        await asyncio.sleep(20)
        for name in COOPS:
            await self._enrol(world.houses[name])

    def _add_coop(self, name: str, like: str, home: tuple[float, float]) -> None:
        drivers, vehicles = [], []
        category = "CAB" if like == "rides" else "TWO_WHEELER"
        for n in range(self._plan.drivers):
            code = f"{name}-{n}"
            hashed = hashlib.sha256(token_of(code).encode()).hexdigest()
            vehicles.append({"registration": f"{name[:2].upper()} {n:04d}", "category": category})
            drivers.append(
                {"code": code, "name": f"Driver {n}", "phone": f"+6013{n:07d}",
                 "vehicle": vehicles[-1]["registration"], "token_sha256": hashed}
            )  # fmt: skip
        changes: dict[str, Any] = {"drivers": drivers, "vehicles": vehicles}
        if name == "taxis":
            changes |= {
                "subscriber_id": "taxis.klang-valley.example",
                "provider_id": "klang-valley-taxis",
                "assignment": "in_turn",
            }
        house = self._world.add(name, "bpp", like, **changes)
        house.document["insurance"]["witness"] = str(self._world.data / "witness" / f"{name}.jsonl")

    async def _enrol(self, house: House) -> None:
        """The desk says of each driver what the scheme must know; then they go to work."""
        desk = App(house.port, (house.folder / "data" / "desk.token").read_text().strip())
        home = COOPS[house.name][1]
        for n in range(self._plan.drivers):
            code = f"{house.name}-{n}"
            status = {"category": "self_employed", "residency": "citizen", "source": "as declared"}
            body = {"worker": code, "by": "desk", **status}
            await desk.post("/desk/insurance/workers/category", body)
            driver = Driver(self._town, house, code, self._near(home), self._new_dice())
            self._people.append(asyncio.create_task(driver.live()))

    async def _day(self) -> None:
        plan, loop = self._plan, self._world.loop
        end = loop.now + plan.seconds
        begins = sorted(self._dice.uniform(0, plan.seconds * 0.9) for _ in range(plan.citizens))
        for begin in begins:
            self._people.append(asyncio.create_task(self._citizen(loop.now + begin)))
        self._eye = asyncio.create_task(self._watch())
        if plan.has_faults:
            await self._troubles.rage(end)
        else:
            await asyncio.sleep(plan.seconds)

    async def _citizen(self, at: float) -> None:
        dice = self._new_dice()
        await asyncio.sleep(at - self._world.loop.now)
        name = dice.choice(("ride", "ride", "delivery"))
        home = KL if name == "ride" else BENGALURU
        citizen = Citizen(
            self._town,
            dice.choice(self._world.of_role("bap")),
            dice,
            name,
            self._near(home),
            self._near(home),
            wants_cancel=dice.random() < self._town.habits.cancels,
        )
        await citizen.live()

    async def _watch(self) -> None:
        while True:
            self._auditor.look()
            await asyncio.sleep(LOOK_S)

    async def _rest(self) -> None:
        """Everything works again; everybody ends what they began."""
        await self._troubles.heal()
        loop = self._world.loop
        until = loop.now + REST_S
        while loop.now < until and not self._is_settled():  # noqa: ASYNC110  looked at from outside
            await asyncio.sleep(30)
        self._town.is_closing = True
        await asyncio.sleep(30)
        self._eye.cancel()

    def _is_settled(self) -> bool:
        is_complete = len(self._town.journeys) == self._plan.citizens
        return is_complete and not self._auditor.waits()

    async def _close(self) -> None:
        world = self._world
        for task in self._people:
            task.cancel()
        for house in world.houses.values():
            await world.stop(house)
        await world.loop.last_rites(world.over)
        self._auditor.close()

    def _near(self, point: tuple[float, float]) -> tuple[float, float]:
        lat, lon = point
        return lat + self._dice.uniform(-0.05, 0.05), lon + self._dice.uniform(-0.05, 0.05)

    def _new_dice(self) -> random.Random:
        return dice_of("one", self._dice.getrandbits(64))
