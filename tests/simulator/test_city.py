"""The city's drivers: their phones are known to their node, their shifts fill every hour."""

import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from bpp.dispatch.policy import Weights
from examples.simulator.calls import Json
from examples.simulator.city import HOUR_S, CityPlan, Shift, spells_of
from examples.simulator.city_report import gini
from examples.simulator.people import Habits, Town
from examples.simulator.reckoning import reckon
from examples.simulator.wires import Wires
from examples.simulator.world import as_life, dice_of

FRESH_S = 900  # dispatch.fresh_s where nothing else is set: an older place is not asked


class Idle(Shift):
    """A driver for whom there is no job; `told` is when the phone said where it is."""

    told: list[float]

    async def _be_online(self) -> None:
        self.seen_s = asyncio.get_running_loop().time()
        self.told.append(self.seen_s)

    async def _next_job(self) -> Json | None:
        return None


def test_a_phone_that_rings_for_others_all_day_still_says_where_it_is() -> None:
    """In turn, every order rings every phone: who listened only began to wait anew each time, was
    no longer known to be anywhere after a quarter of an hour, and had no job that day."""
    coop: Any = SimpleNamespace(port=1)
    idle = Idle(Town(Habits()), coop, "D1", (0.0, 0.0), dice_of("test", 1))
    idle.told = []

    async def day() -> None:
        as_life("test")
        work = asyncio.create_task(idle._work_until(4 * HOUR_S))
        while not work.done():
            idle.wake.set()
            await asyncio.sleep(50)

    with asyncio.Runner(loop_factory=lambda: Wires(dice_of("wires", 1))) as runner:
        runner.run(day())
    told = [0.0, *idle.told]
    assert max(later - sooner for sooner, later in pairwise(told)) < FRESH_S
    assert told[-1] > 4 * HOUR_S - FRESH_S


def test_a_shift_over_midnight_covers_the_early_morning_too() -> None:
    assert spells_of(22 * HOUR_S, 31 * HOUR_S) == [(0, 7 * HOUR_S), (22 * HOUR_S, 24 * HOUR_S)]
    assert spells_of(5 * HOUR_S, 14 * HOUR_S) == [(5 * HOUR_S, 14 * HOUR_S)]


def test_a_reckoned_day_shares_better_than_distance_alone() -> None:
    plan = CityPlan(1, drivers=450, citizens=1500)
    shared, nearest = reckon(plan, Weights()), reckon(plan, Weights(), looked=1)
    assert (gini(shared.fares) or 0) + 0.05 < (gini(nearest.fares) or 0)
    assert shared.fares.count(0) < nearest.fares.count(0)


def test_a_reckoned_day_is_the_same_for_a_seed() -> None:
    plan = CityPlan(2, drivers=90, citizens=100)
    assert reckon(plan, Weights()) == reckon(plan, Weights())
