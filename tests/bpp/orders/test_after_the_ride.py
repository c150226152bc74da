"""rating, support and the lists of choices at the real door."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bpp.cooperative import Cooperative, cooperative

TRANSACTION = "7c2d6e54-53b5-4f35-9d7c-0a8d3c0d9a11"
CONTACT = {
    "phone": "+60312345678",
    "email": "desk@coop.example",
    "url": "https://coop.example/help",
}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path, support=CONTACT) as running:
        await running.online("D1")
        yield running


def rated(entity: str, value: str = "4", category: str = "Order") -> dict[str, Any]:
    return {"ratings": [{"rating_category": category, "id": entity, "value": value}]}


async def test_a_rating_is_kept_once_for_an_order_and_category_and_shown_to_the_desk_alone(
    there: Cooperative,
) -> None:
    order = await there.confirmed(TRANSACTION)
    await there.carried_out(order["id"])
    for value in ("2", "5"):
        answer = await there.ask("rating", rated(order["id"], value), transaction_id=TRANSACTION)
        assert "error" not in answer
    agent = rated(order["fulfillments"][0]["id"], "3", "Agent")
    await there.ask("rating", agent, transaction_id=TRANSACTION)
    _, desk = await there.desk("GET", "orders")
    assert desk["orders"][0]["ratings"] == {"Order": 5, "Agent": 3}
    _, earnings = await there.drive("D1", "GET", "earnings")
    assert "ratings" not in str(earnings)


@pytest.mark.parametrize(
    ("entity", "value", "category", "code"),
    [
        (None, "6", "Order", "30015"),
        (None, "0", "Order", "30015"),
        (None, "4.5", "Order", "30015"),
        ("another", "4", "Order", "30014"),
        (None, "4", "Item", "50003"),
    ],
)
async def test_a_rating_with_one_thing_wrong_is_refused_and_none_of_its_message_is_kept(
    there: Cooperative, entity: str | None, value: str, category: str, code: str
) -> None:
    order = await there.confirmed(TRANSACTION)
    await there.carried_out(order["id"])
    before = there.books()
    good = rated(order["id"])["ratings"]
    bad = rated(entity or order["id"], value, category)["ratings"]
    answer = await there.ask("rating", {"ratings": good + bad}, transaction_id=TRANSACTION)
    assert (answer["error"]["code"], "message" in answer) == (code, False)
    assert there.books() == before


async def test_a_ride_is_not_rated_before_its_end_nor_by_anybody_else(there: Cooperative) -> None:
    order = await there.confirmed(TRANSACTION)
    early = await there.ask("rating", rated(order["id"]), transaction_id=TRANSACTION)
    assert early["error"]["code"] == "40001"
    await there.carried_out(order["id"])
    before = there.books()
    foreign = await there.ask("rating", rated(order["id"]), there.other, transaction_id=TRANSACTION)
    assert foreign["error"]["code"] == "30014"
    assert there.books() == before


async def test_support_tells_the_contact_for_an_order_of_the_askers(there: Cooperative) -> None:
    order = await there.confirmed()
    answer = await there.ask("support", {"support": {"ref_id": order["id"]}})
    assert answer["message"]["support"] == {"ref_id": order["id"], **CONTACT}
    foreign = await there.ask("support", {"support": {"ref_id": order["id"]}}, there.other)
    assert foreign["error"]["code"] == "30010"


async def test_a_cooperative_without_a_contact_says_so(tmp_path: Path) -> None:
    async with cooperative(tmp_path) as there:
        answer = await there.ask("support", {"support": {}})
        assert answer["error"]["code"] == "50004"


async def test_the_choices_are_told_with_their_texts(tmp_path: Path) -> None:
    reasons = ({"id": "001", "text": "Changed my mind"},)
    async with cooperative(
        tmp_path, cancellation_reasons=reasons, rating_categories=("Agent",)
    ) as there:
        told = await there.ask("get_cancellation_reasons", None)
        assert told["context"]["action"] == "cancellation_reasons"
        assert told["message"]["cancellation_reasons"] == [
            {"id": "001", "descriptor": {"code": "001", "name": "Changed my mind"}}
        ]
        categories = await there.ask("get_rating_categories", None)
        assert categories["message"]["rating_categories"] == ["Agent"]
        assert (await there.ask("get_return_reasons", None))["message"]["return_reasons"] == []


async def test_the_money_of_an_unpaid_ride_is_confirmed_at_the_desk_and_told(
    there: Cooperative,
) -> None:
    order = await there.confirmed(TRANSACTION)
    await there.carried_out(order["id"], cash_collected=False)
    status, answer = await there.desk("POST", f"orders/{order['id']}/paid", {"paid": True})
    assert (status, answer["job"]["payment"]["status"]) == (200, "PAID")
    assert (await there.desk("POST", f"orders/{order['id']}/paid", {"paid": True}))[0] == 409
    last = await there.ask("status", {"order_id": order["id"]})
    assert last["message"]["order"]["payments"][0]["status"] == "PAID"


async def test_a_refund_is_a_line_and_an_event_once_for_its_reference(there: Cooperative) -> None:
    order = await there.confirmed()
    path = f"orders/{order['id']}/refund"
    wish = {"amount": "2.00", "borne_by": "worker", "reference": "R1"}
    assert (await there.desk("POST", path, wish))[0] == 409
    await there.carried_out(order["id"])
    before = there.order(order["id"]).quote.total_minor
    for _ in range(2):
        assert (await there.desk("POST", path, wish))[0] == 200
    assert there.order(order["id"]).quote.total_minor == before - 200
    kinds = [row[2] for row in there.books()["events"]]
    assert kinds.count("refunded") == 1
    assert (await there.desk("POST", path, {**wish, "amount": "1.00"}))[0] == 409
    assert (await there.desk("POST", path, {**wish, "reference": "R2", "amount": "99.00"}))[
        0
    ] == 409


async def test_a_driver_who_ends_twice_ends_once(there: Cooperative) -> None:
    order = await there.confirmed()
    await there.carried_out(order["id"])
    before = there.books()
    status, answer = await there.drive("D1", "POST", f"jobs/{order['id']}/end", {})
    assert (status, answer["job"]["status"]) == (200, "COMPLETE")
    assert there.books() == before


async def test_an_order_that_nobody_takes_ends_by_itself_and_the_customer_is_told(
    tmp_path: Path,
) -> None:
    async with cooperative(tmp_path, open_order_s=60) as there:
        order = await there.confirmed()
        there.clock.at += 59
        later = await there.confirmed()
        there.clock.at += 2
        told = await there.bap.callback("on_cancel")
        assert told["message"]["order"]["id"] == order["id"]
        cancellation = told["message"]["order"]["cancellation"]
        assert cancellation["cancelled_by"] == "PROVIDER"
        assert cancellation["reason"]["descriptor"]["code"] == "011"
        assert told["message"]["order"]["quote"]["price"]["value"] == "0.00"
        assert there.order(later["id"]).status == "ACTIVE"


async def test_where_a_driver_is_needed_at_confirm_none_is_an_error_and_no_order(
    tmp_path: Path,
) -> None:
    async with cooperative(tmp_path, takes_orders_without_driver=False) as there:
        draft = await there.quoted(TRANSACTION)
        before = there.books()
        kept = ("provider", "items", "fulfillments", "billing", "payments", "quote")
        confirm = {"order": {name: draft[name] for name in kept}}
        answer = await there.ask("confirm", confirm, transaction_id=TRANSACTION)
        assert answer["error"]["code"] == "40006"
        assert there.books() == before


async def test_a_cancellation_at_another_fee_than_was_asked_tells_the_fee_it_costs(
    there: Cooperative,
) -> None:
    order = await there.confirmed()
    wish = {"order_id": order["id"], "cancellation_reason_id": "001"}
    soft = {**wish, "descriptor": {"code": "SOFT_CANCEL"}}
    before = there.books()
    for _ in range(2):
        asked = await there.ask("cancel", soft)
        assert asked["message"]["order"]["quote"]["price"]["value"] == "0.00"
    assert there.books() == before
    await there.drive("D1", "POST", f"jobs/{order['id']}/enroute")
    told = await there.ask("cancel", {**wish, "descriptor": {"code": "CONFIRM_CANCEL"}})
    assert told["message"]["order"]["status"] == "CANCELLED"
    assert told["message"]["order"]["quote"]["price"]["value"] == "2.00"


async def test_the_times_of_what_we_say_rise_within_a_conversation_by_the_millisecond(
    there: Cooperative,
) -> None:
    there.clock.at += 0.25
    order = await there.confirmed(TRANSACTION)
    await there.carried_out(order["id"])
    await there.ask("status", {"order_id": order["id"]}, transaction_id=TRANSACTION)
    heard = [
        one["context"] for one in there.bap.heard if one["context"]["transaction_id"] == TRANSACTION
    ]
    times = [context["timestamp"] for context in heard]
    assert len(set(times)) == len(times)
    assert all(len(time) == len("2026-11-22T10:00:00.251Z") for time in times)
    in_order = [c["timestamp"] for c in heard if c["action"] in ("on_init", "on_confirm")]
    assert in_order == sorted(in_order)
