"""What goes wrong, when and for how long: thrown by the dice, one trouble after the other."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from examples.simulator.machine import Trouble
from examples.simulator.wires import Weather
from examples.simulator.world import House, World

FAIR = Weather()
FOUL = Weather(delay_s=(0.005, 0.4), slow=0.03, cut_request=0.02, cut_answer=0.04, repeat=0.05)
EVERY_S = (5.0, 60.0)


class Troubles:
    """Faults until `heal`, which ends them all. `happened` counts them by kind."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self._world, self._dice = world, dice
        self.happened: Counter[str] = Counter()
        self._kinds: list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = [
            ("crash", self._crash),
            ("crash in a commit", self._crash_in_commit),
            ("partition", self._partition),
            ("disk full", self._full),
            ("disk away", self._away),
            ("clock jump", self._jump),
            ("foul weather", self._weather),
        ]
        self._under_way: set[asyncio.Task[None]] = set()

    async def rage(self, until_s: float) -> None:
        """One fault after the other; several may hold at once."""
        loop = self._world.loop
        while loop.now < until_s:
            name, fault = self._dice.choice(self._kinds)
            self.happened[name] += 1
            task = loop.create_task(fault())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(self._dice.uniform(*EVERY_S))

    async def heal(self) -> None:
        """Everything works again: every fault that lasts comes to its own end."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        world = self._world
        world.loop.weather = FAIR
        world.loop.heal()
        for house in world.houses.values():
            house.skew_s = 0.0
            world.disk.trouble[house.name] = Trouble()
            if house.node is None:
                await world.restart(house)

    def _somebody(self) -> House:
        return self._dice.choice(list(self._world.houses.values()))

    async def _crash(self) -> None:
        house = self._somebody()
        await asyncio.sleep(self._dice.random())  # not at a whole second, where loops wake
        self._world.crash(house)
        await self._back(house)

    async def _crash_in_commit(self) -> None:
        house = self._somebody()
        fallen = asyncio.Event()

        def fall() -> None:
            self._world.crash(house)
            fallen.set()

        trouble = self._world.disk.of(house.name)
        trouble.on_crash = fall
        trouble.crash = self._dice.choice(("before", "after"))
        try:
            async with asyncio.timeout(120):
                await fallen.wait()
        except TimeoutError:
            trouble.crash = ""
        await self._back(house)

    async def _back(self, house: House) -> None:
        """Up again after a while, as a supervisor would do it."""
        await asyncio.sleep(self._dice.uniform(0.5, 45))
        trouble = self._world.disk.of(house.name)
        while trouble.is_away:  # noqa: ASYNC110  as a supervisor tries again
            await asyncio.sleep(5)
        trouble.crash, trouble.full = "", 0
        await self._world.restart(house)

    async def _partition(self) -> None:
        one, other = self._dice.sample(list(self._world.houses), 2)
        both_ways = self._dice.random() < 0.5
        self._world.loop.partition(one, other, both_ways=both_ways)
        await asyncio.sleep(self._dice.uniform(3, 150))
        self._world.loop.heal()

    async def _full(self) -> None:
        self._world.disk.of(self._somebody().name).full = self._dice.randint(1, 5)

    async def _away(self) -> None:
        trouble = self._world.disk.of(self._somebody().name)
        trouble.is_away = True
        await asyncio.sleep(self._dice.uniform(1, 40))
        trouble.is_away = False

    async def _jump(self) -> None:
        house = self._somebody()
        house.skew_s = self._dice.choice((-1, 1)) * self._dice.uniform(1, 900)
        await asyncio.sleep(self._dice.uniform(5, 120))
        house.skew_s = 0.0

    async def _weather(self) -> None:
        self._world.loop.weather = FOUL
        await asyncio.sleep(self._dice.uniform(20, 200))
        self._world.loop.weather = FAIR
