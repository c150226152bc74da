"""Dispatch: the nearest suitable free driver, and nobody else."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from bpp.fleet.dispatch import Candidate, Position, Reach, free, suitable
from bpp.fleet.workers import Worker
from protocol_specs.wire.order import Agent, Place, Vehicle
from protocol_specs.wire.values import replace

HERE = Place(3.139, 101.6869)
NOW = 1_800_000_000
REACH = Reach(radius_m=5_000, fresh_s=600)


def candidate(
    agent_id: str, *, north_m: int = 0, age_s: int = 0, category: str = "CAB"
) -> Candidate:
    worker = Worker(agent_id, agent_id, Agent(agent_id, "60123456789"), Vehicle(category))
    return Candidate(worker, Position(HERE.lat + north_m / 111_195, HERE.lon, NOW - age_s))


def ids(candidates: list[Candidate], **changes: object) -> list[str]:
    asked: dict[str, object] = {"category": "CAB", "reach": REACH, "now": NOW, **changes}
    return [match.worker.agent_id for match in suitable([(inf, candidates)], HERE, **asked)]  # type: ignore[arg-type]


def test_the_nearest_driver_comes_first() -> None:
    assert ids([candidate("far", north_m=900), candidate("near", north_m=300)]) == ["near", "far"]


def test_equally_near_drivers_stand_in_a_fixed_order() -> None:
    assert ids([candidate("b"), candidate("a")]) == ["a", "b"]


def test_a_driver_out_of_reach_is_not_asked() -> None:
    assert ids([candidate("edge", north_m=4_900), candidate("out", north_m=5_100)]) == ["edge"]


def test_a_driver_with_an_old_position_is_not_asked() -> None:
    assert ids([candidate("fresh", age_s=600), candidate("old", age_s=601)]) == ["fresh"]


def test_a_driver_with_another_vehicle_is_not_asked() -> None:
    assert ids([candidate("auto", category="AUTO_RICKSHAW"), candidate("cab")]) == ["cab"]


def test_a_driver_who_left_the_cooperative_is_not_asked() -> None:
    gone = candidate("gone")
    assert ids([replace(gone, worker=replace(gone.worker, active=False))]) == []


def test_a_driver_who_gave_the_job_up_is_passed_over() -> None:
    assert ids([candidate("a"), candidate("b")], passed_over=("a",)) == ["b"]


def test_busy_drivers_are_skipped_and_asked_about_no_further_than_needed() -> None:
    matches = suitable(
        [(inf, [candidate("a"), candidate("b"), candidate("c")])],
        HERE,
        category="CAB",
        reach=REACH,
        now=NOW,
    )
    asked: list[str] = []

    def is_busy(agent_id: str) -> bool:
        asked.append(agent_id)
        return agent_id == "a"

    assert next(free(matches, is_busy)).worker.agent_id == "b"
    assert asked == ["a", "b"]


@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 1_200)), max_size=20))
def test_whoever_is_chosen_is_in_reach_and_nobody_nearer_was_left_out(
    people: list[tuple[int, int]],
) -> None:
    candidates = [
        candidate(f"{n:02}", north_m=north_m, age_s=age_s)
        for n, (north_m, age_s) in enumerate(people)
    ]
    matches = list(suitable([(inf, candidates)], HERE, category="CAB", reach=REACH, now=NOW))
    distances = [match.distance_m for match in matches]
    assert distances == sorted(distances)
    assert all(distance <= REACH.radius_m for distance in distances)
    wanted = sum(1 for north_m, age_s in people if north_m < 4_990 and age_s <= 600)
    assert len(matches) >= wanted
