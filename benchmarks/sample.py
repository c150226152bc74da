"""The message the receive path is measured with: an on_confirm of about 5 KB, all ours."""

import time
import uuid
from typing import Any

from benchmarks.peer import Party
from protocol_specs.wire import tags
from protocol_specs.wire.context import new_context
from protocol_specs.wire.order import (
    Agent,
    CancellationTerm,
    Contact,
    Fulfillment,
    Kind,
    OrderView,
    PaymentTerms,
    Place,
    PriceLine,
    Quote,
    Vehicle,
)
from protocol_specs.wire.strict_json import dumps
from protocol_specs.wire.version.core_1_1 import write_on_order

STATES = ("RIDE_ASSIGNED", "RIDE_ENROUTE_PICKUP", "RIDE_ARRIVED_PICKUP", "RIDE_STARTED")


def order_view() -> OrderView:
    """A confirmed ride with its driver, price, terms and policy."""
    contact = Contact("Asha Raman", "9000000001", "asha@example.com")
    now = int(time.time())
    return OrderView(
        id=str(uuid.uuid4()),
        status="ACTIVE",
        provider_id="ride-coop",
        item_id="ride-cab",
        item_name="Cab, four seats",
        fulfillment=Fulfillment(
            id="f1",
            kind=Kind.RIDE,
            state="RIDE_ASSIGNED",
            pickup=Place(3.1579, 101.7116, "Jalan Ampang, Kuala Lumpur", "50450"),
            drop=Place(3.1340, 101.6860, "KL Sentral, Kuala Lumpur", "50470"),
            customer=contact,
            agent=Agent("Farid Osman", "9000000002"),
            vehicle=Vehicle("CAB", "SEDAN", "Proton", "Saga", "WXY 1234", "white", "PETROL"),
            start_code="4821",
        ),
        quote=Quote(
            str(uuid.uuid4()),
            "MYR",
            (
                PriceLine("BASE_FARE", 400),
                PriceLine("DISTANCE_FARE", 1350),
                PriceLine("TIME_FARE", 250),
            ),
            ttl_s=300,
        ),
        payments=(
            PaymentTerms("BPP", "ON-FULFILLMENT", id="p1", amount_minor=2000, currency="MYR"),
        ),
        billing=contact,
        cancellation_terms=tuple(
            CancellationTerm(state, fee_minor=100 * n, currency="MYR")
            for n, state in enumerate(STATES)
        ),
        created_at=now,
        updated_at=now,
        tags=(
            tags.group(
                "@example.com/route", {f"WAYPOINT_{n}": "3.157900,101.711600" for n in range(24)}
            ),
        ),
        fare_policy=(("MIN_FARE", "4.00"), ("PER_KM_CHARGE", "1.50"), ("PICKUP_CHARGE", "0.00")),
    )


def callback(bap: Party, bpp: Party, message: dict[str, Any], action: str = "on_confirm") -> bytes:
    """One callback with a transaction and a message_id of its own."""
    now_ms = time.time_ns() // 1_000_000
    context = new_context(
        action=action,
        domain=bap.domain,
        version="1.1.1",
        city="std:080",
        country="IND",
        bap_id=bap.subscriber_id,
        bap_uri=bap.url,
        bpp_id=bpp.subscriber_id,
        bpp_uri=bpp.url,
        transaction_id=str(uuid.uuid4()),
        message_id=str(uuid.uuid4()),
        now_ms=now_ms,
        ttl="PT30S",
    )
    return dumps({"context": context, "message": message})


def message() -> dict[str, Any]:
    """The message part, as our own writer makes it."""
    return write_on_order(order_view(), action="on_confirm")
