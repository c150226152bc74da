"""Schemes are data: what one file says, as frozen values with dated figures. Asked by day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, TypeVar

from pydantic import ConfigDict, StrictBool
from pydantic import Field as Key
from pydantic.dataclasses import dataclass

from bpp.insurance.engine import calendar
from bpp.insurance.engine.exact import Mode
from bpp.insurance.figure import Figure
from protocol_specs.wire import money

STRICT = ConfigDict(extra="forbid")

Sector = Literal["ride", "logistics"]
Form = Literal["percent", "per_unit", "flat", "shares", "plans", "turnover"]
Option = Literal["cap", "prepaid_offset", "unit_tier"]
Seen = Literal["law", "institution", "press", "derived", "choice", "memory"]


class NotInsurable(Exception):
    """A job this scheme has no rule for: an unlisted code, sector, vehicle, day or currency."""


@dataclass(frozen=True, config=STRICT)
class Source:
    """Where a figure was read, of what kind that place is, and on which day we looked."""

    text: str
    seen: Seen
    checked_on: date


@dataclass(frozen=True, config=STRICT)
class Sourced:
    """What a source says; `verified` only if the institution or the law itself confirmed it."""

    source: str
    verified: StrictBool


@dataclass(frozen=True, config=STRICT)
class Dated(Sourced):
    """A figure from a day on. A new figure is a new one with its own day, never an edit."""

    from_day: Annotated[date, Key(validation_alias="from")]


@dataclass(frozen=True, config=STRICT)
class Rate(Dated):
    """The share of the base."""

    rate: Figure


@dataclass(frozen=True, config=STRICT)
class PeriodCap(Dated):
    """The most that one worker's period may come to. In major units, as all amounts of a file."""

    amount: Figure


@dataclass(frozen=True, config=STRICT)
class JobCap(Dated):
    """The most that one job of this sector may come to, by vehicle class."""

    sector: Sector
    amounts: dict[str, Figure]


@dataclass(frozen=True, config=STRICT)
class UnitAmount(Dated):
    """The amount of one order of this sector, by vehicle class; `tier` by the option unit_tier."""

    sector: Sector
    amounts: dict[str, Figure]
    tier: str | None = None


@dataclass(frozen=True, config=STRICT)
class Flat(Dated):
    """A flat amount a period, gathered by `per_job` on each job until it is full."""

    amount: Figure
    per_job: Figure


@dataclass(frozen=True, config=STRICT)
class Discount(Dated):
    """The share that is taken off the flat amount, from a day to the end of another."""

    share: Figure
    until: date


@dataclass(frozen=True, config=STRICT)
class Plan(Dated):
    """One of the insured amounts a worker may choose."""

    name: str
    insured: Figure


@dataclass(frozen=True, config=STRICT)
class PlanRule(Dated):
    """A plan's contribution: its insured amount x rate, rounded half up to a multiple."""

    rate: Figure
    round_to: Figure


@dataclass(frozen=True, config=STRICT)
class Benefit(Dated):
    """Cash benefits as shares of the insured amount; a day's is the amount / `days`."""

    days: int
    temporary_disablement: Figure
    dependants: Figure


@dataclass(frozen=True, config=STRICT)
class Expense(Dated):
    """The share of gross earnings that counts as expense, by vehicle class."""

    shares: dict[str, Figure]


@dataclass(frozen=True, config=STRICT)
class Tier(Dated):
    """Who pays by a month's net earnings; see engine.shares."""

    nothing_to: Figure
    operator_only_to: Figure
    reduced_to: Figure
    reduced_factor: Figure


@dataclass(frozen=True, config=STRICT)
class Ladder(Dated):
    """What is added to the worker's savings rate and the operator's rate, step by step."""

    worker_add: Figure
    worker_max: Figure
    operator: Figure


@dataclass(frozen=True, config=STRICT)
class AgeBand(Dated):
    """Rates up to an age in years. `worker` and `operator` stand in place of the ladder's."""

    up_to: int
    savings: Figure | None = None
    worker: Figure | None = None
    operator: Figure | None = None


@dataclass(frozen=True, config=STRICT)
class OptIn(Dated):
    """Who is in by law, and when a choice takes effect."""

    mandatory_born_from: date
    last_day_for_next_month: int


@dataclass(frozen=True, config=STRICT)
class Turnover(Dated):
    """A yearly levy on turnover: the rate lies between two bounds, capped by what was paid out."""

    rate_min: Figure
    rate_max: Figure
    payouts_cap: Figure
    days_one: int
    days_several: int


@dataclass(frozen=True, config=STRICT)
class Due(Dated):
    """When a period is to be remitted."""

    rule: Literal["working_days_after", "day_of_next_month", "day_of_year", "in_advance", "unknown"]
    day: int = 0
    month: int = 0
    rolls: StrictBool = False  # to the next working day
    holidays: str | None = None


@dataclass(frozen=True, config=STRICT)
class Late(Dated):
    """Interest on what is late: simple by days, or a rate for each month or part of one."""

    rule: Literal["simple", "per_month_or_part"]
    rate: Figure
    year_days: int = 365


@dataclass(frozen=True, config=STRICT)
class Cover(Sourced):
    """How cover starts, by the scheme's own rule. It never starts by our slip."""

    mode: Literal[
        "registration", "receipt_instant", "job_interval", "paid_month", "eligibility_count", "none"
    ]


@dataclass(frozen=True, config=STRICT)
class Base(Sourced):
    """Which breakup codes count. A code in neither list refuses the quote."""

    less_commission: StrictBool
    codes_in: Annotated[frozenset[str], Key(validation_alias="in")]
    codes_out: Annotated[frozenset[str], Key(validation_alias="out")]


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
    form: Form
    borne_by: Literal["worker", "cooperative", "both"]
    funded_by: tuple[Literal["commission", "member_dues", "network_fee"], ...]
    basis: Literal["law", "consent"]
    sectors: tuple[Sector, ...]
    eligible: str
    needs_worker: StrictBool
    rounding: Literal["period", "transaction", "count"]
    round_to: Figure
    round_mode: Mode
    period: calendar.PeriodKind
    period_at: Literal["confirmed"]  # and the planned start for a job booked ahead
    cap_scope: Literal["own"]
    on_cancel: Literal["reverse", "keep"]
    after_remittance: Literal["institution_credit", "claim", "none"]
    verified: StrictBool
    cover: Cover
    due: tuple[Due, ...]
    sources: dict[str, Source]
    open: tuple[str, ...] = ()  # what nobody could tell us yet
    options: dict[Option, tuple[str, ...]] = field(default_factory=dict)  # the first is the default
    base: Base | None = None
    rate: tuple[Rate, ...] = ()
    period_cap: tuple[PeriodCap, ...] = ()
    job_cap: tuple[JobCap, ...] = ()
    unit_amount: tuple[UnitAmount, ...] = ()
    flat: tuple[Flat, ...] = ()
    discount: tuple[Discount, ...] = ()
    plan: tuple[Plan, ...] = ()
    plan_rule: tuple[PlanRule, ...] = ()
    plans_of: str | None = None  # the scheme whose plans these are; read with this one
    benefit: tuple[Benefit, ...] = ()
    expense: tuple[Expense, ...] = ()
    tier: tuple[Tier, ...] = ()
    ladder: tuple[Ladder, ...] = ()
    age_band: tuple[AgeBand, ...] = ()
    opt_in: tuple[OptIn, ...] = ()
    turnover: tuple[Turnover, ...] = ()
    late: tuple[Late, ...] = ()
    vehicle_classes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_per_job(self) -> bool:
        """Whether a job comes to an amount: a plan is bought ahead, a turnover levy is yearly."""
        return self.form not in ("plans", "turnover")

    @property
    def bearers(self) -> tuple[Literal["worker", "cooperative"], ...]:
        return ("worker", "cooperative") if self.borne_by == "both" else (self.borne_by,)

    def day(self, at: int) -> date:
        """The civil day of an instant (seconds UTC) where the scheme is law."""
        return calendar.local(at, self.zone).date()

    def period_of(self, at: int) -> str:
        """The origin period of an instant: "2026-07", or the quarter "FY2026-27Q2"."""
        return calendar.period_name(self.day(at), self.period)

    def on(self, figures: Iterable["F"], day: date, name: str) -> "F":
        """The one in force on that day. Raises NotInsurable before the first."""
        reached = [figure for figure in figures if figure.from_day <= day]
        if not reached:
            raise NotInsurable(f"{self.id} has no {name} for {day}: its first starts later")
        return max(reached, key=lambda figure: figure.from_day)

    def rate_on(self, day: date) -> Rate:
        """The rate in force. Raises NotInsurable before the first."""
        return self.on(self.rate, day, "rate")

    def period_cap_minor(self, day: date) -> int | None:
        """The cap of a worker's period; None: the scheme has none on that day."""
        if not any(cap.from_day <= day for cap in self.period_cap):
            return None
        return self.minor(self.on(self.period_cap, day, "cap").amount)

    def job_cap_minor(self, day: date, sector: Sector, vehicle_category: str) -> int | None:
        """The cap of one job; None for a scheme without such caps.

        Raises NotInsurable for a sector and vehicle the scheme does not list: never guessed.
        """
        if not self.job_cap:
            return None
        caps = [cap for cap in self.job_cap if cap.sector == sector]
        name = self.vehicle_class(vehicle_category)
        amounts = self.on(caps, day, "cap").amounts if caps else {}
        if name is None or name not in amounts:
            raise NotInsurable(
                f"{self.id} has no cap for sector {sector!r} with vehicle {vehicle_category!r}; "
                "list both in the scheme's file first"
            )
        return self.minor(amounts[name])

    def require_sector(self, sector: str) -> None:
        """Raises NotInsurable for a sector that is not listed."""
        if sector not in self.sectors:
            raise NotInsurable(f"{self.id} does not list the sector {sector!r}")

    def vehicle_class(self, vehicle_category: str) -> str | None:
        """The class this category is listed in; None: in none."""
        found = (name for name, all_ in self.vehicle_classes.items() if vehicle_category in all_)
        return next(found, None)

    @cached_property
    def unit_minor(self) -> int:
        """The multiple of a minor unit that sums of this scheme are rounded to."""
        return self.minor(self.round_to)

    def minor(self, amount: Decimal) -> int:
        """A figure of the file, in minor units of the scheme's currency."""
        return money.minor_units(str(amount), self.currency)

    def option(self, name: Option, chosen: Mapping[Option, str]) -> str | None:
        """The value of an option: as chosen, else the file's default; None: it has none such."""
        values = self.options.get(name)
        return chosen.get(name, values[0]) if values else None

    def figures(self) -> dict[str, Sequence[Dated]]:
        """Every dated figure, by its key in the file."""
        named = {key: getattr(self, key) for key in FIGURES}
        return {key: figures for key, figures in named.items() if figures}

    def sourced(self) -> dict[str, Sourced]:
        """Everything that has a source, by a name for people: "rate of 2025-12-31"."""
        parts = {name: getattr(self, name) for name in ("base", "cover") if getattr(self, name)}
        return parts | {
            f"{key.replace('_', ' ')} of {figure.from_day}{_of(figure)}": figure
            for key, figures in self.figures().items()
            for figure in figures
        }

    def unverified(self) -> list[str]:
        """What of this pack its institution has not confirmed, and what nobody could tell."""
        return list(self._unverified)

    @cached_property
    def _unverified(self) -> tuple[str, ...]:
        whole = () if self.verified else ("the pack as a whole",)
        keys = (name for name, part in self.sourced().items() if not part.verified)
        others = (
            ("plan ", "plan rule ") if self.plans_of else ()
        )  # of the scheme whose plans they are
        return (*whole, *(name for name in keys if not name.startswith(others)), *self.open)


def _of(figure: Dated) -> str:
    """What tells apart figures of one day: a sector, a plan, an age."""
    parts = [str(getattr(figure, key)) for key in TOLD_APART_BY if getattr(figure, key, None)]
    return f" ({', '.join(parts)})" if parts else ""


TOLD_APART_BY = ("sector", "tier", "name", "up_to")
FIGURES = (
    "rate", "job_cap", "period_cap", "unit_amount", "flat", "discount", "plan", "plan_rule",
    "benefit", "expense", "tier", "ladder", "age_band", "opt_in", "turnover", "due", "late",
)  # fmt: skip

F = TypeVar("F", bound=Dated)
