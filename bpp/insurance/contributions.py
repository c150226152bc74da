"""The arithmetic of contributions: pure and exact. Order lines by scheme, period lines by sums.

docs/ledger.md: the order line is the order's own rounded amount; the period line makes what was
posted for a worker, scheme and period equal to min(round(exact sum), cap). Totals therefore do
not depend on the order of events; single posts may.
"""

from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact
from typing import Literal

from bpp.insurance.job import FEE_CODE, Job, commission_minor
from bpp.insurance.scheme import NotInsurable, Rate, Scheme
from protocol_specs.wire.money import apply_rate, round_half_up
from protocol_specs.wire.order import PriceLine

EXACT = Context(prec=60, traps=[Inexact])

Reason = Literal[
    "rounding", "cap", "below_floor", "cancelled", "reassigned", "awaiting_worker", "unchanged"
]


@dataclass(frozen=True, slots=True)
class Standing:
    """What one order comes to for one worker slot: exact, and as the order line (minor units)."""

    exact: Decimal = Decimal(0)
    amount_minor: int = 0
    is_due: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """What was posted for one worker, scheme and period, and the exact sum behind it."""

    exact: Decimal = Decimal(0)
    order_minor: int = 0
    period_minor: int = 0

    @property
    def posted_minor(self) -> int:
        return self.order_minor + self.period_minor


@dataclass(frozen=True, slots=True)
class Period:
    """Both stations of a period: everything set aside or due, and the part that is due."""

    all: Totals = Totals()
    due: Totals = Totals()


@dataclass(frozen=True, slots=True)
class Posting:
    """What one event posts, signed minor units: newly set aside, and newly due out of it."""

    order_minor: int = 0
    period_minor: int = 0
    due_order_minor: int = 0
    due_period_minor: int = 0

    @property
    def total_minor(self) -> int:
        return self.order_minor + self.period_minor


@dataclass(frozen=True, slots=True)
class Assessment:
    """How the amount of one order came about. `lines` are those that count, `cap` a job's own."""

    lines: tuple[PriceLine, ...]
    commission_minor: int
    refund_minor: int
    base_minor: int
    rate: Rate
    cap_minor: int | None
    exact: Decimal
    amount_minor: int


def check_codes(scheme: Scheme, lines: tuple[PriceLine, ...]) -> None:
    """Raises NotInsurable for a breakup code the scheme lists neither in nor out of its base."""
    for line in lines:
        if line.code not in scheme.base.codes_in and line.code not in scheme.base.codes_out:
            raise NotInsurable(
                f"{scheme.id} does not say whether {line.code} is part of its base; "
                "list the code in the scheme's file first"
            )


def assess(scheme: Scheme, job: Job, commission_rate: Decimal) -> Assessment:
    """The order line of this job as it stands, by the figures of its origin day.

    A cancelled job's base is the fee its worker gets (none: 0). Raises NotInsurable.
    """
    if job.currency != scheme.currency:
        raise NotInsurable(f"{scheme.id} is in {scheme.currency}, the order in {job.currency}")
    day = scheme.day(job.origin_at)
    rate = scheme.rate_on(day)
    cap = scheme.job_cap_minor(day, job.sector, job.vehicle_category)
    counted, commission = _earnings(scheme, job, commission_rate)
    earned = sum(line.amount_minor for line in counted) - commission
    base = max(0, earned - job.refund_by_worker_minor)
    exact = apply_rate(base, rate.rate)
    return Assessment(
        lines=counted,
        commission_minor=commission,
        refund_minor=job.refund_by_worker_minor,
        base_minor=base,
        rate=rate,
        cap_minor=cap,
        exact=exact,
        amount_minor=capped(exact, cap),
    )


def _earnings(
    scheme: Scheme, job: Job, commission_rate: Decimal
) -> tuple[tuple[PriceLine, ...], int]:
    """The lines that count, and the commission that comes off them."""
    if job.status == "cancelled":
        fee = job.fee_minor if job.agent_id else 0
        lines = (PriceLine(FEE_CODE, fee),) if fee and FEE_CODE in scheme.base.codes_in else ()
        return lines, 0
    check_codes(scheme, job.lines)
    counted = tuple(line for line in job.lines if line.code in scheme.base.codes_in)
    takes_off = scheme.base.less_commission
    return counted, commission_minor(job.lines, commission_rate) if takes_off else 0


def capped(exact: Decimal, cap_minor: int | None) -> int:
    """The exact amount rounded half up to a minor unit, and not above the cap."""
    rounded = round_half_up(exact)
    return rounded if cap_minor is None else min(rounded, cap_minor)


def post(
    period: Period,
    before: Standing,
    now: Standing,
    *,
    rounding: Literal["period", "transaction"],
    cap_minor: int | None,
) -> tuple[Posting, Period]:
    """The step from one standing of an order to the next, and the period after it.

    Without period rounding there are no period lines: each job stands for itself.
    """
    every = _advance(period.all, before, now, rounding, cap_minor)
    nothing = Standing()
    due = _advance(
        period.due,
        before if before.is_due else nothing,
        now if now.is_due else nothing,
        rounding,
        cap_minor,
    )
    posting = Posting(
        order_minor=every.order_minor - period.all.order_minor,
        period_minor=every.period_minor - period.all.period_minor,
        due_order_minor=due.order_minor - period.due.order_minor,
        due_period_minor=due.period_minor - period.due.period_minor,
    )
    return posting, Period(every, due)


def _advance(
    totals: Totals, before: Standing, now: Standing, rounding: str, cap_minor: int | None
) -> Totals:
    exact = EXACT.add(totals.exact, EXACT.subtract(now.exact, before.exact))
    order = totals.order_minor + now.amount_minor - before.amount_minor
    period = capped(exact, cap_minor) - order if rounding == "period" else 0
    return Totals(exact, order, period)


def nothing(assessment: Assessment) -> Assessment:
    """The same figures on no earnings: for a worker whom the order has left, or nobody yet."""
    return replace(
        assessment,
        lines=(),
        commission_minor=0,
        refund_minor=0,
        base_minor=0,
        exact=Decimal(0),
        amount_minor=0,
    )
