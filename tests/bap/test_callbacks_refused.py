"""Callbacks with exactly one thing wrong, at the real door; nothing of them is kept."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.wire.order import Catalog, Reason, Support, Tracking
from protocol_specs.wire.parties import callback_of
from protocol_specs.wire.timestamp import rfc3339
from protocol_specs.wire.version import core_1_1 as version
from tests.bap.network import (
    Network,
    cancelled,
    message_of,
    network,
    offer,
    ordered,
    quoted,
)
from tests.support.peers import DELIVERIES, NOW


async def _unchanged(net: Network, before: Any) -> None:
    assert await net.citizen.journey() == before


async def _selecting(net: Network) -> tuple[Any, dict[str, Any]]:
    """A journey whose select waits for its answer."""
    journey = await net.searched()
    body = {"offer_id": journey["offers"][0]["offer_id"]}
    _, journey = await net.citizen.call("POST", "/select", body)
    return journey, await net.coop.asked("select")


async def test_a_provider_that_was_not_asked_is_refused(net: Network) -> None:
    before, select = await _selecting(net)
    said = await net.other.say("on_select", select, message_of(quoted(select), "on_select"))
    assert (said.status, said.code) == (400, "20006")
    await _unchanged(net, before)


async def test_a_message_id_of_nobody_is_refused(net: Network) -> None:
    before, select = await _selecting(net)
    message = message_of(quoted(select), "on_select")
    said = await net.coop.say("on_select", select, message, message_id=str(uuid.uuid4()))
    assert said.code == "20006"
    await _unchanged(net, before)


async def test_an_answer_to_another_transaction_is_refused(net: Network) -> None:
    before, select = await _selecting(net)
    message = message_of(quoted(select), "on_select")
    said = await net.coop.say("on_select", select, message, transaction_id=str(uuid.uuid4()))
    assert said.code == "20006"
    await _unchanged(net, before)


async def test_an_answer_in_another_domain_is_refused(net: Network) -> None:
    before, select = await _selecting(net)
    message = message_of(quoted(select), "on_select")
    said = await net.coop.say("on_select", select, message, domain=DELIVERIES)
    assert said.code == "20006"
    await _unchanged(net, before)


async def test_an_on_init_to_a_select_is_refused(net: Network) -> None:
    before, select = await _selecting(net)
    said = await net.coop.say("on_init", select, message_of(quoted(select), "on_select"))
    assert said.code == "20006"
    await _unchanged(net, before)


async def test_an_answer_to_a_select_that_was_replaced_is_refused(net: Network) -> None:
    journey = await net.searched(1250, 1400)
    for nth in (1, 2):
        body = {"offer_id": journey["offers"][nth - 1]["offer_id"]}
        _, before = await net.citizen.call("POST", "/select", body)
        await net.coop.asked("select", nth)
    first = await net.coop.asked("select", 1)
    said = await net.coop.say("on_select", first, message_of(quoted(first), "on_select"))
    assert said.code == "20008"
    await _unchanged(net, before)


async def test_an_on_confirm_before_any_confirm_is_refused(net: Network) -> None:
    before = await net.ready()
    init = await net.coop.asked("init")
    view = ordered(init, "RIDE_ASSIGNED")
    said = await net.coop.say("on_confirm", init, message_of(view, "on_confirm"))
    assert said.code == "20006"
    await _unchanged(net, before)


async def test_an_unknown_order_is_refused_with_30010(net: Network) -> None:
    before = await net.booked()
    view = ordered(net.coop.of("confirm")[0], "RIDE_STARTED", NOW + 5, id="order-2")
    said = await net.unasked("on_status", view)
    assert (said.status, said.code) == (400, "30010")
    await _unchanged(net, before)


async def test_an_order_is_not_spoken_of_in_another_transaction(net: Network) -> None:
    before = await net.booked()
    confirm = net.coop.of("confirm")[0]
    confirm["context"]["transaction_id"] = str(uuid.uuid4())
    said = await net.unasked("on_status", ordered(confirm, "RIDE_STARTED", NOW + 5))
    assert (said.status, said.code) == (400, "30010")
    await _unchanged(net, before)


async def test_another_provider_cannot_speak_of_the_order(net: Network) -> None:
    before = await net.booked()
    view = cancelled(net.coop.of("confirm")[0], 0, by="PROVIDER")
    said = await net.unasked("on_cancel", view, by=net.other)
    assert said.code == "30010"
    await _unchanged(net, before)


@pytest.mark.parametrize(
    ("path", "body", "action"),
    [
        ("/update", {"tip_minor": 200}, "update"),
        ("/cancel", {"reason_id": "005", "soft": True}, "cancel"),
        ("/support", {}, "support"),
        ("/track", None, "track"),
        ("/cancellation-reasons", None, "get_cancellation_reasons"),
    ],
)
async def test_nobody_answers_for_the_orders_provider(
    net: Network, path: str, body: Any, action: str
) -> None:
    await net.booked()
    await net.citizen.call("GET" if body is None else "POST", path, body)
    asked = await net.coop.asked(action)
    before = await net.citizen.journey()
    view = ordered(net.coop.of("confirm")[0], "RIDE_ASSIGNED", NOW + 5)
    messages = {
        "update": message_of(view, "on_update"),
        "cancel": message_of(view, "on_cancel"),
        "support": version.write_support(Support(phone="+666")),
        "track": version.write_on_track(Tracking("inactive")),
        "get_cancellation_reasons": version.write_reasons(
            (Reason("X", "x"),), action="cancellation_reasons"
        ),
    }
    said = await net.other.say(callback_of(action), asked, messages[action])
    assert (said.status, said.code) == (400, "20006")
    await _unchanged(net, before)
    assert net.other.received == []


async def test_an_update_that_nobody_asked_for_cannot_say_what_a_change_costs(
    net: Network,
) -> None:
    before = await net.booked()
    view = ordered(net.coop.of("confirm")[0], "RIDE_ASSIGNED", NOW + 5)
    message = message_of(view, "on_update")
    message["order"]["status"] = "SOFT_UPDATE"
    message["order"]["quote"]["breakup"][0]["price"]["value"] = "1.00"
    message["order"]["quote"]["price"]["value"] = "8.50"
    confirm = net.coop.of("confirm")[0]
    said = await net.coop.say("on_update", confirm, message, message_id=str(uuid.uuid4()))
    assert said.is_ack
    await net.handled()
    await _unchanged(net, before)


async def test_offers_after_the_search_is_over_are_refused(net: Network) -> None:
    before = await net.searched()
    search = await net.gateway.asked("search")
    net.clock.at += 31
    catalog = Catalog("c", (offer(net.other, 0, 500),))
    message = version.write_on_search(catalog, intent=version.read_search(search["message"]))
    timestamp = rfc3339((NOW + 31) * 1000)
    said = await net.other.say("on_search", search, message, timestamp=timestamp)
    assert said.code == "20008"
    net.clock.at -= 31
    await _unchanged(net, before)


async def test_more_answers_than_a_provider_may_give_are_refused(tmp_path: Path) -> None:
    settings = {"journeys": {"answers_per_provider_max": 2}}
    async with network(tmp_path, **settings) as net:
        await net.searched(1250)
        search = await net.gateway.asked("search")
        assert (await net.coop.offers(search, 1300)).is_ack
        before = await net.citizen.journey(lambda now: now["offers"][0]["price"]["minor"] == 1300)
        said = await net.coop.offers(search, 1100)
        assert said.status == 429
        await _unchanged(net, before)


async def test_offers_beyond_a_providers_share_are_not_kept(tmp_path: Path) -> None:
    settings = {"journeys": {"offers_per_provider_max": 2}}
    async with network(tmp_path, **settings) as net:
        journey = await net.searched(900, 1000, 1100, 1200)
        assert len(journey["offers"]) == 2


async def test_offers_in_another_currency_are_not_shown(net: Network) -> None:
    await net.citizen.search()
    search = await net.gateway.asked("search")
    assert (await net.other.offers(search, 100, currency="USD")).is_ack
    assert (await net.coop.offers(search, 1250)).is_ack
    journey = await net.citizen.journey(lambda now: now["offers"])
    assert [offer["bpp_id"] for offer in journey["offers"]] == ["coop.example.org"]
