"""What real delivery platforms write is read as meant; what would change an order is refused."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from protocol_specs.wire import order
from protocol_specs.wire.errors import Malformed, Refused
from protocol_specs.wire.schema_documents import action_names
from protocol_specs.wire.values import replace
from tests.protocol_specs.wire.version.log10 import deliveries, samples
from tests.protocol_specs.wire.version.log10.test_rules_of_deliveries import changed
from tests.protocol_specs.wire.version.trv10.test_agreement_rides import mutants

LOG10, LOG = deliveries.DIALECTS
DELIVERY = "/message/order/fulfillments/0"


def written(action: str) -> dict[str, Any]:
    return samples.messages(LOG10)[action]


def view_of(document: dict[str, Any]) -> order.OrderView:
    action = document["context"]["action"]
    LOG10.schemas("receive").validate(action, document)
    read = LOG10.read_confirm if action == "confirm" else LOG10.read_on_order
    return read(document["message"])


@pytest.mark.parametrize(
    ("claim", "is_ready"),
    [
        ("yes", True), ("Yes", True), ("Y", True), ("true", True), (True, True),
        ("no", False), ("No", False), ("N", False), ("false", False), (False, False),
    ],
)  # fmt: skip
def test_yes_and_no_are_read_in_every_spelling(claim: Any, is_ready: bool) -> None:
    document = written("confirm")
    tags = document["message"]["order"]["fulfillments"][0]["tags"]
    next(group for group in tags if group["code"] == "state")["list"][0]["value"] = claim
    assert view_of(document).fulfillment.ready_to_ship is is_ready


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        (f"{DELIVERY}/start/location/gps", "12.967555, 77.749666"),
        (f"{DELIVERY}/start/location/address/area_code", 560038),
        (f"{DELIVERY}/tags/0/list/0/value", None),
        (f"{DELIVERY}/start/contact/phone", "9876543210"),
        ("/message/order/payment/collected_by", "bap"),
        ("/message/order/quote/price/value", "60"),
        ("/message/order/items/0/time/duration", "PT60m"),
        ("/message/order/tags/0/list/0/value", True),
        ("/message/order/unknown", {"member": 1}),
    ],
)
def test_a_loose_spelling_means_the_same(pointer: str, value: Any) -> None:
    assert view_of(changed(written("confirm"), pointer, value)) == view_of(written("confirm"))


@pytest.mark.parametrize(
    ("unit", "value", "grams"),
    [("kilogram", 1.5, 1500), ("kilogram", "1.5", 1500), ("gram", 1500, 1500), ("KG", 2, 2000)],
)
def test_a_weight_is_read_in_its_unit(unit: str, value: Any, grams: int) -> None:
    pointer = "/message/intent/@ondc~1org~1payload_details/weight"
    document = changed(written("search"), pointer, {"unit": unit, "value": value})
    parcel = LOG10.read_search(document["message"]).parcel
    assert parcel is not None
    assert parcel.weight_grams == grams


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "1e999999999", "", "1" * 400, -1, True])
def test_a_weight_that_is_no_number_is_refused_at_its_place(value: Any) -> None:
    pointer = "/message/intent/@ondc~1org~1payload_details/weight/value"
    document = changed(written("search"), pointer, value)
    with pytest.raises(Malformed) as refused:
        LOG10.read_search(document["message"])
    assert refused.value.path == pointer


def test_payments_as_a_list_or_under_another_name_are_read() -> None:
    document = written("on_status")
    payment = document["message"]["order"].pop("payment")
    for spelt in (payment, [payment]):
        document["message"]["order"]["payments"] = spelt
        assert view_of(document).payments == (samples.PAYMENT,)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("In-transit", "Order-picked-up"),
        ("Out-for-pickup", "Agent-assigned"),
        ("out-for-delivery", "Out-for-delivery"),
        ("RTO", "Cancelled"),
        ("Lost-in-space", "Lost-in-space"),
    ],
)
def test_a_state_is_read_as_the_step_it_is(word: str, state: str) -> None:
    document = changed(written("on_status"), f"{DELIVERY}/state/descriptor/code", word)
    assert view_of(document).fulfillment.state == state


@pytest.mark.parametrize(
    ("word", "status"),
    [("created", "ACTIVE"), ("Accepted", "ACTIVE"), ("In-progress", "ACTIVE"),
     ("Completed", "COMPLETE"), ("Cancelled", "CANCELLED")],
)  # fmt: skip
def test_an_order_s_state_is_read_as_our_status(word: str, status: str) -> None:
    assert view_of(changed(written("on_status"), "/message/order/state", word)).status == status


@pytest.mark.parametrize(
    ("action", "pointer", "value"),
    [
        ("on_status", "/message/order/state", "Nearly-there"),
        ("on_status", "/message/order/quote/price/value", "61.00"),
        ("on_status", "/message/order/quote/breakup/0/price/value", "50.005"),
        ("on_status", "/message/order/quote/breakup/0/price/currency", "EUR"),
        ("on_status", "/message/order/items", []),
        ("on_status", f"{DELIVERY}/start/location/gps", "77.749666,712.967555"),
    ],
)
def test_what_would_make_another_order_of_it_is_refused(
    action: str, pointer: str, value: Any
) -> None:
    document = changed(written(action), pointer, value)
    with pytest.raises(Malformed) as refused:
        LOG10.read_on_order(document["message"])
    assert refused.value.path is not None
    assert refused.value.path.startswith("/message/order/")


def test_an_order_of_two_deliveries_is_refused() -> None:
    document = written("on_status")
    document["message"]["order"]["fulfillments"] *= 2
    with pytest.raises(Malformed, match="one delivery"):
        LOG10.read_on_order(document["message"])


# The way back


@pytest.mark.parametrize(
    ("dialect", "order_state", "state"),
    [(LOG10, "In-progress", "RTO"), (LOG, "Cancelled", "Cancelled")],
    ids=deliveries.NAMES,
)
def test_a_parcel_on_its_way_back_is_said_in_each_edition_s_words_and_read_alike(
    dialect: Any, order_state: str, state: str
) -> None:
    view = samples.on_its_way_back()
    message = dialect.write_on_order(view, action="on_cancel")
    delivery, back = message["order"]["fulfillments"]
    assert message["order"]["state"] == order_state
    assert delivery["state"]["descriptor"]["code"] == state
    assert back["type"] == "RTO"
    assert message["order"]["items"][1]["fulfillment_id"] == back["id"]
    read = dialect.read_on_order(message)
    assert read.status == "ACTIVE"
    assert read.fulfillment.return_leg == view.fulfillment.return_leg
    over = dialect.write_on_order(samples.on_its_way_back("RTO-Delivered"), action="on_status")
    assert dialect.read_on_order(over).status == "CANCELLED"


def test_a_way_back_that_was_only_offered_is_no_way_back() -> None:
    document = written("on_status")
    document["message"]["order"]["fulfillments"].append({"id": "f1-RTO", "type": "RTO"})
    assert view_of(document).fulfillment.return_leg is None


def test_who_cancelled_is_told_by_the_subscriber_id() -> None:
    why = view_of(written("on_cancel")).cancellation
    assert why is not None
    assert (why.cancelled_by, why.party_id) == (None, deliveries.PROVIDER)


# Catalogs


def test_fees_for_cash_and_ways_back_are_no_offers() -> None:
    document = written("on_search")
    provider = document["message"]["catalog"]["bpp/providers"][0]
    fee = {
        **provider["items"][0],
        "id": "C1",
        "tags": [{"code": "type", "list": [{"code": "type", "value": "cod"}]}],
    }
    provider["items"].append(fee)
    catalog = LOG10.read_on_search(document["message"])
    offer = replace(samples.OFFER, turnaround_s=3600)
    assert catalog.offers == (offer,)


# Whatever comes


@pytest.mark.parametrize("dialect", deliveries.DIALECTS, ids=deliveries.NAMES)
@pytest.mark.parametrize("action", action_names("log10"))
def test_what_receive_takes_is_read_or_refused_and_breaks_nothing(
    dialect: Any, action: str
) -> None:
    good = samples.messages(dialect)[action]
    is_about_order = action.startswith("on_") and "order" in good["message"]
    called = "read_on_order" if is_about_order else f"read_{action}"
    read = getattr(dialect, "read_support" if action == "on_support" else called)
    taken, chance = 0, random.Random(f"{action} {dialect.traits.name}")
    for spoilt in (one for _ in range(4) for one in mutants(good, chance)):
        with contextlib.suppress(Refused):
            dialect.schemas("receive").validate(action, spoilt)
            taken += 1
            read(spoilt["message"])
    assert taken
