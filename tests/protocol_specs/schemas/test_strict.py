"""The strict profile: what we send, and nothing else."""

import pytest

from protocol_specs.wire.errors import NotServed, SchemaFault
from protocol_specs.wire.schema import Schemas
from tests.protocol_specs.schemas.samples import MESSAGES, drop, message, put

STRICT = Schemas.load("strict")
PRICE = "/message/order/items/0/price/value"


def refusal(action: str, document: dict[str, object]) -> SchemaFault:
    with pytest.raises(SchemaFault) as caught:
        STRICT.validate(action, document)
    return caught.value


@pytest.mark.parametrize("action", MESSAGES)
def test_a_good_message_of_each_action_passes(action: str) -> None:
    STRICT.validate(action, message(action))


@pytest.mark.parametrize("action", MESSAGES)
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
        "ttl",
    ],
)
def test_no_member_of_the_envelope_may_be_missing_or_null(action: str, member: str) -> None:
    if action == "search" and member.startswith("bpp_"):
        return
    document = message(action)
    put(document, f"/context/{member}", None)
    assert refusal(action, document).path == f"/context/{member}"
    drop(document, f"/context/{member}")
    assert refusal(action, document).path == f"/context/{member}"


def test_a_search_needs_no_provider_platform() -> None:
    assert "bpp_id" not in message("search")["context"]
    STRICT.validate("search", message("search"))


@pytest.mark.parametrize("action", MESSAGES)
def test_a_message_of_another_action_is_refused(action: str) -> None:
    document = message(action)
    put(document, "/context/action", "on_nothing")
    assert refusal(action, document).path == "/context/action"


def test_an_action_without_schema_is_not_served() -> None:
    with pytest.raises(NotServed):
        STRICT.validate("discover", message("search"))


@pytest.mark.parametrize(
    ("action", "pointer", "value"),
    [
        ("search", "/context/bap_id", "https://bap.example.org"),
        ("search", "/context/bap_uri", "bap.example.org/beckn"),
        ("search", "/context/message_id", "1755281254860"),
        ("search", "/context/timestamp", "2026-01-02"),
        ("search", "/context/timestamp", "2026-02-30T00:00:00Z"),
        ("search", "/context/ttl", "30"),
        ("search", "/context/location/city/code", "std 080"),
        ("search", "/message/intent/fulfillment/stops/0/location/gps", "3.1"),
        ("search", "/message/intent/fulfillment/stops/0/location/gps", "91,10"),
        ("on_confirm", "/message/order/status", "COMPLETED"),
        ("on_confirm", "/message/order/payments/0/type", "ON-FULFILMENT"),
        ("on_confirm", "/message/order/payments/0/status", "paid"),
        ("on_confirm", "/message/order/items/0/quantity/selected/count", "1"),
        ("on_confirm", "/message/order/items/0/time/duration", "P25S"),
        ("on_confirm", "/message/order/billing/city", "Kuala Lumpur"),
        ("on_confirm", "/message/order/fulfillments/0/stops/0/location/area_code", 50050),
        ("on_confirm", "/message/order/quote/id", "q1"),
        ("on_confirm", PRICE, 249.5),
        ("on_confirm", PRICE, "starting from 50"),
        ("on_confirm", PRICE, "20.00\n"),
        ("on_confirm", PRICE, "٢٠"),
        ("on_confirm", PRICE, "1e3"),
        ("on_cancel", "/message/order/cancellation/cancelled_by", "buyer.example"),
        ("on_track", "/message/tracking/status", "ACTIVE"),
        ("rating", "/message/ratings/0/rating_category", "DRIVER"),
        ("rating", "/message/ratings/0/value", 5),
    ],
)
def test_one_wrong_value_is_refused_at_its_place(action: str, pointer: str, value: object) -> None:
    document = message(action)
    put(document, pointer, value)
    assert refusal(action, document).path == pointer


@pytest.mark.parametrize("pointer", ["/extra", "/context/extra", "/message/order/fulfillment"])
def test_an_unknown_property_is_refused_at_its_place(pointer: str) -> None:
    document = message("confirm")
    put(document, pointer, {})
    assert refusal("confirm", document).path == pointer


def test_a_callback_carries_a_message_or_an_error_and_not_both() -> None:
    document = message("on_confirm")
    document["error"] = {"code": "90203", "message": "No driver"}
    assert "not both" in refusal("on_confirm", document).reason
    del document["message"]
    STRICT.validate("on_confirm", document)
    del document["error"]
    assert refusal("on_confirm", document).path == ""


@pytest.mark.parametrize(
    ("action", "pointer"),
    [
        ("search", "/message/intent"),
        ("confirm", "/message/order/provider"),
        ("on_confirm", "/message/order/id"),
        ("on_search", "/message/catalog"),
        ("status", "/message/order_id"),
        ("update", "/message/update_target"),
        ("on_track", "/message/tracking"),
        ("cancellation_reasons", "/message/cancellation_reasons"),
    ],
)
def test_what_an_action_is_about_may_not_be_missing(action: str, pointer: str) -> None:
    document = message(action)
    drop(document, pointer)
    assert refusal(action, document).path == pointer


def test_texts_and_lists_have_an_end() -> None:
    document = message("confirm")
    put(document, "/message/order/provider/id", "x" * 256)
    assert refusal("confirm", document).path == "/message/order/provider/id"
    document = message("confirm")
    put(document, "/message/order/items", [{"id": "economy"}] * 501)
    assert refusal("confirm", document).path == "/message/order/items"
