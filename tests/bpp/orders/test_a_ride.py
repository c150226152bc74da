"""A ride at the real door, from search to the end."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.wire import tags
from tests.bpp.cooperative import (
    GPS,
    Cooperative,
    accepting,
    cooperative,
    order_asked,
)


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path) as running:
        yield running


def intent() -> dict[str, Any]:
    stops = [{"type": kind, "location": {"gps": gps}} for kind, gps in GPS.items()]
    return {"intent": {"fulfillment": {"stops": stops}, "payment": {"collected_by": "BPP"}}}


async def test_a_ride_goes_from_search_to_its_end_and_every_state_is_told(
    there: Cooperative,
) -> None:
    await there.online("D1")
    transaction = str(uuid.uuid4())
    found = await there.ask("search", intent(), transaction_id=transaction)
    provider = found["message"]["catalog"]["providers"][0]
    assert (provider["id"], provider["items"][0]["id"]) == ("kl-taxi", "ride-cab")
    priced = await there.ask("select", order_asked(), transaction_id=transaction)
    draft = await there.quoted(transaction)
    assert priced["message"]["order"]["quote"]["price"] == draft["quote"]["price"]
    reply = await there.ask("confirm", accepting(draft), transaction_id=transaction)
    order = reply["message"]["order"]
    ride = order["fulfillments"][0]
    assert (order["status"], ride["state"]["descriptor"]["code"]) == ("ACTIVE", "RIDE_ASSIGNED")
    assert ride["agent"]["person"]["name"] == "Driver D1"
    code = ride["stops"][0]["authorization"]["token"]
    steps = [("enroute", None), ("arrived", None), ("start", {"code": code}), ("end", {})]
    for n, (step, body) in enumerate(steps, start=1):
        status, answer = await there.drive("D1", "POST", f"jobs/{order['id']}/{step}", body)
        assert status == 200, answer
        told = await there.bap.callback("on_status", n=n)
        assert told["context"]["transaction_id"] == transaction
    ended = told["message"]["order"]
    assert ended["status"] == "COMPLETE"
    assert ended["fulfillments"][0]["state"]["descriptor"]["code"] == "RIDE_ENDED"
    assert ended["payments"][0]["status"] == "PAID"
    assert len({heard["context"]["message_id"] for heard in there.bap.heard}) == 8


async def test_search_and_select_publish_the_ceiling_and_the_zones_of_the_price_list(
    tmp_path: Path,
) -> None:
    zone = {"name": "Sentral", "lat": 3.139, "lon": 101.6869, "radius_m": 500, "surcharge": "2"}
    ceiling = {"fixed": "10.00", "per_km": "2.50"}
    listed = {"base": "3.00", "per_km": "0.70", "zones": (zone,), "ceiling": ceiling}
    async with cooperative(tmp_path, fares=listed) as there:
        await there.online("D1")
        found = await there.ask("search", intent())
        priced = await there.ask("select", order_asked())
    offered = found["message"]["catalog"]["providers"][0]["items"][0]
    for item in (offered, priced["message"]["order"]["items"][0]):
        policy = tags.read(item["tags"])["FARE_POLICY"]
        assert (policy["CEILING_FIXED"], policy["CEILING_PER_KM"]) == ("10.00", "2.50")
        assert (policy["ZONE_1_NAME"], policy["ZONE_1_SURCHARGE"]) == ("Sentral", "2.00")


async def test_a_search_finds_nothing_while_no_driver_is_online(tmp_path: Path) -> None:
    async with cooperative(tmp_path, takes_orders_without_driver=False) as there:
        said = await there.say("search", intent())
        assert said.is_ack
        await there.online("D1")
        await there.ask("search", intent())
        assert len(there.bap.heard) == 1


async def test_a_driver_who_is_on_a_job_is_not_offered(there: Cooperative) -> None:
    await there.online("D1")
    await there.confirmed()
    second = await there.confirmed()
    assert second["fulfillments"][0]["state"]["descriptor"]["code"] == "RIDE_CONFIRMED"
    assert "agent" not in second["fulfillments"][0]


async def test_status_and_track_answer_the_bap_whose_order_it_is(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    status = await there.ask("status", {"order_id": order["id"]})
    assert status["message"]["order"]["id"] == order["id"]
    track = await there.ask("track", {"order_id": order["id"]})
    assert track["message"]["tracking"]["status"] == "active"
    assert track["message"]["tracking"]["location"]["gps"] == "3.139000,101.687000"


async def test_a_lost_on_confirm_is_found_again_by_the_transaction(there: Cooperative) -> None:
    transaction = str(uuid.uuid4())
    order = await there.confirmed(transaction)
    status = await there.ask("status", {"order_id": transaction}, transaction_id=transaction)
    assert status["message"]["order"]["id"] == order["id"]


async def test_a_soft_cancel_tells_the_fee_and_a_cancel_charges_it(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    await there.drive("D1", "POST", f"jobs/{order['id']}/enroute")
    wish = {
        "order_id": order["id"],
        "cancellation_reason_id": "001",
        "descriptor": {"code": "SOFT_CANCEL"},
    }
    before = there.books()
    soft = await there.ask("cancel", wish)
    assert soft["message"]["order"]["quote"]["price"]["value"] == "2.00"
    assert there.books() == before
    hard = await there.ask("cancel", {**wish, "descriptor": {"code": "CONFIRM_CANCEL"}})
    assert hard["message"]["order"]["status"] == "CANCELLED"
    assert hard["message"]["order"]["quote"]["price"]["value"] == "2.00"
    assert await there.drive("D1", "GET", "job") == (200, {"job": None})


async def test_a_driver_who_gives_up_is_followed_by_the_next(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    await there.online("D2")
    body = {"reason_id": "013"}
    status, answer = await there.drive("D1", "POST", f"jobs/{order['id']}/cancel", body)
    assert (status, answer["job"]["state"]) == (200, "RIDE_ASSIGNED")
    told = await there.bap.callback("on_update")
    agent = told["message"]["order"]["fulfillments"][0]["agent"]
    assert agent["person"]["name"] == "Driver D2"


async def test_a_passenger_who_does_not_come_ends_the_order(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    body = {"reason_id": "012"}
    await there.drive("D1", "POST", f"jobs/{order['id']}/cancel", body)
    told = await there.bap.callback("on_cancel")
    cancelled = told["message"]["order"]
    assert cancelled["cancellation"]["cancelled_by"] == "PROVIDER"
    assert cancelled["quote"]["price"]["value"] == "0.00"
