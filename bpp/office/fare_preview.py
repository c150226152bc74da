"""What other fares would have done to the jobs of the last days: each priced once more, twice."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median_low

from sqlalchemy import bindparam, select

from bpp import fares
from bpp.fares import FarePolicy
from bpp.orders import progress
from bpp.orders.order import COMPLETE, Order, read_order
from bpp.orders.tables import OrderRow
from bpp.tariff.tariff import Tariff
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire.order import PriceLine

DAYS = 7
JOBS_MAX = 5_000
PREPAID = ("PRE-ORDER", "PRE-FULFILLMENT")

_O = OrderRow.__table__
_DONE = Statement(
    select(_O.c.document)
    .where(_O.c.created_at >= bindparam("since"), _O.c.status == COMPLETE)
    .order_by(_O.c.created_at.desc())
    .limit(JOBS_MAX + 1)
)

Lines = tuple[PriceLine, ...]
Effect = Callable[[Order, Lines], tuple[int, int]]
"""What a job at these lines pays its driver after everything, and what it sets aside, minor."""


@dataclass(slots=True)
class Sums:
    """Some jobs under the fares they had and under the others, minor units."""

    jobs: int = 0
    dearer: int = 0
    cheaper: int = 0
    before_minor: int = 0
    after_minor: int = 0

    def add(self, before: int, after: int) -> None:
        """One more job."""
        self.jobs += 1
        self.dearer += after > before
        self.cheaper += after < before
        self.before_minor += before
        self.after_minor += after


@dataclass(slots=True)
class Preview:
    """All jobs, and by vehicle category and zone ("" for no zone). `pay` and `aside` are None
    where no books are kept; `is_cut`: there were more jobs than were looked at."""

    all: Sums = field(default_factory=Sums)
    by_category: dict[str, Sums] = field(default_factory=dict)
    by_zone: dict[str, Sums] = field(default_factory=dict)
    median_before_minor: int = 0
    median_after_minor: int = 0
    pay: Sums | None = None
    aside: Sums | None = None
    is_cut: bool = False


def preview(
    jobs: Iterable[Order], tariff: Tariff, other: FarePolicy, effect: Effect | None
) -> Preview:
    """Every job by the fares that held when it was priced, and by the others. Pure."""
    found = Preview()
    if effect is not None:
        found.pay, found.aside = Sums(), Sums()
    befores: list[int] = []
    afters: list[int] = []
    for order in jobs:
        policy = tariff.by(order.tariff)
        lines, others = fare_by(policy, order), fare_by(other, order)
        before, after = _total(lines), _total(others)
        befores.append(before)
        afters.append(after)
        found.all.add(before, after)
        found.by_category.setdefault(order.category, Sums()).add(before, after)
        found.by_zone.setdefault(_zone(order, policy, other), Sums()).add(before, after)
        if effect is not None and found.pay is not None and found.aside is not None:
            (pay, aside), (other_pay, other_aside) = effect(order, lines), effect(order, others)
            found.pay.add(pay, other_pay)
            found.aside.add(aside, other_aside)
    if befores:
        found.median_before_minor = median_low(befores)
        found.median_after_minor = median_low(afters)
    return found


def fare_by(policy: FarePolicy, order: Order) -> Lines:
    """The fare of the job by this policy: its places, hour, category and waiting; no tip, and
    nothing that schemes put on the customer's bill."""
    pickup, drop = order.view.fulfillment.route()
    lines = fares.quote(policy, pickup, drop, order.priced_at, category=order.category)
    waited_s = progress.waited_s(order)
    if waited_s is None or order.payment.type in PREPAID:
        return lines
    waited = fares.waiting_charge(policy, pickup, waited_s, category=order.category)
    if waited is None:
        return lines
    return fares.with_charge(policy, lines, waited, fares.route(policy, pickup, drop).distance_m)


def done_since(session: Session, since: int) -> list[Order]:
    """Jobs carried out that were made since then, the newest, one more than JOBS_MAX at most."""
    return [read_order(row["document"]) for row in session.all(_DONE, since=since)]


def _zone(order: Order, *policies: FarePolicy) -> str:
    """The first zone that the job touches, of the fares it had, then of the others."""
    return next(_touched(order, policies), "")


def _touched(order: Order, policies: tuple[FarePolicy, ...]) -> Iterator[str]:
    pickup, drop = order.view.fulfillment.route()
    for policy in policies:
        for zone in policy.zones:
            if zone.ground.contains(pickup) or zone.ground.contains(drop):
                yield zone.name


def _total(lines: Lines) -> int:
    return sum(line.amount_minor for line in lines)
