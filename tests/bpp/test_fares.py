"""The fare policy: exact, never above the ceiling, never below the minimum."""

from datetime import time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bpp import fares
from bpp.fares import Ceiling, FarePolicy, Night, Rates, Zone
from bpp.fares_settings import FareSettings
from bpp.geo import Circle
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import Place, PriceLine
from protocol_specs.wire.values import replace

KL = Place(3.139000, 101.686900)
KLCC = Place(3.157900, 101.711600)
NOON = 1_767_240_000  # 2026-01-01T12:00:00+08:00
MIDNIGHT = 1_767_196_800  # 2026-01-01T00:00:00+08:00

POLICY = FarePolicy(
    currency="MYR",
    rates=Rates(base_minor=300, per_km_minor=70, per_minute_minor=10),
    detour_factor=Decimal("1.3"),
    average_speed_kmh=Decimal(24),
)
NIGHT = Night(Decimal("1.5"), time(0), time(6), ZoneInfo("Asia/Kuala_Lumpur"))


def total(lines: tuple[PriceLine, ...]) -> int:
    return sum(line.amount_minor for line in lines)


def codes(lines: tuple[PriceLine, ...]) -> list[str]:
    return [line.code for line in lines]


def test_a_fare_is_base_plus_distance_plus_time_each_rounded_half_up() -> None:
    way = fares.route(POLICY, KL, KLCC)
    lines = fares.quote(POLICY, KL, KLCC, NOON)
    assert codes(lines) == ["BASE_FARE", "DISTANCE_FARE", "TIME_FARE"]
    assert lines[0].amount_minor == 300
    assert lines[1].amount_minor == int(Decimal(70 * way.distance_m) / 1000 + Decimal("0.5"))
    assert lines[2].amount_minor == int(Decimal(way.duration_s) / 6 + Decimal("0.5"))


def test_the_base_fare_covers_the_first_metres() -> None:
    near = replace(POLICY, rates=Rates(base_minor=300, per_km_minor=70, base_distance_m=50_000))
    lines = fares.quote(near, KL, KLCC, NOON)
    assert [line.amount_minor for line in lines] == [300, 0]
    assert codes(lines) == ["BASE_FARE", "DISTANCE_FARE"]  # TRV10: both always stand there


def test_the_night_multiplies_the_whole_fare_in_the_local_hours_only() -> None:
    policy = replace(POLICY, night=NIGHT)
    day, night = fares.quote(policy, KL, KLCC, NOON), fares.quote(policy, KL, KLCC, MIDNIGHT)
    assert "NIGHT_CHARGES" not in codes(day)
    assert night[-1] == PriceLine("NIGHT_CHARGES", int(Decimal(total(day)) / 2 + Decimal("0.5")))


@pytest.mark.parametrize(
    ("clock", "inside"),
    [("21:59:59", False), ("22:00:00", True), ("05:59:59", True), ("06:00", False)],
)
def test_a_night_that_spans_midnight_includes_its_start_and_not_its_end(
    clock: str, inside: bool
) -> None:
    night = Night(Decimal(2), time(22), time(6), ZoneInfo("UTC"))
    at = time.fromisoformat(clock)
    assert night.covers(at.hour * 3600 + at.minute * 60 + at.second) is inside


def test_the_minimum_raises_the_base_fare() -> None:
    policy = replace(POLICY, rates=replace(POLICY.rates, minimum_minor=5_000))
    lines = fares.quote(policy, KL, KLCC, NOON)
    assert total(lines) == 5_000
    assert codes(lines) == ["BASE_FARE", "DISTANCE_FARE", "TIME_FARE"]


def test_the_ceiling_cuts_the_last_lines_first() -> None:
    policy = replace(POLICY, night=NIGHT, ceiling=Ceiling(400))
    lines = fares.quote(policy, KL, KLCC, MIDNIGHT)
    assert lines == (PriceLine("BASE_FARE", 300), PriceLine("DISTANCE_FARE", 100))


def test_a_zone_charges_once_for_pickup_or_drop_and_its_rates_hold_for_a_pickup_only() -> None:
    airport = Zone("airport", Circle(KLCC.lat, KLCC.lon, 500), 1_000, Rates(900, 90))
    policy = replace(POLICY, zones=(airport,))
    to, back = fares.quote(policy, KL, KLCC, NOON), fares.quote(policy, KLCC, KL, NOON)
    assert PriceLine("ZONE_CHARGES", 1_000) in to
    assert to[0].amount_minor == 300
    assert PriceLine("ZONE_CHARGES", 1_000) in back
    assert back[0].amount_minor == 900


def test_a_category_may_have_rates_of_its_own() -> None:
    policy = replace(POLICY, by_category={"AUTO_RICKSHAW": Rates(100, 10)})
    assert fares.quote(policy, KL, KLCC, NOON, category="AUTO_RICKSHAW")[0].amount_minor == 100
    assert fares.quote(policy, KL, KLCC, NOON, category="CAB")[0].amount_minor == 300


@pytest.mark.parametrize(("waited_s", "minutes"), [(0, 0), (180, 0), (181, 1), (240, 1), (241, 2)])
def test_waiting_is_charged_by_the_begun_minute_beyond_the_free_ones(
    waited_s: int, minutes: int
) -> None:
    rates = replace(POLICY.rates, waiting_per_minute_minor=50, waiting_free_minutes=3)
    line = fares.waiting_charge(replace(POLICY, rates=rates), KL, waited_s)
    assert (line.amount_minor if line else 0) == minutes * 50


def test_waiting_never_lifts_a_fare_above_the_ceiling() -> None:
    policy = replace(POLICY, ceiling=Ceiling(350))
    agreed = (PriceLine("BASE_FARE", 300), PriceLine("DISTANCE_FARE", 20))
    charge = PriceLine("WAITING_CHARGES", 500)
    assert fares.with_charge(policy, agreed, charge, 1_000) == (
        *agreed,
        PriceLine("WAITING_CHARGES", 30),
    )
    full = (PriceLine("BASE_FARE", 350),)
    assert fares.with_charge(policy, full, charge, 1_000) == full


amounts = st.integers(0, 100_000)
rates = st.builds(
    Rates,
    base_minor=amounts,
    per_km_minor=amounts,
    per_minute_minor=st.integers(0, 10_000),
    base_distance_m=st.integers(0, 20_000),
    minimum_minor=amounts,
)
places = st.builds(Place, st.floats(-60, 60), st.floats(-170, 170))
policies = st.builds(
    FarePolicy,
    currency=st.just("INR"),
    rates=rates,
    detour_factor=st.decimals("1", "3", places=2),
    average_speed_kmh=st.integers(5, 120).map(Decimal),
    night=st.none() | st.just(NIGHT),
    ceiling=st.none() | st.builds(Ceiling, amounts, st.integers(0, 5_000)),
)


@given(policies, places, places, st.integers(0, 2**32))
def test_no_fare_is_ever_above_the_ceiling_or_has_a_negative_line(
    policy: FarePolicy, pickup: Place, drop: Place, at: int
) -> None:
    lines = fares.quote(policy, pickup, drop, at)
    assert all(line.amount_minor >= 0 for line in lines)
    assert codes(lines)[:2] == ["BASE_FARE", "DISTANCE_FARE"]
    if policy.ceiling:
        metres = fares.route(policy, pickup, drop).distance_m
        assert total(lines) <= fares.allowed_minor(policy.ceiling, metres)
    else:
        assert total(lines) >= policy.rates.minimum_minor


@given(policies, places, places, st.integers(0, 2**32))
def test_the_same_job_at_the_same_time_costs_the_same(
    policy: FarePolicy, pickup: Place, drop: Place, at: int
) -> None:
    assert fares.quote(policy, pickup, drop, at) == fares.quote(policy, pickup, drop, at)


def test_the_published_policy_speaks_in_decimal_strings() -> None:
    night = replace(NIGHT, start=time(22), end=time(6))
    tags = dict(fares.published(replace(POLICY, night=night)))
    assert tags["PER_KM_CHARGE"] == "0.70"
    assert tags["MIN_FARE"] == "3.00"
    assert tags["NIGHT_CHARGE_MULTIPLIER"] == "1.5"
    assert tags["NIGHT_SHIFT_START_TIME"] == "22:00:00"
    assert all(isinstance(value, str) for value in tags.values())


AIRPORT = Zone("Airport", Circle(2.745, 101.707, 3_000), surcharge_minor=500)
OLD_TOWN = Zone("Old town", Circle(KL.lat, KL.lon, 500), rates=Rates(400, 70, 10))
PLAIN = Zone("Plain", Circle(1.0, 100.0, 500))
LAW = Ceiling(1_000, 250)


def test_the_published_policy_names_the_ceiling_and_what_each_zone_asks() -> None:
    policy = replace(POLICY, ceiling=LAW, zones=(AIRPORT, PLAIN, OLD_TOWN))
    more = fares.published(policy)[len(fares.published(POLICY)) :]
    assert more == (
        ("CEILING_FIXED", "10.00"),
        ("CEILING_PER_KM", "2.50"),
        ("ZONE_1_NAME", "Airport"),
        ("ZONE_1_SURCHARGE", "5.00"),
        ("ZONE_3_NAME", "Old town"),
        ("ZONE_3_BASE_FARE", "4.00"),
        ("ZONE_3_MIN_FARE", "4.00"),
    )


def test_an_offer_from_a_zone_states_its_rates_as_the_rates_and_not_twice() -> None:
    policy = replace(POLICY, zones=(OLD_TOWN,))
    tags = dict(fares.published(policy, pickup=KL))
    assert tags["BASE_FARE"] == "4.00"
    assert not [code for code in tags if code.startswith("ZONE_")]


def test_without_zones_and_ceiling_nothing_is_said_of_them() -> None:
    assert not [c for c, _ in fares.published(POLICY) if c.startswith(("ZONE_", "CEILING_"))]


def test_every_zone_a_price_list_may_have_is_published_and_one_more_is_refused() -> None:
    zone = {"name": "a", "lat": 3.1, "lon": 101.6, "radius_m": 9, "surcharge": "1"}
    listed = {"base": "3.00", "per_km": "0.70", "zones": [zone] * fares.ZONES_MAX}
    tags = dict(fares.published(FareSettings.model_validate(listed).policy("MYR")))
    assert tags[f"ZONE_{fares.ZONES_MAX}_SURCHARGE"] == "1.00"
    with pytest.raises(ValidationError, match="zones"):
        FareSettings.model_validate({**listed, "zones": [zone] * (fares.ZONES_MAX + 1)})


@pytest.mark.parametrize("name", ["", "x" * 61])
def test_a_zone_has_a_name_that_fits_a_price_list(name: str) -> None:
    zone = {"name": name, "lat": 3.1, "lon": 101.6, "radius_m": 9}
    with pytest.raises(ValidationError, match="name"):
        FareSettings.model_validate({"base": "3", "per_km": "1", "zones": [zone]})


def test_a_price_list_in_settings_becomes_minor_units_and_exact_factors() -> None:
    settings = FareSettings.model_validate(
        {
            "base": "3.00",
            "per_km": "0.70",
            "base_distance_km": "1.5",
            "zones": [
                {"name": "a", "lat": 3.1, "lon": 101.6, "radius_m": 9, "rates": {"base": "5"}}
            ],
        }
    )
    policy = settings.policy("MYR")
    assert policy.rates == Rates(300, 70, base_distance_m=1_500)
    assert policy.zones[0].rates == Rates(500, 70, base_distance_m=1_500)
    assert policy.detour_factor == Decimal("1.3")


@pytest.mark.parametrize("wrong", [{"base": "3.00"}, {"base": "3.001", "per_km": "1"}])
def test_a_price_list_that_lacks_or_overstates_a_figure_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        FareSettings.model_validate(wrong).policy("MYR")
