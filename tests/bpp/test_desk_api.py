"""The desk: drivers and vehicles added while the node runs, orders assigned and ended."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bpp.cooperative import AT_PICKUP, Cooperative, cooperative, token

VEHICLE = {"registration": "WXY 77", "category": "CAB", "make": "Proton"}
DRIVER = {"code": "N1", "name": "Nor", "phone": "60123400000", "vehicle": "WXY 77"}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "drivers", None),
        ("POST", "drivers", {"code": "D9", "name": "N", "phone": "60123456789", "vehicle": "W D1"}),
        ("POST", "drivers/import", None),
        ("POST", "drivers/w1/active", {"active": False}),
        ("POST", "drivers/w1/token", None),
        ("POST", "vehicles", {"registration": "W 9", "category": "CAB"}),
        ("GET", "orders", None),
        ("POST", "orders/o1/assign", {"agent_id": "w1"}),
        ("POST", "orders/o1/end", {"cash_collected": True}),
        ("POST", "orders/o1/cancel", {"reason_id": "011"}),
    ],
)
async def test_without_the_desks_token_nothing_is_served(
    there: Cooperative, method: str, path: str, body: dict[str, object] | None
) -> None:
    headers = {"Authorization": f"Bearer {token('D1')}"}
    status, answer = await there.call(method, f"/desk/{path}", body, headers)
    assert (status, answer["error"]["code"]) == (401, "unauthorized")


async def test_the_desks_token_is_in_a_file_that_only_the_owner_reads(there: Cooperative) -> None:
    path = there.node.settings.data_dir / "desk.token"
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_driver_added_while_running_can_work_at_once(there: Cooperative) -> None:
    assert (await there.desk("POST", "vehicles", VEHICLE))[0] == 201
    status, added = await there.desk("POST", "drivers", DRIVER)
    assert status == 201
    headers = {"Authorization": f"Bearer {added['token']}"}
    body = {"online": True, **AT_PICKUP}
    assert (await there.call("POST", "/driver/online", body, headers))[0] == 200
    order = await there.confirmed()
    assert order["fulfillments"][0]["agent"]["person"]["name"] == "Nor"


async def test_a_driver_without_a_registered_vehicle_is_refused_by_field(
    there: Cooperative,
) -> None:
    status, answer = await there.desk("POST", "drivers", DRIVER)
    assert (status, answer["error"]["path"]) == (400, "/vehicle")


async def test_a_csv_file_is_imported_whole_or_not_at_all(there: Cooperative) -> None:
    _, before = await there.desk("GET", "drivers")
    header = "code,name,phone,vehicle,category\n"
    bad = f"{header}C1,Chong,60123400001,V 1,CAB\nC2,Devi,12,V 2,CAB\n".encode()
    status, answer = await there.desk("POST", "drivers/import", bad)
    assert (status, answer["error"]["code"]) == (400, "bad_csv")
    assert answer["error"]["message"].startswith("line 3: phone")
    assert (await there.desk("GET", "drivers"))[1] == before
    good = f"{header}C1,Chong,60123400001,V 1,CAB\nC2,Devi,60123400002,V 2,CAB\n".encode()
    status, answer = await there.desk("POST", "drivers/import", good)
    assert (status, sorted(answer["tokens"])) == (201, ["C1", "C2"])
    assert len((await there.desk("GET", "drivers"))[1]["drivers"]) == len(before["drivers"]) + 2


async def agent_id(there: Cooperative, code: str) -> str:
    _, answer = await there.desk("GET", "drivers")
    found: str = next(d["agent_id"] for d in answer["drivers"] if d["code"] == code)
    return found


async def test_the_desk_assigns_an_order_and_the_bap_hears_of_it(there: Cooperative) -> None:
    order = await there.confirmed()
    body = {"agent_id": await agent_id(there, "D2")}
    status, answer = await there.desk("POST", f"orders/{order['id']}/assign", body)
    assert (status, answer["job"]["state"]) == (200, "RIDE_ASSIGNED")
    told = await there.bap.callback("on_update")
    agent = told["message"]["order"]["fulfillments"][0]["agent"]
    assert agent["person"]["name"] == "Driver D2"


async def test_a_reassigned_job_is_the_new_drivers_and_no_longer_the_old_ones(
    there: Cooperative,
) -> None:
    await there.online("D1")
    order = await there.confirmed()
    body = {"agent_id": await agent_id(there, "D2")}
    assert (await there.desk("POST", f"orders/{order['id']}/assign", body))[0] == 200
    assert await there.drive("D1", "GET", "job") == (200, {"job": None})
    assert (await there.drive("D1", "POST", f"jobs/{order['id']}/enroute"))[0] == 404
    assert (await there.drive("D2", "POST", f"jobs/{order['id']}/enroute"))[0] == 200


async def test_the_desk_cannot_give_a_driver_two_jobs(there: Cooperative) -> None:
    await there.online("D1")
    await there.confirmed()
    second = await there.confirmed()
    before = there.books()
    body = {"agent_id": await agent_id(there, "D1")}
    status, answer = await there.desk("POST", f"orders/{second['id']}/assign", body)
    assert (status, answer["error"]["code"]) == (409, "not_now")
    assert there.books() == before


async def test_the_desk_ends_an_order_that_nobody_can_serve(there: Cooperative) -> None:
    order = await there.confirmed()
    status, _ = await there.desk("POST", f"orders/{order['id']}/cancel", {"reason_id": "011"})
    assert status == 200
    told = await there.bap.callback("on_cancel")
    assert told["message"]["order"]["cancellation"]["cancelled_by"] == "PROVIDER"


async def test_the_desk_ends_a_begun_ride_for_a_driver_who_cannot_and_only_once(
    there: Cooperative,
) -> None:
    await there.online("D1")
    order = await there.confirmed()
    early = await there.desk("POST", f"orders/{order['id']}/end", {"cash_collected": True})
    assert (early[0], early[1]["error"]["code"]) == (409, "not_now")
    code = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
    for step, body in (("enroute", None), ("arrived", None), ("start", {"code": code})):
        assert (await there.drive("D1", "POST", f"jobs/{order['id']}/{step}", body))[0] == 200
    who = await agent_id(there, "D1")
    await there.desk("POST", f"drivers/{who}/active", {"active": False})
    assert (await there.drive("D1", "POST", f"jobs/{order['id']}/end", {}))[0] == 401
    unsaid, _ = await there.desk("POST", f"orders/{order['id']}/end", {})
    assert unsaid == 400
    status, answer = await there.desk(
        "POST", f"orders/{order['id']}/end", {"cash_collected": False}
    )
    assert status == 200
    assert (answer["job"]["status"], answer["job"]["payment"]["status"]) == ("COMPLETE", "NOT-PAID")
    again = await there.desk("POST", f"orders/{order['id']}/end", {"cash_collected": True})
    assert again[0] == 409


async def test_the_desk_can_tell_a_driver_the_start_code_until_the_ride_begins(
    there: Cooperative,
) -> None:
    await there.online("D1")
    order = await there.confirmed()
    code = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
    _, job = await there.drive("D1", "GET", "job")
    assert "start_code" not in job["job"]
    _, told = await there.desk("GET", "orders")
    assert [(one["order_id"], one["start_code"]) for one in told["orders"]] == [(order["id"], code)]
    for step, body in (("enroute", None), ("arrived", None), ("start", {"code": code})):
        status, answer = await there.drive("D1", "POST", f"jobs/{order['id']}/{step}", body)
        assert status == 200, answer
    _, told = await there.desk("GET", "orders")
    assert [one["start_code"] for one in told["orders"]] == [None]


async def test_an_order_that_is_cancelled_has_no_start_code_at_the_desk(
    there: Cooperative,
) -> None:
    order = await there.confirmed()
    await there.ask("cancel", {"order_id": order["id"], "cancellation_reason_id": "005"})
    _, told = await there.desk("GET", "orders")
    assert [(one["status"], one["start_code"]) for one in told["orders"]] == [("CANCELLED", None)]


async def test_a_driver_who_left_can_no_longer_call_nor_be_sent(there: Cooperative) -> None:
    await there.online("D1")
    who = await agent_id(there, "D1")
    assert (await there.desk("POST", f"drivers/{who}/active", {"active": False}))[0] == 200
    assert (await there.drive("D1", "GET", "job"))[0] == 401
    order = await there.confirmed()
    assert "agent" not in order["fulfillments"][0]


async def test_a_new_token_kills_the_old_one(there: Cooperative) -> None:
    who = await agent_id(there, "D1")
    status, answer = await there.desk("POST", f"drivers/{who}/token")
    assert status == 200
    assert (await there.drive("D1", "GET", "job"))[0] == 401
    headers = {"Authorization": f"Bearer {answer['token']}"}
    assert (await there.call("GET", "/driver/job", None, headers))[0] == 200
    assert (await there.desk("POST", "drivers/nobody/token"))[0] == 404
