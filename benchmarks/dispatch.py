"""Matching one job among 10,000 drivers online in a city, beside looking at every one of them."""

import random
import statistics
import time
from itertools import islice

from bpp.dispatch.policy import Candidate, Weights, rank
from bpp.fleet.dispatch import Candidate as Online
from bpp.fleet.dispatch import Position, Reach, suitable
from bpp.fleet.grid import Grid
from bpp.fleet.routing import StraightLine
from bpp.fleet.workers import Worker
from bpp.geo import distance_m
from protocol_specs.wire.order import Agent, Place, Vehicle

DRIVERS = 10_000
SOUTH_WEST, SIDE_DEG = (3.0, 101.55), 0.27  # 30 km by 30 km
ASKED = 8


def measure(*, jobs: int) -> dict[str, float]:
    """The middle time of one match, in ms, and how many times faster than looking at everybody."""
    draw = random.Random(7)
    online, grid = {}, Grid()
    for n in range(DRIVERS):
        at = _place(draw)
        worker = Worker(str(n), str(n), Agent("D", "60123456789"), Vehicle("CAB"))
        online[str(n)] = Online(worker, Position(at.lat, at.lon, 0))
        grid.put(str(n), at.lat, at.lon)
    reach, line = Reach(), StraightLine()
    matched, looked = [], []
    for _ in range(jobs):
        pickup = _place(draw)
        began = time.perf_counter()
        near = (
            (read_m, [online[name] for name in names])
            for read_m, names in grid.near(pickup.lat, pickup.lon, reach.radius_m)
        )
        found = list(islice(suitable(near, pickup, category="CAB", reach=reach, now=0), ASKED))
        travel = line.travel_s([match.place for match in found], pickup)
        rank(
            [
                Candidate(m.worker.agent_id, s or 0, 0, 0)
                for m, s in zip(found, travel, strict=True)
            ],
            Weights(),
        )
        matched.append(time.perf_counter() - began)
        began = time.perf_counter()
        for each in online.values():
            distance_m(each.position.lat, each.position.lon, pickup.lat, pickup.lon)
        looked.append(time.perf_counter() - began)
    match_s, look_s = statistics.median(matched), statistics.median(looked)
    return {
        "drivers": DRIVERS,
        "match_ms": round(match_s * 1000, 2),
        "times_faster_than_looking_at_all": round(look_s / match_s, 1),
    }


def _place(draw: random.Random) -> Place:
    south, west = SOUTH_WEST
    return Place(south + draw.random() * SIDE_DEG, west + draw.random() * SIDE_DEG)
