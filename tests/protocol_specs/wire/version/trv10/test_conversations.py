"""Whole conversations in the ride network's words find no fault before `wayfare validate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from protocol_specs.validate.reading import conversations
from protocol_specs.validate.rules import judge
from protocol_specs.wire import order
from protocol_specs.wire.values import replace
from protocol_specs.wire.version.dialect import Dialect
from tests.protocol_specs.wire.version.trv10 import rides

ASKED = replace(rides.drafted(rides.RIDE), bap_terms=rides.TERMS)
STANDING = replace(rides.RIDE, cancellation=None)
PAID = tuple(replace(payment, status="PAID") for payment in rides.RIDE.payments)
FEE = order.Quote(
    "",
    "INR",
    (
        *rides.TOLD.lines,
        order.PriceLine("CANCELLATION_CHARGES", 1000),
        order.PriceLine("REFUND", -14600),
    ),
    200,
)

Turn = tuple[str, Any]
UNASKED = "unasked "


def ride(state: str, **changes: Any) -> order.OrderView:
    claimed = state in ("RIDE_STARTED", "RIDE_ENDED")
    fulfillment = replace(STANDING.fulfillment, state=state, code_claimed=claimed)
    if state == "RIDE_CONFIRMED":
        fulfillment = replace(fulfillment, agent=None)
    return replace(STANDING, fulfillment=fulfillment, **changes)


def told(dialect: Dialect, action: str, view: order.OrderView) -> Turn:
    return action, dialect.write_on_order(view, action=action.removeprefix(UNASKED))


def until_confirm(dialect: Dialect) -> list[Turn]:
    draft = rides.drafted(rides.RIDE)
    return [
        ("search", dialect.write_search(replace(rides.INTENT, vehicle_category=None))),
        ("on_search", dialect.write_on_search(rides.CATALOG, intent=rides.INTENT)),
        ("select", dialect.write_select(draft)),
        told(dialect, "on_select", draft),
        ("init", dialect.write_init(ASKED)),
        told(dialect, "on_init", draft),
        ("confirm", dialect.write_confirm(ASKED)),
    ]


def driven(dialect: Dialect) -> list[Turn]:
    moving = ("RIDE_ENROUTE_PICKUP", "RIDE_ARRIVED_PICKUP", "RIDE_STARTED")
    tracking = order.Tracking("active", rides.PICKUP, 1_767_322_800)
    return [
        *(told(dialect, UNASKED + "on_status", ride(state)) for state in moving),
        ("track", dialect.write_track("o-1")),
        ("on_track", dialect.write_on_track(tracking)),
        told(dialect, UNASKED + "on_update", ride("RIDE_ENDED")),
        ("status", dialect.write_status("o-1")),
        told(dialect, "on_status", ride("RIDE_ENDED", status="COMPLETE", payments=PAID)),
    ]


def happy(dialect: Dialect) -> list[Turn]:
    assigned = told(dialect, "on_confirm", ride("RIDE_ASSIGNED"))
    return [*until_confirm(dialect), assigned, *driven(dialect)]


def driver_late(dialect: Dialect) -> list[Turn]:
    waiting = told(dialect, "on_confirm", ride("RIDE_CONFIRMED"))
    found = told(dialect, UNASKED + "on_update", ride("RIDE_ASSIGNED"))
    return [*until_confirm(dialect), waiting, found, *driven(dialect)]


def cancelled(dialect: Dialect, wish: order.CancelRequest) -> list[Turn]:
    why = order.Cancellation("CONSUMER", wish.reason_id, 1_767_323_000)
    asked = ride("RIDE_ASSIGNED", status="SOFT_CANCEL", quote=FEE, cancellation=why)
    gone = ride("RIDE_CANCELLED", status="CANCELLED", quote=FEE, cancellation=why)
    return [
        ("cancel", dialect.write_cancel(wish)),
        told(dialect, "on_cancel", asked),
        ("cancel", dialect.write_cancel(replace(wish, soft=False))),
        told(dialect, "on_cancel", gone),
    ]


def rider_cancels(dialect: Dialect) -> list[Turn]:
    wish = order.CancelRequest("o-1", "005", soft=True)
    assigned = told(dialect, "on_confirm", ride("RIDE_ASSIGNED"))
    return [*until_confirm(dialect), assigned, *cancelled(dialect, wish)]


def driver_cancels(dialect: Dialect) -> list[Turn]:
    why = order.Cancellation("PROVIDER", "013", 1_767_323_000)
    gone = ride("RIDE_CANCELLED", status="CANCELLED", quote=FEE, cancellation=why)
    assigned = told(dialect, "on_confirm", ride("RIDE_ASSIGNED"))
    return [*until_confirm(dialect), assigned, told(dialect, UNASKED + "on_cancel", gone)]


def lost_on_confirm(dialect: Dialect) -> list[Turn]:
    """The provider sent it, the platform never had it: so it asks by the transaction."""
    return [
        *until_confirm(dialect),
        told(dialect, "on_confirm", ride("RIDE_ASSIGNED")),
        ("status", dialect.write_status(str(UUID(int=1)), is_transaction=True)),
        told(dialect, "on_status", ride("RIDE_ASSIGNED")),
        *cancelled(dialect, order.CancelRequest("o-1", "000", soft=True)),
    ]


def no_driver(dialect: Dialect) -> list[Turn]:
    error = {"code": "90203", "message": "Driver not assigned to the order"}
    return [*until_confirm(dialect), ("on_confirm", error)]


@pytest.mark.parametrize("dialect", rides.EDITIONS, ids=lambda one: one.traits.name)
@pytest.mark.parametrize(
    "story",
    [happy, driver_late, rider_cancels, driver_cancels, lost_on_confirm, no_driver],
    ids=lambda story: story.__name__,
)
def test_a_conversation_has_no_fault(dialect: Dialect, story: Any, tmp_path: Path) -> None:
    message_id = 0
    for n, (action, content) in enumerate(story(dialect), 1):
        name = action.removeprefix(UNASKED)
        message_id += not action.startswith("on_")
        document = rides.document(dialect, name, content)
        if "code" in content:
            document["error"] = document.pop("message")
        document["context"] |= {
            "transaction_id": str(UUID(int=1, version=4)),
            "message_id": str(UUID(int=100 + message_id, version=4)),
            "timestamp": f"2026-01-02T03:04:{n:02}.678Z",
        }
        (tmp_path / f"{n:02}_{name}.json").write_text(json.dumps(document))
    (conversation,) = conversations([tmp_path])
    verdict = judge(conversation)
    assert [(fault.file, fault.path, fault.reason) for fault in verdict.faults] == []
