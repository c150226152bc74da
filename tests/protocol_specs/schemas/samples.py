"""One good message for each action: a ride in Kuala Lumpur, made up for these tests."""

import copy
from typing import Any

RIDE = "5f0c8d0e-6f0a-4c0b-9d57-1c2f3a4b5c6d"
QUESTION = "0b9a8c7d-1e2f-4a3b-8c4d-5e6f7a8b9c0d"
PICKUP = {"gps": "3.139003,101.686855", "address": "Jalan Tun Perak", "area_code": "50050"}
DROP = {"gps": "3.157900,101.712300", "city": {"name": "Kuala Lumpur", "code": "std:03"}}
RINGGIT = {"currency": "MYR", "value": "20.00"}
PERSON = {"name": "Aisyah", "gender": "F", "languages": [{"code": "ms", "name": "Melayu"}]}
CONTACT = {"phone": "+60123456789", "email": "aisyah@example.org"}
POLICY = {
    "display": True,
    "descriptor": {"code": "FARE_POLICY", "name": "Fare policy"},
    "list": [{"descriptor": {"code": "PER_KM_CHARGE"}, "value": "1.20", "display": False}],
}
ITEM = {
    "id": "economy",
    "descriptor": {"code": "RIDE", "name": "Economy", "images": [{"url": "https://x.example/c"}]},
    "price": RINGGIT | {"minimum_value": "18.00", "maximum_value": "22.00"},
    "quantity": {"selected": {"count": 1}},
    "fulfillment_ids": ["f1"],
    "payment_ids": ["p1"],
    "tags": [POLICY],
    "time": {"duration": "PT25M"},
    "ttl": "PT10M",
}
FULFILLMENT = {
    "id": "f1",
    "type": "DELIVERY",
    "tracking": True,
    "customer": {"person": PERSON, "contact": CONTACT},
    "vehicle": {"category": "CAB", "variant": "SEDAN", "capacity": 4},
    "stops": [
        {
            "type": "START",
            "location": PICKUP,
            "time": {"range": {"start": "2026-01-02T03:00:00Z", "end": "2026-01-02T04:00:00Z"}},
        },
        {"type": "END", "location": DROP, "instructions": {"short_desc": "Gate 2"}},
    ],
}
ASSIGNED = FULFILLMENT | {
    "state": {
        "descriptor": {"code": "RIDE_ASSIGNED"},
        "updated_at": "2026-01-02T03:05:00.000Z",
    },
    "agent": {"person": {"name": "Ravi"}, "contact": {"phone": "+60198765432"}, "rating": "4.8"},
    "stops": [
        FULFILLMENT["stops"][0]  # type: ignore[index]
        | {"authorization": {"type": "OTP", "token": "0417", "status": "UNCLAIMED"}},
        FULFILLMENT["stops"][1],  # type: ignore[index]
    ],
}
QUOTE = {
    "id": "1c9f3a52-7c1b-4f6e-8f0d-3a5b7c9d1e2f",
    "price": RINGGIT,
    "breakup": [
        {"title": "BASE_FARE", "price": {"currency": "MYR", "value": "22.50"}},
        {"title": "DISCOUNT", "price": {"currency": "MYR", "value": "-2.50"}},
    ],
    "ttl": "PT200S",
}
PAYMENT = {
    "id": "p1",
    "collected_by": "BPP",
    "type": "ON-FULFILLMENT",
    "status": "NOT-PAID",
    "params": {"amount": "20.00", "currency": "MYR"},
}
TERM = {
    "fulfillment_state": {"descriptor": {"code": "RIDE_ASSIGNED"}},
    "reason_required": True,
    "cancellation_fee": {"amount": {"currency": "MYR", "value": "3.00"}},
}
BILLING = {"name": "Aisyah", "phone": "+60123456789", "city": {"code": "std:03"}}
DRAFT = {
    "provider": {"id": "ride-coop"},
    "items": [{"id": "economy"}],
    "billing": BILLING,
    "fulfillments": [FULFILLMENT],
    "payments": [PAYMENT],
}
QUOTED = DRAFT | {"items": [ITEM], "quote": QUOTE, "cancellation_terms": [TERM]}
ORDER = QUOTED | {
    "id": "order-1",
    "status": "ACTIVE",
    "fulfillments": [ASSIGNED],
    "created_at": "2026-01-02T03:04:05.678Z",
    "updated_at": "2026-01-02T03:05:00.000Z",
}
CANCELLED = ORDER | {
    "status": "CANCELLED",
    "cancellation": {"cancelled_by": "CONSUMER", "reason": {"id": "005"}},
}
CATALOG = {
    "descriptor": {"name": "Ride cooperative"},
    "providers": [
        {
            "id": "ride-coop",
            "descriptor": {"name": "Koperasi Teksi"},
            "categories": [{"id": "c1", "descriptor": {"code": "ON_DEMAND_TRIP"}}],
            "items": [ITEM],
            "fulfillments": [FULFILLMENT],
            "payments": [PAYMENT],
            "locations": [{"id": "l1", "gps": "3.14, 101.69"}],
            "ttl": -1,
        }
    ],
    "exp": "2026-01-02T03:30:00Z",
}
INTENT = {
    "category": {"descriptor": {"code": "ON_DEMAND_TRIP"}},
    "fulfillment": {"stops": FULFILLMENT["stops"], "vehicle": {"category": "CAB"}},
    "payment": {"collected_by": "BPP"},
    "tags": [POLICY],
}
SUPPORT = {"ref_id": "order-1", "phone": "+60312345678", "email": "desk@ride.example"}
REASONS = [{"id": "005", "descriptor": {"name": "Booked by mistake"}}]

MESSAGES: dict[str, dict[str, Any] | None] = {
    "search": {"intent": INTENT},
    "on_search": {"catalog": CATALOG},
    "select": {"order": DRAFT},
    "on_select": {"order": QUOTED},
    "init": {"order": DRAFT},
    "on_init": {"order": QUOTED},
    "confirm": {"order": QUOTED},
    "on_confirm": {"order": ORDER},
    "status": {"order_id": "order-1"},
    "on_status": {"order": ORDER},
    "track": {"order_id": "order-1", "callback_url": "https://bap.example.org/track"},
    "on_track": {"tracking": {"status": "active", "location": {"gps": "3.14,101.69"}}},
    "cancel": {
        "order_id": "order-1",
        "cancellation_reason_id": "005",
        "descriptor": {"code": "CONFIRM_CANCEL"},
    },
    "on_cancel": {"order": CANCELLED},
    "update": {"update_target": "order.fulfillments", "order": {"id": "order-1"}},
    "on_update": {"order": ORDER},
    "rating": {"ratings": [{"rating_category": "Agent", "id": "order-1", "value": "5"}]},
    "on_rating": {
        "feedback_form": {
            "form": {"url": "https://ride.example/form", "mime_type": "text/html"},
            "required": False,
        }
    },
    "support": {"support": {"ref_id": "order-1", "callback_phone": "+60123456789"}},
    "on_support": {"support": SUPPORT},
    "get_cancellation_reasons": None,
    "cancellation_reasons": {"cancellation_reasons": REASONS},
    "get_return_reasons": None,
    "return_reasons": {"return_reasons": REASONS},
    "get_rating_categories": None,
    "rating_categories": {"rating_categories": ["Agent", "Order"]},
}


def message(action: str) -> dict[str, Any]:
    """A good message of `action`, a copy that may be spoilt."""
    context = {
        "domain": "nic2004:60221",
        "location": {"city": {"code": "std:03"}, "country": {"code": "MYS"}},
        "action": action,
        "version": "1.1.1",
        "bap_id": "bap.example.org",
        "bap_uri": "https://bap.example.org/beckn",
        "transaction_id": RIDE,
        "message_id": QUESTION,
        "timestamp": "2026-01-02T03:04:05.678Z",
        "ttl": "PT30S",
    }
    if action != "search":
        context |= {"bpp_id": "ride.example", "bpp_uri": "https://ride.example/beckn"}
    document = {"context": context}
    if (content := MESSAGES[action]) is not None:
        document["message"] = content
    return copy.deepcopy(document)


def put(document: Any, pointer: str, value: Any) -> Any:
    """`document` with `value` at the JSON pointer; spoils it in place and returns it."""
    *path, last = pointer.strip("/").split("/")
    for step in path:
        document = document[int(step)] if isinstance(document, list) else document[step]
    document[int(last) if isinstance(document, list) else last] = value
    return document


def drop(document: Any, pointer: str) -> None:
    """Takes the property at the JSON pointer out of `document`."""
    *path, last = pointer.strip("/").split("/")
    for step in path:
        document = document[int(step)] if isinstance(document, list) else document[step]
    del document[last]
