"""Whole insured jobs at the real door: a cash ride, a prepaid delivery assigned after confirm."""

import uuid
from pathlib import Path
from typing import Any

from tests.bpp.cooperative import accepting, cooperative
from tests.bpp.insured import FEE_PACK, RIDE_PACK, contribution, insured, parcel_asked, walk
from tests.support.peers import DELIVERIES


async def test_a_cash_ride_sets_aside_the_workers_share_from_confirm_to_end(
    tmp_path: Path,
) -> None:
    insurance = insured(tmp_path, RIDE_PACK, mandates={RIDE_PACK: "file 7"})
    async with cooperative(tmp_path, insurance=insurance) as there:
        await there.online("D1")
        order = await there.confirmed()
        assert contribution(order)["STATUS"] == "set_aside"
        await walk(there, "D1", order, "enroute", "arrived", "start", "end")
        ended = (await there.bap.callback("on_status", n=4))["message"]["order"]
        assert (ended["status"], ended["payments"][0]["status"]) == ("COMPLETE", "PAID")
        assert contribution(ended)["STATUS"] == "due"
        status, slips = await there.drive("D1", "GET", "slips")
        assert status == 200
        assert slips["slips"]
        assert await there.drive("D2", "GET", "slips") == (200, {"slips": []})


async def test_a_cancelled_ride_nets_to_nothing(tmp_path: Path) -> None:
    insurance = insured(tmp_path, RIDE_PACK, mandates={RIDE_PACK: "file 7"})
    async with cooperative(tmp_path, insurance=insurance) as there:
        await there.online("D1")
        order = await there.confirmed()
        wish = {"order_id": order["id"], "cancellation_reason_id": "005"}
        cancelled = (await there.ask("cancel", wish))["message"]["order"]
        assert cancelled["status"] == "CANCELLED"
        assert contribution(cancelled)["AMOUNT"] == "0.00"


async def test_a_prepaid_delivery_is_assigned_after_confirm_and_each_state_is_told(
    tmp_path: Path,
) -> None:
    changes: dict[str, Any] = {
        "domain": DELIVERIES,
        "kind": "delivery",
        "provider_id": "courier",
        "currency": "INR",
        "categories": ("TWO_WHEELER",),
        "assignment": "offer",
        "takes_orders_without_driver": True,
        "cancellation": (),
        "vehicles": ({"registration": "W D1", "category": "TWO_WHEELER"},),
        "insurance": insured(tmp_path, FEE_PACK, funded_by={FEE_PACK: "commission"}),
    }
    async with cooperative(tmp_path, drivers=1, **changes) as there:
        transaction = str(uuid.uuid4())
        draft = (await there.ask("init", parcel_asked(), transaction_id=transaction))["message"]
        said = accepting(draft["order"])
        said["order"]["payments"][0]["status"] = "PAID"
        said["order"]["payments"][0]["params"]["transaction_id"] = "bank-77"
        reply = await there.ask("confirm", said, transaction_id=transaction)
        order = reply["message"]["order"]
        parcel = order["fulfillments"][0]
        assert parcel["state"]["descriptor"]["code"] == "Searching-for-Agent"
        assert order["payments"][0]["status"] == "PAID"
        await there.online("D1")
        await there.drive("D1", "POST", f"jobs/{order['id']}/accept")
        await there.bap.callback("on_status")
        await walk(there, "D1", order, "arrived", "pickup", "enroute", "arrived-drop", "end")
        last = (await there.bap.callback("on_status", n=6))["message"]["order"]
        assert last["status"] == "COMPLETE"
        states = [
            heard["message"]["order"]["fulfillments"][0]["state"]["descriptor"]["code"]
            for heard in there.bap.heard
            if heard["context"]["action"] == "on_status"
        ]
        assert states == [
            "Agent-assigned",
            "At-pickup",
            "Order-picked-up",
            "Out-for-delivery",
            "At-delivery",
            "Order-delivered",
        ]
        assert contribution(last)["STATUS"] == "due"
        assert contribution(last)["BORNE_BY"] == "cooperative"
