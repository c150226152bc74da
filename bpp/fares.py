"""The published fare policy and what a job costs by it: pure and exact, in minor units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import ROUND_CEILING, Decimal
from zoneinfo import ZoneInfo

from bpp.geo import Circle, distance_m
from protocol_specs.wire.money import amount, round_half_up
from protocol_specs.wire.order import Place, PriceLine
from protocol_specs.wire.values import replace

ZONES_MAX = 8  # zones of a policy: all of them are published with every offer


@dataclass(frozen=True, slots=True)
class Rates:
    """What a job is priced by; the base fare covers the first `base_distance_m`."""

    base_minor: int
    per_km_minor: int
    per_minute_minor: int = 0
    base_distance_m: int = 0
    minimum_minor: int = 0
    waiting_per_minute_minor: int = 0
    waiting_free_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Night:
    """Hours of the local day in which the fare is multiplied; may span midnight."""

    multiplier: Decimal
    start: time
    end: time
    zone: ZoneInfo

    def covers(self, at: int) -> bool:
        """Whether `at` (seconds UTC) falls into the night: start included, end not."""
        local = datetime.fromtimestamp(at, UTC).astimezone(self.zone).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


@dataclass(frozen=True, slots=True)
class Zone:
    """Ground with a price of its own: a surcharge for touching it, or rates for starting in it."""

    name: str
    ground: Circle
    surcharge_minor: int = 0
    rates: Rates | None = None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a regulator allows at most for a job: a fixed amount and so much for each kilometre."""

    fixed_minor: int
    per_km_minor: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """How far and how long a job is believed to be."""

    distance_m: int
    duration_s: int


@dataclass(frozen=True, slots=True)
class FarePolicy:
    """Everything a fare is made of. The same policy, places and time give the same fare."""

    currency: str
    rates: Rates
    detour_factor: Decimal = Decimal("1.3")
    average_speed_kmh: Decimal = Decimal(24)
    night: Night | None = None
    zones: tuple[Zone, ...] = ()
    ceiling: Ceiling | None = None
    by_category: Mapping[str, Rates] = field(default_factory=dict)

    def rates_for(self, category: str, pickup: Place) -> Rates:
        """The rates of this vehicle category from this place: a zone's own come first."""
        own = (zone.rates for zone in self.zones if zone.rates and zone.ground.contains(pickup))
        return next(own, None) or self.by_category.get(category, self.rates)


def route(policy: FarePolicy, pickup: Place, drop: Place) -> Route:
    """The straight line, made longer by the detour factor, driven at the average speed."""
    straight = distance_m(pickup.lat, pickup.lon, drop.lat, drop.lon)
    metres = round_half_up(straight * policy.detour_factor)
    seconds = metres * Decimal("3.6") / policy.average_speed_kmh
    return Route(metres, round_half_up(seconds))


def quote(
    policy: FarePolicy, pickup: Place, drop: Place, at: int, *, category: str = ""
) -> tuple[PriceLine, ...]:
    """The fare's lines, whose sum is the fare; BASE_FARE and DISTANCE_FARE are always there.

    Never below the minimum (which raises BASE_FARE) and never above the ceiling.
    """
    way = route(policy, pickup, drop)
    rates = policy.rates_for(category, pickup)
    lines = [*_driven(rates, way), *_zone_charges(policy, pickup, drop)]
    short = rates.minimum_minor - _total(lines)
    if short > 0:
        lines[0] = replace(lines[0], amount_minor=lines[0].amount_minor + short)
    if policy.night and policy.night.covers(at):
        extra = round_half_up(_total(lines) * (policy.night.multiplier - 1))
        lines.append(PriceLine("NIGHT_CHARGES", extra))
    return within_ceiling(policy, tuple(lines), way.distance_m)


def waiting_charge(
    policy: FarePolicy, pickup: Place, waited_s: int, *, category: str = ""
) -> PriceLine | None:
    """The line for waiting at the pickup beyond the free minutes, each begun minute counted."""
    rates = policy.rates_for(category, pickup)
    minutes = -(-(waited_s - rates.waiting_free_minutes * 60) // 60)
    if minutes <= 0 or not rates.waiting_per_minute_minor:
        return None
    return PriceLine("WAITING_CHARGES", minutes * rates.waiting_per_minute_minor)


def within_ceiling(
    policy: FarePolicy, lines: tuple[PriceLine, ...], distance_m: int, *, beside_minor: int = 0
) -> tuple[PriceLine, ...]:
    """The lines, cut from the last to the first until they and `beside_minor` are allowed."""
    if policy.ceiling is None:
        return lines
    allowed = allowed_minor(policy.ceiling, distance_m) - beside_minor
    kept: list[PriceLine] = []
    for line in lines:
        room = allowed - _total(kept)
        kept.append(replace(line, amount_minor=min(line.amount_minor, max(room, 0))))
    return tuple(line for line in kept if line.amount_minor or line.code in _ALWAYS)


def with_charge(
    policy: FarePolicy, lines: tuple[PriceLine, ...], charge: PriceLine, distance_m: int
) -> tuple[PriceLine, ...]:
    """The lines and one more, the latter cut so that the sum stays within the ceiling.

    What was agreed is never cut here; a charge with no room left is not added.
    """
    room = charge.amount_minor
    if policy.ceiling is not None:
        room = min(room, allowed_minor(policy.ceiling, distance_m) - _total(lines))
    return (*lines, replace(charge, amount_minor=room)) if room > 0 else lines


def allowed_minor(ceiling: Ceiling, distance_m: int) -> int:
    """The most that a job of this length may cost."""
    return ceiling.fixed_minor + _per_km(ceiling.per_km_minor, distance_m)


def minutes_away(policy: FarePolicy, metres: int) -> int:
    """How many minutes a driver `metres` away (straight line) needs, rounded up, at least 1."""
    seconds = metres * policy.detour_factor * Decimal("3.6") / policy.average_speed_kmh
    return max(1, int((seconds / 60).to_integral_value(ROUND_CEILING)))


def published(
    policy: FarePolicy, category: str = "", pickup: Place | None = None
) -> tuple[tuple[str, str], ...]:
    """The policy as FARE_POLICY tags (code, value), amounts as decimal strings.

    The codes of TRV10, then our own: CEILING_FIXED and CEILING_PER_KM (the regulated maximum), and
    ZONE_<n>_NAME with ZONE_<n>_SURCHARGE (touching it) and ZONE_<n>_<rate> (a pickup in it).
    """
    rates = policy.by_category.get(category, policy.rates)
    if pickup is not None:
        rates = policy.rates_for(category, pickup)
    told = _rate_tags(rates, policy.currency)
    if policy.night:
        told["NIGHT_CHARGE_MULTIPLIER"] = str(policy.night.multiplier)
        told["NIGHT_SHIFT_START_TIME"] = policy.night.start.isoformat("seconds")
        told["NIGHT_SHIFT_END_TIME"] = policy.night.end.isoformat("seconds")
    if policy.ceiling:
        told["CEILING_FIXED"] = amount(policy.ceiling.fixed_minor, policy.currency)
        told["CEILING_PER_KM"] = amount(policy.ceiling.per_km_minor, policy.currency)
    return (*told.items(), *_zone_tags(policy, rates))


_ALWAYS = frozenset({"BASE_FARE", "DISTANCE_FARE"})


def _rate_tags(rates: Rates, currency: str) -> dict[str, str]:
    money = {
        "BASE_FARE": rates.base_minor,
        "MIN_FARE": max(rates.minimum_minor, rates.base_minor),
        "PER_KM_CHARGE": rates.per_km_minor,
        "PER_MINUTE_CHARGE": rates.per_minute_minor,
        "WAITING_CHARGE_PER_MIN": rates.waiting_per_minute_minor,
    }
    return {
        **{code: amount(minor, currency) for code, minor in money.items()},
        "MIN_FARE_DISTANCE_KM": str(Decimal(rates.base_distance_m) / 1000),
        "FREE_WAITING_MIN": str(rates.waiting_free_minutes),
    }


def _zone_tags(policy: FarePolicy, rates: Rates) -> list[tuple[str, str]]:
    """What each zone asks on top of, or instead of, these rates; none for one that asks nothing."""
    usual = _rate_tags(rates, policy.currency)
    listed: list[tuple[str, str]] = []
    for n, zone in enumerate(policy.zones[:ZONES_MAX], start=1):
        own = _rate_tags(zone.rates or rates, policy.currency)
        told = {code: value for code, value in own.items() if value != usual[code]}
        if zone.surcharge_minor:
            told = {"SURCHARGE": amount(zone.surcharge_minor, policy.currency), **told}
        if told:
            listed += [
                (f"ZONE_{n}_{code}", said) for code, said in [("NAME", zone.name), *told.items()]
            ]
    return listed


def _driven(rates: Rates, way: Route) -> list[PriceLine]:
    charged_m = max(0, way.distance_m - rates.base_distance_m)
    lines = [
        PriceLine("BASE_FARE", rates.base_minor),
        PriceLine("DISTANCE_FARE", _per_km(rates.per_km_minor, charged_m)),
    ]
    if rates.per_minute_minor:
        minutes = Decimal(way.duration_s) / 60
        lines.append(PriceLine("TIME_FARE", round_half_up(minutes * rates.per_minute_minor)))
    return lines


def _zone_charges(policy: FarePolicy, pickup: Place, drop: Place) -> list[PriceLine]:
    touched = (z for z in policy.zones if z.ground.contains(pickup) or z.ground.contains(drop))
    charge = sum(zone.surcharge_minor for zone in touched)
    return [PriceLine("ZONE_CHARGES", charge)] if charge else []


def _per_km(per_km_minor: int, metres: int) -> int:
    return round_half_up(Decimal(per_km_minor * metres) / 1000)


def _total(lines: Sequence[PriceLine]) -> int:
    return sum(line.amount_minor for line in lines)
