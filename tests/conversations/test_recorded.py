"""Whole conversations between our own nodes, in every dialect: validate finds nothing in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.calls import Caller
from tests.conversations import network
from tests.conversations.network import (
    DELIVERIES,
    DROP,
    NEARBY,
    PICKUP,
    RIDES,
    Language,
    conversing,
)

Scenario = Callable[[network.Conversation], None]
CASH = {"collected_by": "BPP", "type": "ON-FULFILLMENT"}
PREPAID = {"collected_by": "BAP", "type": "PRE-ORDER"}


def _name(language: Language) -> str:
    return f"{language.dialect}-{language.kind}"


each_ride = pytest.mark.parametrize("language", RIDES, ids=_name)
each_delivery = pytest.mark.parametrize("language", DELIVERIES, ids=_name)
each = pytest.mark.parametrize("language", [*RIDES, *DELIVERIES], ids=_name)


async def converse(
    folder: Path, language: Language, scenario: Scenario, **changes: Any
) -> list[list[str]]:
    """Plays it; the actions of the consumer's recordings, once both recordings are faultless."""
    async with conversing(folder, language, **changes) as people:
        await asyncio.to_thread(scenario, people)
    verdicts = people.judged()
    said = [
        f"{Path(verdict.path).parts[-3]} {fault.file} {fault.code} {fault.reason}"
        for verdict in verdicts
        for fault in verdict.faults
    ]
    assert not said, "\n".join(said)
    assert len(verdicts) >= 2
    recorded = folder / "bap" / "recording"
    return [
        [path.stem.partition("_")[2] for path in sorted(flow.glob("*.json"))]
        for flow in sorted(recorded.iterdir())
        if flow.is_dir()
    ]


def book(people: network.Conversation) -> None:
    """From search to the confirmed order."""
    citizen, ride = people.citizen, people.language.is_ride
    payment = CASH if ride else PREPAID
    more = {} if ride else {"parcel": {"weight_grams": 1800, "description": "two books"}}
    offers = citizen.search(people.language.kind, PICKUP, DROP, payment=payment, **more)["offers"]
    citizen.select(offers[0]["offer_id"])
    citizen.init(payment)
    citizen.confirm(**({} if ride else {"payment_reference": "PAID-1"}))


def drive(people: network.Conversation) -> None:
    """The driver's day, from the job in hand to its end."""
    citizen, driver = people.citizen, people.driver
    order_id = driver.job()["order_id"]
    citizen.wait_for_state("RIDE_ASSIGNED")
    driver.step(order_id, "enroute")
    citizen.wait_for_state("RIDE_ENROUTE_PICKUP")
    driver.be_at(12.9750, 77.6060)
    citizen.track()
    driver.step(order_id, "arrived")
    code = citizen.wait_for_state("RIDE_ARRIVED_PICKUP")["order"]["start_code"]
    driver.step(order_id, "start", code=code)
    citizen.wait_for_state("RIDE_STARTED")
    driver.step(order_id, "end")
    citizen.wait_for(lambda journey: journey["state"] == "completed", "the end of the order")


def online(people: network.Conversation) -> None:
    people.driver.go_online(*NEARBY)


@each_ride
async def test_a_ride_from_search_to_the_end(language: Language, tmp_path: Path) -> None:
    def scenario(people: network.Conversation) -> None:
        online(people)
        book(people)
        drive(people)

    (actions,) = await converse(tmp_path, language, scenario)
    assert actions[:8] == [
        *("search", "on_search", "select", "on_select"),
        *("init", "on_init", "confirm", "on_confirm"),
    ]
    assert "on_track" in actions
    assert actions[-1] in ("on_status", "on_update")


@each_ride
async def test_a_driver_who_is_found_after_the_confirmation(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: network.Conversation) -> None:
        online(people)
        book(people)
        offer = people.driver.offer()
        people.driver.step(offer["order_id"], "accept")
        drive(people)

    (actions,) = await converse(tmp_path, language, scenario, assignment="offer")
    assert "on_update" in actions


@each
async def test_a_customer_who_cancels_at_the_fee_that_was_shown(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: network.Conversation) -> None:
        online(people)
        book(people)
        if people.language.is_ride:
            people.citizen.wait_for_state("RIDE_ASSIGNED")
        _ask_fee(people, "005")
        people.citizen.cancel("005")

    (actions,) = await converse(tmp_path, language, scenario)
    assert actions[-1] == "on_cancel"


@each
async def test_a_cooperative_that_cancels(language: Language, tmp_path: Path) -> None:
    def scenario(people: network.Conversation) -> None:
        online(people)
        book(people)
        order_id = people.citizen.journey["order"]["id"]
        reason = "013" if people.language.is_ride else "996"
        Caller(people.desk.at.url, people.desk.at.token).post(
            f"/desk/orders/{order_id}/cancel", {"reason_id": reason}
        )
        people.citizen.wait_for(lambda journey: journey["state"] == "cancelled", "the cancelling")

    (actions,) = await converse(tmp_path, language, scenario)
    assert actions[-1] == "on_cancel"


@each_ride
async def test_nobody_who_drives(language: Language, tmp_path: Path) -> None:
    def scenario(people: network.Conversation) -> None:
        online(people)
        citizen = people.citizen
        offers = citizen.search(people.language.kind, PICKUP, DROP, payment=CASH)["offers"]
        citizen.select(offers[0]["offer_id"])
        citizen.init(CASH)
        people.driver.at.post("/driver/online", {"online": False, "lat": 12.974, "lon": 77.605})
        body = {"quote_hash": citizen.journey["quote"]["hash"]}
        citizen._caller.post(f"{citizen._path}/confirm", body)
        citizen.wait_for(lambda journey: journey["error"], "the refusal")

    (actions,) = await converse(tmp_path, language, scenario)
    assert actions[-1] == "on_confirm"


@each_delivery
async def test_a_parcel_from_search_to_the_door(language: Language, tmp_path: Path) -> None:
    (actions,) = await converse(tmp_path, language, _deliver)
    assert "update" in actions or language.dialect == "core-1.1"


@each_delivery
async def test_a_parcel_that_goes_back(language: Language, tmp_path: Path) -> None:
    def scenario(people: network.Conversation) -> None:
        order_id = _fetch(people)
        people.driver.step(order_id, "return", reason_id="007")
        people.citizen.wait_for(lambda journey: _state(journey) == "RTO-Initiated", "turning back")
        people.driver.step(order_id, "returned")
        people.citizen.wait_for(lambda journey: _state(journey) == "RTO-Delivered", "coming back")

    await converse(tmp_path, language, scenario)


def _ask_fee(people: network.Conversation, reason_id: str) -> None:
    body = {"reason_id": reason_id, "soft": True}
    people.citizen._ask("cancel", body, lambda journey: journey["cancellation"]["fee"])


def _say_ready(people: network.Conversation) -> None:
    people.citizen._ask("update", {"ready_to_ship": True}, lambda journey: not journey["error"])


def _state(journey: dict[str, Any]) -> Any:
    order = journey["order"] or {}
    returned = order.get("return_leg") or {}
    return returned.get("state") or order.get("state")


def _fetch(people: network.Conversation) -> str:
    """Booked, ready, fetched and on its way; the order's id at the cooperative."""
    online(people)
    book(people)
    citizen, driver = people.citizen, people.driver
    if people.language.dialect != "core-1.1":
        _say_ready(people)
    order_id: str = driver.offer()["order_id"]
    driver.step(order_id, "accept")
    citizen.wait_for_state("Agent-assigned")
    driver.step(order_id, "arrived")
    code = citizen.wait_for_state("At-pickup")["order"]["start_code"]
    driver.step(order_id, "pickup", code=code)
    citizen.wait_for_state("Order-picked-up")
    driver.step(order_id, "enroute")
    citizen.wait_for_state("Out-for-delivery")
    return order_id


def _deliver(people: network.Conversation) -> None:
    order_id = _fetch(people)
    people.driver.be_at(12.9360, 77.6240)
    people.citizen.track()
    people.driver.step(order_id, "arrived-drop")
    people.citizen.wait_for_state("At-delivery")
    people.driver.step(order_id, "end")
    people.citizen.wait_for(lambda journey: journey["state"] == "completed", "the end")
