"""The parts of a scheme's file: exact figures, each with its source and the day it counts from."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, StrictBool
from pydantic import Field as Key
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", defer_build=True)  # built once, as parts of the whole file

Sector = Literal["ride", "logistics"]
Category = Literal["employee", "self_employed", "labour_provider", "gig_worker"]
Residency = Literal["citizen", "permanent_resident", "foreigner"]
Seen = Literal["law", "institution", "press", "derived", "choice", "memory"]

_FIGURE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)


def exact_figure(value: object) -> Decimal:
    """A figure from its text. Raises ValueError: a float, a sign, an exponent, too fine."""
    if isinstance(value, Decimal):  # read before; a file holds text
        return value
    if not isinstance(value, str):
        raise ValueError('write figures as text, such as "0.0125": a TOML number is not exact')
    if not _FIGURE.fullmatch(value):
        raise ValueError("a figure has digits and at most 6 decimals, and is not negative")
    return Decimal(value)


Figure = Annotated[Decimal, BeforeValidator(exact_figure)]


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
class Retention(Dated):
    """How long what belongs to a contribution is kept after it, so that a claim can be proved."""

    months: int


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
