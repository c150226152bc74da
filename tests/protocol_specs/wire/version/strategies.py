"""Values of the order model for properties, as core 1.1 can say them."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from protocol_specs.wire import order, tags

letters = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
words = st.text(letters, min_size=1, max_size=30).filter(lambda text: text.strip() == text)
codes = st.from_regex(r"[A-Z][A-Z_]{0,20}", fullmatch=True)
ids = st.uuids(version=4).map(str)
times = st.integers(0, 4_000_000_000)
currencies = st.sampled_from(["INR", "MYR", "JPY", "KWD"])
phones = st.from_regex(r"\+?[1-9][0-9]{5,13}", fullmatch=True)
counts = st.integers(0, 10**9)
degrees = st.integers(-90_000_000, 90_000_000).map(lambda millionths: millionths / 1_000_000)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


places = st.builds(
    order.Place, lat=degrees, lon=degrees, address=maybe(words), area_code=maybe(words)
)
contacts = st.builds(
    order.Contact, name=maybe(words), phone=maybe(phones), email=st.just("a@example.org")
)
parcels = st.builds(
    order.Parcel,
    weight_grams=counts,
    length_cm=maybe(counts),
    width_cm=maybe(counts),
    height_cm=maybe(counts),
    declared_value_minor=maybe(counts),
    description=maybe(words),
)
tag_groups = st.lists(
    st.builds(tags.group, codes.map("X_".__add__), st.dictionaries(codes, words)), max_size=2
).map(tuple)
accounts = st.sampled_from(["HDFC0000001 1234567890", "ACME 12 coop@upi", "coop@upi", "778899"])
fare_policies = st.dictionaries(codes, words, max_size=4).map(lambda found: tuple(found.items()))


@st.composite
def payments(draw: st.DrawFn, *, currency: str | None = None) -> order.PaymentTerms:
    amount_minor = draw(maybe(counts)) if currency else None
    return order.PaymentTerms(
        collected_by=draw(st.sampled_from(get_args(order.CollectedBy))),
        type=draw(st.sampled_from(get_args(order.PaymentType))),
        status=draw(st.sampled_from(get_args(order.PaymentStatus))),
        id=draw(ids),
        reference=draw(maybe(words)),
        amount_minor=amount_minor,
        currency=currency if amount_minor is not None else None,
        account=draw(maybe(accounts)),
    )


intents = st.builds(
    order.Intent,
    kind=st.just(order.Kind.RIDE),
    pickup=places,
    drop=places,
    vehicle_category=maybe(codes),
    payment=maybe(payments()),
    start_at=maybe(times),
    needs=st.builds(order.VehicleNeeds, st.booleans(), st.booleans(), maybe(st.integers(1, 60))),
) | st.builds(
    order.Intent,
    kind=st.just(order.Kind.DELIVERY),
    pickup=places,
    drop=places,
    parcel=maybe(parcels),
    payment=maybe(payments()),
)


@st.composite
def catalogs(draw: st.DrawFn) -> order.Catalog:
    offers: list[order.Offer] = []
    for provider_id in sorted(draw(st.sets(ids, max_size=3))):
        provider_name = draw(words)
        for item_id in draw(st.lists(ids, unique=True, min_size=1, max_size=3)):
            offers.append(draw(_offers(provider_id, provider_name, item_id)))
    return order.Catalog(draw(words), tuple(offers))


@st.composite
def _offers(draw: st.DrawFn, provider_id: str, provider_name: str, item_id: str) -> order.Offer:
    currency = draw(currencies)
    return order.Offer(
        provider_id=provider_id,
        provider_name=provider_name,
        item_id=item_id,
        fulfillment_id=f"fulfillment of {item_id}",
        kind=draw(st.sampled_from(order.Kind)),
        vehicle_category=draw(codes),
        vehicle_variant=draw(maybe(codes)),
        name=draw(words),
        currency=currency,
        price_minor=draw(counts),
        eta_min=draw(maybe(counts)),
        distance_to_driver_m=draw(maybe(counts)),
        payments=tuple(draw(st.lists(payments(currency=currency), max_size=2))),
        fare_policy=draw(fare_policies),
        tags=draw(tag_groups),
    )


@st.composite
def quotes(draw: st.DrawFn, currency: str) -> order.Quote:
    lines = draw(
        st.lists(
            st.builds(order.PriceLine, codes, st.integers(-(10**9), 10**9), title=maybe(words)),
            max_size=4,
        )
    )
    total = sum(line.amount_minor for line in lines)
    base = order.PriceLine("BASE_FARE", max(0, -total) + draw(counts))
    return order.Quote(draw(ids), currency, (base, *lines), draw(maybe(st.integers(0, 10**6))))


@st.composite
def fulfillments(draw: st.DrawFn) -> order.Fulfillment:
    kind = draw(st.sampled_from(order.Kind))
    delivers = kind is order.Kind.DELIVERY
    states = order.DELIVERY_STATES if delivers else order.RIDE_STATES
    pickup, drop = draw(maybe(places)), draw(maybe(places))
    return order.Fulfillment(
        id=draw(ids),
        kind=kind,
        state=draw(st.sampled_from(states)),
        pickup=pickup,
        drop=drop,
        start_at=draw(maybe(times)) if pickup else None,
        pickup_contact=draw(maybe(contacts)) if pickup else None,
        drop_contact=draw(maybe(contacts)) if drop else None,
        customer=draw(maybe(contacts)),
        agent=draw(maybe(st.builds(order.Agent, words, maybe(phones), st.none()))),
        vehicle=draw(maybe(st.builds(order.Vehicle, codes, make=maybe(words), model=maybe(words)))),
        start_code=draw(maybe(st.from_regex(r"[0-9]{4,6}", fullmatch=True))),
        code_claimed=draw(st.booleans()),
        parcel=draw(maybe(parcels)) if delivers else None,
        instructions=draw(maybe(words)),
    )


@st.composite
def _terms(draw: st.DrawFn, currency: str) -> order.CancellationTerm:
    if draw(st.booleans()):
        return order.CancellationTerm(draw(codes), fee_percentage=draw(counts.map(str)))
    reason_required = draw(st.booleans())
    return order.CancellationTerm(draw(codes), draw(counts), None, currency, reason_required)


@st.composite
def orders(draw: st.DrawFn) -> order.OrderView:
    currency = draw(currencies)
    return order.OrderView(
        id=draw(ids),
        status=draw(st.sampled_from(["ACTIVE", "COMPLETE", "CANCELLED"])),
        provider_id=draw(words),
        item_id=draw(words),
        item_name=draw(maybe(words)),
        fulfillment=draw(fulfillments()),
        quote=draw(quotes(currency)),
        payments=(draw(payments(currency=currency)),),
        billing=draw(maybe(contacts)),
        cancellation_terms=tuple(draw(st.lists(_terms(currency), max_size=3))),
        cancellation=draw(maybe(cancellations)),
        created_at=draw(maybe(times)),
        updated_at=draw(maybe(times)),
        tags=draw(tag_groups),
        fare_policy=draw(fare_policies),
    )


cancellations = st.builds(
    order.Cancellation,
    st.sampled_from(get_args(order.CancelledBy)),
    st.just("005"),
    times,
    maybe(words),
)
trackings = st.builds(
    order.Tracking,
    st.sampled_from(["active", "inactive"]),
    location=places,
    updated_at=maybe(times),
    url=st.just("https://example.org/t/1"),
)
cancel_requests = st.builds(
    order.CancelRequest, ids, maybe(st.just("005")), st.booleans(), maybe(words)
)
