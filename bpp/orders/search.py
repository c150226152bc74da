"""search: what the cooperative can offer for a journey; nothing is stored."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from bpp import fares
from bpp.fleet.abilities import lack
from bpp.fleet.dispatch import Match
from bpp.orders import forms, terms
from bpp.orders.needs import can_any
from bpp.orders.office import Office
from bpp.orders.pricing import Job, fulfillment_id, price
from bpp.orders.provider import Provider, planned_start, return_fee
from protocol_specs.wire.errors import FulfillmentUnavailable, QuoteUnavailable
from protocol_specs.wire.order import Catalog, Form, Intent, Kind, Offer, Place

NEARBY_MAX = 3
ROUGH_DECIMALS = 3  # about 100 m: where vehicles stand is nobody's business more exactly


@dataclass(frozen=True, slots=True)
class Asker:
    """Who searches, and where: what an offer depends on beside the intent."""

    bap_id: str
    transaction_id: str
    domain: str
    city: str


def search(
    office: Office, intent: Intent, is_busy: Callable[[str], bool], now: int, asker: Asker
) -> Catalog | None:
    """The offers for this intent, one per vehicle category that can come, at the whole price.

    None: not our work, not our ground, not our time, no vehicle that can, or nobody free and no
    order taken without a driver (for a planned start one is found later). A provider without an
    offer stays silent, as networks expect. A category that cannot be priced costs the others
    nothing; raises QuoteUnavailable if for that reason there is no offer at all, and
    PaymentNotSupported for terms between the platforms that we do not agree to.
    """
    provider = office.provider
    if intent.kind is not provider.kind or not provider.serves(intent.pickup, intent.drop):
        return None
    if intent.service_level not in (None, *provider.service_levels):
        return None
    terms.require_acceptable(provider.terms, intent.bap_terms)
    try:
        start_at = planned_start(provider, intent.start_at, now)
    except FulfillmentUnavailable:
        return None
    wanted = [c for c in provider.categories if intent.vehicle_category in (None, c)]
    offers: list[Offer] = []
    refused: QuoteUnavailable | None = None
    for category in wanted:
        try:
            offer = _offer(office, intent, category, start_at, is_busy, now, asker)
        except QuoteUnavailable as unpriced:
            refused = unpriced
        else:
            offers += [offer] if offer else []
    if not offers and refused is not None:
        raise refused
    catalog = Catalog(provider.name, tuple(offers), provider.terms, made_at=now)
    return catalog if offers else None


def _offer(
    office: Office,
    intent: Intent,
    category: str,
    start_at: int | None,
    is_busy: Callable[[str], bool],
    now: int,
    asker: Asker,
) -> Offer | None:
    provider, needs = office.provider, intent.needs
    if not can_any(office, category, needs, intent.parcel):
        return None
    near = _near(office, intent, category, is_busy, now) if start_at is None else ()
    if not near and start_at is None and not provider.takes_orders_without_driver:
        return None
    job = Job(
        category=category,
        pickup=intent.pickup,
        drop=intent.drop,
        domain=asker.domain,
        city=asker.city,
        start_at=start_at,
        needs=needs,
        parcel=intent.parcel,
    )
    quote = price(provider, office.extensions, job, quote_id="", now=now).quote
    policy = job.fares(provider, now)
    away_m = near[0].distance_m if near else None
    is_parcel = provider.kind is Kind.DELIVERY
    return Offer(
        provider_id=provider.id,
        provider_name=provider.name,
        item_id=provider.item_id(category, needs),
        fulfillment_id=fulfillment_id(provider, category, needs),
        kind=provider.kind,
        vehicle_category=category,
        name=provider.item_name(category, needs),
        currency=provider.currency,
        price_minor=quote.total_minor,
        eta_min=None if away_m is None else fares.minutes_away(policy, away_m),
        distance_to_driver_m=away_m,
        payments=provider.payments,
        fare_policy=fares.published(policy, category, intent.pickup),
        nearby=tuple(_roughly(match.place) for match in near),
        form=_form(provider, asker),
        service_level=intent.service_level,
        distance_m=fares.route(policy, intent.pickup, intent.drop).distance_m,
        return_price_minor=return_fee(provider, quote.total_minor) if is_parcel else None,
    )


def _near(
    office: Office, intent: Intent, category: str, is_busy: Callable[[str], bool], now: int
) -> tuple[Match, ...]:
    """The nearest free drivers whose vehicle can."""
    found = office.nearest(intent.pickup, is_busy, category=category, now=now)
    able = (
        match
        for match in found
        if lack(
            office.fleet.abilities(match.worker.vehicle.registration), intent.needs, intent.parcel
        )
        is None
    )
    return tuple(islice(able, NEARBY_MAX))


def _form(provider: Provider, asker: Asker) -> Form | None:
    return forms.offered(provider.form, "search", asker.bap_id, asker.transaction_id)


def _roughly(place: Place) -> Place:
    return Place(round(place.lat, ROUGH_DECIMALS), round(place.lon, ROUGH_DECIMALS))
