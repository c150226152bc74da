"""An offer as its driver reads it: where, how far, what it pays, what goes off and to whom."""

from __future__ import annotations

from dataclasses import dataclass

from bpp import fares
from bpp.insurance import books
from bpp.insurance.job import commission_minor, is_cash
from bpp.insurance.wiring import Insured
from bpp.orders.office import Office
from bpp.orders.order import TIP_CODES, Order
from bpp.orders.steps import JobOffer
from protocol_specs.node.store import Session
from protocol_specs.wire.order import Place, PriceLine
from protocol_specs.wire.values import replace


@dataclass(frozen=True, slots=True)
class Cut:
    """What one scheme takes for a job, minor units; `is_fee`: a fee, by itself no insurance.

    `unknown`: it rests on facts of the worker that are not known before the job.
    """

    title: str
    minor: int
    is_fee: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """What a job pays, minor units. `fare_minor` is what the customer pays for it, without tips."""

    currency: str
    fare_minor: int
    commission_minor: int = 0
    cuts: tuple[Cut, ...] = ()  # from the worker
    beside: tuple[Cut, ...] = ()  # paid by the cooperative
    tip_minor: int = 0
    is_cash: bool = False
    has_books: bool = False

    @property
    def net_minor(self) -> int:
        """What is left for the worker."""
        taken = self.commission_minor + sum(cut.minor for cut in self.cuts)
        return self.fare_minor + self.tip_minor - taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An offer. `expires_at` None: it stands until somebody takes it."""

    job_id: str
    pickup: Place
    drop: Place
    away_m: int
    trip_m: int
    trip_s: int
    pay: Pay
    is_parcel: bool
    planned_start: int | None
    expires_at: int | None


def card_of(
    session: Session,
    office: Office,
    insured: Insured | None,
    agent_id: str,
    offer: JobOffer,
    now: int,
) -> Card:
    """The offer, for this driver."""
    order = offer.order
    pickup, drop = order.view.fulfillment.route()
    way = fares.route(office.provider.tariff.by(order.tariff), pickup, drop)
    return Card(
        job_id=order.job_id,
        pickup=pickup,
        drop=drop,
        away_m=offer.distance_m,
        trip_m=way.distance_m,
        trip_s=way.duration_s,
        pay=pay_of(session, office, insured, agent_id, order, now),
        is_parcel=office.provider.sector != "ride",
        planned_start=order.planned_start,
        expires_at=offer.expires_at,
    )


def pay_of(
    session: Session,
    office: Office,
    insured: Insured | None,
    agent_id: str,
    order: Order,
    now: int,
) -> Pay:
    """What the job as it stands would pay this driver; an estimate until it ends."""
    quote = order.quote
    pay = Pay(
        currency=quote.currency,
        fare_minor=order.fare_minor,
        tip_minor=order.tip_minor,
        is_cash=is_cash(order.payment),
    )
    if insured is None:
        return pay
    fare = tuple(line for line in quote.lines if line.code not in TIP_CODES)
    cuts, beside = _cuts(session, office, insured, agent_id, order, fare, now)
    return replace(
        pay,
        commission_minor=commission_minor(fare, insured.extension.keeper.terms.commission_rate),
        cuts=cuts,
        beside=beside,
        has_books=True,
    )


def _cuts(
    session: Session,
    office: Office,
    insured: Insured,
    agent_id: str,
    order: Order,
    fare: tuple[PriceLine, ...],
    now: int,
) -> tuple[tuple[Cut, ...], tuple[Cut, ...]]:
    """What each scheme takes from the worker, and what the cooperative pays beside."""
    extension, worker = insured.extension, books.find_worker(session, agent_id)
    schemes = {scheme.id: scheme for scheme in extension.schemes}
    at = order.planned_start or now
    from_worker: list[Cut] = []
    beside: list[Cut] = []
    lines = extension.quote_lines(replace(order.quote, lines=fare), office.terms_of(order), now)
    for line in lines:
        scheme = schemes[line.code]
        withheld = worker is not None and extension.keeper.gate.withheld(
            session, scheme, worker, at=now, origin_at=at
        )
        if withheld:
            continue
        cut = Cut(line.title, line.amount_minor, scheme.kind == "fund_levy", scheme.needs_worker)
        (from_worker if line.borne_by == "worker" else beside).append(cut)
    return tuple(from_worker), tuple(beside)
