"""The published rule of who is asked first: travel time, less what waiting and thin hours earn.

Pure. Every number that decides is a whole number of seconds, so that a driver can add it up.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much; members decide it, and the node publishes it.

    Each minute without a job is worth `idle_s` seconds of travel, up to `idle_min_max` minutes. Who
    has earned nothing of late, where the others asked beside them earned on average, gets
    `earnings_s` seconds; who earned twice the average is that much behind; between them in
    proportion.
    """

    idle_s: int = 4
    idle_min_max: int = 60
    earnings_s: int = 120


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of one driver when a job is given out. Amounts are minor units."""

    agent_id: str
    travel_s: int
    idle_s: int
    earned_minor: int  # in the last hours


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate's place, and its sum: `score_s` is `travel_s` less both bonuses."""

    place: int
    agent_id: str
    score_s: int
    travel_s: int
    idle_bonus_s: int
    earnings_bonus_s: int


def rank(
    candidates: Sequence[Candidate], weights: Weights, mean_minor: int | None = None
) -> list[Ranked]:
    """The candidates, who is to be asked first first. Ties go to who waited longer, then to who
    earned less, then by id.

    It depends on the set of candidates only, never on the order in which they are given.
    `mean_minor` is what the drivers around earned on average; None: these candidates.
    """
    mean = mean_of(candidates) if mean_minor is None else mean_minor
    scored = [(_scored(each, weights, mean), each) for each in candidates]
    scored.sort(key=_order)
    return [
        Ranked(
            place,
            found.agent_id,
            found.score_s,
            found.travel_s,
            found.idle_bonus_s,
            found.earnings_bonus_s,
        )
        for place, (found, _) in enumerate(scored, 1)
    ]


def _order(pair: tuple[Ranked, Candidate]) -> tuple[int, int, int, str]:
    found, candidate = pair
    return found.score_s, -candidate.idle_s, candidate.earned_minor, candidate.agent_id


def _scored(candidate: Candidate, weights: Weights, mean: int) -> Ranked:
    idle = min(candidate.idle_s // 60, weights.idle_min_max) * weights.idle_s
    earnings = _earnings_bonus_s(candidate.earned_minor, mean, weights.earnings_s)
    score = candidate.travel_s - idle - earnings
    return Ranked(0, candidate.agent_id, score, candidate.travel_s, idle, earnings)


def _earnings_bonus_s(earned_minor: int, mean_minor: int, whole_s: int) -> int:
    if mean_minor == 0:
        return 0
    share = (mean_minor - earned_minor) * whole_s // mean_minor
    return max(-whole_s, min(whole_s, share))


def mean_of(candidates: Sequence[Candidate]) -> int:
    """What they earned on average, rounded down; 0 of nobody."""
    return sum(each.earned_minor for each in candidates) // max(1, len(candidates))


def in_words(found: Ranked, of: int) -> str:
    """The sum as a sentence for the driver it is about."""
    parts = [f"{_minutes(found.travel_s)} to the pickup"]
    if found.idle_bonus_s:
        parts.append(f"less {_minutes(found.idle_bonus_s)} for the time you waited")
    if found.earnings_bonus_s > 0:
        parts.append(f"less {_minutes(found.earnings_bonus_s)} because you earned less of late")
    if found.earnings_bonus_s < 0:
        parts.append(f"plus {_minutes(-found.earnings_bonus_s)} because you earned more of late")
    return f"you were number {found.place} of {of}: {', '.join(parts)}"


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} min {seconds % 60:02d} s"
