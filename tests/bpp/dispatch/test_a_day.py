"""Days of work as the node gives it out, with its own rows: nobody in the thick of it goes without,
and no customer waits much longer for it."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from bpp.dispatch import rounds
from bpp.fleet import roster
from bpp.fleet.dispatch import Position
from bpp.fleet.fleet import Fleet
from bpp.fleet.workers import DriverEntry, VehicleEntry
from bpp.geo import distance_m
from bpp.orders import choosing
from bpp.orders.office import Office
from bpp.orders.tables import TRIGGERS
from bpp.tables import METADATA
from protocol_specs.node.store import Store
from protocol_specs.wire.order import Place
from protocol_specs.wire.values import replace
from tests.bpp.factories import CASH, KL, NOW, asked, office, ride_provider

JOB_S, FARE_MINOR = 1_500, 1_200
METRE = 1 / 111_195  # in degrees to the north


@dataclass
class Day:
    """A cooperative of free drivers; each job takes JOB_S and brings the same."""

    store: Store
    office: Office
    at: dict[str, Place]
    busy: list[tuple[int, str, Place]] = field(default_factory=list)  # until when, who, then where
    jobs: dict[str, int] = field(default_factory=dict)
    longer_s: list[int] = field(
        default_factory=list
    )  # than the nearest free driver would have taken
    number: Iterator[int] = field(default_factory=count)

    async def come_online(self, agent_id: str, now: int) -> None:
        place = self.at[agent_id]
        position = Position(place.lat, place.lon, now)
        await self.office.fleet.seen(self.store, agent_id, position)

    def choice(
        self, pickup: Place, now: int, not_for: Mapping[str, str] | None = None
    ) -> choosing.Choice | None:
        """Whom the rule says for a job from there."""
        terms = self.office.terms(category="CAB", domain="d", city="c", payment=CASH)
        view = asked(self.office)
        view = replace(view, fulfillment=replace(view.fulfillment, pickup=pickup))
        return self.store.read(
            lambda session: choosing.choose(session, self.office, view, terms, now, not_for)
        )

    async def give(self, pickup: Place, ends_at: Place | None, now: int) -> None:
        """A job for the driver whom the rule says, who is at `ends_at` after it (None: back)."""
        await self._come_back(now)
        choice = self.choice(pickup, now)
        if choice is None:
            return
        agent_id = choice.worker.agent_id
        free = [self.at[one] for one in self.at if self.office.fleet.position(one) is not None]
        nearest_m = min(distance_m(p.lat, p.lon, pickup.lat, pickup.lon) for p in free)
        nearest = Place(pickup.lat + nearest_m * METRE, pickup.lon)
        (least_s,) = self.office.routing.line.travel_s([nearest], pickup)
        self.longer_s.append(choice.round.ranked[0].travel_s - least_s)
        self.jobs[agent_id] = self.jobs.get(agent_id, 0) + 1
        self.busy.append((now + JOB_S, agent_id, ends_at or self.at[agent_id]))
        await self.office.fleet.gone(self.store, agent_id)

    async def _come_back(self, now: int) -> None:
        for until, agent_id, place in [each for each in self.busy if each[0] <= now]:
            self.busy.remove((until, agent_id, place))
            self.at[agent_id] = place
            await self.come_online(agent_id, until)
            key = f"job-{next(self.number)}"
            self.store.transact_now(
                lambda session, agent_id=agent_id, until=until, key=key: rounds.note_job(  # type: ignore[misc]
                    session, key, agent_id=agent_id, ended_at=until, fare_minor=FARE_MINOR
                )
            )


async def _day(folder: Path, places: list[Place]) -> Day:
    store = Store.open(folder, METADATA, triggers=TRIGGERS)
    store.transact_now(lambda session: roster.put_vehicle(session, VehicleEntry("W1", "CAB")))
    entries = [DriverEntry(f"D{n}", "A", "60123456789", "W1") for n in range(len(places))]
    ids = store.transact_now(
        lambda session: [roster.put_driver(session, entry)[0] for entry in entries]
    )
    fleet = Fleet()
    store.read(fleet.load)
    provider = ride_provider()
    reach = replace(provider.reach, fresh_s=86_400)
    day = Day(
        store,
        office(replace(provider, reach=reach), fleet=fleet),
        dict(zip(ids, places, strict=True)),
    )
    for agent_id in ids:
        await day.come_online(agent_id, NOW)
    return day


async def test_at_a_stand_where_twenty_wait_the_last_in_the_row_has_as_many_jobs(
    tmp_path: Path,
) -> None:
    """Everybody comes back to the same place in the row, five metres behind the one before."""
    day = await _day(tmp_path, [Place(KL.lat + 5 * n * METRE, KL.lon) for n in range(20)])
    for n in range(80):
        await day.give(KL, None, NOW + 600 * n)
    day.store.close()
    assert sum(day.jobs.values()) == 80  # four each on average
    assert {day.jobs.get(agent_id, 0) for agent_id in day.at} <= {3, 4, 5}


async def test_behind_fifty_for_whom_a_job_is_not_the_next_in_the_row_are_asked(
    tmp_path: Path,
) -> None:
    day = await _day(tmp_path, [Place(KL.lat + 5 * n * METRE, KL.lon) for n in range(53)])
    row = list(day.at)
    choice = day.choice(KL, NOW, dict.fromkeys(row[:50], choosing.GAVE_IT_UP))
    day.store.close()
    assert choice is not None
    assert [each.agent_id for each in choice.round.ranked] == row[50:]


@pytest.mark.parametrize("seed", [1, 2])
async def test_in_the_thick_of_a_city_nobody_goes_without_for_a_day(
    tmp_path: Path, seed: int
) -> None:
    """Thirty drivers, 180 rides in ten hours from here to there within three kilometres."""
    dice = random.Random(seed)

    def somewhere() -> Place:
        spread = 3_000 * METRE
        return Place(KL.lat + dice.uniform(-spread, spread), KL.lon + dice.uniform(-spread, spread))

    day = await _day(tmp_path, [somewhere() for _ in range(30)])
    for n in range(180):
        await day.give(somewhere(), somewhere(), NOW + 200 * n)
    day.store.close()
    had = [day.jobs.get(agent_id, 0) for agent_id in day.at]
    assert sum(had) == 180  # six each on average
    assert (min(had) >= 3, max(had) <= 9) == (True, True), sorted(had)
    assert sum(day.longer_s) / len(day.longer_s) < 150, "customers would pay with their time"
