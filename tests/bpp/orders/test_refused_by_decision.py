"""What is refused by decision, at the real door: ACK, then a callback with an error, and no change.

Each case is a booking with exactly one thing wrong.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.wire.money import amount, minor_units
from tests.bpp.cooperative import GPS, Cooperative, accepting, cooperative, order_asked

Order = dict[str, Any]


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path) as running:
        yield running


def assert_refused(reply: dict[str, Any], code: str) -> None:
    assert reply["error"]["code"] == code
    assert reply["error"]["message"]
    assert "message" not in reply


def set_price(draft: Order, change_minor: int) -> None:
    """Another total, with a breakup that sums to it."""
    for price in (draft["quote"]["price"], draft["quote"]["breakup"][0]["price"]):
        changed = minor_units(price["value"], "MYR") + change_minor
        price["value"] = amount(changed, "MYR")


def lower_price(draft: Order) -> None:
    set_price(draft, -1)


def higher_price(draft: Order) -> None:
    set_price(draft, 1)


def price_beside_its_breakup(draft: Order) -> None:
    draft["quote"]["price"]["value"] = "0.01"


def moved_breakup(draft: Order) -> None:
    for line, value in zip(draft["quote"]["breakup"], ("0.00", None), strict=True):
        line["price"]["value"] = value or draft["quote"]["price"]["value"]


def renamed_line(draft: Order) -> None:
    draft["quote"]["breakup"][0]["title"] = "CANCELLATION_CHARGES"


def other_currency(draft: Order) -> None:
    draft["quote"]["price"]["currency"] = "SGD"
    for line in draft["quote"]["breakup"]:
        line["price"]["currency"] = "SGD"


def no_quote(draft: Order) -> None:
    del draft["quote"]


def other_quote_id(draft: Order) -> None:
    draft["quote"]["id"] = str(uuid.uuid4())


def other_drop(draft: Order) -> None:
    draft["fulfillments"][0]["stops"][1]["location"]["gps"] = "3.157901,101.711600"


def swapped_stops(draft: Order) -> None:
    first, second = draft["fulfillments"][0]["stops"]
    first["location"], second["location"] = second["location"], first["location"]


def other_item(draft: Order) -> None:
    draft["items"][0]["id"] = "ride-limousine"


TAMPERED: list[Callable[[Order], None]] = [
    lower_price,
    higher_price,
    price_beside_its_breakup,
    moved_breakup,
    renamed_line,
    other_currency,
    no_quote,
    other_quote_id,
    other_drop,
    swapped_stops,
    other_item,
]


@pytest.mark.parametrize("tamper", TAMPERED)
async def test_a_confirm_of_anything_but_the_quote_is_refused(
    there: Cooperative, tamper: Callable[[Order], None]
) -> None:
    await there.online("D1")
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    tampered, before = deepcopy(accepting(draft)["order"]), there.books()
    tamper(tampered)
    reply = await there.ask("confirm", {"order": tampered}, transaction_id=transaction)
    assert_refused(reply, "40003")
    assert there.books() == before
    # The one thing wrong was the only thing wrong:
    good = await there.ask("confirm", accepting(draft), transaction_id=transaction)
    assert good["message"]["order"]["status"] == "ACTIVE"


async def test_a_confirm_without_an_init_is_refused(there: Cooperative) -> None:
    draft = await there.quoted(str(uuid.uuid4()))
    before = there.books()
    reply = await there.ask("confirm", accepting(draft), transaction_id=str(uuid.uuid4()))
    assert_refused(reply, "40003")
    assert there.books() == before


async def test_the_quote_of_another_bap_is_refused(there: Cooperative) -> None:
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    before = there.books()
    reply = await there.ask("confirm", accepting(draft), there.other, transaction_id=transaction)
    assert_refused(reply, "40003")
    assert there.books() == before
    assert all("error" not in heard for heard in there.bap.heard)


async def test_the_quote_of_another_transaction_of_the_same_bap_is_refused(
    there: Cooperative,
) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    draft = await there.quoted(first)
    await there.quoted(second)
    before = there.books()
    reply = await there.ask("confirm", accepting(draft), transaction_id=second)
    # Both quotes cost the same; their ids tell them apart.
    assert_refused(reply, "40003")
    assert there.books() == before


async def test_an_expired_quote_is_refused(there: Cooperative) -> None:
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    before = there.books()
    settings: Any = there.node.settings
    there.clock.at += settings.quote_ttl_s + 1
    reply = await there.ask("confirm", accepting(draft), transaction_id=transaction)
    assert_refused(reply, "40003")
    assert there.books() == before


async def test_a_second_confirm_of_the_same_transaction_is_refused(there: Cooperative) -> None:
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    await there.ask("confirm", accepting(draft), transaction_id=transaction)
    before = there.books()
    reply = await there.ask("confirm", accepting(draft), transaction_id=transaction)
    assert_refused(reply, "40001")
    assert there.books() == before


async def test_fifty_confirms_at_once_make_one_order(there: Cooperative) -> None:
    await there.online("D1", "D2")
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    replies = await asyncio.gather(
        *(there.ask("confirm", accepting(draft), transaction_id=transaction) for _ in range(50))
    )
    assert sum("message" in reply for reply in replies) == 1
    assert {reply["error"]["code"] for reply in replies if "error" in reply} == {"40001"}
    books = there.books()
    assert (len(books["orders"]), len(books["events"])) == (1, 2)


async def test_a_confirm_after_the_cancel_is_refused_and_the_order_stays_cancelled(
    there: Cooperative,
) -> None:
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    reply = await there.ask("confirm", accepting(draft), transaction_id=transaction)
    order_id = reply["message"]["order"]["id"]
    await there.ask("cancel", {"order_id": order_id, "cancellation_reason_id": "005"})
    before = there.books()
    again = await there.ask("confirm", accepting(draft), transaction_id=transaction)
    assert_refused(again, "40001")
    assert there.books() == before
    assert there.order(order_id).status == "CANCELLED"


async def test_confirm_and_cancel_at_once_leave_one_settled_order(there: Cooperative) -> None:
    """The cancel cannot know the order's id before on_confirm: it is refused, or it comes after."""
    await there.online("D1")
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    wish = {"order_id": transaction, "cancellation_reason_id": "005"}
    confirm, cancel = await asyncio.gather(
        there.ask("confirm", accepting(draft), transaction_id=transaction),
        there.ask("cancel", wish, transaction_id=transaction),
    )
    assert_refused(cancel, "30010")
    assert there.order(confirm["message"]["order"]["id"]).status == "ACTIVE"


async def test_an_init_after_the_confirm_is_refused(there: Cooperative) -> None:
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    await there.ask("confirm", accepting(draft), transaction_id=transaction)
    before = there.books()
    reply = await there.ask("init", order_asked(), transaction_id=transaction)
    assert_refused(reply, "40001")
    assert there.books() == before


@pytest.mark.parametrize("action", ["status", "track", "cancel"])
async def test_an_unknown_order_is_refused(there: Cooperative, action: str) -> None:
    asked = {"order_id": "no-such-order"}
    if action == "cancel":
        asked["cancellation_reason_id"] = "005"
    before = there.books()
    assert_refused(await there.ask(action, asked), "30010")
    assert there.books() == before


@pytest.mark.parametrize("action", ["status", "track", "cancel"])
async def test_the_order_of_another_bap_looks_like_an_unknown_one(
    there: Cooperative, action: str
) -> None:
    await there.online("D1")
    order = await there.confirmed()
    before = there.books()
    asked = {"order_id": order["id"]}
    if action == "cancel":
        asked["cancellation_reason_id"] = "005"
    foreign = await there.ask(action, asked, there.other)
    unknown = await there.ask(action, {**asked, "order_id": "no-such-order"}, there.other)
    assert_refused(foreign, "30010")
    assert foreign["error"] == unknown["error"]
    assert there.books() == before


async def test_a_ride_that_has_begun_is_not_cancelled(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    code = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
    for step, body in (("enroute", None), ("arrived", None), ("start", {"code": code})):
        status, _ = await there.drive("D1", "POST", f"jobs/{order['id']}/{step}", body)
        assert status == 200
    before = there.books()
    wish = {"order_id": order["id"], "cancellation_reason_id": "005"}
    assert_refused(await there.ask("cancel", wish), "50001")
    assert there.books() == before


async def test_a_cancel_for_an_unpublished_reason_is_refused(there: Cooperative) -> None:
    order = await there.confirmed()
    before = there.books()
    wish = {"order_id": order["id"], "cancellation_reason_id": "7"}
    assert_refused(await there.ask("cancel", wish), "30011")
    assert there.books() == before


def other_provider(order: Order) -> str:
    order["provider"] = {"id": "somebody-else"}
    return "30001"


def unknown_item(order: Order) -> str:
    order["items"] = [{"id": "ride-limousine"}]
    return "30004"


def out_of_town(order: Order) -> str:
    stops = [{"type": "START", "location": {"gps": GPS["START"]}}]
    stops.append({"type": "END", "location": {"gps": "48.856600,2.352200"}})
    order["fulfillments"] = [{"id": "ride-cab-fulfillment", "stops": stops}]
    return "30008"


def unknown_payment(order: Order) -> str:
    order["payments"] = [{"collected_by": "BAP", "type": "POST-FULFILLMENT"}]
    return "40004"


@pytest.mark.parametrize("action", ["select", "init"])
@pytest.mark.parametrize("spoil", [other_provider, unknown_item, out_of_town, unknown_payment])
async def test_what_cannot_be_priced_is_refused_with_its_code(
    there: Cooperative, action: str, spoil: Callable[[Order], str]
) -> None:
    message = deepcopy(order_asked())
    code = spoil(message["order"])
    before = there.books()
    assert_refused(await there.ask(action, message), code)
    assert there.books() == before
