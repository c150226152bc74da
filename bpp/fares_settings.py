"""The price list as a person writes it in TOML: amounts and factors as decimal strings."""

import re
from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from bpp.fares import ZONES_MAX, Ceiling, FarePolicy, Night, Rates, Zone
from bpp.geo import Circle
from protocol_specs.node.settings import Frozen
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.money import minor_units

Amount = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?$")]
Factor = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$")]
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")


class RateSettings(Frozen):
    """Amounts such as "3.00". What a zone or category leaves out is as in the main list."""

    base: Amount | None = None
    per_km: Amount | None = None
    per_minute: Amount | None = None
    base_distance_km: Factor | None = None
    minimum: Amount | None = None
    waiting_per_minute: Amount | None = None
    waiting_free_minutes: int | None = Field(default=None, ge=0, le=120)


class NightSettings(Frozen):
    """From `start` to `end` (HH:MM, local time of `time_zone`) the fare times `multiplier`."""

    multiplier: Factor
    start: str
    end: str
    time_zone: str

    @field_validator("start", "end")
    @classmethod
    def _is_a_clock(cls, text: str) -> str:
        if not CLOCK.fullmatch(text):
            raise ValueError(f"{text!r} is not a time of day; write it like 22:00")
        return text

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is not a time zone; write it like Asia/Kolkata") from None
        return name


class ZoneSettings(Frozen):
    """Ground with a surcharge (pickup or drop in it) or rates of its own (pickup in it)."""

    name: str = Field(min_length=1, max_length=60)
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    radius_m: int = Field(gt=0)
    surcharge: Amount = "0"
    rates: RateSettings | None = None


class CeilingSettings(Frozen):
    """The most a regulator allows: `fixed` for a job and `per_km` on top for each kilometre."""

    fixed: Amount
    per_km: Amount = "0"


class FareSettings(RateSettings):
    """The published fare policy; base and per_km are required."""

    detour_factor: Factor = "1.3"
    average_speed_kmh: Factor = "24"
    night: NightSettings | None = None
    zones: tuple[ZoneSettings, ...] = Field(default=(), max_length=ZONES_MAX)
    ceiling: CeilingSettings | None = None
    by_category: dict[str, RateSettings] = Field(default_factory=dict)

    def policy(self, currency: str) -> FarePolicy:
        """The policy in minor units. Raises Malformed naming what cannot be read or is missing."""
        if self.base is None or self.per_km is None:
            raise Malformed("fares: base and per_km are required")
        own = _stated(self)
        speed = Decimal(self.average_speed_kmh)
        if not speed or not Decimal(self.detour_factor):
            raise Malformed("fares: detour_factor and average_speed_kmh must be above zero")
        return FarePolicy(
            currency=currency,
            rates=_rates(own, currency),
            detour_factor=Decimal(self.detour_factor),
            average_speed_kmh=speed,
            night=_night(self.night) if self.night else None,
            zones=tuple(_zone(zone, own, currency) for zone in self.zones),
            ceiling=_ceiling(self.ceiling, currency) if self.ceiling else None,
            by_category={
                name: _rates({**own, **_stated(rates)}, currency)
                for name, rates in self.by_category.items()
            },
        )


def _stated(settings: RateSettings) -> dict[str, str | int]:
    values = {name: getattr(settings, name) for name in RateSettings.model_fields}
    return {name: value for name, value in values.items() if value is not None}


def _rates(stated: Mapping[str, str | int], currency: str) -> Rates:
    def minor(name: str) -> int:
        return minor_units(str(stated.get(name, "0")), currency)

    return Rates(
        base_minor=minor("base"),
        per_km_minor=minor("per_km"),
        per_minute_minor=minor("per_minute"),
        base_distance_m=int(Decimal(stated.get("base_distance_km", "0")) * 1000),
        minimum_minor=minor("minimum"),
        waiting_per_minute_minor=minor("waiting_per_minute"),
        waiting_free_minutes=int(stated.get("waiting_free_minutes", 0)),
    )


def _night(given: NightSettings) -> Night:
    multiplier = Decimal(given.multiplier)
    if multiplier < 1:
        raise Malformed("fares.night.multiplier must be 1 or more")
    start, end = time.fromisoformat(given.start), time.fromisoformat(given.end)
    return Night(multiplier, start, end, ZoneInfo(given.time_zone))


def _zone(given: ZoneSettings, main: Mapping[str, str | int], currency: str) -> Zone:
    rates = _rates({**main, **_stated(given.rates)}, currency) if given.rates else None
    ground = Circle(given.lat, given.lon, given.radius_m)
    return Zone(given.name, ground, minor_units(given.surcharge, currency), rates)


def _ceiling(given: CeilingSettings, currency: str) -> Ceiling:
    return Ceiling(minor_units(given.fixed, currency), minor_units(given.per_km, currency))
