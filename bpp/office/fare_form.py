"""The fares as one form: its fields from fares as they are written, and back again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bpp.fares import ZONES_MAX
from bpp.fares_settings import FareSettings, RateSettings
from protocol_specs.web.languages import N_
from protocol_specs.web.visit import Visit
from protocol_specs.wire.errors import Malformed

RATES = {
    "base": N_("Base fare"),
    "per_km": N_("For each kilometre"),
    "per_minute": N_("For each minute of the way"),
    "base_distance_km": N_("Kilometres in the base fare"),
    "minimum": N_("Least fare"),
    "waiting_per_minute": N_("For each minute of waiting"),
    "waiting_free_minutes": N_("Minutes of waiting that are free"),
}
WAY = ("detour_factor", "average_speed_kmh")
NIGHT = ("multiplier", "start", "end")
CEILING = ("fixed", "per_km")
_INTEGERS = ("waiting_free_minutes", "radius_m")


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of the form: what its fields begin with, what it is called, what stands in it."""

    prefix: str
    title: str
    values: Mapping[str, str]


def shown(fares: FareSettings, categories: Sequence[str]) -> dict[str, Any]:
    """What the form shows of these fares; one more zone than there are, to add one."""
    known = list(categories) + sorted(fares.by_category.keys() - set(categories))
    zones = [
        Shown(f"zone{n}_", zone.name, _texts(zone) | _rates_of(zone.rates))
        for n, zone in enumerate(fares.zones)
    ]
    if len(zones) < ZONES_MAX:
        zones.append(Shown(f"zone{len(zones)}_", "", {}))
    return {
        "rate_names": RATES,
        "main": Shown("", "", _texts(fares)),
        "night": Shown("night_", "", _texts(fares.night)),
        "ceiling": Shown("ceiling_", "", _texts(fares.ceiling)),
        "categories": [
            Shown(f"category{n}_", name, {"name": name} | _rates_of(fares.by_category.get(name)))
            for n, name in enumerate(known)
        ],
        "zones": zones,
    }


def read(visit: Visit, zone: str) -> FareSettings:
    """The fares that were typed; `zone` is that of the night's hours where none stands yet.

    Raises ValidationError and Malformed; `fault` says where.
    """
    typed: dict[str, Any] = _typed(visit, "", (*RATES, *WAY))
    night = _typed(visit, "night_", (*NIGHT, "time_zone"))
    if night.keys() & set(NIGHT):
        typed["night"] = {"time_zone": zone, **night}
    ceiling = _typed(visit, "ceiling_", CEILING)
    if ceiling:
        typed["ceiling"] = ceiling
    typed["zones"] = [found for n in range(ZONES_MAX) if (found := _zone(visit, f"zone{n}_"))]
    typed["by_category"] = {
        name: rates
        for n in range(40)
        if (name := visit.text(f"category{n}_name", most=64))
        and (rates := _typed(visit, f"category{n}_", RATES))
    }
    return FareSettings.model_validate(typed)


def fault(visit: Visit, error: ValidationError | Malformed) -> dict[str, str]:
    """Which field is wrong, and how it is written."""
    if isinstance(error, Malformed):
        return {"form": error.reason}
    first = error.errors()[0]
    name = _field(visit, [str(part) for part in first["loc"]])
    own = first["type"] == "value_error"
    said = str(first["ctx"]["error"]) if own else visit._("Write it like 3.00; no more than that.")
    return {name: said}


def _zone(visit: Visit, prefix: str) -> dict[str, Any]:
    """One zone that was typed; empty where its name is."""
    found = _typed(visit, prefix, ("name", "radius_m", "surcharge"))
    if "name" not in found:
        return {}
    lat, _, lon = visit.text(f"{prefix}at", most=60).partition(",")
    found |= {"lat": lat.strip(), "lon": lon.strip()}
    rates = _typed(visit, prefix, RATES)
    return {**found, "rates": rates} if rates else found


def _typed(visit: Visit, prefix: str, names: Sequence[str] | Mapping[str, str]) -> dict[str, Any]:
    texts = {name: visit.text(prefix + name, most=64) for name in names}
    return {name: text for name, text in texts.items() if text}


def _texts(settings: Any) -> dict[str, str]:
    """The plain values of a part, as they are written; a zone's middle as one."""
    if settings is None:
        return {}
    found = {
        name: str(value)
        for name, value in settings.model_dump(exclude_none=True).items()
        if isinstance(value, str | int | float)
    }
    return found | {"at": f"{found['lat']}, {found['lon']}"} if "lat" in found else found


def _rates_of(rates: RateSettings | None) -> dict[str, str]:
    return _texts(rates)


def _field(visit: Visit, where: list[str]) -> str:
    """The field of the form for a place in the fares."""
    first, rest = where[0], where[1:]
    if first == "zones" and rest:
        typed = [n for n in range(ZONES_MAX) if visit.text(f"zone{n}_name")]
        name = rest[-1] if rest[-1] not in ("lat", "lon") else "at"
        return f"zone{typed[int(rest[0])]}_{name}" if len(rest) > 1 else "form"
    if first == "by_category" and rest:
        numbers = (n for n in range(40) if visit.text(f"category{n}_name") == rest[0])
        return f"category{next(numbers, 0)}_{rest[-1]}"
    return "_".join(where) if rest else first
