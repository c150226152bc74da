"""Stars, help and lists of reasons: asked of the order's own provider, and of nobody else."""

from typing import Any

import pytest

from protocol_specs.wire.order import Form, Rating, Reason, Support
from protocol_specs.wire.version import core_1_1 as version
from tests.bap.network import Network, ordered
from tests.support.peers import NOW, signed_post

STARS = {"ratings": [{"category": "Fulfillment", "value": 5}, {"category": "Agent", "value": 4}]}


async def _completed(net: Network) -> Any:
    await net.booked()
    view = ordered(net.coop.of("confirm")[0], "RIDE_ENDED", NOW + 9, status="COMPLETE")
    assert (await net.unasked("on_status", view)).is_ack
    return await net.citizen.journey(lambda now: now["state"] == "completed")


async def test_stars_go_to_the_orders_provider_and_to_nobody_else(net: Network) -> None:
    await _completed(net)
    journey = await net.answered(
        "rating", "/rating", STARS, lambda _: version.write_on_rating(None)
    )
    ratings = version.read_rating(net.coop.of("rating")[0]["message"])
    assert ratings == (Rating("Fulfillment", "f-0", "5"), Rating("Agent", "f-0", "4"))
    assert journey["rating"]["given"] == STARS["ratings"]
    assert net.other.received == []
    assert [one["context"]["action"] for one in net.gateway.received] == ["search"]


async def test_a_ride_is_rated_after_its_end_only(net: Network) -> None:
    journey = await net.booked()
    assert journey["rating"] is None
    status, told = await net.citizen.call("POST", "/rating", STARS)
    assert (status, told["error"]["code"]) == (409, "not_ended")
    assert net.coop.of("rating") == []


@pytest.mark.parametrize(
    "ratings",
    [
        [],
        [{"category": "Agent", "value": 6}],
        [{"category": "Driver", "value": 5}],
        [{"category": "Agent", "value": 5}, {"category": "Agent", "value": 1}],
    ],
)
async def test_stars_that_are_none_are_refused(net: Network, ratings: Any) -> None:
    await _completed(net)
    status, told = await net.citizen.call("POST", "/rating", {"ratings": ratings})
    assert (status, told["error"]["code"]) == (400, "bad_body")
    assert net.coop.of("rating") == []


async def test_stars_that_the_provider_did_not_take_can_be_given_again(net: Network) -> None:
    await _completed(net)
    await net.citizen.call("POST", "/rating", STARS)
    asked = await net.coop.asked("rating")
    error = {"code": "50003", "message": "the ride is not rated here"}
    assert (await net.coop.say("on_rating", asked, error=error)).is_ack
    journey = await net.citizen.journey(lambda now: now["error"])
    assert journey["rating"]["given"] == []
    await net.citizen.call("POST", "/rating", {"ratings": STARS["ratings"][1:]})
    await net.coop.asked("rating", 2)


async def test_the_form_that_comes_with_the_thanks_can_be_filled_in(net: Network) -> None:
    await _completed(net)
    form = Form(url=f"{net.coop.peer.url}/forms/words", required=False)
    journey = await net.answered(
        "rating", "/rating", STARS, lambda _: version.write_on_rating(form)
    )
    assert (journey["form"]["stage"], journey["form"]["required"]) == ("rating", False)


async def test_the_providers_categories_go_before_cores(net: Network) -> None:
    journey = await _completed(net)
    assert len(journey["rating"]["categories"]) == 6
    listed = [Reason("Provider"), Reason("Agent"), Reason("Weather")]
    message = {"rating_categories": [reason.id for reason in listed[:2]]}
    journey = await net.answered(
        "get_rating_categories", "/rating-categories", None, lambda _: message
    )
    assert journey["rating"]["categories"] == ["Provider", "Agent"]
    assert "message" not in net.coop.of("get_rating_categories")[0]


async def test_help_is_whom_the_provider_says_to_call(net: Network) -> None:
    await net.booked()
    said = Support(ref_id="order-1", phone="+60 3 1234", email="desk@coop.example.org")
    journey = await net.answered(
        "support",
        "/support",
        {"callback_phone": "+60123456789"},
        lambda _: version.write_support(said),
    )
    asked = version.read_support(net.coop.of("support")[0]["message"])
    assert asked == Support(ref_id="order-1", callback_phone="+60123456789")
    assert journey["support"] == {
        "phone": "+60 3 1234",
        "email": "desk@coop.example.org",
        "url": None,
    }
    assert net.other.received == []


async def test_another_provider_cannot_say_whom_to_call(net: Network) -> None:
    await net.booked()
    await net.citizen.call("POST", "/support", {})
    support = await net.coop.asked("support")
    before = await net.citizen.journey()
    message = version.write_support(Support(phone="+666"))
    said = await net.other.say("on_support", support, message)
    assert (said.status, said.code) == (400, "20006")
    assert await net.citizen.journey() == before


async def test_the_reasons_are_the_providers_once_it_was_asked(net: Network) -> None:
    journey = await net.booked()
    assert [one["id"] for one in journey["cancellation"]["reasons"]][:2] == ["001", "002"]
    reasons = (Reason("C1", "Plans changed"), Reason("not an id", "x"), Reason("C2", None))
    message = version.write_reasons(reasons, action="cancellation_reasons")
    path = "/cancellation-reasons"
    journey = await net.answered("get_cancellation_reasons", path, None, lambda _: message)
    assert journey["cancellation"]["reasons"] == [
        {"id": "C1", "text": "Plans changed"},
        {"id": "C2", "text": "C2"},
    ]
    status, _ = await net.citizen.call("GET", path)
    assert status == 200
    assert len(net.coop.of("get_cancellation_reasons")) == 1


@pytest.mark.parametrize("answers", [(400, {"message": {"ack": {"status": "NACK"}}}), None])
async def test_without_the_providers_reasons_the_networks_stand_in(
    net: Network, answers: Any
) -> None:
    await net.booked()
    if answers:
        net.coop.answer = answers
    status, journey = await net.citizen.call("GET", "/cancellation-reasons")
    assert status == (200 if answers else 202)
    if not answers:
        asked = await net.coop.asked("get_cancellation_reasons")
        error = {"code": "40001", "message": "not here"}
        assert (await net.coop.say("cancellation_reasons", asked, error=error)).is_ack
        await net.handled()
        _, journey = await net.citizen.call("GET", "")
    assert [one["id"] for one in journey["cancellation"]["reasons"]][:2] == ["001", "002"]
    assert journey["error"] is None


async def test_return_reasons_are_listed_as_the_provider_gives_them(net: Network) -> None:
    await net.booked()
    message = version.write_reasons((Reason("R1", "Nobody at home"),), action="return_reasons")
    journey = await net.answered("get_return_reasons", "/return-reasons", None, lambda _: message)
    assert journey["return_reasons"] == [{"id": "R1", "text": "Nobody at home"}]


async def test_of_a_message_and_an_error_only_the_error_counts(net: Network) -> None:
    await net.booked()
    await net.citizen.call("POST", "/support", {})
    support = await net.coop.asked("support")
    both = {
        "context": {**support["context"], "action": "on_support"},
        "message": version.write_support(Support(phone="2")),
        "error": {"code": "50004", "message": "nobody there"},
    }
    assert (await signed_post(net.coop.node_url, net.coop.peer, both)).is_ack
    journey = await net.citizen.journey(lambda now: now["error"])
    assert journey["error"]["code"] == "50004"
    assert (journey["error"]["action"], journey["support"]) == ("support", None)
