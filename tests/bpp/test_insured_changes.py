"""Money that changes while a job runs: tips, other drops, ways back, refunds, and their books."""

from pathlib import Path
from typing import Any

from protocol_specs.wire.money import minor_units
from tests.bpp.cooperative import Cooperative, accepting, cooperative, order_asked
from tests.bpp.insured import (
    FEE_PACK,
    PREPAID,
    RIDE_PACK,
    contribution,
    insured,
    parcel_asked,
    walk,
)
from tests.support.peers import DELIVERIES

TRANSACTION = "5a3c8f0e-0f8e-4d7f-9c49-9f8a2a9e7b10"
NEARER = [{"type": "END", "location": {"gps": "3.145000,101.690000"}}]


async def prepaid(there: Cooperative, asked: dict[str, Any]) -> dict[str, Any]:
    """A confirmed order whose money the consumer's platform has."""
    draft = await there.ask("init", asked, transaction_id=TRANSACTION)
    confirm = accepting(draft["message"]["order"])
    reply = await there.ask("confirm", confirm, transaction_id=TRANSACTION)
    order: dict[str, Any] = reply["message"]["order"]
    return order


async def changed(there: Cooperative, order: dict[str, Any], target: str, **parts: Any) -> Any:
    wish = {"update_target": target, "order": {"id": order["id"], **parts}}
    told = await there.ask("update", wish, transaction_id=TRANSACTION)
    assert "error" not in told, told
    return told["message"]["order"]


async def tipped(there: Cooperative, order: dict[str, Any], value: str) -> Any:
    price = {"currency": "MYR", "value": value}
    line = {"title": "BUYER_ADDITIONAL_AMOUNT", "price": price}
    return await changed(there, order, "quote.breakup", quote={"price": price, "breakup": [line]})


async def balances(there: Cooperative) -> dict[str, int]:
    """What stands in the books, by the number of the account."""
    _, answer = await there.desk("GET", "ledger/balances")
    found: dict[str, int] = {}
    for one in answer["balances"]:
        number = one["account"].split(":")[0]
        found[number] = found.get(number, 0) + one["balance_minor"]
    return {number: minor for number, minor in found.items() if minor}


def fare_of(order: dict[str, Any]) -> int:
    return minor_units(order["quote"]["price"]["value"], order["quote"]["price"]["currency"])


def share_of(fare_minor: int) -> str:
    """1.25 % of the fare less 20 % commission, rounded half up."""
    earned = fare_minor - round(fare_minor * 0.2)
    return f"{int(earned * 0.0125 + 0.5) / 100:.2f}"


async def test_the_contribution_follows_another_drop_to_the_cent_and_a_tip_not_at_all(
    tmp_path: Path,
) -> None:
    insurance = insured(tmp_path, RIDE_PACK, mandates={RIDE_PACK: "file 7"})
    async with cooperative(tmp_path, insurance=insurance) as there:
        await there.online("D1")
        order = await prepaid(there, order_asked(payments=[PREPAID]))
        assert contribution(order)["AMOUNT"] == share_of(fare_of(order))
        moved = await changed(there, order, "fulfillments", fulfillments=[{"stops": NEARER}])
        fare = fare_of(moved)
        assert contribution(moved)["AMOUNT"] == share_of(fare)
        with_tip = await tipped(there, order, "5.00")
        assert fare_of(with_tip) == fare + 500
        assert contribution(with_tip)["AMOUNT"] == share_of(fare)
        await walk(there, "D1", order, "enroute", "arrived", "start", "end")
        stands = await balances(there)
        assert stands["2110"] == 500
        assert stands["1200"] == fare + 500
        assert stands["2210"] == minor_units(share_of(fare), "MYR")


async def test_a_ride_that_was_moved_and_tipped_and_then_cancelled_leaves_nothing_in_the_books(
    tmp_path: Path,
) -> None:
    insurance = insured(tmp_path, RIDE_PACK, mandates={RIDE_PACK: "file 7"})
    async with cooperative(tmp_path, insurance=insurance) as there:
        await there.online("D1")
        order = await prepaid(there, order_asked(payments=[PREPAID]))
        await changed(there, order, "fulfillments", fulfillments=[{"stops": NEARER}])
        await tipped(there, order, "5.00")
        wish = {"order_id": order["id"], "cancellation_reason_id": "005"}
        over = await there.ask("cancel", wish, transaction_id=TRANSACTION)
        assert fare_of(over["message"]["order"]) == 0
        assert await balances(there) == {}


async def test_a_refund_borne_by_the_worker_lowers_their_contribution(tmp_path: Path) -> None:
    insurance = insured(tmp_path, RIDE_PACK, mandates={RIDE_PACK: "file 7"})
    async with cooperative(tmp_path, insurance=insurance) as there:
        await there.online("D1")
        order = await prepaid(there, order_asked(payments=[PREPAID]))
        await walk(there, "D1", order, "enroute", "arrived", "start", "end")
        before = await balances(there)
        wish = {"amount": "4.00", "borne_by": "worker", "reference": "R1"}
        assert (await there.desk("POST", f"orders/{order['id']}/refund", wish))[0] == 200
        after = await balances(there)
        assert after["2250"] == 400
        assert before["2210"] - after["2210"] == 5


async def test_a_way_back_is_earned_and_insured_like_the_way_there(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "domain": DELIVERIES,
        "kind": "delivery",
        "provider_id": "courier",
        "currency": "INR",
        "categories": ("TWO_WHEELER",),
        "cancellation": (),
        "return_percentage": "50",
        "vehicles": ({"registration": "W D1", "category": "TWO_WHEELER"},),
        "insurance": insured(tmp_path, FEE_PACK, funded_by={FEE_PACK: "commission"}),
    }
    async with cooperative(tmp_path, drivers=1, **changes) as there:
        await there.online("D1")
        order = await prepaid(there, parcel_asked())
        await walk(there, "D1", order, "arrived", "pickup", "enroute")
        path = f"jobs/{order['id']}"
        unknown = await there.drive("D1", "POST", f"{path}/return", {"reason_id": "999"})
        assert (unknown[0], unknown[1]["error"]["code"]) == (400, "30011")
        assert (await there.drive("D1", "POST", f"{path}/return", {"reason_id": "011"}))[0] == 200
        back = (await there.bap.callback("on_cancel"))["message"]["order"]
        fare = fare_of(order)
        assert fare_of(back) == fare + (fare + 1) // 2
        assert (await there.drive("D1", "POST", f"{path}/returned", {}))[0] == 200
        over = (await there.bap.callback("on_status", n=4))["message"]["order"]
        assert (over["status"], contribution(over)["STATUS"]) == ("CANCELLED", "due")
        stands = await balances(there)
        assert stands["1200"] == fare_of(back)
