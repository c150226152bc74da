"""An order is changed at the price that was shown, and at no other."""

from typing import Any

from protocol_specs.wire.order import PriceLine, Quote
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1 as version
from tests.bap.network import DROP, LINES, Network, message_of, ordered
from tests.support.peers import NOW

TIP = PriceLine("BUYER_ADDITIONAL_AMOUNT", 200)
ELSEWHERE = {"lat": 3.1466, "lon": 101.7108, "address": "Bukit Bintang"}


def _at(net: Network, *lines: PriceLine, state: str = "RIDE_ASSIGNED", **more: Any) -> Any:
    view = ordered(net.coop.of("confirm")[0], state, NOW + 5, **more)
    return replace(view, quote=Quote("q2", "MYR", lines))


async def test_a_tip_is_sent_with_the_whole_price_and_needs_no_second_consent(
    net: Network,
) -> None:
    await net.booked()
    journey = await net.answered(
        "update",
        "/update",
        {"tip_minor": 200},
        lambda _: message_of(_at(net, *LINES, TIP), "on_update"),
    )
    asked = version.read_update(net.coop.of("update")[0]["message"])
    assert asked.targets == ("quote.breakup",)
    assert [(line.code, line.amount_minor) for line in asked.lines] == [
        ("BASE_FARE", 500),
        ("DISTANCE_FARE", 750),
        ("BUYER_ADDITIONAL_AMOUNT", 200),
    ]
    assert journey["order"]["quote"]["total"]["minor"] == 1450
    assert journey["consent_needed"] is None


async def test_a_higher_price_than_the_tip_explains_is_asked_about(net: Network) -> None:
    await net.booked()
    dear = (*LINES, TIP, PriceLine("WAITING_CHARGES", 1))
    journey = await net.answered(
        "update",
        "/update",
        {"tip_minor": 200},
        lambda _: message_of(_at(net, *dear), "on_update"),
    )
    change = journey["consent_needed"]["changed"][0]
    assert (change["what"], change["before"], change["after"]) == ("total_minor", 1250, 1451)


async def test_a_tip_that_was_refused_lets_nobody_charge_it_later(net: Network) -> None:
    await net.booked()
    await net.citizen.call("POST", "/update", {"tip_minor": 200})
    update = await net.coop.asked("update")
    error = {"code": "50002", "message": "not any more"}
    assert (await net.coop.say("on_update", update, error=error)).is_ack
    await net.citizen.journey(lambda now: now["error"])
    assert (await net.unasked("on_status", _at(net, *LINES, TIP))).is_ack
    journey = await net.citizen.journey(lambda now: now["consent_needed"])
    assert journey["consent_needed"]["changed"][0]["after"] == 1450


async def test_a_tip_whose_answer_was_lost_is_known_from_the_next_status(net: Network) -> None:
    await net.booked()
    await net.citizen.call("POST", "/update", {"tip_minor": 200})
    await net.coop.asked("update")
    assert (await net.unasked("on_status", _at(net, *LINES, TIP))).is_ack
    journey = await net.citizen.journey(lambda now: now["order"]["quote"]["total"]["minor"] == 1450)
    assert journey["consent_needed"] is None


async def test_another_destination_that_costs_more_is_asked_about(net: Network) -> None:
    await net.booked()
    dear = (*LINES, PriceLine("DISTANCE_FARE", 300))

    def moved(asked: dict[str, Any]) -> dict[str, Any]:
        wish = version.read_update(asked["message"])
        assert wish.targets == ("fulfillments",)
        assert wish.fulfillment is not None
        view = _at(net, *dear)
        changed = replace(view.fulfillment, drop=wish.fulfillment.drop)
        return message_of(replace(view, fulfillment=changed), "on_update")

    journey = await net.answered("update", "/update", {"drop": ELSEWHERE}, moved)
    assert journey["order"]["drop"]["address"] == "Bukit Bintang"
    assert journey["drop"]["address"] == DROP["address"]
    assert journey["consent_needed"]["changed"][0]["after"] == 1550
    body = {"quote_hash": journey["consent_needed"]["quote_hash"]}
    status, journey = await net.citizen.call("POST", "/consent", body)
    assert (status, journey["consent_needed"]) == (200, None)


async def test_one_change_at_a_time(net: Network) -> None:
    await net.booked()
    for body in ({}, {"tip_minor": 200, "drop": ELSEWHERE}, {"tip_minor": 0}):
        status, told = await net.citizen.call("POST", "/update", body)
        assert (status, told["error"]["code"]) == (400, "bad_body")
    assert (await net.citizen.call("POST", "/update", {"tip_minor": 200}))[0] == 202
    status, told = await net.citizen.call("POST", "/update", {"tip_minor": 300})
    assert (status, told["error"]["code"]) == (409, "already_asked")
    await net.coop.asked("update")
    assert len(net.coop.of("update")) == 1


async def test_what_this_network_has_no_words_for_is_not_asked(net: Network) -> None:
    await net.booked()
    for body in ({"tip_minor": 200, "soft": True}, {"ready_to_ship": True}):
        status, told = await net.citizen.call("POST", "/update", body)
        assert (status, told["error"]["code"]) == (409, "not_sayable")
    assert net.coop.of("update") == []


async def test_an_order_that_is_over_is_not_changed(net: Network) -> None:
    await net.booked()
    assert (await net.unasked("on_status", _at(net, *LINES, status="COMPLETE"))).is_ack
    journey = await net.citizen.journey(lambda now: now["state"] == "completed")
    assert journey["update"] is None
    status, told = await net.citizen.call("POST", "/update", {"tip_minor": 200})
    assert (status, told["error"]["code"]) == (409, "too_late")
    assert net.coop.of("update") == []


async def test_a_change_waits_for_the_consent_that_is_open(net: Network) -> None:
    await net.booked()
    dear = _at(net, *LINES, PriceLine("WAITING_CHARGES", 150))
    assert (await net.unasked("on_update", dear)).is_ack
    await net.citizen.journey(lambda now: now["consent_needed"])
    status, told = await net.citizen.call("POST", "/update", {"tip_minor": 200})
    assert (status, told["error"]["code"]) == (409, "consent_needed")
    assert net.coop.of("update") == []
