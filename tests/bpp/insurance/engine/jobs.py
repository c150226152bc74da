"""Jobs for the engine, as one would tell them."""

from datetime import date
from decimal import Decimal
from typing import Any

from bpp.insurance.engine.assess import assess, period_rule
from bpp.insurance.engine.facts import UNKNOWN, Options, Person, Work
from bpp.insurance.engine.standing import Period, PeriodRule, Standing, post
from bpp.insurance.figures import Rate
from bpp.insurance.scheme import Scheme
from protocol_specs.wire.order import PriceLine
from protocol_specs.wire.values import replace

JULY = 1_783_000_000  # 2 July 2026
NOTHING = Standing()


def job(scheme: Scheme, fare_minor: int, *lines: PriceLine, **more: Any) -> Work:
    """A completed ride for that fare."""
    found = Work(
        origin_at=JULY,
        currency=scheme.currency,
        lines=(PriceLine("BASE_FARE", fare_minor), *lines),
        sector="ride",
        vehicle_category="CAB",
    )
    return replace(found, **more)


def stands(
    scheme: Scheme, work: Work, person: Person = UNKNOWN, options: Options | None = None
) -> Standing:
    """What it comes to, due."""
    found = assess(scheme, work, person, options)
    return Standing(found.exact, found.amount, is_due=True)


def rule_on(
    scheme: Scheme, day: date, person: Person = UNKNOWN, options: Options | None = None
) -> PeriodRule:
    return period_rule(scheme, day, person, options)


def played(
    steps: list[tuple[Standing, Standing]], rule: PeriodRule, period: Period | None = None
) -> tuple[list[int], Period]:
    """What each step posts, and the period after all of them."""
    posts, period = [], period or Period()
    for before, now in steps:
        posting, period = post(period, before, now, rule)
        posts.append(posting.total_minor)
    return posts, period


def rate_of(value: str, day: date) -> Rate:
    return Rate(rate=Decimal(value), source="act", verified=False, **{"from": day})
