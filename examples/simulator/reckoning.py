"""`python -m examples.simulator.reckoning`: the city's day without nodes, to try other weights.

Only who gets which job is reckoned, by the rule's own function, in seconds instead of minutes; what
nodes, wire and books make of it is the city's own day to show.
"""

from __future__ import annotations

import argparse
import random
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from bpp.dispatch.policy import Candidate, Weights, rank
from bpp.dispatch.rounds import BALANCED_S, LOOKED_MAX
from bpp.fleet.routing import StraightLine
from examples.simulator.city import (
    DAY_S,
    HOUR_S,
    METRES_PER_S,
    CityPlan,
    metres,
    somewhere,
    spells_of,
)
from examples.simulator.city_report import gini, quantile
from examples.simulator.people import Point
from examples.simulator.world import dice_of
from protocol_specs.wire.order import Place

RADIUS_M, STOPS_S = 8_000, 90.0  # what the city's cooperatives set; answering, getting in
FARE_MINOR, PER_METRE_MINOR = 300, 0.2


@dataclass(slots=True)
class Car:
    """One driver: where, free from when on, and the jobs so far (when they ended, and fares)."""

    name: str
    spells: list[tuple[float, float]]
    at: Point
    free_s: float = 0.0
    jobs: list[tuple[float, int]] = field(default_factory=list)

    def since(self, now: float) -> float | None:
        """Since when the driver waits; None: busy or not online."""
        began = next((since for since, until in self.spells if since <= now < until), None)
        return None if began is None or self.free_s > now else max(began, self.free_s)


@dataclass(slots=True)
class Reckoned:
    """A day: fares of each driver's shift, seconds waited, wishes nobody could serve."""

    fares: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    unserved: int = 0


def reckon(plan: CityPlan, weights: Weights, looked: int = LOOKED_MAX) -> Reckoned:
    """One day of the plan by these weights, of the nearest `looked`."""
    text = resources.files("examples.simulator").joinpath("city.toml").read_text("utf-8")
    city: dict[str, Any] = tomllib.loads(text)
    dice, found = dice_of("reckoning", plan.seed), Reckoned()
    for part in city["cities"].values():
        coops = _coops(plan, city, part, dice)
        hours = range(24)
        wishes = plan.citizens * part["share_of_wishes"] // 100
        for at in sorted(
            (hour + dice.random()) * HOUR_S
            for hour in dice.choices(hours, city["by_hour"], k=wishes)
        ):
            lives, works = (somewhere(dice, part["cells"], weight)[0] for weight in (3, 4))
            pickup, drop = (lives, works) if at < DAY_S / 2 else (works, lives)
            _serve(found, coops, at, pickup, drop, weights, looked, dice)
        found.fares += [sum(fare for _, fare in car.jobs) for cars in coops for car in cars]
    return found


def _coops(
    plan: CityPlan, city: dict[str, Any], part: dict[str, Any], dice: random.Random
) -> list[list[Car]]:
    starts, length_s = city["shifts"], city["shift_hours"] * HOUR_S
    each = plan.drivers * part["share_of_wishes"] // 100 // len(part["cooperatives"])
    coops = []
    for name in part["cooperatives"]:
        hours = dice.choices([one[0] for one in starts], [one[1] for one in starts], k=each)
        begins = [(hour + dice.random()) * HOUR_S for hour in hours]
        coops.append(
            [
                Car(
                    f"{name}-{n}",
                    spells_of(at, at + length_s),
                    somewhere(dice, part["cells"], 3)[0],
                )
                for n, at in enumerate(begins)
            ]
        )
    return coops


def _serve(
    found: Reckoned,
    coops: list[list[Car]],
    at: float,
    pickup: Point,
    drop: Point,
    weights: Weights,
    looked: int,
    dice: random.Random,
) -> None:
    near = [one for one in (_near(cars, at, pickup) for cars in coops) if one]
    if not near:
        found.unserved += 1
        return
    nearest = {car.name: (away, car) for away, _, car in dice.choice(near)[:looked]}
    places = [Place(*car.at) for _, car in nearest.values()]
    travel = StraightLine().travel_s(places, Place(*pickup))
    known = [
        Candidate(
            car.name,
            seconds,
            int(at - (car.since(at) or 0.0)),
            sum(fare for ended, fare in car.jobs if ended > at - BALANCED_S),
        )
        for (_, car), seconds in zip(nearest.values(), travel, strict=True)
    ]
    away, car = nearest[rank(known, weights)[0].agent_id]
    wait = away / METRES_PER_S * dice.uniform(0.8, 1.4)
    ride = metres(pickup, drop) / METRES_PER_S * dice.uniform(0.8, 1.4)
    found.waits.append(wait)
    car.free_s, car.at = at + wait + ride + STOPS_S, drop
    car.jobs.append((car.free_s, FARE_MINOR + round(metres(pickup, drop) * PER_METRE_MINOR)))


def _near(cars: list[Car], at: float, pickup: Point) -> list[tuple[float, str, Car]]:
    free = [(metres(car.at, pickup), car.name, car) for car in cars if car.since(at) is not None]
    return sorted(each for each in free if each[0] <= RADIUS_M)


def main() -> None:
    """One line for each day."""
    parser = argparse.ArgumentParser(prog="reckoning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--drivers", type=int, default=900)
    parser.add_argument("--citizens", type=int, default=3000)
    parser.add_argument("--looked", type=int, default=LOOKED_MAX, help="of the nearest")
    parser.add_argument("--weights", type=int, nargs=3, default=(4, 60, 120))
    given = parser.parse_args()
    for seed in range(1, given.seeds + 1):
        plan = CityPlan(seed, drivers=given.drivers, citizens=given.citizens)
        day = reckon(plan, Weights(*given.weights), given.looked)
        none = sum(not fares for fares in day.fares) / max(1, len(day.fares))
        waits = [(quantile(day.waits, part) or 0) / 60 for part in (0.5, 0.95)]
        print(
            f"seed {seed}: Gini {gini(day.fares)}, without a job {none:.1%}, "
            f"waiting {waits[0]:.1f} and {waits[1]:.1f} min, not served {day.unserved}"
        )


if __name__ == "__main__":
    main()
