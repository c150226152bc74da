"""Rides as ONDC's network can say them: values for properties, one good order, good messages."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from protocol_specs.wire import order
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import named
from protocol_specs.wire.version.dialect import Dialect
from tests.protocol_specs.wire.version import strategies as some

EDITIONS: tuple[Dialect, ...] = (named("trv10-2.1.0"), named("trv10-2.0.1"))
CALLBACKS = ("on_confirm", "on_status", "on_update", "on_cancel")
TITLES = ("TOLL_CHARGES", "TAX", "WAITING_CHARGES", "ADD_ONS", "REFUND", "BUYER_ADDITIONAL_AMOUNT")
FARE_POLICY = (
    ("MIN_FARE", "30"),
    ("PER_KM_CHARGE", "15.50"),
    ("NIGHT_SHIFT_START_TIME", "22:00:00"),
)
ACCOUNT = "HDFC0000001 1234567890 coop@upi"
TERMS = order.Terms(
    finder_fee_percentage="1",
    settlement_window="PT60M",
    settlement_basis="DELIVERY",
    settlement_type="upi",
    settlement_amount="1.46",
    mandatory_arbitration=True,
    court_jurisdiction="New Delhi",
    delay_interest="5",
    static_terms="https://bap.example.org/terms",
)
BPP_TERMS = order.Terms(
    finder_fee_percentage="1",
    settlement_amount="1.46",
    mandatory_arbitration=False,
    delay_interest="2.5",
    static_terms="https://bpp.example.org/terms",
)
PICKUP, DROP = order.Place(12.9233, 77.5521), order.Place(12.9716, 77.5946, "MG Road")

NEARBY = (order.Place(12.924, 77.55), order.Place(12.925, 77.551), order.Place(12.926, 77.552))
TOLD = order.Quote(
    "",
    "INR",
    (order.PriceLine("BASE_FARE", 3000), order.PriceLine("DISTANCE_FARE", 11600)),
    200,
)

RIDE = order.OrderView(
    id="o-1",
    status="ACTIVE",
    provider_id="P1",
    item_id="I1",
    item_name="Auto Ride",
    fulfillment=order.Fulfillment(
        id="F1",
        kind=order.Kind.RIDE,
        state="RIDE_ASSIGNED",
        pickup=PICKUP,
        drop=DROP,
        customer=order.Contact("Asha", "9876500000"),
        agent=order.Agent("Ravi", "9876500001"),
        vehicle=order.Vehicle("AUTO_RICKSHAW", "AUTO_RICKSHAW", "Bajaj", "RE", "KA01AB0000"),
        start_code="1234",
        code_valid_until=1_767_324_000,
    ),
    quote=TOLD,
    payments=(order.PaymentTerms("BPP", "ON-FULFILLMENT", id="p1", account=ACCOUNT),),
    billing=order.Contact("Asha", "9876500000"),
    cancellation_terms=(
        order.CancellationTerm("RIDE_ASSIGNED", fee_percentage="0"),
        order.CancellationTerm("RIDE_ARRIVED_PICKUP", 3000, None, "INR"),
    ),
    cancellation=order.Cancellation("CONSUMER", "005", 1_767_323_000),
    created_at=1_767_322_000,
    updated_at=1_767_322_500,
    fare_policy=FARE_POLICY,
    bap_terms=TERMS,
    bpp_terms=BPP_TERMS,
)
INTENT = order.Intent(
    order.Kind.RIDE,
    PICKUP,
    DROP,
    "CAB",
    payment=order.PaymentTerms("BPP", "ON-FULFILLMENT"),
    bap_terms=order.Terms(
        finder_fee_percentage="1", delay_interest="5", static_terms="https://bap.example.org/terms"
    ),
)
OFFER = order.Offer(
    provider_id="P1",
    provider_name="Auto Cooperative",
    item_id="I1",
    fulfillment_id="F1",
    kind=order.Kind.RIDE,
    vehicle_category="AUTO_RICKSHAW",
    vehicle_variant="AUTO_RICKSHAW",
    name="Auto Ride",
    currency="INR",
    price_minor=14600,
    payments=(order.PaymentTerms("BPP", "ON-FULFILLMENT"),),
    nearby=NEARBY[:2],
)
CATALOG = order.Catalog("Cooperatives", (OFFER,), BPP_TERMS)


def drafted(view: order.OrderView) -> order.OrderView:
    """The order before it is confirmed, as on_init tells it."""
    vehicle = view.fulfillment.vehicle or order.Vehicle("CAB")
    fulfillment = replace(
        view.fulfillment,
        state=None,
        agent=None,
        vehicle=order.Vehicle(vehicle.category, vehicle.variant),
        start_code=None,
        code_valid_until=None,
        code_claimed=False,
    )
    return replace(
        view,
        id=None,
        status=None,
        fulfillment=fulfillment,
        cancellation=None,
        created_at=None,
        updated_at=None,
        bap_terms=None,
    )


# Values for properties

numbers = st.from_regex(r"[6-9][0-9]{9}", fullmatch=True)
people = st.builds(order.Contact, some.words, numbers)
places = st.builds(order.Place, some.degrees, some.degrees, st.none() | some.words)
decimals = st.integers(0, 9999).map(lambda n: f"{n / 100:.2f}")
terms = st.builds(
    order.Terms,
    finder_fee_percentage=decimals,
    settlement_window=st.sampled_from(["PT60M", "P1D"]),
    settlement_basis=st.sampled_from(["DELIVERY", "INVOICE_RECEIPT"]),
    settlement_type=st.sampled_from(["upi", "NEFT", "rtgs"]),
    settlement_amount=decimals,
    mandatory_arbitration=st.booleans(),
    court_jurisdiction=some.words,
    delay_interest=decimals,
    static_terms=st.just("https://terms.example.org/1"),
)
vehicles = st.builds(
    order.Vehicle,
    st.sampled_from(["AUTO_RICKSHAW", "CAB", "TWO_WHEELER"]),
    st.none() | st.sampled_from(["SEDAN", "SUV", "HATCHBACK"]),
    make=some.words,
    model=some.words,
    registration=some.words,
    color=st.none() | some.words,
    energy_type=st.none() | st.sampled_from(["ELECTRIC", "CNG"]),
)


@st.composite
def quotes(draw: st.DrawFn) -> order.Quote:
    """BASE_FARE and DISTANCE_FARE, then some of the other titles, each once."""
    paise = st.integers(-(10**6), 10**6)
    extra = draw(st.dictionaries(st.sampled_from(TITLES), paise, max_size=3))
    base = max(0, -sum(extra.values())) + draw(st.integers(0, 10**6))
    lines = {"BASE_FARE": base, "DISTANCE_FARE": draw(st.integers(0, 10**6)), **extra}
    return order.Quote(
        "", "INR", tuple(order.PriceLine(*line) for line in lines.items()), draw(st.just(200))
    )


@st.composite
def fulfillments(draw: st.DrawFn) -> order.Fulfillment:
    state = draw(st.sampled_from([*order.RIDE_STATES, order.RIDE_CANCELLED]))
    vehicle, is_assigned = draw(vehicles), state != "RIDE_CONFIRMED"
    code = draw(st.from_regex(r"[0-9]{4}", fullmatch=True))
    return order.Fulfillment(
        id=draw(some.ids),
        kind=order.Kind.RIDE,
        state=state,
        pickup=draw(places),
        drop=draw(places),
        start_at=draw(st.none() | st.integers(1, 4_000_000_000)),
        customer=draw(people),
        agent=order.Agent(draw(some.words), draw(numbers)) if is_assigned else None,
        vehicle=vehicle if is_assigned else order.Vehicle(vehicle.category, vehicle.variant),
        start_code=code,
        code_claimed=draw(st.booleans()),
        code_valid_until=draw(some.times),
        instructions=draw(st.none() | some.words),
    )


cancelling = st.builds(
    order.CancellationTerm,
    st.sampled_from(["RIDE_ASSIGNED", "RIDE_STARTED"]),
    fee_minor=st.integers(0, 10**6),
    currency=st.just("INR"),
    reason_required=st.booleans(),
)
payments = st.builds(
    order.PaymentTerms,
    st.sampled_from(get_args(order.CollectedBy)),
    st.sampled_from(["PRE-ORDER", "ON-FULFILLMENT"]),
    st.sampled_from(get_args(order.PaymentStatus)),
    id=some.ids,
    account=st.just(ACCOUNT),
)
cancellations = st.builds(
    order.Cancellation,
    st.sampled_from(get_args(order.CancelledBy)),
    st.sampled_from(["000", "001", "005", "011", "014"]),
    some.times,
    st.none() | some.words,
)
intents = st.builds(
    order.Intent,
    kind=st.just(order.Kind.RIDE),
    pickup=places,
    drop=places,
    vehicle_category=st.none() | st.sampled_from(["AUTO_RICKSHAW", "CAB", "TWO_WHEELER"]),
    payment=st.just(order.PaymentTerms("BPP", "ON-FULFILLMENT")),
    start_at=st.none() | st.integers(1, 4_000_000_000),
    bap_terms=st.builds(
        order.Terms,
        finder_fee_percentage=decimals,
        delay_interest=decimals,
        static_terms=st.just("https://terms.example.org/1"),
    ),
)
orders = st.builds(
    order.OrderView,
    id=some.ids,
    status=st.sampled_from(["ACTIVE", "COMPLETE", "CANCELLED", "SOFT_CANCEL"]),
    provider_id=some.ids,
    item_id=some.ids,
    item_name=some.words,
    fulfillment=fulfillments(),
    quote=quotes(),
    payments=st.tuples(payments),
    billing=people,
    cancellation_terms=st.lists(cancelling, min_size=1, max_size=3).map(tuple),
    cancellation=cancellations,
    created_at=some.times,
    updated_at=some.times,
    fare_policy=st.just(FARE_POLICY),
    bap_terms=terms,
    bpp_terms=terms,
)


@st.composite
def catalogs(draw: st.DrawFn) -> order.Catalog:
    ids = draw(st.lists(some.ids, unique=True, max_size=3))
    offers = [
        replace(
            OFFER,
            item_id=item_id,
            fulfillment_id=f"of {item_id}",
            name=draw(some.words),
            price_minor=draw(st.integers(0, 10**6)),
            nearby=tuple(draw(st.lists(st.sampled_from(NEARBY), unique=True, max_size=2))),
        )
        for item_id in ids
    ]
    return order.Catalog(draw(some.words), tuple(offers), draw(terms) if offers else BPP_TERMS)


# Messages


def document(dialect: Dialect, action: str, message: dict[str, Any]) -> dict[str, Any]:
    """The message in an envelope of that network."""
    context = {
        "domain": "ONDC:TRV10",
        "location": {"city": {"code": "std:080"}, "country": {"code": "IND"}},
        "action": action,
        "version": dialect.traits.versions[0],
        "bap_id": "bap.example.org",
        "bap_uri": "https://bap.example.org/beckn",
        "transaction_id": "5b2c0d1e-1111-4222-8333-444455556666",
        "message_id": "6b2c0d1e-1111-4222-8333-444455556666",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "ttl": "PT30S",
    }
    if action != "search":
        context |= {"bpp_id": "bpp.example.org", "bpp_uri": "https://bpp.example.org/beckn"}
    return {"context": context, "message": message}


def messages(dialect: Dialect) -> dict[str, dict[str, Any]]:
    """One good message of each action, written by the dialect."""
    tracking = order.Tracking("active", PICKUP, 1_767_322_800)
    tip = order.UpdateRequest(
        order_id="o-1",
        targets=("quote.breakup",),
        lines=(*TOLD.lines, order.PriceLine("TIP", 2000)),
        currency="INR",
    )
    written = {
        "search": dialect.write_search(INTENT),
        "on_search": dialect.write_on_search(CATALOG, intent=INTENT),
        "select": dialect.write_select(drafted(RIDE)),
        "on_select": dialect.write_on_order(drafted(RIDE), action="on_select"),
        "init": dialect.write_init(replace(drafted(RIDE), bap_terms=TERMS)),
        "on_init": dialect.write_on_order(drafted(RIDE), action="on_init"),
        "confirm": dialect.write_confirm(replace(drafted(RIDE), bap_terms=TERMS)),
        **{action: dialect.write_on_order(RIDE, action=action) for action in CALLBACKS[:3]},
        "on_cancel": dialect.write_on_order(
            replace(RIDE, status="SOFT_CANCEL"), action="on_cancel"
        ),
        "status": dialect.write_status("o-1"),
        "track": dialect.write_track("o-1"),
        "on_track": dialect.write_on_track(tracking),
        "cancel": dialect.write_cancel(order.CancelRequest("o-1", "005", soft=True)),
        "update": dialect.write_update(tip),
        "rating": dialect.write_rating([order.Rating("Agent", "a-1", "5")]),
        "on_rating": dialect.write_on_rating(None),
        "support": dialect.write_support(order.Support("o-1", callback_phone="9876500000")),
        "on_support": dialect.write_support(order.Support("o-1", phone="18001234567")),
    }
    return {action: document(dialect, action, message) for action, message in written.items()}
