"""Which driver for which job: pure functions over who is online and where."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from bpp.fleet.workers import Worker
from bpp.geo import distance_m
from protocol_specs.wire.order import Place


@dataclass(frozen=True, slots=True)
class Position:
    """Where a driver was last seen, and when (seconds UTC)."""

    lat: float
    lon: float
    at: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A driver online at a known place."""

    worker: Worker
    position: Position


@dataclass(frozen=True, slots=True)
class Reach:
    """How far from a pickup a driver may be, and how old a position may be to count."""

    radius_m: int = 5_000
    fresh_s: int = 900

    def counts(self, position: Position, now: int) -> bool:
        """Whether a driver is still taken to be there."""
        return now - position.at <= self.fresh_s


@dataclass(frozen=True, slots=True)
class Match:
    """A suitable driver, where they are, and the straight distance to the pickup."""

    worker: Worker
    distance_m: int
    place: Place


def suitable(
    handfuls: Iterable[tuple[float, Iterable[Candidate]]],
    pickup: Place,
    *,
    category: str | None,
    reach: Reach,
    now: int,
    passed_over: Collection[str] = (),
) -> Iterator[Match]:
    """Every driver who could take a job from `pickup`, nearest first, ties by agent_id. Looks only
    as far as the caller reads.

    `handfuls` as `Fleet.near` gives them; one alone may say infinity. `category` None: any vehicle.
    `passed_over`: agents who gave this job up.
    """
    waiting: list[tuple[int, str, Candidate]] = []
    for read_m, candidates in handfuls:
        for candidate in candidates:
            worker, at = candidate.worker, candidate.position
            if category not in (None, worker.vehicle.category) or not reach.counts(at, now):
                continue
            away_m = distance_m(at.lat, at.lon, pickup.lat, pickup.lon)
            if away_m <= reach.radius_m and worker.active and worker.agent_id not in passed_over:
                heappush(waiting, (away_m, worker.agent_id, candidate))
        while waiting and waiting[0][0] < read_m:
            away_m, _, candidate = heappop(waiting)
            yield Match(candidate.worker, away_m, _place(candidate.position))


def free(matches: Iterable[Match], is_busy: Callable[[str], bool]) -> Iterator[Match]:
    """Those who have no job; asks only as far as the caller reads on."""
    return (match for match in matches if not is_busy(match.worker.agent_id))


def _place(position: Position) -> Place:
    return Place(position.lat, position.lon)
