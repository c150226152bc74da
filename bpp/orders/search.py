"""search: what the cooperative can offer for a journey; nothing is stored."""

from collections.abc import Callable

from bpp import fares
from bpp.orders.office import Office
from bpp.orders.pricing import Job, fulfillment_id, price
from bpp.orders.provider import Provider
from protocol_specs.wire.errors import QuoteUnavailable
from protocol_specs.wire.order import Catalog, Intent, Offer

SOON_S = 900


def search(
    office: Office, intent: Intent, is_busy: Callable[[str], bool], now: int, *, city: str
) -> Catalog | None:
    """The offers for this intent, one per vehicle category that can come, at the whole price.

    None: not our work, not our ground, or nobody free and no order taken without a driver. A
    provider without an offer stays silent, as networks expect. A category that cannot be priced
    costs the others nothing; raises QuoteUnavailable if for that reason there is no offer at all.
    """
    provider = office.provider
    if intent.kind is not provider.kind or not provider.serves(intent.pickup, intent.drop):
        return None
    if intent.start_at is not None and intent.start_at > now + SOON_S:
        return None  # booked-ahead work is not taken yet: better silent than a driver too early
    wanted = [c for c in provider.categories if intent.vehicle_category in (None, c)]
    offers: list[Offer] = []
    refused: QuoteUnavailable | None = None
    for category in wanted:
        try:
            offer = _offer(office, intent, category, is_busy, now, city)
        except QuoteUnavailable as unpriced:
            refused = unpriced
        else:
            offers += [offer] if offer else []
    if not offers and refused is not None:
        raise refused
    return Catalog(provider.name, tuple(offers)) if offers else None


def _offer(
    office: Office,
    intent: Intent,
    category: str,
    is_busy: Callable[[str], bool],
    now: int,
    city: str,
) -> Offer | None:
    provider = office.provider
    nearest = next(office.nearest(intent.pickup, is_busy, category=category, now=now), None)
    if nearest is None and not provider.takes_orders_without_driver:
        return None
    job = Job(
        category=category,
        pickup=intent.pickup,
        drop=intent.drop,
        domain=provider.domain,
        city=city,
    )
    quote = price(provider, office.extensions, job, quote_id="", now=now).quote
    away_m = nearest.distance_m if nearest else None
    return Offer(
        provider_id=provider.id,
        provider_name=provider.name,
        item_id=provider.item_id(category),
        fulfillment_id=fulfillment_id(provider, category),
        kind=provider.kind,
        vehicle_category=category,
        name=provider.item_name(category),
        currency=provider.currency,
        price_minor=quote.total_minor,
        eta_min=_eta_min(provider, away_m),
        distance_to_driver_m=away_m,
        payments=provider.payments,
        fare_policy=fares.published(provider.fares, category, intent.pickup),
    )


def _eta_min(provider: Provider, away_m: int | None) -> int | None:
    return None if away_m is None else fares.minutes_away(provider.fares, away_m)
