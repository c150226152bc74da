"""Figures of a yearly report: a levy on turnover, and days of engagement."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from bpp.insurance.engine.exact import rounded, times
from bpp.insurance.scheme import NotInsurable, Scheme


@dataclass(frozen=True, slots=True)
class Levy:
    """What turnover alone gives, the most that payouts allow, and the lesser of both."""

    by_turnover_minor: int
    cap_minor: int
    due_minor: int


@dataclass(frozen=True, slots=True)
class Engagement:
    """Counted days of one worker beside the days that are needed."""

    days: int
    needed: int

    @property
    def is_eligible(self) -> bool:
        return self.days >= self.needed


def levy(turnover_minor: int, rate: Decimal, payouts_minor: int, cap_rate: Decimal) -> Levy:
    """A share of turnover, not above a share of what was paid or payable to workers; halves up."""
    by_turnover = rounded(times(turnover_minor, rate))
    cap = rounded(times(payouts_minor, cap_rate))
    return Levy(by_turnover, cap, min(by_turnover, cap))


def levy_of(
    scheme: Scheme, day: date, *, rate: Decimal, turnover_minor: int, payouts_minor: int
) -> Levy:
    """By the notified rate of a scheme. Raises NotInsurable for one outside the law's bounds."""
    bounds = scheme.on(scheme.turnover, day, "levy on turnover")
    if not bounds.rate_min <= rate <= bounds.rate_max:
        raise NotInsurable(
            f"{scheme.id}: a rate of {rate} is outside {bounds.rate_min} to {bounds.rate_max}"
        )
    return levy(turnover_minor, rate, payouts_minor, bounds.payouts_cap)


def engagement(
    earned: Iterable[tuple[date, str]], *, other_days: int, days_one: int, days_several: int
) -> Engagement:
    """Each aggregator's day counts once whatever was earned on it; several aggregators on one day
    count each. More days are needed of who worked for several.
    """
    distinct = set(earned)
    several = len({aggregator for _, aggregator in distinct}) > 1
    return Engagement(len(distinct) + other_days, days_several if several else days_one)


def gross_for(net_minor: int, exclusion: Decimal) -> int:
    """The gross earnings whose net, after the excluded share, is that much; to the nearest unit."""
    return rounded(Fraction(net_minor) / (1 - Fraction(exclusion)))
