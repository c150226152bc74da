"""Jobs offered in turn: one driver at a time, for a while, in the published order, explained."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bpp.dispatch import rounds
from bpp.dispatch.tables import CandidateRow, DriverJobRow, OfferRow, RoundRow
from protocol_specs.node.store import Statement
from protocol_specs.wire import strict_json
from tests.bpp.cooperative import Cooperative, cooperative

IN_TURN = {
    "assignment": "in_turn",
    "takes_orders_without_driver": True,
    "dispatch": {"offer_s": 30, "again_s": 120},
}
NEAR = {"lat": 3.1401, "lon": 101.6870}
FAR = {"lat": 3.1600, "lon": 101.6870}
_TABLES = {
    table.__tablename__: Statement(select(table.__table__))
    for table in (RoundRow, CandidateRow, OfferRow, DriverJobRow)
}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path, drivers=3, **IN_TURN) as running:
        yield running


async def _at(there: Cooperative, code: str, place: dict[str, float]) -> None:
    assert (await there.drive(code, "POST", "online", {"online": True, **place}))[0] == 200


async def _offered(there: Cooperative, code: str) -> dict[str, Any]:
    """The driver's offer, once there is one."""
    async with asyncio.timeout(60):
        while True:
            _, answer = await there.drive(code, "GET", "offers")
            if answer["offers"]:
                offer: dict[str, Any] = answer["offers"][0]
                return offer
            await asyncio.sleep(0.02)


async def _offers(there: Cooperative, code: str) -> list[dict[str, Any]]:
    _, answer = await there.drive(code, "GET", "offers")
    found: list[dict[str, Any]] = answer["offers"]
    return found


def _rows(there: Cooperative, table: str) -> list[Any]:
    return there.node.store.read(lambda session: session.all(_TABLES[table]))


async def test_the_nearest_of_equals_is_asked_alone_and_may_take_it(there: Cooperative) -> None:
    await _at(there, "D1", FAR)
    await _at(there, "D2", NEAR)
    order = await there.confirmed()
    offer = await _offered(there, "D2")
    assert (offer["order_id"], offer["expires_at"]) == (order["id"], int(there.clock.at) + 30)
    assert await _offers(there, "D1") == []
    job = f"jobs/{order['id']}"
    status, answer = await there.drive("D1", "POST", f"{job}/accept")
    assert (status, answer["error"]["code"]) == (409, "not_now")
    assert there.order(order["id"]).agent_id is None
    status, answer = await there.drive("D2", "POST", f"{job}/accept")
    assert (status, answer["job"]["state"]) == (200, "RIDE_ASSIGNED")
    assert [row["outcome"] for row in _rows(there, "dispatch_offer")] == ["accepted"]


async def test_declined_it_goes_to_the_next_at_once_and_never_back(there: Cooperative) -> None:
    await _at(there, "D1", FAR)
    await _at(there, "D2", NEAR)
    order = await there.confirmed()
    await _offered(there, "D2")
    status, _ = await there.drive("D2", "POST", f"jobs/{order['id']}/decline")
    assert status == 200
    assert (await _offered(there, "D1"))["order_id"] == order["id"]
    assert await _offers(there, "D2") == []
    assert (await there.drive("D2", "POST", f"jobs/{order['id']}/decline"))[0] == 409
    there.clock.at += 31  # D1 lets it pass
    await _ended(there, 2)
    there.clock.at += 121  # and is asked again, after a while; D2 is not
    assert (await _offered(there, "D1"))["order_id"] == order["id"]
    asked = [row["agent_id"] for row in _rows(there, "dispatch_offer")]
    assert len(asked) == 3
    assert asked.count(asked[0]) == 1


async def test_an_offer_whose_time_is_over_cannot_be_taken(there: Cooperative) -> None:
    await _at(there, "D2", NEAR)
    order = await there.confirmed()
    await _offered(there, "D2")
    there.clock.at += 30
    assert await _offers(there, "D2") == []
    status, _ = await there.drive("D2", "POST", f"jobs/{order['id']}/accept")
    assert status == 409
    assert there.order(order["id"]).agent_id is None


async def test_a_driver_holds_one_offer_at_a_time(there: Cooperative) -> None:
    await _at(there, "D1", NEAR)
    first, second = await there.confirmed(), await there.confirmed()
    offer = await _offered(there, "D1")
    assert offer["order_id"] == first["id"]
    await _at(there, "D2", FAR)
    there.clock.at += 10  # the other job is looked at again
    assert (await _offered(there, "D2"))["order_id"] == second["id"]


async def test_what_the_desk_gives_away_is_no_longer_offered(there: Cooperative) -> None:
    await _at(there, "D1", NEAR)
    order = await there.confirmed()
    await _offered(there, "D1")
    _, listed = await there.desk("GET", "drivers")
    other = next(d["agent_id"] for d in listed["drivers"] if d["code"] == "D3")
    status, _ = await there.desk("POST", f"orders/{order['id']}/assign", {"agent_id": other})
    assert status == 200
    assert await _offers(there, "D1") == []
    await _ended(there, 1)
    assert [row["outcome"] for row in _rows(there, "dispatch_offer")] == ["withdrawn"]


async def test_who_has_earned_and_rested_less_comes_first(there: Cooperative) -> None:
    await _at(there, "D1", NEAR)
    order = await there.confirmed()
    await _offered(there, "D1")
    assert (await there.drive("D1", "POST", f"jobs/{order['id']}/accept"))[0] == 200
    await there.carried_out(order["id"], cash_collected=True)
    there.clock.at += 60
    await _at(there, "D2", {"lat": 3.1420, "lon": 101.6870})  # 200 m farther away
    again = await there.confirmed()
    assert (await _offered(there, "D2"))["order_id"] == again["id"]
    status, answer = await there.drive("D1", "GET", "dispatch")
    assert status == 200
    newest = answer["lists"][0]
    assert (newest["place"], newest["of"], newest["offered"]) == (2, 2, False)
    assert "because you earned more of late" in newest["why"]
    told = newest["sum"]
    assert told["score_s"] == told["travel_s"] - told["idle_bonus_s"] - told["earnings_bonus_s"]
    assert answer["weights"] == newest["weights"]


async def test_each_is_told_their_own_sum_and_nobody_elses(there: Cooperative) -> None:
    await _at(there, "D1", FAR)
    await _at(there, "D2", NEAR)
    order = await there.confirmed()
    await _offered(there, "D2")
    _, mine = await there.drive("D1", "GET", "dispatch")
    _, listed = await there.desk("GET", "drivers")
    ids = {driver["code"]: driver["agent_id"] for driver in listed["drivers"]}
    assert ids["D2"].encode() not in strict_json.dumps(mine)
    assert (await there.drive("D3", "GET", "dispatch"))[1]["lists"] == []
    status, whole = await there.desk("GET", f"orders/{order['id']}/dispatch")
    assert status == 200
    assert [each["agent_id"] for each in whole["lists"][0]["ranked"]] == [ids["D2"], ids["D1"]]
    assert whole["lists"][0]["offered_to"] == ids["D2"]


async def test_who_was_passed_over_is_told_why(there: Cooperative) -> None:
    await _at(there, "D1", NEAR)
    first = await there.confirmed()
    await _offered(there, "D1")
    assert (await there.drive("D1", "POST", f"jobs/{first['id']}/accept"))[0] == 200
    there.clock.at += 60
    await _at(there, "D2", FAR)
    await there.confirmed()
    await _offered(there, "D2")
    _, answer = await there.drive("D1", "GET", "dispatch")
    assert answer["lists"][0]["why"] == "you were passed over: you had a job"


async def test_at_confirm_the_list_is_kept_with_the_order(tmp_path: Path) -> None:
    async with cooperative(tmp_path, drivers=2) as there:
        await _at(there, "D1", FAR)
        await _at(there, "D2", NEAR)
        order = await there.confirmed()
        _, whole = await there.desk("GET", f"orders/{order['id']}/dispatch")
        ranked = whole["lists"][0]["ranked"]
        assert ranked[0]["agent_id"] == there.order(order["id"]).agent_id
        assert whole["lists"][0]["router"] == "straight line"
        assert (await there.desk("GET", "orders/none/dispatch"))[0] == 404


async def test_after_ninety_days_lists_are_forgotten(there: Cooperative) -> None:
    await _at(there, "D1", NEAR)
    order = await there.confirmed()
    await _offered(there, "D1")
    assert (await there.drive("D1", "POST", f"jobs/{order['id']}/accept"))[0] == 200
    await there.carried_out(order["id"], cash_collected=True)
    now = int(there.clock.at)

    def forget(at: int) -> int:
        count = 0
        while there.node.store.transact_now(lambda session: rounds.forget_next(session, at)):
            count += 1
        return count

    assert forget(now + rounds.KEPT_S) == 0
    assert forget(now + rounds.KEPT_S + 1) == 4
    assert all(_rows(there, table) == [] for table in _TABLES)


async def _ended(there: Cooperative, n: int) -> None:
    async with asyncio.timeout(60):
        while True:
            rows = _rows(there, "dispatch_offer")
            if sum(row["outcome"] is not None for row in rows) >= n:
                return
            await asyncio.sleep(0.02)
