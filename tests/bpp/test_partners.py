"""A delivery with a home producer at the real doors: her part is named, both have slips."""

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bpp.insurance.slip_check import check
from protocol_specs.wire import tags
from tests.bpp.cooperative import Cooperative, accepting, cooperative
from tests.bpp.insured import FEE_PACK, insured, parcel_asked, walk
from tests.support.peers import DELIVERIES

CATEGORIES = {"D1": "TWO_WHEELER", "D2": "TWO_WHEELER", "D3": "LCV", "D4": "HOME"}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    changes: dict[str, Any] = {
        "domain": DELIVERIES,
        "kind": "delivery",
        "provider_id": "courier",
        "currency": "INR",
        "categories": ("TWO_WHEELER",),
        "assignment": "offer",
        "cancellation": (),
        "vehicles": tuple(
            {"registration": f"W {code}", "category": category}
            for code, category in CATEGORIES.items()
        ),
        "insurance": insured(tmp_path, FEE_PACK, funded_by={FEE_PACK: "commission"}),
    }
    async with cooperative(tmp_path, drivers=4, **changes) as running:
        yield running


async def booked(there: Cooperative) -> dict[str, Any]:
    transaction = str(uuid.uuid4())
    draft = (await there.ask("init", parcel_asked(), transaction_id=transaction))["message"]
    said = accepting(draft["order"])
    said["order"]["payments"][0]["status"] = "PAID"
    said["order"]["payments"][0]["params"]["transaction_id"] = "bank-77"
    reply = await there.ask("confirm", said, transaction_id=transaction)
    order: dict[str, Any] = reply["message"]["order"]
    return order


async def agent_id(there: Cooperative, code: str) -> str:
    _, answer = await there.desk("GET", "drivers")
    return next(str(d["agent_id"]) for d in answer["drivers"] if d["code"] == code)


async def name(there: Cooperative, job_id: str, *named: dict[str, Any]) -> tuple[int, Any]:
    return await there.desk("POST", f"orders/{job_id}/partners", {"partners": list(named)})


async def test_both_workers_of_one_delivery_have_slips_and_pay_of_their_own(
    there: Cooperative,
) -> None:
    order = await booked(there)
    hers = {"agent_id": await agent_id(there, "D2"), "amount": "2.00"}
    assert (await name(there, order["id"], hers))[0] == 200
    assert (await name(there, order["id"], hers))[0] == 200  # said twice, meant once
    await there.online("D1")
    await there.drive("D1", "POST", f"jobs/{order['id']}/accept")
    await there.bap.callback("on_status")
    await walk(there, "D1", order, "arrived", "pickup", "enroute", "arrived-drop", "end")
    last = (await there.bap.callback("on_status", n=6))["message"]["order"]
    fees = [
        tags.read([group])["@wayfare/contribution"]
        for group in last["tags"]
        if group["descriptor"]["code"] == "@wayfare/contribution"
    ]
    total = round(float(last["quote"]["price"]["value"]) * 100)
    pays = [minor - round(minor * 0.2) for minor in (200, total - 200)]
    assert [fee["AMOUNT"] for fee in fees] == [f"0.{round(pay / 100):02d}" for pay in pays]
    assert {fee["STATUS"] for fee in fees} == {"due"}
    _, hers_now = await there.drive("D2", "GET", "balance")
    _, his_now = await there.drive("D1", "GET", "balance")
    assert [each["accounts"][0]["pay_minor"] for each in (hers_now, his_now)] == pays
    for code in ("D1", "D2"):
        _, slips = await there.drive(code, "GET", "slips")
        for each in slips["slips"]:
            _, file = await there.drive(code, "GET", f"slips/{each['slip_id']}")
            check(json.dumps(file).encode(), None)
    assert there.order(order["id"]).events == 4  # confirmed, shared, assigned, completed


async def test_the_desk_sees_who_has_a_part_and_takes_it_back(there: Cooperative) -> None:
    order = await booked(there)
    hers = {"agent_id": await agent_id(there, "D3"), "amount": "2.00", "sector": "logistics"}
    await name(there, order["id"], hers)
    _, listed = await there.desk("GET", "orders")
    assert listed["orders"][0]["partners"] == [
        {"agent_id": hers["agent_id"], "sector": "logistics", "value": "2.00"}
    ]
    assert (await name(there, order["id"]))[0] == 200
    _, listed = await there.desk("GET", "orders")
    assert listed["orders"][0]["partners"] == []


@pytest.mark.parametrize(
    ("code", "changes", "status", "why"),
    [
        ("D2", {"agent_id": "nobody"}, 404, "no active driver or member"),
        ("D2", {"amount": "2.005"}, 400, ""),
        ("D2", {"amount": "0.00"}, 409, "above zero"),
        ("D2", {"amount": "999.00"}, 409, "at most"),
        ("D1", {}, 409, "the driver of this job"),
        ("D3", {"sector": "ride"}, 409, "no cap"),
        ("D4", {}, 409, "no cap"),
    ],
)
async def test_a_part_with_one_thing_wrong_is_refused_and_nothing_stored(
    there: Cooperative, code: str, changes: dict[str, Any], status: int, why: str
) -> None:
    order = await booked(there)
    await there.online("D1")
    await there.drive("D1", "POST", f"jobs/{order['id']}/accept")
    named = {"agent_id": await agent_id(there, code), "amount": "2.00", **changes}
    before = there.books()
    found, answer = await name(there, order["id"], named)
    assert found == status
    assert why in answer["error"]["message"]
    assert there.books() == before


async def test_the_same_member_named_twice_is_refused_and_nothing_stored(
    there: Cooperative,
) -> None:
    order = await booked(there)
    hers = {"agent_id": await agent_id(there, "D2"), "amount": "1.00"}
    before = there.books()
    status, answer = await name(there, order["id"], hers, {**hers, "amount": "2.00"})
    assert (status, "twice" in answer["error"]["message"]) == (409, True)
    assert there.books() == before


async def test_nobody_joins_an_order_that_is_over(there: Cooperative) -> None:
    order = await booked(there)
    await there.desk("POST", f"orders/{order['id']}/cancel", {"reason_id": "011"})
    hers = {"agent_id": await agent_id(there, "D2"), "amount": "2.00"}
    before = there.books()
    assert (await name(there, order["id"], hers))[0] == 409
    assert there.books() == before


async def test_a_partner_is_neither_offered_the_job_nor_given_it(there: Cooperative) -> None:
    order = await booked(there)
    await there.online("D2")
    assert len((await there.drive("D2", "GET", "offers"))[1]["offers"]) == 1
    hers = {"agent_id": await agent_id(there, "D2"), "amount": "2.00"}
    await name(there, order["id"], hers)
    before = there.books()
    assert (await there.drive("D2", "GET", "offers"))[1]["offers"] == []
    assert (await there.drive("D2", "POST", f"jobs/{order['id']}/accept"))[0] == 409
    body = {"agent_id": hers["agent_id"]}
    assert (await there.desk("POST", f"orders/{order['id']}/assign", body))[0] == 409
    assert there.books() == before


@pytest.mark.parametrize(
    ("borne_by", "code", "status"),
    [("worker", "D2", 200), ("worker", "D3", 409), ("cooperative", "D2", 409)],
)
async def test_a_refund_names_the_partner_who_bears_it_or_nobody(
    there: Cooperative, borne_by: str, code: str, status: int
) -> None:
    order = await booked(there)
    await name(there, order["id"], {"agent_id": await agent_id(there, "D2"), "amount": "2.00"})
    await there.online("D1")
    await there.drive("D1", "POST", f"jobs/{order['id']}/accept")
    await there.bap.callback("on_status")
    await walk(there, "D1", order, "arrived", "pickup", "enroute", "arrived-drop", "end")
    body = {
        "amount": "1.00",
        "borne_by": borne_by,
        "reference": "r1",
        "agent_id": await agent_id(there, code),
    }
    before = there.books()
    assert (await there.desk("POST", f"orders/{order['id']}/refund", body))[0] == status
    assert (there.books() == before) == (status != 200)
    if status == 200:
        _, hers = await there.drive("D2", "GET", "balance")
        assert hers["accounts"][0]["pay_minor"] == 60
