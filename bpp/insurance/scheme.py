"""Schemes are data: one TOML file each, read strictly into frozen values with dated figures."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, StrictBool, TypeAdapter, ValidationError
from pydantic import Field as Key
from pydantic.dataclasses import dataclass

from protocol_specs.wire import money

PACKS = Path(__file__).parent / "schemes"
STRICT = ConfigDict(extra="forbid")

Sector = Literal["ride", "logistics"]


class SchemeError(Exception):
    """A pack that must not be used; the text names the file, the key and what is wrong."""


class NotInsurable(Exception):
    """A job this scheme has no rule for: an unlisted code, sector, vehicle, day or currency."""


_FIGURE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)


def _exact(value: object) -> Decimal:
    if not isinstance(value, str):
        raise ValueError('write figures as text, such as "0.0125": a TOML number is not exact')
    if not _FIGURE.fullmatch(value):
        raise ValueError("a figure has digits and at most 6 decimals, and is not negative")
    return Decimal(value)


Figure = Annotated[Decimal, BeforeValidator(_exact)]


@dataclass(frozen=True, config=STRICT)
class Rate:
    """The share of the base, from a day on."""

    rate: Figure
    source: str
    verified: StrictBool
    from_day: Annotated[date, Key(validation_alias="from")]


@dataclass(frozen=True, config=STRICT)
class PeriodCap:
    """The most that one worker's period may come to, from a day on. In major units."""

    amount: Figure
    source: str
    verified: StrictBool
    from_day: Annotated[date, Key(validation_alias="from")]


@dataclass(frozen=True, config=STRICT)
class JobCap:
    """The most that one job of this sector may come to, by vehicle class, from a day on."""

    sector: Sector
    amounts: dict[str, Figure]
    source: str
    verified: StrictBool
    from_day: Annotated[date, Key(validation_alias="from")]


@dataclass(frozen=True, config=STRICT)
class Cover:
    """How cover starts, by the scheme's own rule. It never starts by our slip."""

    mode: Literal["registration", "receipt_instant", "job_interval", "none"]
    source: str
    verified: StrictBool


@dataclass(frozen=True, config=STRICT)
class Base:
    """Which breakup codes count. A code in neither list refuses the quote."""

    less_commission: StrictBool
    codes_in: Annotated[frozenset[str], Key(validation_alias="in")]
    codes_out: Annotated[frozenset[str], Key(validation_alias="out")]
    source: str
    verified: StrictBool


@dataclass(frozen=True, config=STRICT)
class Scheme:
    """One scheme as its file states it. Ask it by day: figures are picked by date."""

    id: str
    title: str
    law: str
    institution: str
    country: str
    currency: str
    zone: str
    kind: Literal["insurance", "fund_levy"]
    borne_by: Literal["worker", "cooperative"]
    funded_by: tuple[Literal["commission", "member_dues", "network_fee"], ...]
    basis: Literal["law", "consent"]
    sectors: tuple[Sector, ...]
    eligible: str
    needs_worker: StrictBool
    rounding: Literal["period", "transaction"]
    period: Literal["month", "indian_quarter"]
    period_at: Literal["confirmed"]  # and the planned start for a job booked ahead
    cap_scope: Literal["own"]
    on_cancel: Literal["reverse", "keep"]
    after_remittance: Literal["institution_credit", "claim", "none"]
    verified: StrictBool
    cover: Cover
    base: Base
    rate: tuple[Rate, ...]
    sources: dict[str, str]
    period_cap: tuple[PeriodCap, ...] = ()
    job_cap: tuple[JobCap, ...] = ()
    vehicle_classes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def day(self, at: int) -> date:
        """The civil day of an instant (seconds UTC) where the scheme is law."""
        return datetime.fromtimestamp(at, ZoneInfo(self.zone)).date()

    def period_of(self, at: int) -> str:
        """The origin period of an instant: "2026-07", or the quarter "FY2026-27Q2"."""
        day = self.day(at)
        if self.period == "month":
            return f"{day:%Y-%m}"
        year = day.year if day.month >= 4 else day.year - 1
        return f"FY{year}-{(year + 1) % 100:02d}Q{(day.month - 4) % 12 // 3 + 1}"

    def rate_on(self, day: date) -> Rate:
        """The rate in force. Raises NotInsurable before the first."""
        return self._on(self.rate, day, "rate")

    def period_cap_minor(self, day: date) -> int | None:
        """The cap of a worker's period; None: the scheme has none on that day."""
        if not any(cap.from_day <= day for cap in self.period_cap):
            return None
        return self.minor(self._on(self.period_cap, day, "cap").amount)

    def job_cap_minor(self, day: date, sector: Sector, vehicle_category: str) -> int | None:
        """The cap of one job; None for a scheme without such caps.

        Raises NotInsurable for a sector and vehicle the scheme does not list: never guessed.
        """
        if sector not in self.sectors:
            raise NotInsurable(f"{self.id} does not list the sector {sector!r}")
        if not self.job_cap:
            return None
        found = [name for name, all_ in self.vehicle_classes.items() if vehicle_category in all_]
        caps = [cap for cap in self.job_cap if cap.sector == sector]
        if not found or not caps or found[0] not in self._on(caps, day, "cap").amounts:
            raise NotInsurable(
                f"{self.id} has no cap for sector {sector!r} with vehicle {vehicle_category!r}"
            )
        return self.minor(self._on(caps, day, "cap").amounts[found[0]])

    def minor(self, amount: Decimal) -> int:
        """A figure of the file, in minor units of the scheme's currency."""
        return money.minor_units(str(amount), self.currency)

    def unverified(self) -> list[str]:
        """What of this pack its institution has not confirmed, by key."""
        keys = [f"rate of {rate.from_day}" for rate in self.rate if not rate.verified]
        caps: list[PeriodCap | JobCap] = [*self.period_cap, *self.job_cap]
        keys += [f"cap of {cap.from_day}" for cap in caps if not cap.verified]
        keys += [name for name in ("base", "cover") if not getattr(self, name).verified]
        return keys if self.verified else ["the pack as a whole", *keys]

    def _on(self, figures: Iterable["F"], day: date, name: str) -> "F":
        reached = [figure for figure in figures if figure.from_day <= day]
        if not reached:
            raise NotInsurable(f"{self.id} has no {name} for {day}: its first starts later")
        return max(reached, key=lambda figure: figure.from_day)


F = TypeVar("F", Rate, PeriodCap, JobCap)

_ADAPTER = TypeAdapter(Scheme)


def load_pack(path: Path) -> Scheme:
    """Read one pack. Raises SchemeError naming file and key: unknown, missing, twice dated."""
    try:
        scheme = _ADAPTER.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        known = ", ".join(sorted(found.stem for found in path.parent.glob("*.toml")))
        raise SchemeError(f"{path.name}: no such scheme; known: {known}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SchemeError(f"{path.name}: not a TOML file: {error}") from None
    except ValidationError as error:
        raise SchemeError(f"{path.name}: {_explain(error)}") from None
    for fault in _contradictions(scheme, path.stem):
        raise SchemeError(f"{path.name}: {fault}")
    return scheme


def load(scheme_id: str) -> Scheme:
    """The shipped pack of that id."""
    if not scheme_id.replace(".", "").replace("-", "").isalnum():
        raise SchemeError(f"{scheme_id!r} is not the id of a scheme")
    return load_pack(PACKS / f"{scheme_id}.toml")


def _contradictions(scheme: Scheme, stem: str) -> Iterable[str]:
    if scheme.id != stem:
        yield f"key 'id': {scheme.id!r} stands in the file of {stem!r}"
    if not scheme.rate:
        yield "key 'rate': no figure"
    both = scheme.base.codes_in & scheme.base.codes_out
    if both:
        yield f"key 'base': {', '.join(sorted(both))} both in and out"
    dated: set[tuple[str, str, date]] = set()
    for key, figures in (("rate", scheme.rate), ("period_cap", scheme.period_cap)):
        yield from _dated_twice(key, [("", f.from_day) for f in figures], dated)
    yield from _dated_twice("job_cap", [(c.sector, c.from_day) for c in scheme.job_cap], dated)
    starts = (1, 4, 7, 10) if scheme.period == "indian_quarter" else tuple(range(1, 13))
    for cap in scheme.period_cap:
        if cap.from_day.day != 1 or cap.from_day.month not in starts:
            yield f"key 'period_cap': {cap.from_day} is not the first day of a period"
    classes = [name for names in scheme.vehicle_classes.values() for name in names]
    for name in {name for name in classes if classes.count(name) > 1}:
        yield f"key 'vehicle_classes': {name!r} is in two classes"
    for job_cap in scheme.job_cap:
        for name in job_cap.amounts.keys() - scheme.vehicle_classes.keys():
            yield f"key 'job_cap': {name!r} is no class of 'vehicle_classes'"
    cited = {scheme.base.source, scheme.cover.source, *(rate.source for rate in scheme.rate)}
    cited |= {cap.source for cap in scheme.period_cap} | {cap.source for cap in scheme.job_cap}
    for source in sorted(cited - scheme.sources.keys()):
        yield f"key 'sources': no source {source!r}"


def _dated_twice(
    key: str, dates: list[tuple[str, date]], seen: set[tuple[str, str, date]]
) -> Iterable[str]:
    for what, day in dates:
        if (key, what, day) in seen:
            yield f"key {key!r}: {what} {day} stands twice; a figure has one value a day"
        seen.add((key, what, day))


def _explain(error: ValidationError) -> str:
    unknown = ("unexpected_keyword_argument", "extra_forbidden")
    faults: list[Any] = sorted(error.errors(), key=lambda fault: fault["type"] not in unknown)
    fault = faults[0]  # a misspelt key explains the missing one
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] in unknown:
        near = difflib.get_close_matches(str(fault["loc"][-1]), _known_keys(), n=1)
        return f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    return f"key {key!r}: {fault['msg']}"


def _known_keys() -> list[str]:
    classes = (Scheme, Base, Cover, Rate, PeriodCap, JobCap)
    return ["from", "in", "out", *(name for c in classes for name in c.__dataclass_fields__)]
