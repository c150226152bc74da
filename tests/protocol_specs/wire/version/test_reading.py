"""What live traffic sends and is taken, and what is refused with the place of the fault."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from protocol_specs.wire import order
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.version import core_1_1 as version

ORDER: dict[str, Any] = {
    "order": {
        "provider": {"id": "P1"},
        "items": [
            {
                "id": "I1",
                "descriptor": {"code": "RIDE"},
                "tags": [
                    {
                        "descriptor": {"code": "FARE_POLICY"},
                        "list": [{"descriptor": {"code": "MIN_FARE"}, "value": "30"}],
                    }
                ],
            }
        ],
        "fulfillments": [
            {
                "id": "F1",
                "stops": [
                    {"type": "START", "location": {"gps": "3.139003,101.686855"}},
                    {"type": "END", "location": {"gps": "3.150000,101.700000"}},
                ],
            }
        ],
        "quote": {
            "price": {"currency": "MYR", "value": "12.50"},
            "breakup": [
                {"title": "BASE_FARE", "price": {"currency": "MYR", "value": "5"}},
                {"title": "DISTANCE_FARE", "price": {"currency": "MYR", "value": "7.50"}},
            ],
            "ttl": "PT300S",
        },
        "payments": [{"collected_by": "BPP", "type": "ON-FULFILLMENT"}],
    }
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The order with one place set, or removed by `...`."""
    message = copy.deepcopy(ORDER)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place: Any = message["order"]
    for key in parents:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return message


def test_an_order_is_read_whole() -> None:
    view = version.read_confirm(ORDER)
    assert view.fulfillment.route()[0] == order.Place(3.139003, 101.686855)
    assert view.quote is not None
    assert view.quote.total_minor == 1250
    assert view.quote.lines[1] == order.PriceLine("DISTANCE_FARE", 750)
    assert view.payments == (order.PaymentTerms("BPP", "ON-FULFILLMENT", "NOT-PAID"),)
    assert view.fare_policy == (("MIN_FARE", "30"),)
    assert view.status is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("fulfillments/0/stops/0/type", "start"),
        ("fulfillments/0/stops/0/location/gps", "3.139003, 101.686855"),
        ("fulfillments/0/stops/0/location/gps", " 3.139003 ,101.686855"),
        ("items/0/tags/0/list/0/value", 30),
        ("quote/ttl", "PT300s"),
        ("quote/ttl", "P300S"),
        ("quote/price/value", "12.5"),
        ("quote/breakup/0/price/value", 5),
        ("payments/0/collected_by", "bpp"),
        ("payments/0/status", None),
        ("items/0/tags/0/display", True),
    ],
)
def test_a_loose_spelling_means_the_same(path: str, value: Any) -> None:
    assert version.read_confirm(changed(path, value)) == version.read_confirm(ORDER)


def test_completed_is_read_as_complete() -> None:
    assert version.read_on_order(changed("status", "COMPLETED")).status == "COMPLETE"


def test_on_order_payment_is_read_as_pre_order() -> None:
    [payment] = version.read_confirm(changed("payments/0/type", "ON-ORDER")).payments
    assert payment.type == "PRE-ORDER"


def test_a_select_may_leave_the_route_to_the_search_before_it() -> None:
    view = version.read_select({"order": {"provider": {"id": "P"}, "items": [{"id": "I"}]}})
    assert view.fulfillment.pickup is None
    with pytest.raises(Malformed) as fault:
        view.fulfillment.route()
    assert fault.value.path == "/message/order/fulfillments/0/stops"


def test_a_quote_without_breakup_is_one_line() -> None:
    view = version.read_confirm(changed("quote/breakup", ...))
    assert view.quote is not None
    assert view.quote.lines == (order.PriceLine("FARE", 1250),)


def test_a_canceller_named_by_a_domain_is_no_side() -> None:
    given = {"cancelled_by": "bap.example.org", "reason": {"descriptor": {"code": "005"}}}
    found = version.read_on_order(changed("cancellation", given)).cancellation
    assert found == order.Cancellation(None, "005", None)


def test_a_delivery_is_known_by_its_parcel() -> None:
    parcel = {"descriptor": {"code": "PARCEL"}, "list": [_tag("PACKAGE_WEIGHT_GRAMS", 2500)]}
    message = changed("fulfillments/0/tags", [parcel])
    message["order"]["items"][0]["descriptor"]["code"] = "P2P"
    found = version.read_confirm(message).fulfillment
    assert (found.kind, found.parcel) == (order.Kind.DELIVERY, order.Parcel(2500))


def test_a_parcel_may_stand_with_the_item() -> None:
    parcel = {"descriptor": {"code": "PARCEL"}, "list": [_tag("PACKAGE_WEIGHT_GRAMS", "2500")]}
    found = version.read_confirm(changed("items/0/tags", [parcel])).fulfillment
    assert found.parcel == order.Parcel(2500)


def _tag(code: str, value: Any) -> dict[str, Any]:
    return {"descriptor": {"code": code}, "value": value}


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("provider", ..., "provider"),
        ("provider/id", "", "provider/id"),
        ("provider/id", 7, "provider/id"),
        ("items", [], "items"),
        ("items", {}, "items"),
        ("items/0/id", None, "items/0/id"),
        ("fulfillments/0/stops/1/location/gps", "3.15", "fulfillments/0/stops/1/location/gps"),
        ("fulfillments/0/stops/1/location/gps", "101.7,3.1", "fulfillments/0/stops/1/location/gps"),
        ("fulfillments/0/stops/1/type", "INTERMEDIATE_STOP", "fulfillments/0/stops/1/type"),
        ("fulfillments/0/stops/1/location", "here", "fulfillments/0/stops/1/location"),
        ("quote/price/value", "12.51", "quote/price/value"),
        ("quote/price/value", 12.5, "quote/price/value"),
        ("quote/price/value", "12,50", "quote/price/value"),
        ("quote/price/currency", "XYZ", "quote/price/value"),
        ("quote/breakup/1/price/currency", "INR", "quote/breakup/1/price/currency"),
        ("quote/breakup/1/title", ..., "quote/breakup/1/title"),
        ("quote/ttl", "soon", "quote/ttl"),
        ("payments/0/collected_by", ..., "payments/0/collected_by"),
        ("payments/0/type", "SOMEDAY", "payments/0/type"),
        ("payments/0/params", {"amount": "1.001", "currency": "MYR"}, "payments/0/params/amount"),
        ("created_at", "yesterday", "created_at"),
    ],
)
def test_a_fault_is_refused_with_its_place(path: str, value: Any, fault: str) -> None:
    with pytest.raises(Malformed) as refused:
        version.read_confirm(changed(path, value))
    assert refused.value.path == f"/message/order/{fault}"


def test_the_singular_of_the_older_version_is_named() -> None:
    message = changed("payments", ...)
    message["order"]["payment"] = ORDER["order"]["payments"][0]
    with pytest.raises(Malformed, match="payments") as refused:
        version.read_confirm(message)
    assert refused.value.path == "/message/order/payment"


def test_a_second_item_is_refused_and_not_forgotten() -> None:
    items = ORDER["order"]["items"]
    with pytest.raises(Malformed) as refused:
        version.read_confirm(changed("items", [*items, *items]))
    assert refused.value.path == "/message/order/items"


@pytest.mark.parametrize("message", [None, {}, {"order": None}, {"order": []}])
def test_a_callback_without_an_order_is_refused(message: Any) -> None:
    with pytest.raises(Malformed) as refused:
        version.read_on_order(message)
    assert (refused.value.path or "").startswith("/message")


def test_a_negative_quote_is_refused() -> None:
    lines = [{"title": "REFUND", "price": {"currency": "MYR", "value": "-1.00"}}]
    quote = {"price": {"currency": "MYR", "value": "-1.00"}, "breakup": lines}
    with pytest.raises(Malformed) as refused:
        version.read_on_order(changed("quote", quote))
    assert refused.value.path == "/message/order/quote/price/value"


def test_a_search_needs_both_stops() -> None:
    start = {"type": "START", "location": {"gps": "3.1,101.6"}}
    with pytest.raises(Malformed, match="END") as refused:
        version.read_search({"intent": {"fulfillment": {"stops": [start]}}})
    assert refused.value.path == "/message/intent/fulfillment/stops"


def test_a_search_for_a_delivery_is_known_by_its_category() -> None:
    stops = [{"type": kind, "location": {"gps": "12.9,77.6"}} for kind in ("Pickup", "Drop")]
    intent = {
        "category": {"descriptor": {"name": "Fast delivery"}},
        "fulfillment": {"stops": stops},
    }
    assert version.read_search({"intent": intent}).kind is order.Kind.DELIVERY


def test_an_offer_must_name_a_fulfillment_that_is_there() -> None:
    price = {"currency": "MYR", "value": "9.00"}
    item = {"id": "I1", "price": price, "fulfillment_ids": ["F1", "F2"]}
    provider = {"id": "P1", "fulfillments": [{"id": "F1"}], "items": [item]}
    with pytest.raises(Malformed) as refused:
        version.read_on_search({"catalog": {"providers": [provider]}})
    path = "/message/catalog/providers/0/items/0/fulfillment_ids/1"
    assert refused.value.path == path


def test_an_endless_catalog_is_refused() -> None:
    price = {"currency": "MYR", "value": "9.00"}
    fulfillments = [{"id": str(number)} for number in range(60)]
    named = {"price": price, "fulfillment_ids": [part["id"] for part in fulfillments]}
    items = [{"id": str(number), **named} for number in range(60)]
    provider = {"id": "P1", "fulfillments": fulfillments, "items": items}
    with pytest.raises(Malformed, match="1000"):
        version.read_on_search({"catalog": {"providers": [provider]}})


@pytest.mark.parametrize(
    ("word", "meant"),
    [("ACTIVE", "active"), ("RIDE_ENROUTE_PICKUP", "active"), ("RIDE_ENDED", "inactive")],
)
def test_tracking_speaks_in_states_too(word: str, meant: str) -> None:
    assert version.read_on_track({"tracking": {"status": word}}).status == meant


def test_a_cancel_is_soft_only_when_it_says_so() -> None:
    assert version.read_cancel({"order_id": "o", "descriptor": {"code": "SOFT_CANCEL"}}).soft
    assert not version.read_cancel({"order_id": "o", "descriptor": {"code": "CONFIRM_CANCEL"}}).soft
    assert not version.read_cancel({"order_id": "o", "cancellation_reason_id": "005"}).soft


def test_the_time_of_a_position_is_taken_from_where_rides_networks_put_it() -> None:
    location = {"gps": "3.1,101.6", "updated_at": "2026-01-02T03:04:05.678Z"}
    found = version.read_on_track({"tracking": {"status": "active", "location": location}})
    assert found.updated_at == 1767323045
