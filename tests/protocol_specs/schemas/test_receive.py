"""The receive profile: what live traffic needs, but still bounded and of the right types."""

from typing import Any

import pytest

from protocol_specs.wire.errors import SchemaFault
from protocol_specs.wire.schema import Schemas
from tests.protocol_specs.schemas.samples import MESSAGES, drop, message, put

RECEIVE, STRICT = Schemas.load("receive"), Schemas.load("strict")
STOP = "/message/order/fulfillments/0/stops/0"


@pytest.mark.parametrize("action", MESSAGES)
def test_what_we_send_is_received(action: str) -> None:
    RECEIVE.validate(action, message(action))


@pytest.mark.parametrize(
    ("action", "pointer", "value"),
    [
        ("on_confirm", "/context/message_id", "1755281254860"),
        ("on_confirm", "/context/transaction_id", "T/1"),
        ("on_confirm", "/context/location/city/code", "Kuala Lumpur"),
        ("on_confirm", "/message/order/status", "SOFT_CANCEL"),
        ("on_confirm", "/message/order/status", "In-progress"),
        ("on_confirm", "/message/order/payments/0/type", "ON-ORDER"),
        ("on_confirm", "/message/order/payments/0/collected_by", "bpp"),
        ("on_confirm", "/message/order/quote/id", "q1"),
        ("on_confirm", "/message/order/items/0/quantity/selected/count", "5"),
        ("on_confirm", "/message/order/items/0/tags/0/list/0/value", 1.2),
        ("on_confirm", "/message/order/items/0/descriptor/images/0", "https://x.example/i"),
        ("on_confirm", "/message/order/billing/city", "Kuala Lumpur"),
        ("on_confirm", "/message/order/created_at", ""),
        ("on_confirm", f"{STOP}/location/area_code", 50050),
        ("on_confirm", f"{STOP}/location/address", {"street": "Jalan Tun Perak"}),
        ("on_confirm", f"{STOP}/location/gps", "3.139003 , 101.686855"),
        ("on_confirm", f"{STOP}/parent_stop_id", ""),
        ("on_confirm", f"{STOP}/authorization/valid_to", ""),
        ("on_cancel", "/message/order/cancellation/cancelled_by", "buyer.example"),
        ("on_track", "/message/tracking/status", "RIDE_STARTED"),
        ("on_track", "/message/tracking/location/updated_at", "2026-01-02T03:04:05Z"),
        ("rating", "/message/ratings/0/rating_category", "DRIVER"),
        ("on_confirm", "/error", {"code": 90203, "path": "order", "type": "DOMAIN-ERROR"}),
        ("status", "/message", {"ref_id": "T/1"}),
    ],
)
def test_live_traffic_that_strict_refuses_is_received(
    action: str, pointer: str, value: Any
) -> None:
    document = message(action)
    put(document, pointer, value)
    RECEIVE.validate(action, document)
    assert STRICT.faults(action, document)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        (f"{STOP}/type", "start"),
        ("/context/ttl", "P120s"),
        ("/message/order/quote/ttl", "P200S"),
    ],
)
def test_words_of_networks_in_service_pass_in_both_profiles(pointer: str, value: str) -> None:
    document = message("on_confirm")
    put(document, pointer, value)
    RECEIVE.validate("on_confirm", document)
    STRICT.validate("on_confirm", document)


def test_a_missing_ttl_is_received() -> None:
    document = message("search")
    drop(document, "/context/ttl")
    RECEIVE.validate("search", document)


@pytest.mark.parametrize(
    "member", ["domain", "location", "action", "version", "bap_id", "bap_uri", "bpp_id", "bpp_uri"]
)
@pytest.mark.parametrize("value", [None, 5, [], {}])
def test_identity_and_address_are_never_of_another_type(member: str, value: Any) -> None:
    document = message("confirm")
    put(document, f"/context/{member}", value)
    with pytest.raises(SchemaFault) as caught:
        RECEIVE.validate("confirm", document)
    assert caught.value.path is not None
    assert caught.value.path.startswith(f"/context/{member}")


@pytest.mark.parametrize(
    "member",
    [
        "domain",
        "location",
        "action",
        "version",
        "bap_id",
        "bap_uri",
        "bpp_id",
        "bpp_uri",
        "transaction_id",
        "message_id",
        "timestamp",
    ],
)
def test_identity_and_address_are_never_missing(member: str) -> None:
    document = message("on_status")
    drop(document, f"/context/{member}")
    with pytest.raises(SchemaFault) as caught:
        RECEIVE.validate("on_status", document)
    assert caught.value.path == f"/context/{member}"


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/context/message_id", ""),
        ("/context/message_id", "x" * 256),
        ("/context/bap_uri", "bap.example.org"),
        ("/context/timestamp", "yesterday"),
        ("/message/order/items/0/price/value", 20),
        ("/message/order/items/0/price/value", "starting from 50"),
        ("/message/order/items/0/id", 1),
        ("/message/order/fulfillments", {}),
        ("/message/order/tags", {}),
        (f"{STOP}/location/gps", "95,101"),
        ("/message/order/status", 1),
    ],
)
def test_what_we_read_keeps_its_type(pointer: str, value: Any) -> None:
    document = message("on_confirm")
    put(document, pointer, value)
    with pytest.raises(SchemaFault) as caught:
        RECEIVE.validate("on_confirm", document)
    assert caught.value.path == pointer


@pytest.mark.parametrize(
    ("unknown", "fault"),
    [
        ("x" * 65537, "/message/order/more"),
        ([0] * 1001, "/message/order/more"),
        ({"deep": [{"deeper": "x" * 65537}]}, "/message/order/more/deep/0/deeper"),
        ({str(n): n for n in range(201)}, "/message/order/more"),
    ],
)
def test_unknown_properties_are_received_but_not_without_end(unknown: Any, fault: str) -> None:
    document = message("on_confirm")
    put(document, "/message/order/more", {"small": [1, "two", None]})
    RECEIVE.validate("on_confirm", document)
    put(document, "/message/order/more", unknown)
    with pytest.raises(SchemaFault) as caught:
        RECEIVE.validate("on_confirm", document)
    assert caught.value.path == fault


def test_an_object_does_not_take_any_number_of_unknown_properties() -> None:
    document = message("on_confirm")
    document["message"]["order"] |= {f"more{n}": n for n in range(100)}
    with pytest.raises(SchemaFault, match="at most 100 members"):
        RECEIVE.validate("on_confirm", document)
