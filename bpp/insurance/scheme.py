"""Schemes are data: what one file says, as frozen values with dated figures. Asked by day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Literal, TypeVar

from pydantic import StrictBool
from pydantic.dataclasses import dataclass

from bpp.insurance.engine import calendar
from bpp.insurance.engine.exact import Mode
from bpp.insurance.figures import (
    STRICT,
    AgeBand,
    Base,
    Benefit,
    Category,
    Cover,
    Dated,
    Discount,
    Due,
    Expense,
    Figure,
    Flat,
    JobCap,
    Ladder,
    Late,
    OptIn,
    PeriodCap,
    Plan,
    PlanRule,
    Rate,
    Residency,
    Retention,
    Sector,
    Source,
    Sourced,
    Tier,
    Turnover,
    UnitAmount,
)
from protocol_specs.wire import money

Form = Literal["percent", "per_unit", "flat", "shares", "plans", "turnover"]
Option = Literal["cap", "prepaid_offset", "unit_tier"]


class NotInsurable(Exception):
    """A job this scheme has no rule for: an unlisted code, sector, vehicle, day or currency."""


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
    retention: tuple[Retention, ...] = ()
    categories: tuple[Category, ...] = ()  # of workers whom it is for; none: of all
    residencies: tuple[Residency, ...] = ()
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
        # No amount rests on how long a record is kept, nor here on another scheme's plans.
        others = ("retention ", *(("plan ", "plan rule ") if self.plans_of else ()))
        return (*whole, *(name for name in keys if not name.startswith(others)), *self.open)


def _of(figure: Dated) -> str:
    """What tells apart figures of one day: a sector, a plan, an age."""
    parts = [str(getattr(figure, key)) for key in TOLD_APART_BY if getattr(figure, key, None)]
    return f" ({', '.join(parts)})" if parts else ""


TOLD_APART_BY = ("sector", "tier", "name", "up_to")
FIGURES = (
    "rate", "job_cap", "period_cap", "unit_amount", "flat", "discount", "plan", "plan_rule",
    "benefit", "expense", "tier", "ladder", "age_band", "opt_in", "turnover", "due", "late",
    "retention",
)  # fmt: skip

F = TypeVar("F", bound=Dated)
