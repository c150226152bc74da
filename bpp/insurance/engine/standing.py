"""What one event posts: order lines by themselves, period lines by the sum. docs/ledger.md

Posted for a worker, scheme and period is a function of the exact sum alone, so totals do not depend
on the order of events; single posts may.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from bpp.insurance.engine.exact import EXACT, Mode, capped
from bpp.insurance.engine.shares import NONE, Shares, Split, borne

Rounding = Literal["period", "transaction", "count"]
Bearer = Literal["worker", "cooperative"]
Reason = Literal[
    "rounding",
    "cap",
    "prepaid",
    "below_floor",
    "cancelled",
    "reassigned",
    "awaiting_worker",
    "unchanged",
    "remitted",
    "not_told",
    "no_consent",
    "category",
    "residency",
]


class PeriodRule(Struct, frozen=True):
    """How the exact sum of a worker's period becomes money. `offset_minor` was paid elsewhere."""

    rounding: Rounding
    borne_by: str = "worker"
    unit_minor: int = 1
    mode: Mode = "half_up"
    cap_minor: int | None = None
    offset_minor: int = 0
    shares: Shares | None = None

    def target(self, exact: Decimal) -> Split:
        """What is to stand for the period: min(rounded sum, cap) less the offset, by bearer."""
        if self.shares is not None:
            return self.shares.of_month(exact)
        whole = capped(exact, self.cap_minor, self.unit_minor, self.mode)
        return borne(max(0, whole - self.offset_minor), self.borne_by)


class Standing(Struct, frozen=True):
    """What one order comes to for one worker slot: exact, and as the order line."""

    exact: Decimal = Decimal(0)
    amount: Split = NONE
    is_due: bool = False

    @property
    def amount_minor(self) -> int:
        return self.amount.total


class Totals(Struct, frozen=True):
    """What was posted for one worker, scheme and period, and the exact sum behind it."""

    exact: Decimal = Decimal(0)
    order: Split = NONE
    period: Split = NONE

    @property
    def order_minor(self) -> int:
        return self.order.total

    @property
    def period_minor(self) -> int:
        return self.period.total

    @property
    def posted(self) -> Split:
        return self.order + self.period

    @property
    def posted_minor(self) -> int:
        return self.posted.total


class Period(Struct, frozen=True):
    """Both stations of a period: everything set aside or due, and the part that is due."""

    all: Totals = Totals()
    due: Totals = Totals()


class Part(Struct, frozen=True):
    """One bearer's part of a posting, signed minor units."""

    order_minor: int
    period_minor: int
    due_order_minor: int
    due_period_minor: int


class Posting(Struct, frozen=True):
    """What one event posts, signed: newly set aside, and newly due out of it."""

    order: Split = NONE
    period: Split = NONE
    due_order: Split = NONE
    due_period: Split = NONE

    @property
    def order_minor(self) -> int:
        return self.order.total

    @property
    def period_minor(self) -> int:
        return self.period.total

    @property
    def due_order_minor(self) -> int:
        return self.due_order.total

    @property
    def due_period_minor(self) -> int:
        return self.due_period.total

    @property
    def total_minor(self) -> int:
        return self.order_minor + self.period_minor

    def of(self, bearer: Bearer) -> Part:
        """The part of it that this bearer bears."""
        if bearer == "worker":
            return Part(
                self.order.worker,
                self.period.worker,
                self.due_order.worker,
                self.due_period.worker,
            )
        return Part(
            self.order.cooperative,
            self.period.cooperative,
            self.due_order.cooperative,
            self.due_period.cooperative,
        )


def post(
    period: Period, before: Standing, now: Standing, rule: PeriodRule, floor: Split | None = None
) -> tuple[Posting, Period]:
    """The step from one standing of an order to the next, and the period after it.

    Without period rounding there are no period lines: each job stands for itself. Less than the
    `floor` never stands: what was declared, where a scheme gives nothing of that back.
    """
    nothing = Standing()
    every = _advance(period.all, before, now, rule, floor)
    due = _advance(
        period.due,
        before if before.is_due else nothing,
        now if now.is_due else nothing,
        rule,
        floor,
    )
    posting = Posting(
        order=every.order - period.all.order,
        period=every.period - period.all.period,
        due_order=due.order - period.due.order,
        due_period=due.period - period.due.period,
    )
    return posting, Period(every, due)


def is_kept(period: Period, rule: PeriodRule) -> bool:
    """Whether more stands than the rule gives: a floor holds it."""
    return any(
        totals.period != _period_line(totals.exact, totals.order, rule)
        for totals in (period.all, period.due)
    )


def _advance(
    totals: Totals, before: Standing, now: Standing, rule: PeriodRule, floor: Split | None
) -> Totals:
    exact = EXACT.add(totals.exact, EXACT.subtract(now.exact, before.exact))
    order = totals.order + now.amount - before.amount
    period = _period_line(exact, order, rule)
    lacks = NONE if floor is None else (floor - order - period).above_zero()
    return Totals(exact, order, period + lacks)


def _period_line(exact: Decimal, order: Split, rule: PeriodRule) -> Split:
    return rule.target(exact) - order if rule.rounding == "period" else NONE
