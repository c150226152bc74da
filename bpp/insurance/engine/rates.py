"""The two rates of a worker's month: by age, by the ladder's step of the year, and by choice."""

from datetime import date
from decimal import Decimal

from bpp.insurance.engine import calendar
from bpp.insurance.engine.facts import Person
from bpp.insurance.engine.shares import Shares
from bpp.insurance.figures import AgeBand
from bpp.insurance.scheme import NotInsurable, Scheme


def shares(scheme: Scheme, day: date, person: Person) -> Shares:
    """Both rates of this worker's month: by age, by the ladder's step, and by choice.

    Raises NotInsurable where no figure is known for the age.
    """
    worker, cooperative = _rates(scheme, day, person)
    return in_tiers(scheme, day, worker, cooperative)


def in_tiers(scheme: Scheme, day: date, worker: Decimal, cooperative: Decimal) -> Shares:
    """These two rates with the scheme's tiers of that day."""
    tier = scheme.on(scheme.tier, day, "tier")
    return Shares(
        worker_rate=worker,
        cooperative_rate=cooperative,
        nothing_to_minor=scheme.minor(tier.nothing_to),
        operator_only_to_minor=scheme.minor(tier.operator_only_to),
        reduced_to_minor=scheme.minor(tier.reduced_to),
        reduced_factor=tier.reduced_factor,
        unit_minor=scheme.unit_minor,
    )


def ladder_rates(scheme: Scheme, day: date, savings: Decimal) -> tuple[Decimal, Decimal]:
    """The worker's and the operator's rate on the ladder's step of that day."""
    step = scheme.on(scheme.ladder, day, "step of the ladder")
    return min(step.worker_max, savings + step.worker_add), step.operator


def is_opted_in(scheme: Scheme, day: date, person: Person) -> bool:
    """By law from a birthday on, else from the month that a choice takes effect in."""
    rule = scheme.on(scheme.opt_in, day, "rule of opting in")
    if person.born is not None and person.born >= rule.mandatory_born_from:
        return True
    if person.opted_in_on is None:
        return False
    begins = calendar.opt_in_month(person.opted_in_on, rule.last_day_for_next_month)
    return calendar.period_name(day, "month") >= begins


def _rates(scheme: Scheme, day: date, person: Person) -> tuple[Decimal, Decimal]:
    band = _age_band(scheme, day, person)
    if not is_opted_in(scheme, day, person):
        if band.savings is None:
            raise NotInsurable(f"{scheme.id} has no savings rate up to {band.up_to} for {day}")
        return band.savings, Decimal(0)
    if band.worker is not None and band.operator is not None:
        return band.worker, band.operator
    if band.savings is None:
        raise NotInsurable(f"{scheme.id} has no rates up to {band.up_to} for {day}")
    return ladder_rates(scheme, day, band.savings)


def _age_band(scheme: Scheme, day: date, person: Person) -> AgeBand:
    """The narrowest band of the latest day that holds this age."""
    if person.born is None:
        raise NotInsurable(f"{scheme.id} needs the worker's day of birth")
    months = calendar.months_of_age(person.born, calendar.period_name(day, "month"))
    known = [band for band in scheme.age_band if band.from_day <= day]
    latest = max((band.from_day for band in known), default=None)
    holding = [band for band in known if band.from_day == latest and months <= band.up_to * 12]
    if not holding:
        raise NotInsurable(
            f"{scheme.id} has no rate for a worker of {months // 12} years on {day}: add a dated "
            "[[age_band]] with its source"
        )
    return min(holding, key=lambda band: band.up_to)
