"""What one job comes to under one scheme: its base, the figure of its day, its order line."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from bpp.insurance.engine import calendar, plans
from bpp.insurance.engine.exact import EXACT, capped, times
from bpp.insurance.engine.facts import UNKNOWN, Options, Person, Work
from bpp.insurance.engine.rates import shares
from bpp.insurance.engine.shares import NONE, Split, borne
from bpp.insurance.engine.standing import PeriodRule
from bpp.insurance.figures import Dated
from bpp.insurance.scheme import NotInsurable, Scheme
from protocol_specs.wire.order import PriceLine
from protocol_specs.wire.values import replace

FEE_CODE = "CANCELLATION_CHARGES"


class Used(Struct, frozen=True):
    """The figure an amount came of. `what`: rate of the base; amount per_order or per_job; or net,
    the share of gross earnings that is left after expenses.
    """

    what: Literal["rate", "per_order", "per_job", "net"]
    value: Decimal
    from_day: date
    source: str
    verified: bool


class Assessment(Struct, frozen=True):
    """How the amount of one order came about. `lines` are those that count, `cap` a job's own.

    `exact` is what the period sums up, in minor units; `amount` is the order line.
    """

    lines: tuple[PriceLine, ...]
    commission_minor: int
    refund_minor: int
    base_minor: int
    figure: Used
    cap_minor: int | None
    exact: Decimal
    amount: Split

    @property
    def amount_minor(self) -> int:
        return self.amount.total


class _Base(Struct, frozen=True):
    lines: tuple[PriceLine, ...] = ()
    commission_minor: int = 0
    refund_minor: int = 0
    minor: int = 0


class _Asked(Struct, frozen=True):
    scheme: Scheme
    work: Work
    day: date
    person: Person
    options: Options = {}


def needs_person(scheme: Scheme, options: Options) -> bool:
    """Whether anything of the worker enters the arithmetic; if not, nobody need look it up."""
    if scheme.form == "shares":
        return True
    asked = (scheme.option("cap", options), scheme.option("prepaid_offset", options))
    return asked[0] == "plan" or asked[1] == "full"


def knows_enough(scheme: Scheme, person: Person) -> bool:
    """Whether the amount can be said of this worker; if not, it waits for the worker's facts."""
    return scheme.form != "shares" or person.born is not None


def assess(
    scheme: Scheme, work: Work, person: Person = UNKNOWN, options: Options | None = None
) -> Assessment:
    """The order line of this job as it stands, by the figures of its origin day.

    A cancelled job's base is the fee its worker gets (none: 0). While the scheme does not know
    enough of the worker it is nothing. Raises NotInsurable.
    """
    if work.currency != scheme.currency:
        raise NotInsurable(f"{scheme.id} is in {scheme.currency}, the order in {work.currency}")
    scheme.require_sector(work.sector)
    if work.is_cancelled and scheme.on_cancel == "keep" and work.has_worker:
        work = replace(work, is_cancelled=False)
    make = _FORMS.get(scheme.form)
    if make is None:
        raise NotInsurable(f"{scheme.id} has no amount per job: it is {scheme.form}")
    asked = _Asked(scheme, work, scheme.day(work.origin_at), person, options or {})
    found = make(asked)
    return found if knows_enough(scheme, person) else nothing(found)


def nothing(assessment: Assessment) -> Assessment:
    """The same figures on no earnings: for a worker whom the order has left, or nobody yet."""
    return replace(
        assessment,
        lines=(),
        commission_minor=0,
        refund_minor=0,
        base_minor=0,
        exact=Decimal(0),
        amount=NONE,
    )


def period_rule(
    scheme: Scheme, day: date, person: Person = UNKNOWN, options: Options | None = None
) -> PeriodRule:
    """How this worker's period of that day becomes money."""
    chosen = options or {}
    rule = PeriodRule(
        rounding=scheme.rounding,
        borne_by=scheme.borne_by,
        unit_minor=scheme.unit_minor,
        mode=scheme.round_mode,
        cap_minor=scheme.period_cap_minor(day),
    )
    if scheme.form == "flat":
        return replace(rule, cap_minor=flat_minor(scheme, day))
    if scheme.form == "shares":
        known = person.born is not None
        return replace(rule, shares=shares(scheme, day, person) if known else None, cap_minor=None)
    if not scheme.options:
        return rule
    period = calendar.period_name(day, scheme.period)
    if scheme.option("cap", chosen) == "plan":
        plan = plans.plan_in(scheme, day, plans.choice_for(person.plans, period))
        rule = replace(rule, cap_minor=plans.contribution_minor(scheme, plan, day))
    if scheme.option("prepaid_offset", chosen) == "full":
        prepaid = plans.prepaid_minor(scheme, person.bought, period)
        rule = replace(rule, offset_minor=prepaid)
    return rule


def check_codes(scheme: Scheme, lines: tuple[PriceLine, ...]) -> None:
    """Raises NotInsurable for a breakup code the scheme lists neither in nor out of its base."""
    if scheme.base is None:
        return
    for line in lines:
        if line.code not in scheme.base.codes_in and line.code not in scheme.base.codes_out:
            raise NotInsurable(
                f"{scheme.id} does not say whether {line.code} is part of its base; "
                "list the code in the scheme's file first"
            )


def flat_minor(scheme: Scheme, day: date) -> int:
    """The flat amount of the period of that day, less the discount if one is running."""
    amount = scheme.on(scheme.flat, day, "flat amount").amount
    running = [each for each in scheme.discount if each.from_day <= day <= each.until]
    for discount in running:
        amount = EXACT.multiply(amount, 1 - discount.share)
    exact = times(amount, Decimal(scheme.minor(Decimal(1))))
    return capped(exact, None, scheme.unit_minor, scheme.round_mode)


def _base(scheme: Scheme, work: Work) -> _Base:
    """The lines that count, less commission and what was refunded; never below zero."""
    if scheme.base is None:
        return _Base()
    if work.is_cancelled:
        fee = work.fee_minor if work.has_worker else 0
        counts = fee and FEE_CODE in scheme.base.codes_in
        lines = (PriceLine(FEE_CODE, fee),) * bool(counts)
        commission = 0
    else:
        check_codes(scheme, work.lines)
        lines = tuple(line for line in work.lines if line.code in scheme.base.codes_in)
        commission = work.commission_minor if scheme.base.less_commission else 0
    earned = sum(line.amount_minor for line in lines) - commission
    return _Base(lines, commission, work.refund_minor, max(0, earned - work.refund_minor))


def _percent(asked: _Asked) -> Assessment:
    scheme, work = asked.scheme, asked.work
    rate = scheme.rate_on(asked.day)
    cap = scheme.job_cap_minor(asked.day, work.sector, work.vehicle_category)
    base = _base(scheme, work)
    exact = times(base.minor, rate.rate)
    minor = capped(exact, cap, scheme.unit_minor, scheme.round_mode)
    return _assessment(
        base, _used(rate, "rate", rate.rate), exact, borne(minor, scheme.borne_by), cap
    )


def _per_unit(asked: _Asked) -> Assessment:
    """One order is one unit; a cancelled one none, unless the scheme keeps it."""
    scheme, work = asked.scheme, asked.work
    name = scheme.vehicle_class(work.vehicle_category)
    tier = scheme.option("unit_tier", asked.options)
    listed = [
        each
        for each in scheme.unit_amount
        if each.sector == work.sector and name in each.amounts and each.tier in (None, tier)
    ]
    if name is None or not listed:
        raise NotInsurable(
            f"{scheme.id} has no amount for sector {work.sector!r} with vehicle "
            f"{work.vehicle_category!r}; list both in the scheme's file first"
        )
    figure = scheme.on(listed, asked.day, "amount")
    exact = Decimal(0) if work.is_cancelled else units(scheme, 1, figure.amounts[name])
    amount = borne(capped(exact, None), scheme.borne_by)
    return _assessment(_Base(), _used(figure, "per_order", figure.amounts[name]), exact, amount)


def units(scheme: Scheme, count: int, amount: Decimal) -> Decimal:
    """So many orders at that amount (major units), exact in minor units."""
    return times(count, times(amount, Decimal(scheme.minor(Decimal(1)))))


def _flat(asked: _Asked) -> Assessment:
    """A small amount on each job; the period's rule stops at the flat amount."""
    scheme = asked.scheme
    figure = scheme.on(scheme.flat, asked.day, "flat amount")
    exact = Decimal(0 if asked.work.is_cancelled else scheme.minor(figure.per_job))
    amount = borne(capped(exact, None), scheme.borne_by)
    return _assessment(_Base(), _used(figure, "per_job", figure.per_job), exact, amount)


def _shares(asked: _Asked) -> Assessment:
    """Net earnings of the job: what is left of the base after the expense share of its vehicle."""
    scheme, work = asked.scheme, asked.work
    name = scheme.vehicle_class(work.vehicle_category)
    figure = scheme.on(scheme.expense, asked.day, "expense share")
    if name is None or name not in figure.shares:
        raise NotInsurable(
            f"{scheme.id} has no expense share for {work.vehicle_category!r}; list the vehicle in "
            "the scheme's file first"
        )
    left = 1 - figure.shares[name]
    base = _base(scheme, work)
    exact = times(base.minor, left)
    amount = NONE
    if asked.person.born is not None:
        amount = shares(scheme, asked.day, asked.person).order_line(exact)
    return _assessment(base, _used(figure, "net", left), exact, amount)


def _assessment(
    base: _Base, figure: Used, exact: Decimal, amount: Split, cap_minor: int | None = None
) -> Assessment:
    return Assessment(
        lines=base.lines,
        commission_minor=base.commission_minor,
        refund_minor=base.refund_minor,
        base_minor=base.minor,
        figure=figure,
        cap_minor=cap_minor,
        exact=exact,
        amount=amount,
    )


def _used(
    figure: Dated, what: Literal["rate", "per_order", "per_job", "net"], value: Decimal
) -> Used:
    return Used(what, value, figure.from_day, figure.source, figure.verified)


_FORMS: dict[str, Callable[[_Asked], Assessment]] = {
    "percent": _percent,
    "per_unit": _per_unit,
    "flat": _flat,
    "shares": _shares,
}
