"""The driver's phone: tokens, offers, one job at a time, codes, and what it may not touch."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpp.fleet import roster
from bpp.orders.progress import FREE_TRIES
from protocol_specs.node.store import StoreUnavailable
from protocol_specs.wire import strict_json
from tests.bpp.cooperative import AT_PICKUP, Cooperative, cooperative


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path) as running:
        yield running


@pytest.fixture
async def offering(tmp_path: Path) -> AsyncIterator[Cooperative]:
    """A cooperative whose drivers choose their jobs."""
    changes = {"assignment": "offer", "takes_orders_without_driver": True}
    async with cooperative(tmp_path, drivers=5, **changes) as running:
        yield running


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer not-the-token-of-any-driver"}, {"Authorization": "Basic abc"}],
)
async def test_without_a_drivers_token_nothing_is_served(
    there: Cooperative, headers: dict[str, str]
) -> None:
    status, answer = await there.call("GET", "/driver/job", None, headers)
    assert (status, answer["error"]["code"]) == (401, "unauthorized")


async def test_going_online_needs_a_place(there: Cooperative) -> None:
    status, answer = await there.drive("D1", "POST", "online", {"online": True})
    assert (status, answer["error"]["path"]) == (400, "/lat")


async def test_a_position_is_reported_only_while_online(there: Cooperative) -> None:
    assert (await there.drive("D1", "POST", "position", AT_PICKUP))[0] == 409
    await there.online("D1")
    assert (await there.drive("D1", "POST", "position", AT_PICKUP))[0] == 200
    await there.drive("D1", "POST", "online", {"online": False})
    assert (await there.drive("D1", "POST", "position", AT_PICKUP))[0] == 409


async def test_open_jobs_are_offered_near_and_without_personal_data(
    offering: Cooperative,
) -> None:
    order = await offering.confirmed()
    assert await offering.drive("D1", "GET", "offers") == (200, {"offers": []})
    await offering.online("D1")
    _, answer = await offering.drive("D1", "GET", "offers")
    assert [offer["order_id"] for offer in answer["offers"]] == [order["id"]]
    text = strict_json.dumps(answer)
    assert b"Siti" not in text
    assert b"60111111111" not in text


async def test_a_job_is_assigned_after_confirm_and_the_bap_is_told(offering: Cooperative) -> None:
    order = await offering.confirmed()
    await offering.online("D1")
    status, answer = await offering.drive("D1", "POST", f"jobs/{order['id']}/accept")
    assert (status, answer["job"]["state"]) == (200, "RIDE_ASSIGNED")
    told = await offering.bap.callback("on_update")
    ride = told["message"]["order"]["fulfillments"][0]
    assert ride["agent"]["person"]["name"] == "Driver D1"
    assert ride["vehicle"]["registration"] == "W D1"
    assert ride["stops"][0]["authorization"]["status"] == "UNCLAIMED"
    assert (await offering.bap.callback("on_status"))["message"] == told["message"]


async def test_five_drivers_who_accept_at_once_get_one_job(offering: Cooperative) -> None:
    order, codes = await offering.confirmed(), ["D1", "D2", "D3", "D4", "D5"]
    await offering.online(*codes)
    answers = await asyncio.gather(
        *(offering.drive(code, "POST", f"jobs/{order['id']}/accept") for code in codes)
    )
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409]
    kinds = sorted(row[2] for row in offering.books()["events"])
    assert kinds == ["assigned", "confirmed"]


async def test_a_driver_who_accepts_ten_jobs_at_once_gets_one(offering: Cooperative) -> None:
    orders = [await offering.confirmed() for _ in range(10)]
    await offering.online("D1")
    answers = await asyncio.gather(
        *(offering.drive("D1", "POST", f"jobs/{order['id']}/accept") for order in orders)
    )
    assert sorted(status for status, _ in answers) == [200] + [409] * 9
    assert any("job already" in answer["error"]["message"] for _, answer in answers[1:])
    assert len([row for row in offering.books()["events"] if row[2] == "assigned"]) == 1


async def test_accepting_the_same_job_twice_changes_nothing(offering: Cooperative) -> None:
    order = await offering.confirmed()
    await offering.online("D1")
    first = await offering.drive("D1", "POST", f"jobs/{order['id']}/accept")
    before = offering.books()
    assert await offering.drive("D1", "POST", f"jobs/{order['id']}/accept") == first
    assert offering.books() == before


@pytest.mark.parametrize("step", ["enroute", "arrived", "end", "cancel", "start"])
async def test_the_job_of_another_driver_does_not_exist_for_this_one(
    there: Cooperative, step: str
) -> None:
    await there.online("D1")
    order = await there.confirmed()
    before = there.books()
    bodies = {"end": {}, "cancel": {"reason_id": "013"}, "start": {"code": "0000"}}
    path = f"jobs/{order['id']}/{step}"
    status, answer = await there.drive("D2", "POST", path, bodies.get(step))
    assert (status, answer["error"]["code"]) == (404, "unknown_order")
    assert there.books() == before


async def test_a_wrong_code_starts_nothing_and_five_of_them_make_it_slow(
    there: Cooperative,
) -> None:
    await there.online("D1")
    order = await there.confirmed()
    code = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
    wrong = "0000" if code != "0000" else "1111"
    path = f"jobs/{order['id']}"
    await there.drive("D1", "POST", f"{path}/enroute")
    await there.drive("D1", "POST", f"{path}/arrived")
    for _ in range(FREE_TRIES):
        status, answer = await there.drive("D1", "POST", f"{path}/start", {"code": wrong})
        assert (status, answer["error"]["code"]) == (409, "wrong_code")
    status, answer = await there.drive("D1", "POST", f"{path}/start", {"code": code})
    assert (status, answer["error"]["code"]) == (429, "slow_down")
    assert there.order(order["id"]).state == "RIDE_ARRIVED_PICKUP"
    there.clock.at += 60
    status, answer = await there.drive("D1", "POST", f"{path}/start", {"code": code})
    assert (status, answer["job"]["state"]) == (200, "RIDE_STARTED")


async def test_the_driver_is_never_told_the_code(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    code = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
    _, answer = await there.drive("D1", "GET", "job")
    assert answer["job"]["order_id"] == order["id"]
    assert f'"{code}"'.encode() not in strict_json.dumps(answer)


async def test_a_step_out_of_turn_says_what_comes_before_it(there: Cooperative) -> None:
    await there.online("D1")
    order = await there.confirmed()
    before = there.books()
    status, answer = await there.drive("D1", "POST", f"jobs/{order['id']}/end", {})
    assert (status, answer["error"]["code"]) == (409, "not_now")
    assert "RIDE_STARTED" in answer["error"]["message"]
    assert there.books() == before


async def test_a_driver_is_free_again_after_the_job(there: Cooperative) -> None:
    await there.online("D1")
    for _ in range(2):
        order = await there.confirmed()
        code = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
        steps = (("enroute", None), ("arrived", None), ("start", {"code": code}), ("end", {}))
        for step, body in steps:
            status, _ = await there.drive("D1", "POST", f"jobs/{order['id']}/{step}", body)
            assert status == 200
    _, answer = await there.drive("D1", "GET", "earnings")
    assert [job["cash"] for job in answer["jobs"]] == [True, True]


async def test_who_hears_that_it_could_not_be_stored_is_not_on_duty(
    there: Cooperative, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the disk away a driver heard 503 and was given the next job all the same."""

    def away(*_: object) -> None:
        raise StoreUnavailable("disk I/O error")

    here = {"online": True, **AT_PICKUP}
    with monkeypatch.context() as broken:
        broken.setattr(roster, "write_seen", away)
        assert (await there.drive("D1", "POST", "online", here))[0] == 503
    assert (await there.drive("D1", "POST", "position", AT_PICKUP))[0] == 409
    assert (await there.drive("D1", "POST", "online", here))[0] == 200
    with monkeypatch.context() as broken:
        broken.setattr(roster, "write_seen", away)
        assert (await there.drive("D1", "POST", "online", {"online": False}))[0] == 503
    assert (await there.drive("D1", "POST", "position", AT_PICKUP))[0] == 200
