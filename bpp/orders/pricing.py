"""A job priced: the published fare, and the lines that extensions add to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bpp import fares
from bpp.fares import FarePolicy
from bpp.orders.extension import Extension, ExtraLine, JobTerms
from bpp.orders.items import NOTHING
from bpp.orders.needs import require_vehicle
from bpp.orders.office import Office
from bpp.orders.provider import (
    Provider,
    accepted_payment,
    planned_start,
    require_provider,
    require_served,
)
from protocol_specs.node.store import StoreUnavailable
from protocol_specs.wire.errors import ActionNotApplicable, QuoteUnavailable
from protocol_specs.wire.order import (
    Fulfillment,
    OrderView,
    Parcel,
    PaymentTerms,
    Place,
    PriceLine,
    Quote,
    TagGroup,
    Vehicle,
    VehicleNeeds,
)
from protocol_specs.wire.values import replace

Extra = tuple[tuple[str, tuple[ExtraLine, ...]], ...]
"""By extension name, the lines it adds."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What the job costs, and what extensions want said beside the price."""

    quote: Quote
    tags: tuple[tuple[str, tuple[TagGroup, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job somebody asks for: enough to price it. `start_at` None: at once. `tariff`: the number
    of the one that made its price before, if it has one; else whichever holds then."""

    category: str
    pickup: Place
    drop: Place
    domain: str
    city: str
    payment: PaymentTerms | None = None
    start_at: int | None = None
    needs: VehicleNeeds = NOTHING
    parcel: Parcel | None = None
    tariff: int | None = None

    def priced_at(self, now: int) -> int:
        """The moment whose hour makes the price."""
        return now if self.start_at is None else max(now, self.start_at)

    def fares(self, provider: Provider, now: int) -> FarePolicy:
        """The fares that make the price."""
        tariff = provider.tariff
        return tariff.at(self.priced_at(now)) if self.tariff is None else tariff.by(self.tariff)


def asked_job(office: Office, view: OrderView, *, domain: str, city: str, now: int) -> Job:
    """The job that a select or init describes.

    Raises ProviderNotFound, ItemNotFound, Malformed (a stop is missing), FulfillmentUnavailable,
    PaymentNotSupported.
    """
    provider = office.provider
    require_provider(provider, view.provider_id)
    category, needs = provider.item_of(view.item_id)
    pickup, drop = view.fulfillment.route()
    require_served(provider, pickup, drop)
    start_at = planned_start(provider, view.fulfillment.start_at, now)
    require_vehicle(office, category, needs, view.fulfillment.parcel)
    return Job(
        category=category,
        pickup=pickup,
        drop=drop,
        domain=domain,
        city=city,
        payment=accepted_payment(provider, view.payments),
        start_at=start_at,
        needs=needs,
        parcel=view.fulfillment.parcel,
    )


def price(
    provider: Provider, extensions: Sequence[Extension], job: Job, *, quote_id: str, now: int
) -> Priced:
    """The quote for the job at `now`, or at its planned start, by its fares (see `Job`).

    Raises QuoteUnavailable if an extension cannot answer.
    """
    at, policy = job.priced_at(now), job.fares(provider, now)
    lines = fares.quote(policy, job.pickup, job.drop, at, category=job.category)
    fare = Quote(quote_id, provider.currency, lines, provider.quote_ttl_s)
    extra = _extra_lines(provider, extensions, job, fare, now)
    borne = _borne_by_customer(extra)
    if _is_above_ceiling(policy, job, fare.total_minor + _total(borne)):
        # The ceiling holds for the total: the fare makes room, and is asked about once more.
        metres = _metres(policy, job)
        lines = fares.within_ceiling(policy, lines, metres, beside_minor=_total(borne))
        fare = replace(fare, lines=lines)
        extra = _extra_lines(provider, extensions, job, fare, now)
        borne = _borne_by_customer(extra)
        if _is_above_ceiling(policy, job, fare.total_minor + _total(borne)):
            raise QuoteUnavailable("no price within the regulated ceiling can be given")
    told = ((name, tuple(tag for line in added for tag in line.tags)) for name, added in extra)
    return Priced(
        quote=replace(fare, lines=lines + borne),
        tags=tuple((name, tags) for name, tags in told if tags),
    )


def require_priceable(
    extensions: Sequence[Extension], fare: Quote, terms: JobTerms, now: int
) -> None:
    """Raises ActionNotApplicable if some extension has no answer for this part of a job."""
    for extension in extensions:
        try:
            _lines_of(extension, fare, terms, now)
        except QuoteUnavailable as refused:
            raise ActionNotApplicable(f"{extension.name}: {refused.__cause__}") from None


def draft(provider: Provider, asked: OrderView, job: Job, quote: Quote, now: int) -> OrderView:
    """The order as it would be: our words for everything we know better than the peer.

    The fares that it was priced by are told with it.
    """
    policy = job.fares(provider, now)
    given = asked.fulfillment
    return OrderView(
        provider_id=provider.id,
        item_id=provider.item_id(job.category, job.needs),
        item_name=provider.item_name(job.category, job.needs),
        service_level=asked.service_level,
        fulfillment=Fulfillment(
            id=fulfillment_id(provider, job.category, job.needs),
            kind=provider.kind,
            pickup=job.pickup,
            drop=job.drop,
            start_at=job.start_at,
            pickup_contact=given.pickup_contact,
            drop_contact=given.drop_contact,
            customer=given.customer,
            vehicle=Vehicle(category=job.category),
            parcel=given.parcel,
            instructions=given.instructions,
        ),
        quote=quote,
        billing=asked.billing,
        fare_policy=fares.published(policy, job.category, job.pickup),
    )


def fulfillment_id(provider: Provider, category: str, needs: VehicleNeeds = NOTHING) -> str:
    """The id of the one fulfillment an item is offered with."""
    return f"{provider.item_id(category, needs)}-fulfillment"


def _extra_lines(
    provider: Provider, extensions: Sequence[Extension], job: Job, fare: Quote, now: int
) -> Extra:
    terms = JobTerms(
        sector=provider.sector,
        vehicle_category=job.category,
        domain=job.domain,
        city=job.city,
        provider_id=provider.id,
        payment=job.payment,
        planned_start=job.start_at,
        needs=job.needs,
        parcel=job.parcel,
    )
    extra: Extra = ()
    for extension in extensions:
        asked = replace(fare, lines=fare.lines + _borne_by_customer(extra))
        extra += ((extension.name, _lines_of(extension, asked, terms, now)),)
    return extra


def _borne_by_customer(extra: Extra) -> tuple[PriceLine, ...]:
    return tuple(
        PriceLine(line.code, line.amount_minor, line.title)
        for _, added in extra
        for line in added
        if line.borne_by == "customer"
    )


def _is_above_ceiling(policy: FarePolicy, job: Job, total_minor: int) -> bool:
    ceiling = policy.ceiling
    return ceiling is not None and total_minor > fares.allowed_minor(ceiling, _metres(policy, job))


def _total(lines: tuple[PriceLine, ...]) -> int:
    return sum(line.amount_minor for line in lines)


def _metres(policy: FarePolicy, job: Job) -> int:
    return fares.route(policy, job.pickup, job.drop).distance_m


def _lines_of(
    extension: Extension, fare: Quote, terms: JobTerms, now: int
) -> tuple[ExtraLine, ...]:
    try:
        return extension.quote_lines(fare, terms, now)
    except StoreUnavailable:
        raise
    except Exception as error:  # the seam: whatever an extension breaks on, no quote goes short
        raise QuoteUnavailable(
            f"no price can be given now: {extension.name} could not be computed; try again later"
        ) from error
