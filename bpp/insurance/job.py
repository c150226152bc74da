"""What an order's events add up to, and what its fare gives to whom: pure folds over the facts."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from bpp.insurance.engine.assess import FEE_CODE
from bpp.insurance.engine.facts import Work
from bpp.orders.events import OrderEvent, Partner, Sector
from bpp.orders.sharing import divided
from protocol_specs.wire.money import apply_rate, round_half_up
from protocol_specs.wire.order import PaymentTerms, PriceLine
from protocol_specs.wire.values import replace

TIP_CODES = frozenset({"BUYER_ADDITIONAL_AMOUNT", "TIP"})
TAX_CODES = frozenset({"TAX"})
PASSED_ON_CODES = frozenset({"PARKING_CHARGES", "TOLL_CHARGES"})  # the worker's outlay, no earnings
REFUND_CODES = frozenset({"REFUND"})  # a refund is an event, and says who bears it
OUR_DISCOUNT_CODES = frozenset({"DISCOUNT_BORNE_BY_COOPERATIVE"})  # no earnings of the worker's


class Joined(Struct, frozen=True):
    """Another worker in the order beside the assigned one, in a slot of their own."""

    slot: int
    partner: Partner
    refund_minor: int = 0


class Job(Struct, frozen=True):
    """One order as it stands after some of its events. Amounts are minor units.

    `slot` numbers the workers of this order: 0 while nobody was known, then 1, 2 ... in turn, also
    for those who `joined`; `last_slot` is the newest of them. `refund_by_worker_minor` is all that
    assigned workers bore so far.
    """

    key: str
    n: int
    confirmed_at: int
    planned_start: int | None
    currency: str
    lines: tuple[PriceLine, ...]
    payment: PaymentTerms
    sector: Sector
    vehicle_category: str
    agent_id: str | None
    slot: int
    status: Literal["open", "completed", "cancelled"] = "open"
    fee_minor: int = 0
    tip_minor: int = 0
    refund_by_worker_minor: int = 0
    last_slot: int = 0
    joined: tuple[Joined, ...] = ()
    is_assigned: bool = True  # False: as one who joined has it

    @property
    def is_cash(self) -> bool:
        """Whether the fare is to be paid into the worker's hand when the job ends."""
        return is_cash(self.payment)

    @property
    def is_in_hand(self) -> bool:
        """Whether it was: the job ended, and its driver said that the cash was collected.

        In the driver's own hand: whoever joined gets their part of the cooperative.
        """
        return (
            self.is_assigned
            and self.is_cash
            and self.status == "completed"
            and self.payment.status == "PAID"
        )

    @property
    def origin_at(self) -> int:
        """The instant that decides the origin period: the confirm, or the planned start."""
        return self.planned_start if self.planned_start is not None else self.confirmed_at

    @property
    def is_over(self) -> bool:
        return self.status != "open"


def as_each_has_it(job: Job) -> tuple[Job, ...]:
    """The job as each of its workers has it, the assigned one first: own lines, sector, refunds."""
    if not job.joined:
        return (job,)
    left, parts = divided(job.lines, tuple(each.partner for each in job.joined))
    return (
        replace(job, lines=left, joined=()),
        *(_as_joined(job, each, part) for each, part in zip(job.joined, parts, strict=True)),
    )


def _as_joined(job: Job, joined: Joined, lines: tuple[PriceLine, ...]) -> Job:
    """A fee for cancelling and a tip are the assigned worker's."""
    return replace(
        job,
        agent_id=joined.partner.agent_id,
        slot=joined.slot,
        lines=lines,
        sector=joined.partner.sector,
        vehicle_category=joined.partner.vehicle_category,
        refund_by_worker_minor=joined.refund_minor,
        fee_minor=0,
        tip_minor=0,
        last_slot=joined.slot,
        joined=(),
        is_assigned=False,
    )


def work(job: Job, commission_rate: Decimal) -> Work:
    """What the worker of this job has done, as the schemes' arithmetic takes it."""
    return Work(
        origin_at=job.origin_at,
        currency=job.currency,
        lines=job.lines,
        sector=job.sector,
        vehicle_category=job.vehicle_category,
        commission_minor=commission_minor(job.lines, commission_rate),
        refund_minor=job.refund_by_worker_minor,
        fee_minor=job.fee_minor,
        is_cancelled=job.status == "cancelled",
        has_worker=job.agent_id is not None,
    )


def is_cash(payment: PaymentTerms) -> bool:
    """Whether these terms put the fare into the worker's hand when the job ends."""
    at_the_end = payment.type in ("ON-FULFILLMENT", "POST-FULFILLMENT")
    return payment.collected_by == "BPP" and at_the_end


def first(event: OrderEvent) -> Job:
    """The job of its first event."""
    slot = 0 if event.agent_id is None else 1
    job = Job(
        key=event.order_key,
        n=event.n,
        confirmed_at=event.at,
        planned_start=event.planned_start,
        currency=event.currency,
        lines=event.lines,
        payment=event.payment,
        sector=event.sector,
        vehicle_category=event.vehicle_category,
        agent_id=event.agent_id,
        slot=slot,
        last_slot=slot,
    )
    return _with_partners(job, event)


def after(job: Job, event: OrderEvent) -> Job:
    """The job after its next event."""
    job = _with_partners(replace(job, n=event.n), event)
    if event.kind in ("assigned", "reassigned"):
        return _with_worker(job, event)
    if event.kind == "cancelled":
        return replace(job, status="cancelled", fee_minor=event.cancellation_fee_minor)
    if event.kind == "refunded":
        return _refunded(job, event)
    job = replace(job, lines=event.lines, tip_minor=max(job.tip_minor, _tip(event)))
    if event.kind == "completed":
        return replace(job, status="completed", payment=event.payment)
    return job


def fold(events: Iterable[OrderEvent]) -> Job | None:
    """The job after all these events, in their order; None for no events."""
    job: Job | None = None
    for event in events:
        job = first(event) if job is None else after(job, event)
    return job


def _with_worker(job: Job, event: OrderEvent) -> Job:
    if event.agent_id == job.agent_id:
        return job
    return replace(
        job,
        agent_id=event.agent_id,
        slot=job.last_slot + 1,
        last_slot=job.last_slot + 1,
        vehicle_category=event.vehicle_category,
    )


def _with_partners(job: Job, event: OrderEvent) -> Job:
    """Who stays keeps their slot, whatever their amount is now; who is new gets the next one."""
    if event.partners == tuple(each.partner for each in job.joined):
        return job
    known = {each.partner.agent_id: each for each in job.joined}
    joined, last = [], job.last_slot
    for partner in event.partners:
        there = known.get(partner.agent_id)
        last += there is None
        joined.append(replace(there, partner=partner) if there else Joined(last, partner))
    return replace(job, joined=tuple(joined), last_slot=last)


def _refunded(job: Job, event: OrderEvent) -> Job:
    if event.refund_borne_by != "worker":
        return job
    if event.refund_agent_id is None:
        borne = job.refund_by_worker_minor + event.refund_minor
        return replace(job, refund_by_worker_minor=borne)
    joined = tuple(
        replace(each, refund_minor=each.refund_minor + event.refund_minor)
        if each.partner.agent_id == event.refund_agent_id
        else each
        for each in job.joined
    )
    return replace(job, joined=joined)


def _tip(event: OrderEvent) -> int:
    lines = sum(line.amount_minor for line in event.lines if line.code in TIP_CODES)
    return lines or event.tip_minor


class Fare(Struct, frozen=True):
    """How what the customer pays is split, all in minor units; all zero until the job is over.

    `pay_minor` is the assigned worker's, `parts` that of who joined, by slot.
    """

    pay_minor: int = 0
    parts: tuple[tuple[int, int], ...] = ()
    commission_minor: int = 0
    tax_minor: int = 0
    tip_minor: int = 0
    finder_fee_minor: int = 0
    to_cooperative_minor: int = 0  # a fee when nobody was assigned; its own discounts, below 0


def commission_minor(lines: tuple[PriceLine, ...], rate: Decimal) -> int:
    """The cooperative's share of a fare: of all lines but tips, taxes, outlays and refunds.

    A discount that the cooperative bears comes off its own share alone, not off what it is of.
    """
    free = TIP_CODES | TAX_CODES | PASSED_ON_CODES | REFUND_CODES | OUR_DISCOUNT_CODES | {FEE_CODE}
    fare = sum(line.amount_minor for line in lines if line.code not in free)
    return round_half_up(apply_rate(max(fare, 0), rate))


def fare(job: Job | None, commission_rate: Decimal, finder_fee_rate: Decimal) -> Fare:
    """What this job has earned so far. Nothing before it is over.

    A completed job earns its lines less commission; a cancelled one its fee, which is the assigned
    worker's whole, and the cooperative's if there was none. Who joined pays commission of their own
    part, rounded by itself.
    """
    if job is None or not job.is_over:
        return Fare()
    if job.status == "cancelled":
        fee = job.fee_minor
        return Fare(pay_minor=fee) if job.agent_id else Fare(to_cooperative_minor=fee)
    whole = _earned(job)
    tax = sum(line.amount_minor for line in job.lines if line.code in TAX_CODES)
    discount = sum(line.amount_minor for line in job.lines if line.code in OUR_DISCOUNT_CODES)
    own, *others = as_each_has_it(job)
    parts = tuple((each.slot, _pay(each, commission_rate)) for each in others)
    pay = _pay(own, commission_rate)
    collected = max(0, whole + tax + discount)
    rate = finder_fee_rate if job.payment.collected_by == "BAP" else Decimal(0)
    finder = round_half_up(apply_rate(collected, rate))
    return Fare(
        pay_minor=pay,
        parts=parts,
        commission_minor=whole - pay - sum(minor for _, minor in parts),
        tax_minor=tax,
        tip_minor=0 if job.is_cash else job.tip_minor,  # a cash tip never passes through us
        finder_fee_minor=finder,
        to_cooperative_minor=discount,
    )


def _earned(job: Job) -> int:
    outside = TIP_CODES | REFUND_CODES | TAX_CODES | OUR_DISCOUNT_CODES
    return sum(line.amount_minor for line in job.lines if line.code not in outside)


def _pay(job: Job, commission_rate: Decimal) -> int:
    return _earned(job) - commission_minor(job.lines, commission_rate)
