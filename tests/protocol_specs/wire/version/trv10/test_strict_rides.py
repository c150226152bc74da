"""What we write passes the ride network's own rules, whatever is said; each rule refuses alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from protocol_specs.wire import order
from protocol_specs.wire.errors import SchemaFault
from protocol_specs.wire.values import replace
from protocol_specs.wire.version.dialect import Dialect
from tests.protocol_specs.schemas.samples import drop, put
from tests.protocol_specs.wire.version.trv10 import rides

fast = settings(max_examples=20, suppress_health_check=list(HealthCheck))
NEW, OLD = rides.EDITIONS
both = pytest.mark.parametrize("dialect", rides.EDITIONS, ids=lambda one: one.traits.name)


def check(dialect: Dialect, action: str, message: dict[str, Any]) -> None:
    document = rides.document(dialect, action, message)
    dialect.schemas("strict").validate(action, document)
    dialect.schemas("receive").validate(action, document)


@both
@pytest.mark.parametrize("action", sorted(rides.messages(NEW)))
def test_one_message_of_each_action_is_strictly_right(dialect: Dialect, action: str) -> None:
    check(dialect, action, rides.messages(dialect)[action]["message"])


@both
@settings(fast)
@given(intent=rides.intents, catalog=rides.catalogs())
def test_search_and_its_answer_are_strictly_right(
    dialect: Dialect, intent: order.Intent, catalog: order.Catalog
) -> None:
    check(dialect, "search", dialect.write_search(intent))
    check(dialect, "on_search", dialect.write_on_search(catalog, intent=intent))


@both
@settings(fast)
@given(view=rides.orders)
def test_requests_are_strictly_right(dialect: Dialect, view: order.OrderView) -> None:
    check(dialect, "select", dialect.write_select(view))
    check(dialect, "init", dialect.write_init(view))
    check(dialect, "confirm", dialect.write_confirm(view))


@both
@settings(fast)
@given(view=rides.orders)
def test_drafts_are_strictly_right(dialect: Dialect, view: order.OrderView) -> None:
    draft = rides.drafted(view)
    check(dialect, "on_select", dialect.write_on_order(draft, action="on_select"))
    check(dialect, "on_init", dialect.write_on_order(draft, action="on_init"))


STATUSES = {
    "on_confirm": ("ACTIVE",),
    "on_status": ("ACTIVE", "COMPLETE", "CANCELLED"),
    "on_update": ("ACTIVE", "COMPLETE", "SOFT_UPDATE", "UPDATED"),
    "on_cancel": ("SOFT_CANCEL", "CANCELLED"),
}


@both
@pytest.mark.parametrize(
    ("action", "status"), [(action, word) for action in STATUSES for word in STATUSES[action]]
)
@settings(fast)
@given(view=rides.orders)
def test_callbacks_are_strictly_right(
    dialect: Dialect, view: order.OrderView, action: str, status: str
) -> None:
    told = replace(view, status=status)
    check(dialect, action, dialect.write_on_order(told, action=action))


def test_an_order_ends_in_on_status_and_stays_active_in_on_update() -> None:
    done = replace(rides.RIDE, status="COMPLETE")
    for dialect in rides.EDITIONS:
        ended = dialect.write_on_order(done, action="on_status")["order"]["status"]
        moved = dialect.write_on_order(done, action="on_update")["order"]["status"]
        assert (ended, moved) == ("COMPLETED", "ACTIVE")


FULFILLMENT = "/message/order/fulfillments/0"
ITEM = "/message/order/items/0"
WRONG = [
    ("on_status", "/context/domain", "nic2004:60221"),
    ("on_status", "/context/version", "2.0.2"),
    ("on_status", "/context/location/city/code", "080"),
    ("on_status", "/context/location/country/code", "IN"),
    ("on_status", "/context/timestamp", "2026-01-02T03:04:05Z"),
    ("on_status", "/context/timestamp", "2026-01-02T03:04:05.678+05:30"),
    ("on_status", "/context/ttl", "P30S"),
    ("search", "/message/intent/fulfillment/stops/0/location/gps", "12.9233,77.5521"),
    ("search", "/message/intent/fulfillment/stops/0/type", "start"),
    ("search", "/message/intent/fulfillment/vehicle/category", "MOTORCYCLE"),
    ("search", "/message/intent/payment/collected_by", "bpp"),
    ("on_search", "/message/catalog/providers/0/fulfillments/0/type", "RIDE"),
    ("on_search", "/message/catalog/providers/0/fulfillments/0/vehicle/variant", "BIKE"),
    ("on_search", "/message/catalog/providers/0/items/0/descriptor/code", "TAXI"),
    ("on_search", "/message/catalog/providers/0/items/0/price/value", "146.005"),
    ("on_select", "/message/order/quote/breakup/0/title", "TIME_FARE"),
    ("on_select", "/message/order/quote/ttl", "P200S"),
    ("on_select", f"{ITEM}/tags/0/descriptor/code", "@wayfare/contribution"),
    ("on_select", f"{ITEM}/tags/0/list/0/descriptor/code", "FREE_WAITING_MIN"),
    ("on_select", f"{ITEM}/tags/0/list/0/value", "thirty"),
    ("on_select", f"{ITEM}/tags/0/list/2/value", "22:00"),
    ("init", f"{FULFILLMENT}/customer/contact/phone", "+919876500000"),
    ("init", "/message/order/payments/0/type", "POST-FULFILLMENT"),
    ("init", "/message/order/payments/0/status", "UNPAID"),
    ("on_init", "/message/order/cancellation_terms/0/fulfillment_state/descriptor/code", "ANY"),
    ("on_confirm", "/message/order/status", "CREATED"),
    ("on_confirm", f"{FULFILLMENT}/state/descriptor/code", "AGENT_ASSIGNED"),
    ("on_confirm", f"{FULFILLMENT}/stops/0/authorization/type", "PIN"),
    ("on_confirm", f"{FULFILLMENT}/stops/0/authorization/status", "VALID"),
    ("on_confirm", f"{FULFILLMENT}/vehicle/energy_type", "STEAM"),
    ("on_confirm", "/message/order/created_at", "2026-01-02T03:04:05Z"),
    ("on_update", "/message/order/status", "COMPLETED"),
    ("on_status", "/message/order/status", "DONE"),
    ("cancel", "/message/cancellation_reason_id", "5"),
    ("cancel", "/message/cancellation_reason_id", "011"),
    ("cancel", "/message/descriptor/code", "CANCEL"),
    ("on_cancel", "/message/order/status", "ACTIVE"),
    ("on_cancel", "/message/order/cancellation/reason/descriptor/code", "7"),
    ("on_cancel", "/message/order/cancellation/cancelled_by", "bap.example.org"),
    ("on_track", "/message/tracking/status", "ACTIVE"),
    ("update", "/message/update_target", "order.payments"),
    ("update", "/message/order/status", "UPDATE"),
]
MISSING = [
    ("search", "/message/intent/payment"),
    ("search", "/message/intent/fulfillment/stops/1/location"),
    ("on_search", "/message/catalog/descriptor/name"),
    ("on_search", "/message/catalog/providers/0/items/0/fulfillment_ids"),
    ("on_select", "/message/order/quote"),
    ("on_select", f"{ITEM}/descriptor/name"),
    ("init", "/message/order/billing"),
    ("init", f"{FULFILLMENT}/customer/person/name"),
    ("on_init", f"{ITEM}/payment_ids"),
    ("on_init", "/message/order/cancellation_terms"),
    ("confirm", "/message/order/payments/0/id"),
    ("on_confirm", f"{FULFILLMENT}/agent/contact/phone"),
    ("on_confirm", f"{FULFILLMENT}/vehicle/registration"),
    ("on_confirm", f"{FULFILLMENT}/stops/0/authorization/token"),
    ("on_status", "/message/order/updated_at"),
    ("on_cancel", "/message/order/cancellation"),
    ("cancel", "/message/cancellation_reason_id"),
    ("on_track", "/message/tracking/location/updated_at"),
]


def refusal(dialect: Dialect, document: dict[str, Any], action: str) -> SchemaFault:
    with pytest.raises(SchemaFault) as caught:
        dialect.schemas("strict").validate(action, document)
    return caught.value


@both
@pytest.mark.parametrize(("action", "pointer", "value"), WRONG)
def test_a_word_that_is_not_on_the_list_is_refused_at_its_place(
    dialect: Dialect, action: str, pointer: str, value: str
) -> None:
    document = rides.messages(dialect)[action]
    put(document, pointer, value)
    fault = refusal(dialect, document, action)
    shown_at = (
        pointer.rsplit("/", 2)[0] if pointer.endswith(("stops/0/type", "0/title")) else pointer
    )
    assert fault.path in (pointer, shown_at)
    dialect.schemas("receive").validate(action, document)


@both
@pytest.mark.parametrize(("action", "pointer"), MISSING)
def test_a_part_that_the_network_asks_for_must_be_there(
    dialect: Dialect, action: str, pointer: str
) -> None:
    document = rides.messages(dialect)[action]
    drop(document, pointer)
    refusal(dialect, document, action)


@both
@pytest.mark.parametrize(
    ("action", "pointer", "value"),
    [
        ("search", "/context/bpp_id", "bpp.example.org"),
        ("select", f"{FULFILLMENT}/type", "DELIVERY"),
        ("on_select", "/message/order/payments", []),
        ("init", "/message/order/id", "o-1"),
        ("confirm", "/message/order/id", "o-1"),
        ("on_init", f"{FULFILLMENT}/agent", {"person": {"name": "Ravi"}}),
        ("on_init", "/message/order/cancellation_terms/0/cancellation_fee/amount",
         {"currency": "INR", "value": "10"}),
        ("status", "/message/ref_id", "t-1"),
    ],
)  # fmt: skip
def test_what_the_network_does_not_take_there_is_refused(
    dialect: Dialect, action: str, pointer: str, value: Any
) -> None:
    document = rides.messages(dialect)[action]
    put(document, pointer, value)
    refusal(dialect, document, action)


def test_the_terms_stand_in_the_order_in_2_1_0_and_in_the_payment_in_2_0_1() -> None:
    new, old = rides.messages(NEW)["confirm"], rides.messages(OLD)["confirm"]
    groups = [group["descriptor"]["code"] for group in new["message"]["order"]["tags"]]
    assert groups == ["BAP_TERMS", "BPP_TERMS"]
    assert "tags" not in old["message"]["order"]
    tagged = old["message"]["order"]["payments"][0]["tags"]
    assert [group["descriptor"]["code"] for group in tagged] == [
        "BUYER_FINDER_FEES",
        "SETTLEMENT_TERMS",
    ]


GROUP = {"descriptor": {"code": "BAP_TERMS"}, "list": []}


@pytest.mark.parametrize(
    ("dialect", "action", "pointer"),
    [
        (NEW, "confirm", "/message/order/payments/0/tags"),
        (OLD, "confirm", "/message/order/tags"),
        (NEW, "search", "/message/intent/payment/tags"),
        (OLD, "search", "/message/intent/tags"),
    ],
)
def test_terms_in_the_place_of_the_other_version_are_refused(
    dialect: Dialect, action: str, pointer: str
) -> None:
    document = rides.messages(dialect)[action]
    put(document, pointer, [GROUP])
    assert refusal(dialect, document, action).path == pointer


def test_on_init_says_the_providers_terms_only() -> None:
    view = replace(rides.drafted(rides.RIDE), bap_terms=rides.TERMS)
    written = NEW.write_on_order(view, action="on_init")["order"]["tags"]
    assert [group["descriptor"]["code"] for group in written] == ["BPP_TERMS"]


@pytest.mark.parametrize(
    ("dialect", "pointer"),
    [
        (NEW, "/message/order/tags/0/list"),
        (OLD, "/message/order/payments/0/tags/1/list"),
    ],
)
@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("SETTLEMENT_BASIS", "SOMETIME"),
        ("SETTLEMENT_TYPE", "cash"),
        ("SETTLEMENT_WINDOW", "60 minutes"),
        ("MANDATORY_ARBITRATION", "yes"),
        ("STATIC_TERMS", "on paper"),
        ("SETTLEMENT_AMOUNT", "some"),
        ("FAVOURS", "many"),
    ],
)
def test_a_term_outside_the_rules_is_refused(
    dialect: Dialect, pointer: str, code: str, value: str
) -> None:
    document = rides.messages(dialect)["init"]
    listed = document["message"]["order"]
    listed = (
        listed["tags"][0]["list"] if dialect is NEW else listed["payments"][0]["tags"][1]["list"]
    )
    for tag in listed:
        if tag["descriptor"]["code"] == code:
            tag["value"] = value
            break
    else:
        listed.append({"descriptor": {"code": code}, "value": value})
    fault = refusal(dialect, document, "init")
    assert (fault.path or "").startswith(pointer)
