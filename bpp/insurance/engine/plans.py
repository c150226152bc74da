"""Plans bought ahead, and what a month's deductions come to beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from bpp.insurance.engine import calendar
from bpp.insurance.engine.exact import rounded, times
from bpp.insurance.engine.facts import Bought
from bpp.insurance.figures import Plan
from bpp.insurance.scheme import NotInsurable, Scheme


@dataclass(frozen=True, slots=True)
class Benefits:
    """What a plan's insured amount gives, in minor units: a day, a day's benefit, a month's."""

    daily_insured_minor: int
    temporary_daily_minor: int
    dependants_monthly_minor: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A month's deductions beside the plans; `funded_minor` None: not even the first is met."""

    shortfall_minor: int
    funded_minor: int | None
    excess_minor: int


def choice_for(chosen: Sequence[tuple[date, str]], period: str) -> str | None:
    """The plan of a period: the last one chosen before it began, so that a change within a period
    leaves it as it is. The very first choice counts from its own period on. None: none chosen yet.
    """
    first = calendar.first_day(period)
    before = [each for each in chosen if each[0] < first]
    if before:
        return max(before)[1]
    within = [each for each in chosen if each[0] <= calendar.last_day(period)]
    return min(within)[1] if within else None


def plans_on(scheme: Scheme, day: date) -> list[Plan]:
    """The plans on offer that day, the smallest first, each with its figure of that day."""
    names = dict.fromkeys(plan.name for plan in scheme.plan if plan.from_day <= day)
    of_name = [[plan for plan in scheme.plan if plan.name == name] for name in names]
    found = [scheme.on(figures, day, "plan") for figures in of_name]
    return sorted(found, key=lambda plan: plan.insured)


def plan_in(scheme: Scheme, day: date, name: str | None) -> Plan:
    """The plan of that name, or the smallest for None. Raises NotInsurable."""
    offered = plans_on(scheme, day)
    for plan in offered:
        if name is None or plan.name == name:
            return plan
    raise NotInsurable(f"{scheme.id} has no plan {name!r} on {day}")


def contribution_minor(scheme: Scheme, plan: Plan, day: date) -> int:
    """A month of the plan."""
    rule = scheme.on(scheme.plan_rule, day, "rule of plans")
    return month_minor(scheme.minor(plan.insured), rule.rate, scheme.minor(rule.round_to))


def prepaid_minor(scheme: Scheme, bought: Sequence[Bought], period: str) -> int:
    """What plans whose receipts were seen already pay of a month; what is only told counts not."""
    first = calendar.first_day(period)
    return sum(
        contribution_minor(scheme, plan_in(scheme, first, each.plan), first)
        for each in bought
        if each.is_seen and _covers(each, first)
    )


def _covers(bought: Bought, first: date) -> bool:
    begins = calendar.first_day(bought.first_month)
    return begins <= first < calendar.month_after(begins, bought.months)


def month_minor(insured_minor: int, rate: Decimal, unit_minor: int) -> int:
    """The insured amount times the rate, to the nearest multiple, halves up."""
    return rounded(times(insured_minor, rate), unit_minor)


def benefits(insured_minor: int, *, days: int, temporary: Decimal, dependants: Decimal) -> Benefits:
    """Shares of the insured amount, a day of it being the amount / `days`, each rounded once."""
    daily = Fraction(insured_minor, days)
    return Benefits(
        rounded(daily),
        rounded(daily * Fraction(temporary)),
        rounded(times(insured_minor, dependants)),
    )


def compare(
    deducted_minor: int, plans_minor: Sequence[int], selected_minor: int | None = None
) -> Comparison:
    """What lacks to the selected plan (none: the smallest), the highest plan that the deductions
    pay for, and what is beyond that one. There may be other collectors: only the institution, or
    the worker's own merged statement, may tell a shortfall as final.
    """
    wanted = min(plans_minor) if selected_minor is None else selected_minor
    funded = max((each for each in plans_minor if each <= deducted_minor), default=None)
    return Comparison(
        shortfall_minor=max(0, wanted - deducted_minor),
        funded_minor=funded,
        excess_minor=0 if funded is None else deducted_minor - funded,
    )
