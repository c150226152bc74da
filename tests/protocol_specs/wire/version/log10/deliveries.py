"""Values of the order model for properties, as the delivery networks can say them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from protocol_specs.wire import order
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect, named

NAMES = ("log10-1.2.5", "log-1.2.0")
NETWORKS = {"log10-1.2.5": ("ONDC:LOG10", "1.2.5"), "log-1.2.0": ("nic2004:60232", "1.2.0")}
DIALECTS: tuple[Dialect, ...] = tuple(named(name) for name in NAMES)
UNDER_WAY = ("on_confirm", "on_update", "on_status", "on_cancel")
ID = "5b2c0d1e-1111-4222-8333-444455556666"
PROVIDER = "coop.example.org"

letters = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters=",")
words = st.text(letters, min_size=1, max_size=30).filter(lambda text: text.strip() == text)
ids = st.uuids(version=4).map(str)
times = st.integers(0, 4_000_000_000)
phones = st.from_regex(r"\+?[1-9][0-9]{5,13}", fullmatch=True)
codes = st.from_regex(r"[0-9]{4,6}", fullmatch=True)
amounts = st.integers(0, 10**9)
degrees = st.integers(-90_000_000, 90_000_000).map(lambda millionths: millionths / 1_000_000)
levels = st.sampled_from([None, "Instant Delivery", "Same Day Delivery"])


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


addresses = st.builds(order.PostalAddress, words, words, words, words, words, st.just("IND"), codes)


@st.composite
def ends(draw: st.DrawFn) -> tuple[order.Place, order.Contact]:
    """A place and whom to ask for there: the name on its door."""
    parts = draw(addresses)
    text = ", ".join((parts.building, parts.locality, parts.city, parts.state))
    place = order.Place(draw(degrees), draw(degrees), text, parts.area_code, parts)
    return place, order.Contact(parts.name, draw(phones), "a@example.org")


billed = st.builds(
    order.Contact,
    words,
    phones,
    st.just("books@example.org"),
    addresses,
    st.just("29AAACN2082N1Z8"),
    times,
)
parcels = st.builds(
    lambda grams, side, value, what, kind: order.Parcel(grams, side, side, side, value, what, kind),
    st.integers(1, 10**8),
    maybe(st.integers(1, 500)),
    maybe(st.integers(1, 10**9)),
    words,
    words,
)


@st.composite
def quotes(draw: st.DrawFn, *, ttl: bool = False) -> order.Quote:
    kinds = draw(st.sets(st.sampled_from(["TAX", "RTO", "COD", "DIFF", "TAX_DIFF"])))
    lines = [order.PriceLine(code, draw(amounts)) for code in ("BASE_FARE", *sorted(kinds))]
    ttl_s = 60 * draw(st.integers(1, 1000)) if ttl else None
    return order.Quote("", "INR", tuple(lines), ttl_s)


@st.composite
def payments(draw: st.DrawFn, *, with_status: bool) -> order.PaymentTerms:
    return order.PaymentTerms(
        collected_by=draw(st.sampled_from(["BAP", "BPP"])),
        type=draw(st.sampled_from(["PRE-ORDER", "ON-FULFILLMENT", "POST-FULFILLMENT"])),
        status=draw(st.sampled_from(["PAID", "NOT-PAID"])) if with_status else "NOT-PAID",
        account=draw(maybe(st.sampled_from(["HDFC0000001 1234567890", "coop@upi", "778899"]))),
    )


settlements = st.builds(
    order.Terms, settlement_basis=st.just("invoicing"), settlement_window=st.just("P15D")
)


@st.composite
def drafts(draw: st.DrawFn, *, is_answer: bool) -> order.OrderView:
    """What init (or on_init, the answer) says of an order."""
    pickup, sender = draw(ends())
    drop, taker = draw(ends())
    fulfillment = order.Fulfillment(
        id=draw(ids),
        kind=order.Kind.DELIVERY,
        pickup=pickup,
        drop=drop,
        pickup_contact=sender,
        drop_contact=taker,
        customer=sender,
    )
    return order.OrderView(
        provider_id=draw(words),
        item_id=draw(words),
        service_level=draw(levels),
        fulfillment=fulfillment,
        quote=draw(quotes(ttl=True)) if is_answer else None,
        payments=(draw(payments(with_status=False)),),
        billing=None if is_answer else draw(billed),
        created_at=draw(times),
        bap_terms=draw(maybe(settlements)),
        bpp_terms=order.Terms(static_terms="https://coop.example.org/terms") if is_answer else None,
    )


@st.composite
def confirms(draw: st.DrawFn) -> order.OrderView:
    """What confirm says of an order."""
    view = draw(drafts(is_answer=False))
    is_ready = draw(st.booleans())
    fulfillment = replace(
        view.fulfillment,
        parcel=draw(parcels),
        ready_to_ship=is_ready,
        start_code=draw(codes) if is_ready else draw(maybe(codes)),
        end_code=draw(maybe(codes)),
        instructions=draw(maybe(words)),
    )
    created = draw(times)
    return replace(
        view,
        id=draw(ids),
        fulfillment=fulfillment,
        quote=draw(quotes()),
        created_at=created,
        updated_at=created,
    )


@st.composite
def standing(draw: st.DrawFn, action: str) -> order.OrderView:
    """What a callback says of an order, from on_confirm to the door, or back."""
    view = draw(confirms())
    created = view.created_at or 0
    state = draw(st.sampled_from(order.DELIVERY_STATES))
    status = "COMPLETE" if state == "Order-delivered" and action != "on_confirm" else "ACTIVE"
    rank = order.DELIVERY_STATES.index(state)
    fulfillment = replace(
        view.fulfillment,
        state=state,
        ready_to_ship=view.fulfillment.ready_to_ship if action == "on_confirm" else None,
        pickup_by=created + 600,
        deliver_by=created + 60 * draw(st.integers(11, 300)),
        picked_up_at=created + 700 if rank >= 4 else None,
        delivered_at=created + 900 if rank == 7 else None,
        agent=draw(st.builds(order.Agent, words, phones)) if rank >= 2 else None,
        vehicle=order.Vehicle("", registration="KA01AB0000") if rank >= 2 else None,
    )
    terms = draw(payments(with_status=action != "on_confirm"))
    view = replace(
        view,
        status=status,
        fulfillment=fulfillment,
        payments=(terms,),
        updated_at=draw(times),
    )
    return draw(ended(view)) if action == "on_cancel" else view


@st.composite
def ended(draw: st.DrawFn, view: order.OrderView) -> order.OrderView:
    """The order cancelled, or its parcel on its way back."""
    why = order.Cancellation(None, "151", None, None, PROVIDER)
    fulfillment = replace(view.fulfillment, state=order.DELIVERY_CANCELLED)
    if draw(st.booleans()):
        fulfillment = replace(fulfillment, cancelled_in="Agent-assigned")
        return replace(view, status="CANCELLED", fulfillment=fulfillment, cancellation=why)
    is_over = draw(st.booleans())
    started = (view.created_at or 0) + 2000
    leg = order.ReturnLeg(
        id=f"{fulfillment.id}-RTO",
        state=draw(st.sampled_from(["RTO-Delivered", "RTO-Disposed"]))
        if is_over
        else "RTO-Initiated",
        reason_id="127",
        started_at=started,
        ended_at=started + 60 if is_over else None,
        attempts=draw(st.integers(1, 3)),
    )
    fulfillment = replace(
        fulfillment,
        cancelled_in="At-delivery",
        picked_up_at=(view.created_at or 0) + 700,
        delivered_at=None,
        return_leg=leg,
    )
    status = "CANCELLED" if is_over else "ACTIVE"
    return replace(view, status=status, fulfillment=fulfillment, cancellation=why)


intents = st.builds(
    lambda places, parcel, paid, level: order.Intent(
        order.Kind.DELIVERY,
        *places,
        parcel=replace(parcel, description=None),
        payment=order.PaymentTerms("BAP", paid),
        service_level=level,
    ),
    st.tuples(*[st.builds(order.Place, degrees, degrees, area_code=codes)] * 2),
    parcels,
    st.sampled_from(["PRE-ORDER", "ON-FULFILLMENT", "POST-FULFILLMENT"]),
    levels,
)


@st.composite
def catalogs(draw: st.DrawFn) -> order.Catalog:
    offers = [
        order.Offer(
            provider_id=provider_id,
            provider_name=f"provider {provider_id}",
            item_id=item_id,
            fulfillment_id=f"way of {item_id}",
            kind=order.Kind.DELIVERY,
            name=draw(words),
            currency="INR",
            price_minor=draw(amounts),
            eta_min=draw(st.integers(0, 5000)),
            service_level=draw(levels),
            turnaround_s=60 * draw(st.integers(1, 5000)),
            distance_m=draw(maybe(st.integers(0, 10**6))),
            return_price_minor=draw(amounts),
        )
        for provider_id in sorted(draw(st.sets(ids, max_size=3)))
        for item_id in draw(st.lists(ids, unique=True, min_size=1, max_size=3))
    ]
    terms = order.Terms(static_terms="https://coop.example.org/terms")
    return order.Catalog(draw(words), tuple(offers), draw(maybe(st.just(terms))), draw(times))


trackings = st.builds(
    order.Tracking,
    st.sampled_from(["active", "inactive"]),
    location=st.builds(order.Place, degrees, degrees),
    updated_at=times,
    url=maybe(st.just("https://example.org/t/1")),
    order_id=ids,
    fulfillment_id=ids,
)


@st.composite
def updates(draw: st.DrawFn) -> order.UpdateRequest:
    return order.UpdateRequest(
        order_id=draw(ids),
        targets=("fulfillments",),
        fulfillment=order.Fulfillment(
            id=draw(ids),
            kind=order.Kind.DELIVERY,
            ready_to_ship=draw(st.booleans()),
            start_code=draw(codes),
            end_code=draw(maybe(codes)),
            instructions=draw(maybe(words)),
        ),
        item_id=draw(words),
        at=draw(times),
    )


def document(name: str, action: str, message: dict[str, Any]) -> dict[str, Any]:
    """The message in a whole document of that dialect."""
    domain, version = NETWORKS[name]
    context = {
        "domain": domain,
        "country": "IND",
        "city": "std:080",
        "action": action,
        "core_version": version,
        "bap_id": "bap.example.org",
        "bap_uri": "https://bap.example.org/beckn",
        "bpp_id": PROVIDER,
        "bpp_uri": f"https://{PROVIDER}/beckn",
        "transaction_id": ID,
        "message_id": ID,
        "timestamp": "2026-01-02T03:04:05.678Z",
        "ttl": "PT30S",
    }
    return {"context": context, "message": message}
