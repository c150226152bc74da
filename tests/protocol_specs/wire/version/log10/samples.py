"""One good message of each action on the delivery networks, from one delivery's story."""

from __future__ import annotations

from typing import Any

from protocol_specs.wire import order
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect
from tests.protocol_specs.wire.version.log10.deliveries import PROVIDER, document

NOW = 1_767_322_800
SHOP = order.PostalAddress("Asha", "12", "Indiranagar", "Bengaluru", "Karnataka", "IND", "560038")
HOME = order.PostalAddress("Ravi", "7", "Domlur", "Bengaluru", "Karnataka", "IND", "560071")
FROM = order.Place(12.967555, 77.749666, "12, Indiranagar, Bengaluru, Karnataka", "560038", SHOP)
TO = order.Place(12.961, 77.638, "7, Domlur, Bengaluru, Karnataka", "560071", HOME)
SENDER = order.Contact("Asha", "9876543210", "asha@example.org")
TAKER = order.Contact("Ravi", "9876543211")
PLATFORM = order.Contact("City Rides", "0801234567", "books@example.org", SHOP, "29AAACN2082N1Z8")
PARCEL = order.Parcel(1500, 30, 20, 10, 45_000, "Books", "Stationery")
PAYMENT = order.PaymentTerms("BAP", "PRE-ORDER", account="HDFC0000001 1234567890")
QUOTE = order.Quote(
    "q1",
    "INR",
    (
        order.PriceLine("BASE_FARE", 4000),
        order.PriceLine("DISTANCE_FARE", 1000),
        order.PriceLine("WELFARE_FEE", 100, "Social security"),
        order.PriceLine("TAX", 900),
    ),
    300,
)
INTENT = order.Intent(order.Kind.DELIVERY, FROM, TO, parcel=PARCEL, payment=PAYMENT)
OFFER = order.Offer(
    provider_id="coop",
    provider_name="Parcel Cooperative",
    item_id="bike",
    fulfillment_id="f1",
    kind=order.Kind.DELIVERY,
    name="By bike",
    currency="INR",
    price_minor=6000,
    eta_min=10,
    distance_m=12_345,
    return_price_minor=3000,
)
CATALOG = order.Catalog("Parcel Cooperative", (OFFER,), made_at=NOW)
FULFILLMENT = order.Fulfillment(
    id="f1",
    kind=order.Kind.DELIVERY,
    pickup=FROM,
    drop=TO,
    pickup_contact=SENDER,
    drop_contact=TAKER,
    parcel=PARCEL,
    ready_to_ship=True,
    start_code="4711",
    instructions="ring twice",
)
ORDER = order.OrderView(
    id="3d9c0f7e-0a51-4b6f-9d0e-0a1b2c3d4e5f",
    status="ACTIVE",
    provider_id="coop",
    item_id="bike",
    fulfillment=FULFILLMENT,
    quote=QUOTE,
    payments=(PAYMENT,),
    billing=PLATFORM,
    created_at=NOW,
    updated_at=NOW + 60,
)
AGENT = order.Agent("Meena", "9876543212")


def at(state: str, **said: Any) -> order.OrderView:
    """The order in that state, with an agent."""
    fulfillment = replace(
        FULFILLMENT,
        state=state,
        agent=AGENT,
        vehicle=order.Vehicle("TWO_WHEELER", registration="KA01AB1234"),
        **said,
    )
    return replace(ORDER, fulfillment=fulfillment)


def on_its_way_back(state: str = "RTO-Initiated") -> order.OrderView:
    """The order whose parcel nobody took."""
    ended_at = None if state == "RTO-Initiated" else NOW + 4000
    leg = order.ReturnLeg("f1-RTO", state, "127", NOW + 3000, ended_at)
    view = at("Cancelled", picked_up_at=NOW + 900, cancelled_in="At-delivery", return_leg=leg)
    why = order.Cancellation(None, "127", None, party_id=PROVIDER)
    lines = (*QUOTE.lines, order.PriceLine("RTO", 3000))
    return replace(view, cancellation=why, quote=replace(QUOTE, lines=lines))


def messages(dialect: Dialect) -> dict[str, dict[str, Any]]:
    """A whole document of each action."""
    ready = order.UpdateRequest(
        order_id="o1",
        targets=("fulfillments",),
        fulfillment=FULFILLMENT,
        item_id="bike",
        at=NOW,
    )
    where = order.Tracking("active", FROM, NOW, order_id="o1", fulfillment_id="f1")
    delivered = at("Order-delivered", picked_up_at=NOW + 900, delivered_at=NOW + 2000)
    written = {
        "search": dialect.write_search(INTENT),
        "on_search": dialect.write_on_search(CATALOG, intent=INTENT),
        "init": dialect.write_init(ORDER),
        "on_init": dialect.write_on_order(ORDER, action="on_init"),
        "confirm": dialect.write_confirm(ORDER),
        "on_confirm": dialect.write_on_order(ORDER, action="on_confirm"),
        "update": dialect.write_update(ready),
        "on_update": dialect.write_on_order(at("Agent-assigned"), action="on_update"),
        "on_status": dialect.write_on_order(
            replace(delivered, status="COMPLETE"), action="on_status"
        ),
        "on_cancel": dialect.write_on_order(on_its_way_back(), action="on_cancel"),
        "status": dialect.write_status("o1"),
        "track": dialect.write_track("o1"),
        "on_track": dialect.write_on_track(where),
        "cancel": dialect.write_cancel(order.CancelRequest("o1", "005")),
        "support": dialect.write_support(order.Support("o1")),
        "on_support": dialect.write_support(order.Support(phone="0801234567")),
    }
    return {
        action: document(dialect.traits.name, action, message)
        for action, message in written.items()
    }
