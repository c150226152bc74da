"""Callbacks that are late, repeated or out of order: the order's own progress decides."""

import asyncio

import pytest

from tests.bap.network import Network, cancelled, message_of, ordered, quoted
from tests.support.peers import NOW


async def test_an_older_state_that_comes_later_changes_nothing(net: Network) -> None:
    await net.booked("RIDE_ASSIGNED")
    confirm = net.coop.of("confirm")[0]
    assert (await net.unasked("on_status", ordered(confirm, "RIDE_STARTED", NOW + 20))).is_ack
    await net.citizen.journey(lambda now: now["order"]["state"] == "RIDE_STARTED")
    assert (await net.unasked("on_status", ordered(confirm, "RIDE_ENROUTE_PICKUP", NOW + 5))).is_ack
    await net.handled()
    assert (await net.citizen.journey())["order"]["state"] == "RIDE_STARTED"


async def test_a_state_from_before_the_start_is_not_believed_even_if_dated_later(
    net: Network,
) -> None:
    await net.booked("RIDE_STARTED")
    confirm = net.coop.of("confirm")[0]
    assert (await net.unasked("on_status", ordered(confirm, "RIDE_ASSIGNED", NOW + 50))).is_ack
    await net.handled()
    assert (await net.citizen.journey())["order"]["state"] == "RIDE_STARTED"


async def test_another_driver_may_step_the_state_back_before_the_start(net: Network) -> None:
    await net.booked("RIDE_ENROUTE_PICKUP")
    confirm = net.coop.of("confirm")[0]
    assert (await net.unasked("on_update", ordered(confirm, "RIDE_ASSIGNED", NOW + 9))).is_ack
    journey = await net.citizen.journey(lambda now: now["order"]["state"] == "RIDE_ASSIGNED")
    assert journey["state"] == "booked"


async def test_a_cancelled_order_stays_cancelled(net: Network) -> None:
    await net.booked("RIDE_ASSIGNED")
    confirm = net.coop.of("confirm")[0]
    assert (await net.unasked("on_cancel", cancelled(confirm, 0))).is_ack
    await net.citizen.journey(lambda now: now["state"] == "cancelled")
    assert (await net.unasked("on_status", ordered(confirm, "RIDE_ASSIGNED", NOW + 99))).is_ack
    await net.handled()
    assert (await net.citizen.journey())["state"] == "cancelled"


async def test_the_same_bytes_again_are_acked_and_change_nothing(net: Network) -> None:
    before = await net.booked("RIDE_ASSIGNED")
    confirm = net.coop.of("confirm")[0]
    message = message_of(ordered(confirm, "RIDE_ASSIGNED"), "on_confirm")
    for _ in range(2):
        assert (await net.coop.say("on_confirm", confirm, message)).is_ack
    await net.handled()
    assert (await net.citizen.journey())["order"] == before["order"]


async def test_two_states_under_one_message_id_are_both_taken(net: Network) -> None:
    await net.booked("RIDE_CONFIRMED")
    confirm = net.coop.of("confirm")[0]
    for n, state in enumerate(("RIDE_ASSIGNED", "RIDE_ENROUTE_PICKUP"), start=1):
        message = message_of(ordered(confirm, state, NOW + n), "on_status")
        assert (await net.coop.say("on_status", confirm, message, message_id="same")).is_ack
    await net.citizen.journey(lambda now: now["order"]["state"] == "RIDE_ENROUTE_PICKUP")


@pytest.mark.parametrize("fault", [None, {"code": "40000", "message": "we are full"}])
async def test_a_late_on_select_does_not_take_back_the_final_terms(
    net: Network, fault: dict[str, str] | None
) -> None:
    ready = await net.ready()
    select = net.coop.of("select")[0]
    message = None if fault else message_of(quoted(select), "on_select")
    assert (await net.coop.say("on_select", select, message, error=fault)).is_ack
    await net.node.arrivals.drained()
    journey = await net.citizen.journey()
    assert (journey["state"], journey["quote"]) == ("ready", ready["quote"])
    assert journey["error"] is None
    status, _ = await net.citizen.call("POST", "/confirm", {"quote_hash": ready["quote"]["hash"]})
    assert status == 202


async def test_after_the_final_terms_the_citizen_may_still_ask_for_another_price(
    net: Network,
) -> None:
    await net.ready()
    assert (await net.selected())["state"] == "quoted"


async def test_a_late_on_confirm_still_books_the_ride(net: Network) -> None:
    journey = await net.ready()
    body = {"quote_hash": journey["quote"]["hash"]}
    status, journey = await net.citizen.call("POST", "/confirm", body)
    assert (status, journey["state"]) == (202, "confirming")
    confirm = await net.coop.asked("confirm")
    net.clock.at += 25 * 60
    message = message_of(ordered(confirm, "RIDE_ASSIGNED"), "on_confirm")
    assert (await net.coop.say("on_confirm", confirm, message)).is_ack
    journey = await net.citizen.journey(lambda now: now["state"] == "booked")
    assert journey["order"]["id"] == "order-1"


async def test_a_confirm_without_an_answer_is_chased_by_status(net: Network) -> None:
    journey = await net.ready()
    body = {"quote_hash": journey["quote"]["hash"]}
    await net.citizen.call("POST", "/confirm", body)
    confirm = await net.coop.asked("confirm")
    net.clock.at += 60
    status = await net.coop.asked("status")
    assert status["message"]["order_id"] == confirm["context"]["transaction_id"]
    message = message_of(ordered(confirm, "RIDE_ASSIGNED"), "on_status")
    assert (await net.coop.say("on_status", status, message)).is_ack
    journey = await net.citizen.journey(lambda now: now["state"] == "booked")
    assert journey["order"]["id"] == "order-1"


async def test_an_order_unknown_to_its_provider_is_lost_until_a_late_on_confirm(
    net: Network,
) -> None:
    journey = await net.ready()
    await net.citizen.call("POST", "/confirm", {"quote_hash": journey["quote"]["hash"]})
    confirm = await net.coop.asked("confirm")
    net.clock.at += 60
    status = await net.coop.asked("status")
    error = {"code": "30010", "message": "no such order"}
    assert (await net.coop.say("on_status", status, error=error)).is_ack
    await net.citizen.journey(lambda now: now["state"] == "lost")
    message = message_of(ordered(confirm, "RIDE_ASSIGNED"), "on_confirm")
    assert (await net.coop.say("on_confirm", confirm, message)).is_ack
    await net.citizen.journey(lambda now: now["state"] == "booked")


async def test_an_unsolicited_state_before_the_on_confirm_books_as_well(net: Network) -> None:
    journey = await net.ready()
    await net.citizen.call("POST", "/confirm", {"quote_hash": journey["quote"]["hash"]})
    confirm = await net.coop.asked("confirm")
    later = ordered(confirm, "RIDE_ENROUTE_PICKUP", NOW + 10)
    assert (await net.unasked("on_status", later)).is_ack
    await net.citizen.journey(lambda now: now["state"] == "booked")
    message = message_of(ordered(confirm, "RIDE_ASSIGNED", NOW), "on_confirm")
    assert (await net.coop.say("on_confirm", confirm, message)).is_ack
    await net.handled()
    assert (await net.citizen.journey())["order"]["state"] == "RIDE_ENROUTE_PICKUP"


async def test_a_refused_confirm_can_be_tried_again(net: Network) -> None:
    journey = await net.ready()
    body = {"quote_hash": journey["quote"]["hash"]}
    asking = asyncio.create_task(net.citizen.call("POST", "/confirm?wait_s=8", body))
    confirm = await net.coop.asked("confirm")
    error = {"code": "40006", "message": "no driver is free"}
    assert (await net.coop.say("on_confirm", confirm, error=error)).is_ack
    status, journey = await asking
    assert (status, journey["state"]) == (200, "ready")
    assert journey["error"]["message"] == "no driver is free"
    status, _ = await net.citizen.call("POST", "/confirm", body)
    assert status == 202


async def test_a_confirm_nacked_by_the_provider_is_told_to_the_citizen(net: Network) -> None:
    journey = await net.ready()
    error = {"code": "40003", "message": "the quote has expired"}
    net.coop.answer = (400, {"message": {"ack": {"status": "NACK"}}, "error": error})
    body = {"quote_hash": journey["quote"]["hash"]}
    status, journey = await net.citizen.call("POST", "/confirm?wait_s=8", body)
    assert (status, journey["state"]) == (200, "ready")
    assert journey["error"]["code"] == "40003"
