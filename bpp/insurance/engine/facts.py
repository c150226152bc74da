"""What the engine is told: one worker's part of a job, and what is known of the worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from msgspec import Struct

from bpp.insurance.figures import Sector
from bpp.insurance.scheme import Option
from protocol_specs.wire.order import PriceLine


class Work(Struct, frozen=True):
    """One worker's part of one order as it stands: what the worker's lines are, less commission.

    Amounts are minor units. `origin_at` decides day and period; `fee_minor` is what the worker gets
    of a cancelled job; `has_worker` says whether somebody had accepted it.
    """

    origin_at: int
    currency: str
    lines: tuple[PriceLine, ...]
    sector: Sector
    vehicle_category: str
    commission_minor: int = 0
    refund_minor: int = 0
    fee_minor: int = 0
    is_cancelled: bool = False
    has_worker: bool = True


@dataclass(frozen=True, slots=True)
class Bought:
    """A plan a worker bought ahead at the institution: a recorded fact, never an entry.

    `months` from `first_month` ("2026-07") on; `receipt` is the institution's number. `is_seen`: we
    saw it; else the worker told us.
    """

    plan: str
    first_month: str
    months: Literal[1, 12]
    receipt: str
    is_seen: bool


@dataclass(frozen=True, slots=True)
class Person:
    """What a scheme may have to know of a worker; everything unknown by default.

    `opted_in_on` is the day of the choice. `plans` are (day chosen, plan's name).
    """

    born: date | None = None
    opted_in_on: date | None = None
    plans: tuple[tuple[date, str], ...] = ()
    bought: tuple[Bought, ...] = ()


UNKNOWN = Person()
Options = Mapping[Option, str]
