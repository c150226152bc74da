"""Which driver for which job: pure functions over who is online and where."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Match:
    """A suitable driver, where they are, and the straight distance to the pickup."""

    worker: Worker
    distance_m: int
    place: Place


def suitable(
    candidates: Iterable[Candidate],
    pickup: Place,
    *,
    category: str | None,
    reach: Reach,
    now: int,
    passed_over: Collection[str] = (),
) -> list[Match]:
    """Every driver who could take a job from `pickup`, nearest first, ties by agent_id.

    `category` None: any vehicle. `passed_over`: agents who gave this job up.
    """
    matches = [
        Match(candidate.worker, _away_m(candidate.position, pickup), _place(candidate.position))
        for candidate in candidates
        if candidate.worker.active
        and category in (None, candidate.worker.vehicle.category)
        and candidate.worker.agent_id not in passed_over
        and now - candidate.position.at <= reach.fresh_s
    ]
    near = (match for match in matches if match.distance_m <= reach.radius_m)
    return sorted(near, key=lambda match: (match.distance_m, match.worker.agent_id))


def free(matches: Iterable[Match], is_busy: Callable[[str], bool]) -> Iterator[Match]:
    """Those who have no job; asks only as far as the caller reads on."""
    return (match for match in matches if not is_busy(match.worker.agent_id))


def _place(position: Position) -> Place:
    return Place(position.lat, position.lon)


def _away_m(position: Position, pickup: Place) -> int:
    return distance_m(position.lat, position.lon, pickup.lat, pickup.lon)
