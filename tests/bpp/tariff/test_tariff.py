"""Fares by time: what holds when, what may be written and withdrawn, what a change would do."""

from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp import fares
from bpp.fares import FarePolicy, Rates, Zone
from bpp.fares_settings import FareSettings
from bpp.geo import Circle
from bpp.office.fare_preview import fare_by, preview
from bpp.orders.order import Order, in_state
from bpp.schema import TRIGGERS
from bpp.tables import METADATA
from bpp.tariff import store as tariffs
from bpp.tariff.tariff import Tariff
from protocol_specs.node.store import Conflict, Store
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.values import replace
from tests.bpp.factories import FARES, KL, NOW, PREPAID, an_order, office, ride_provider
from tests.support.databases import run_sql

HOUR_S = 3600
DEARER = FareSettings.model_validate({"base": "5.00", "per_km": "1.00"})
EVERYTHING = {
    "base": "4.00", "per_km": "0.80", "per_minute": "0.10", "base_distance_km": "1.5",
    "minimum": "6.00", "waiting_per_minute": "0.50", "waiting_free_minutes": 3,
    "detour_factor": "1.4", "average_speed_kmh": "30",
    "night": {"multiplier": "1.5", "start": "22:00", "end": "05:00",
              "time_zone": "Asia/Kuala_Lumpur"},
    "ceiling": {"fixed": "50.00", "per_km": "2.00"},
    "zones": [{"name": "Airport", "lat": 2.7456, "lon": 101.7099, "radius_m": 3000,
               "surcharge": "2.00", "rates": {"base": "9.00"}}],
    "by_category": {"AUTO_RICKSHAW": {"base": "2.00"}},
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path, METADATA, triggers=TRIGGERS)
    yield store
    store.close()


def write(store: Store, starts_at: int = NOW + HOUR_S, **changes: Any) -> int:
    values = {"starts_at": starts_at, "currency": "MYR", "by": "treasurer-1", "now": NOW}
    written = changes.pop("fares", DEARER)
    return store.transact_now(lambda s: tariffs.write(s, written, **{**values, **changes}))


def loaded(store: Store) -> Tariff:
    tariff = Tariff(FARES)
    store.read(tariffs.Reader(tariff).load)
    return tariff


def rows(store: Store) -> list[Any]:
    return store.read(tariffs.every)


def test_the_fares_of_the_settings_hold_until_the_first_tariff_begins(store: Store) -> None:
    write(store)
    tariff = loaded(store)
    assert tariff.at(NOW + HOUR_S - 1) == FARES
    assert tariff.at(NOW + HOUR_S) == DEARER.policy("MYR")


@given(st.sets(st.integers(0, 1000), max_size=8), st.integers(-10, 1010))
def test_at_any_moment_the_newest_tariff_that_has_begun_holds(
    starts: set[int], moment: int
) -> None:
    every = [(at, replace(FARES, rates=Rates(at + 1, 1))) for at in sorted(starts)]
    tariff = Tariff(FARES)
    numbers = range(1, len(every) + 1)
    tariff.hold(
        [(at, n) for n, (at, _) in zip(numbers, every, strict=True)],
        {n: policy for n, (_, policy) in zip(numbers, every, strict=True)},
    )
    begun = bisect_right(sorted(starts), moment)
    assert tariff.at(moment) == (every[begun - 1][1] if begun else FARES)


def test_what_is_written_is_read_back_as_the_settings_would_say_it(store: Store) -> None:
    listed = FareSettings.model_validate(EVERYTHING)
    write(store, fares=listed)
    (one,) = rows(store)
    assert (one.fares, one.by, one.written_at) == (listed, "treasurer-1", NOW)
    assert loaded(store).at(NOW + HOUR_S) == listed.policy("MYR")


@pytest.mark.parametrize(
    ("starts_at", "says"),
    [
        (NOW - 1, "at least 5 minutes"),
        (NOW + tariffs.LEAD_S - 1, "at least 5 minutes"),
        (NOW + tariffs.AHEAD_S_MAX + 1, "within a year"),
        (NOW + 2 * HOUR_S, "another tariff"),
    ],
)
def test_a_tariff_that_begins_at_a_wrong_moment_is_not_written(
    store: Store, starts_at: int, says: str
) -> None:
    write(store, NOW + 2 * HOUR_S)
    with pytest.raises(tariffs.NotWritten, match=says):
        write(store, starts_at)
    assert len(rows(store)) == 1


def test_fares_that_cannot_be_read_are_not_written(store: Store) -> None:
    with pytest.raises(Malformed):
        write(store, fares=FareSettings.model_validate({"base": "1.005", "per_km": "1.00"}))
    assert rows(store) == []


def test_a_withdrawn_tariff_never_holds_and_its_moment_is_free_again(store: Store) -> None:
    n = write(store)
    store.transact_now(lambda s: tariffs.withdraw(s, n, by="t-2", now=NOW + 1))
    assert loaded(store).at(NOW + 2 * HOUR_S) == FARES
    assert write(store) == n + 1
    assert [(one.n, one.withdrawn_by) for one in rows(store)] == [(1, "t-2"), (2, None)]


@pytest.mark.parametrize(
    ("n", "now", "says"),
    [(2, NOW, "no such"), (1, NOW + HOUR_S, "holds already")],
)
def test_a_tariff_that_holds_or_is_none_is_not_withdrawn(
    store: Store, n: int, now: int, says: str
) -> None:
    write(store)
    with pytest.raises(tariffs.NotWritten, match=says):
        store.transact_now(lambda s: tariffs.withdraw(s, n, by="t-1", now=now))
    assert rows(store)[0].withdrawn_at is None


def test_a_tariff_is_withdrawn_once(store: Store) -> None:
    write(store)
    store.transact_now(lambda s: tariffs.withdraw(s, 1, by="t-1", now=NOW))
    with pytest.raises(tariffs.NotWritten, match="already"):
        store.transact_now(lambda s: tariffs.withdraw(s, 1, by="t-2", now=NOW))
    assert rows(store)[0].withdrawn_by == "t-1"


@pytest.mark.parametrize("table", ["tariff", "tariff_withdrawn"])
def test_tariffs_cannot_be_changed_even_in_the_database(store: Store, table: str) -> None:
    write(store)
    store.transact_now(lambda s: tariffs.withdraw(s, 1, by="t-1", now=NOW))
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET by = 'x'"):  # noqa: S608
        with pytest.raises(Conflict, match="append-only"):
            run_sql(store, statement)


def test_what_another_process_wrote_is_read_by_the_next_look(store: Store) -> None:
    tariff = Tariff(FARES)
    reader = tariffs.Reader(tariff)
    store.read(reader.load)
    write(store)
    assert tariff.at(NOW + HOUR_S) == FARES
    assert store.read(lambda s: reader.reread_next(s, NOW)) is False
    assert tariff.at(NOW + HOUR_S) == DEARER.policy("MYR")


# What orders make of it


def waited(order: Order, minutes: int) -> Order:
    """The order after the driver waited so long at the pickup."""
    for state, at in (
        ("RIDE_ENROUTE_PICKUP", NOW), ("RIDE_ARRIVED_PICKUP", NOW),
        ("RIDE_STARTED", NOW + minutes * 60),
    ):  # fmt: skip
        order = in_state(order, state, at)
    return order


def later_dearer() -> tuple[Any, FarePolicy]:
    """An office whose fares change an hour from now."""
    where = office(ride_provider())
    dearer = replace(FARES, rates=replace(FARES.rates, base_minor=900, waiting_per_minute_minor=90))
    where.provider.tariff.hold([(NOW + HOUR_S, 1)], {1: dearer})
    return where, dearer


def test_waiting_is_charged_by_the_fares_that_made_the_price() -> None:
    from bpp.orders import progress
    from tests.bpp.factories import worker

    where, _ = later_dearer()
    order = waited(an_order(where, worker()), 120)  # over the change of fares
    ended = progress.end(order, where.provider, NOW + 3 * HOUR_S, cash_collected=True).order
    charged = [x.amount_minor for x in ended.quote.lines if x.code == "WAITING_CHARGES"]
    assert charged == [(120 - 3) * 50]


# The preview

AMOUNTS = st.integers(0, 2_000)


@given(AMOUNTS, AMOUNTS, st.integers(0, 30), st.booleans())
def test_each_job_of_a_preview_is_priced_as_a_quote_would_be(
    base: int, per_km: int, minutes: int, is_prepaid: bool
) -> None:
    where = office(ride_provider())
    payment = {"payment": PREPAID} if is_prepaid else {}
    jobs = [waited(an_order(where, **payment), minutes), an_order(where)]
    other = replace(FARES, rates=replace(FARES.rates, base_minor=base, per_km_minor=per_km))
    found = preview(jobs, where.provider.tariff, other, lambda o, lines: (len(lines), 1))
    pickup, drop = jobs[0].view.fulfillment.route()
    before, after = (
        sum(x.amount_minor for x in fares.quote(p, pickup, drop, NOW)) for p in (FARES, other)
    )
    waiting = 0 if is_prepaid else max(0, minutes - 3) * 50
    assert found.all.before_minor == 2 * before + waiting
    assert found.all.after_minor == 2 * after + waiting
    assert found.all.dearer == (2 if after > before else 0)
    assert found.all.cheaper == (2 if after < before else 0)
    for groups in (found.by_category, found.by_zone):
        assert sum(each.jobs for each in groups.values()) == found.all.jobs == 2
        assert sum(each.after_minor for each in groups.values()) == found.all.after_minor
    assert found.aside is not None
    assert found.aside.before_minor == found.aside.after_minor == 2


def test_a_preview_tells_the_jobs_of_a_new_zone_apart() -> None:
    where = office(ride_provider())
    zone = Zone("Old Town", Circle(KL.lat, KL.lon, 500), surcharge_minor=250)
    found = preview([an_order(where)], where.provider.tariff, replace(FARES, zones=(zone,)), None)
    assert list(found.by_zone) == ["Old Town"]
    assert found.all.after_minor - found.all.before_minor == 250
    assert (found.pay, found.aside) == (None, None)


def test_a_job_is_compared_with_the_fares_it_had_and_not_with_todays() -> None:
    where, dearer = later_dearer()
    order = an_order(where)
    assert preview([order], where.provider.tariff, dearer, None).all.dearer == 1
    after = replace(order, tariff=1)
    assert preview([after], where.provider.tariff, dearer, None).all.dearer == 0


def test_a_night_job_stays_one_in_the_preview() -> None:
    order = an_order(office(ride_provider()))  # at 22:13 in Kuala Lumpur
    night = FareSettings.model_validate(EVERYTHING).policy("MYR").night
    assert night is not None
    policy = replace(FARES, night=replace(night, multiplier=Decimal(2)))
    at_night, by_day = (
        sum(x.amount_minor for x in fare_by(policy, replace(order, priced_at=at)))
        for at in (NOW, NOW + 8 * HOUR_S)
    )
    assert at_night == 2 * by_day


def test_who_came_early_to_a_planned_job_waited_at_nobodys_cost_in_the_preview_too() -> None:
    order = waited(an_order(office(ride_provider())), 40)
    planned = replace(order, planned_start=NOW + 35 * 60)
    codes = {line.code: line.amount_minor for line in fare_by(FARES, planned)}
    assert codes["WAITING_CHARGES"] == (5 - 3) * 50


def test_a_preview_of_no_jobs_is_empty() -> None:
    found = preview([], Tariff(FARES), FARES, None)
    assert (found.all.jobs, found.median_before_minor, found.median_after_minor) == (0, 0, 0)


def test_what_a_withdrawn_tariff_priced_is_still_priced_by_it(store: Store) -> None:
    n = write(store)
    tariff = loaded(store)
    assert tariff.number(NOW + HOUR_S) == n
    store.transact_now(lambda s: tariffs.withdraw(s, n, by="treasurer-1", now=NOW))
    store.read(tariffs.Reader(tariff).load)
    assert tariff.number(NOW + HOUR_S) == 0
    assert tariff.by(n) == DEARER.policy("MYR")
