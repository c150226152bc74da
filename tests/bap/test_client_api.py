"""The client API at its real door: whose journey it is, bad input, and nobody to ask."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bap import rows
from bap.asking import Asking
from bap.settings import BapSettings
from bap.upkeep import Upkeep
from protocol_specs.node.store import Session
from protocol_specs.wire.order import Catalog, Kind
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1 as version
from tests.bap.network import CUSTOMER, DROP, PICKUP, SEARCH, Network, network, offer
from tests.support.peers import NOW


def _journeys(net: Network) -> int:
    """How many journeys are kept."""

    def count(session: Session) -> int:
        return len(session.all(rows.ALL_IDS))

    return net.node.store.read(count)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/events", None),
        ("GET", "/status", None),
        ("GET", "/track", None),
        ("POST", "/select", {"offer_id": "x"}),
        ("POST", "/init", CUSTOMER),
        ("POST", "/confirm", {"quote_hash": "x"}),
        ("POST", "/consent", {"quote_hash": "x"}),
        ("POST", "/cancel", {"reason_id": "005", "fee_minor": 300}),
    ],
)
async def test_another_secret_sees_the_same_as_for_an_unknown_journey(
    net: Network, method: str, path: str, body: Any
) -> None:
    before = await net.booked()
    mine = await net.citizen.call(method, path, body, secret="another-secret-of-enough-length")
    journey_id, net.citizen.journey_id = net.citizen.journey_id, "unknown"
    unknown = await net.citizen.call(method, path, body)
    assert mine == unknown
    assert mine[0] == 404
    net.citizen.journey_id = journey_id
    assert await net.citizen.journey() == before


async def test_without_a_secret_there_is_nothing_to_see(net: Network) -> None:
    await net.searched()
    url = f"{net.citizen.url}/api/journeys/{net.citizen.journey_id}"
    async with net.citizen.session.get(url) as response:
        assert response.status == 401


async def test_the_secret_itself_is_not_kept(net: Network) -> None:
    await net.searched()
    journey = net.node.store.read(lambda session: rows.find(session, net.citizen.journey_id))
    assert journey is not None
    assert net.citizen.secret.encode() not in journey.secret_hash
    assert len(journey.secret_hash) == 32


async def test_without_a_gateway_the_answer_is_clear_and_nothing_is_kept(net: Network) -> None:
    net.directory.forget(net.gateway.peer)
    status, told = await net.citizen.search()
    assert (status, told["error"]["code"]) == (503, "no_gateway")
    assert _journeys(net) == 0


async def test_a_gateway_that_refuses_is_told_and_nothing_is_kept(net: Network) -> None:
    error = {"code": "10002", "message": "no such city"}
    net.gateway.answer = (400, {"message": {"ack": {"status": "NACK"}}, "error": error})
    status, told = await net.citizen.search()
    assert (status, told["error"]["code"]) == (502, "search_failed")
    assert "no such city" in told["error"]["message"]
    assert _journeys(net) == 0


async def test_the_next_gateway_is_tried_when_one_is_down(net: Network) -> None:
    first = net.gateway.peer.records()[0]
    net.directory.held.insert(0, _moved(first, "http://127.0.0.1:1"))
    status, _ = await net.citizen.search()
    assert status == 201
    assert len(net.gateway.of("search")) == 1


def _moved(record: Any, url: str) -> Any:
    return replace(record, url=url, subscriber_id="aa.example.org")


async def test_a_provider_that_refuses_a_select_is_told(net: Network) -> None:
    journey = await net.searched()
    error = {"code": "30004", "message": "no such item"}
    net.coop.answer = (200, {"message": {"ack": {"status": "NACK"}}, "error": error})
    body = {"offer_id": journey["offers"][0]["offer_id"]}
    status, told = await net.citizen.call("POST", "/select", body)
    assert (status, told["error"]["code"]) == (502, "provider_refused")
    assert "no such item" in told["error"]["message"]


async def test_a_provider_that_left_the_network_is_not_called(net: Network) -> None:
    journey = await net.searched()
    net.directory.forget(net.coop.peer)
    body = {"offer_id": journey["offers"][0]["offer_id"]}
    status, told = await net.citizen.call("POST", "/select", body)
    assert (status, told["error"]["code"]) == (503, "provider_gone")
    assert net.coop.received == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "flight"}, "/kind"),
        ({"pickup": {"lat": 91, "lon": 0}}, "/pickup/lat"),
        ({"pickup": {"lat": "3.1", "lon": 101.7, "gps": "x"}}, "/pickup/gps"),
        ({"drop": None}, "/drop"),
        ({"drop": PICKUP}, "/drop"),
        ({"city": "std:999"}, "/city"),
        ({"kind": "delivery"}, "/parcel"),
        ({"parcel": {"weight_grams": 0}}, "/parcel/weight_grams"),
        ({"unknown": 1}, "/unknown"),
    ],
)
async def test_a_bad_search_is_refused_at_the_place_of_the_fault(
    net: Network, change: dict[str, Any], path: str
) -> None:
    status, told = await net.citizen.search({**SEARCH, **change})
    assert (status, told["error"]["path"]) == (400, path)
    assert _journeys(net) == 0
    assert net.gateway.received == []


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/select", {"offer_id": "nothing"}, 404, "offer_unknown"),
        ("/init", CUSTOMER, 409, "no_offer"),
        ("/confirm", {"quote_hash": "x"}, 409, "no_offer"),
        ("/cancel", {"reason_id": "005"}, 409, "no_offer"),
        ("/consent", {"quote_hash": "x"}, 409, "nothing_to_agree"),
        ("/init", {"customer": {"name": "A", "phone": "call me"}}, 400, "bad_body"),
    ],
)
async def test_what_cannot_be_asked_yet_is_refused(
    net: Network, path: str, body: Any, status: int, code: str
) -> None:
    before = await net.searched()
    got, told = await net.citizen.call("POST", path, body)
    assert (got, told["error"]["code"]) == (status, code)
    assert await net.citizen.journey() == before
    assert net.coop.received == []


async def test_a_booked_journey_cannot_be_booked_again(net: Network) -> None:
    journey = await net.booked()
    body = {"quote_hash": journey["quote"]["hash"]}
    status, told = await net.citizen.call("POST", "/confirm", body)
    assert (status, told["error"]["code"]) == (409, "already_booked")
    assert len(net.coop.of("confirm")) == 1


async def test_two_confirms_at_once_send_one(net: Network) -> None:
    journey = await net.ready()
    body = {"quote_hash": journey["quote"]["hash"]}
    answers = await asyncio.gather(*(net.citizen.call("POST", "/confirm", body) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [202, 409, 409, 409]
    await net.coop.asked("confirm")
    assert len(net.coop.of("confirm")) == 1


async def test_a_ride_under_way_cannot_be_cancelled(net: Network) -> None:
    await net.booked("RIDE_STARTED")
    status, told = await net.citizen.call("POST", "/cancel", {"reason_id": "005"})
    assert (status, told["error"]["code"]) == (409, "too_late")
    assert net.coop.of("cancel") == []


async def test_a_payment_that_the_cooperative_does_not_take_is_refused(net: Network) -> None:
    await net.searched()
    await net.selected()
    body = {**CUSTOMER, "payment": {"type": "PRE-ORDER"}}
    status, told = await net.citizen.call("POST", "/init", body)
    assert (status, told["error"]["code"]) == (400, "payment_not_offered")
    assert net.coop.of("init") == []


async def test_a_wait_ends_when_offers_come(net: Network) -> None:
    asking = asyncio.create_task(net.citizen.search(query="?wait_s=8"))
    search = await net.gateway.asked("search")
    assert (await net.coop.offers(search, 1250)).is_ack
    status, told = await asking
    assert (status, len(told["journey"]["offers"])) == (201, 1)


@pytest.mark.parametrize("wait_s", ["-1", "61", "nan", "soon"])
async def test_a_wait_longer_than_a_minute_or_no_number_is_refused(
    net: Network, wait_s: str
) -> None:
    await net.searched()
    status, told = await net.citizen.call("GET", f"?wait_s={wait_s}")
    assert (status, told["error"]["code"]) == (400, "bad_wait")


async def test_more_searches_a_minute_than_allowed_are_told_when_to_come_back(
    tmp_path: Path,
) -> None:
    async with network(tmp_path, journeys={"journeys_per_minute": 2}) as net:
        for _ in range(2):
            assert (await net.citizen.search())[0] == 201
        status, told = await net.citizen.search()
        assert (status, told["error"]["code"]) == (429, "too_many")


async def test_behind_a_proxy_of_ours_each_citizen_has_searches_of_its_own(tmp_path: Path) -> None:
    limits = {"proxies": ("127.0.0.1",)}
    async with network(tmp_path, journeys={"journeys_per_minute": 1}, limits=limits) as net:
        for address, expected in (("203.0.113.1", 201), ("203.0.113.1", 429), ("203.0.113.2", 201)):
            status, _ = await net.citizen.search(headers={"X-Forwarded-For": address})
            assert status == expected
        assert _journeys(net) == 2
        net.clock.at += 60
        assert (await net.citizen.search())[0] == 201


async def test_a_body_of_unsaid_length_is_refused(net: Network) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    url = f"{net.citizen.url}/api/journeys"
    async with net.citizen.session.post(url, data=chunks()) as response:
        assert response.status == 413


async def test_a_body_larger_than_allowed_is_refused(net: Network) -> None:
    body = {**SEARCH, "drop": {**DROP, "address": "x" * 20_000}}
    status, told = await net.citizen.search(body)
    assert (status, told["error"]["code"]) == (413, "too_large")
    assert _journeys(net) == 0


async def test_journeys_are_forgotten_with_all_they_hold(net: Network) -> None:
    await net.booked()
    settings = net.node.settings
    assert isinstance(settings, BapSettings)
    upkeep = Upkeep(net.node, settings, Asking(net.node, settings))
    assert not await upkeep.forget_next(NOW + 29 * 86_400)
    assert await upkeep.forget_next(NOW + 31 * 86_400)
    assert _journeys(net) == 0
    left = net.node.store.read(
        lambda session: rows.events_since(session, net.citizen.journey_id, 0)
    )
    assert left == []


async def test_a_hostile_name_is_handed_on_as_it_is_in_json_only(net: Network) -> None:
    name = '<img src=x onerror=alert(1)>"'
    await net.citizen.search()
    search = await net.gateway.asked("search")
    assert (await net.coop.offers(search, 1250, provider_name=name)).is_ack
    journey = await net.citizen.journey(lambda now: now["offers"])
    assert journey["offers"][0]["provider_name"] == name
    url = f"{net.citizen.url}/api/journeys/{net.citizen.journey_id}"
    headers = {"Authorization": f"Bearer {net.citizen.secret}"}
    async with net.citizen.session.get(url, headers=headers) as response:
        assert response.content_type == "application/json"


async def test_markets_name_the_places_one_can_search_between(net: Network) -> None:
    async with net.citizen.session.get(f"{net.citizen.url}/api/markets") as response:
        markets = (await response.json())["markets"]
    assert {market["kind"] for market in markets} == {"RIDE", "DELIVERY"}
    assert all(len(market["places"]) >= 4 for market in markets)


async def test_a_parcel_travels_with_its_weight(net: Network) -> None:
    body = {**SEARCH, "kind": "delivery", "parcel": {"weight_grams": 1500}}
    body |= {"pickup": {"lat": 12.97, "lon": 77.59}, "drop": {"lat": 12.93, "lon": 77.62}}
    assert (await net.citizen.search(body))[0] == 201
    search = await net.gateway.asked("search")
    assert search["context"]["domain"] == "nic2004:60232"
    more = {"kind": "DELIVERY", "currency": "INR", "vehicle_category": "TWO_WHEELER"}
    made = offer(net.coop, 0, 4900, **{**more, "kind": Kind.DELIVERY})
    intent = version.read_search(search["message"])
    assert intent.parcel is not None
    assert intent.parcel.weight_grams == 1500
    message = version.write_on_search(Catalog("c", (made,)), intent=intent)
    assert (await net.coop.say("on_search", search, message)).is_ack
    journey = await net.citizen.journey(lambda now: now["offers"])
    assert journey["offers"][0]["price"] == {"currency": "INR", "minor": 4900, "value": "49.00"}


async def test_the_door_answers_nobody_but_signed_peers(net: Network) -> None:
    async with net.citizen.session.post(f"{net.citizen.url}/on_search", json={}) as response:
        assert response.status == 401
