"""Shifts: no vehicle has two drivers and no driver two vehicles; hours are those of the city."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpp.declined import Declined
from bpp.fleet import roster
from bpp.fleet.csv_import import Roster
from bpp.fleet.workers import BadEntry, DriverEntry, VehicleEntry
from bpp.schema import TRIGGERS
from bpp.tables import METADATA
from bpp.work import shifts
from bpp.work.shifts import Plan, Shift
from protocol_specs.node.store import Conflict, Store

NOW = int(datetime(2026, 3, 2, 0, 0, tzinfo=UTC).timestamp())
KL = ZoneInfo("Asia/Kuala_Lumpur")
CARS = ("W 1", "W 2")


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Store, list[str]]]:
    """A store with two vehicles and three drivers."""
    store = Store.open(folder, METADATA, triggers=TRIGGERS)
    listed = Roster(
        tuple(DriverEntry(f"D{n}", f"Driver {n}", "+60123456789", "W 1") for n in (1, 2, 3)),
        tuple(VehicleEntry(car, "CAB") for car in CARS),
    )
    try:
        store.transact_now(lambda session: roster.put_roster(session, listed))
        yield store, [worker.agent_id for worker, _ in store.read(roster.everybody)]
    finally:
        store.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[tuple[Store, list[str]]]:
    with opened(tmp_path) as found:
        yield found


def planned(store: Store, plan: Plan, now: int = NOW) -> list[Shift]:
    return store.transact_now(lambda s: shifts.plan(s, plan, KL, by="nur", now=now))


def every(store: Store) -> list[Shift]:
    return store.read(lambda session: shifts.between(session, 0, 2**40))


def day(plan: Plan) -> tuple[str, str]:
    """The first day's hours in UTC."""
    span = shifts.spans(plan, KL, NOW)[0]
    begins, ends = (datetime.fromtimestamp(at, UTC).isoformat()[:16] for at in span)
    return begins, ends


PLANS = st.builds(
    Plan,
    agent_id=st.sampled_from(["0", "1", "2"]),
    registration=st.sampled_from(CARS),
    day=st.sampled_from(["2026-03-03", "2026-03-04"]),
    starts=st.sampled_from(["00:00", "06:00", "11:45", "18:00", "23:15"]),
    ends=st.sampled_from(["00:15", "06:00", "12:00", "18:15", "23:30"]),
    days=st.integers(1, 3),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PLANS, min_size=2, max_size=8))
def test_whatever_is_planned_no_two_shifts_of_a_vehicle_or_a_driver_overlap(
    tmp_path_factory: pytest.TempPathFactory, plans: list[Plan]
) -> None:
    with opened(tmp_path_factory.mktemp("s")) as (store, drivers):
        kept: list[tuple[str, str, int, int]] = []  # a model of its own: every pair is compared
        for plan in plans:
            who = drivers[int(plan.agent_id)]
            named = Plan(who, plan.registration, plan.day, plan.starts, plan.ends, plan.days)
            try:
                spans = shifts.spans(named, KL, NOW)
            except BadEntry:
                continue
            wanted = [(who, plan.registration, *span) for span in spans]
            is_free = not any(
                (one[0] == other[0] or one[1] == other[1])
                and one[2] < other[3]
                and other[2] < one[3]
                for n, one in enumerate(wanted)
                for other in kept + wanted[:n]
            )
            if is_free:
                planned(store, named)
                kept += wanted
            else:
                with pytest.raises(Declined):
                    planned(store, named)
        found = [(s.agent_id, s.registration, s.starts_at, s.ends_at) for s in every(store)]
        assert sorted(found) == sorted(kept)


def test_a_second_writer_who_checked_before_the_first_wrote_is_refused_by_the_table_itself(
    there: tuple[Store, list[str]],
) -> None:
    store, (first, second, _) = there
    (shift,) = planned(store, Plan(first, "W 1", "2026-03-03", "06:00", "14:00"))
    quarter = {"quarter": shift.starts_at // 900 + 3, "shift_id": shift.id}
    for agent_id, registration in ((second, "W 1"), (first, "W 2")):
        with pytest.raises(Conflict):
            store.transact_now(
                lambda s, a=agent_id, r=registration: s.run(
                    shifts._ADD_QUARTER, agent_id=a, registration=r, **quarter
                )
            )


def test_hours_are_those_of_the_city_and_a_night_ends_on_the_next_day() -> None:
    night = Plan("a", "W 1", "2026-03-03", "22:00", "06:00")
    assert day(night) == ("2026-03-03T14:00", "2026-03-03T22:00")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"day": "3 March"}, "day"),
        ({"day": "2026-02-27"}, "day"),
        ({"day": "2027-03-03"}, "day"),
        ({"day": "9999-12-31", "ends": "05:00"}, "day"),
        ({"starts": "06:10"}, "starts"),
        ({"starts": "six"}, "starts"),
        ({"ends": "25:00"}, "ends"),
        ({"starts": "00:00", "ends": "16:15"}, "ends"),
        ({"days": 0}, "days"),
        ({"days": 15}, "days"),
        ({"registration": "W 9"}, "registration"),
        ({"agent_id": "nobody"}, "agent_id"),
    ],
)
def test_a_plan_with_one_thing_wrong_names_it_and_keeps_nothing(
    there: tuple[Store, list[str]], wrong: dict[str, str | int], field: str
) -> None:
    store, (first, *_) = there
    good: dict[str, str | int] = {
        "agent_id": first,
        "registration": "W 1",
        "day": "2026-03-03",
        "starts": "06:00",
        "ends": "14:00",
    }
    with pytest.raises(BadEntry) as refused:
        planned(store, Plan(**{**good, **wrong}))  # type: ignore[arg-type]  # one of them is wrong
    assert (refused.value.field, every(store)) == (field, [])


def test_several_days_are_planned_all_or_none(there: tuple[Store, list[str]]) -> None:
    store, (first, second, _) = there
    planned(store, Plan(first, "W 1", "2026-03-05", "06:00", "14:00"))
    with pytest.raises(Declined):
        planned(store, Plan(second, "W 1", "2026-03-03", "13:45", "20:00", days=4))
    assert len(every(store)) == 1


def test_a_shift_ended_early_frees_the_vehicle_from_the_next_quarter_on(
    there: tuple[Store, list[str]],
) -> None:
    store, (first, second, _) = there
    (shift,) = planned(store, Plan(first, "W 1", "2026-03-03", "06:00", "14:00"))
    at = shift.starts_at + 3_700
    assert store.transact_now(lambda s: shifts.end(s, shift.id, at))
    assert every(store)[0].ends_at == shift.starts_at + 4_500
    planned(store, Plan(second, "W 1", "2026-03-03", "07:15", "14:00"), now=at)
    assert not store.transact_now(lambda s: shifts.end(s, shift.id, at + 900))


def test_a_shift_to_come_is_dropped_whole_and_old_ones_are_forgotten(
    there: tuple[Store, list[str]],
) -> None:
    store, (first, *_) = there
    (shift,) = planned(store, Plan(first, "W 1", "2026-03-03", "06:00", "14:00"))
    assert store.transact_now(lambda s: shifts.end(s, shift.id, NOW))
    assert every(store) == []
    (again,) = planned(store, Plan(first, "W 1", "2026-03-03", "06:00", "14:00"))
    later = again.ends_at + shifts.KEPT_S
    assert not store.transact_now(lambda s: shifts.forget_next(s, later))
    assert store.transact_now(lambda s: shifts.forget_next(s, later + 1))
    assert every(store) == []
