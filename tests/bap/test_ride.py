"""A citizen's ride from search to end, through the client API and scripted providers."""

from protocol_specs.wire.order import PaymentTerms, Place, Tracking
from protocol_specs.wire.version import core_1_1 as version
from tests.bap.network import CUSTOMER, Network, message_of, ordered, quoted
from tests.support.peers import NOW


async def test_a_citizen_books_rides_and_arrives(net: Network) -> None:
    journey = await net.booked("RIDE_CONFIRMED")
    assert (journey["state"], journey["order"]["id"]) == ("booked", "order-1")
    assert journey["order"]["agent"] is None

    for n, state in enumerate(("RIDE_ASSIGNED", "RIDE_STARTED"), start=1):
        view = ordered(net.coop.of("confirm")[0], state, NOW + n)
        assert (await net.unasked("on_update", view)).is_ack
    ended = ordered(net.coop.of("confirm")[0], "RIDE_ENDED", NOW + 3, status="COMPLETE")
    assert (await net.unasked("on_status", ended)).is_ack

    journey = await net.citizen.journey(lambda now: now["state"] == "completed")
    assert journey["order"]["agent"] == {"name": "Ravi", "phone": "+60111111111"}
    assert journey["order"]["start_code"] == "4821"
    assert journey["consent_needed"] is None


async def test_offers_of_two_cooperatives_appear_as_they_come(net: Network) -> None:
    await net.searched(1250, 1400)
    search = await net.gateway.asked("search")
    assert (await net.other.offers(search, 990)).is_ack
    journey = await net.citizen.journey(lambda now: len(now["offers"]) == 3)
    shown = {(offer["bpp_id"], offer["price"]["value"]) for offer in journey["offers"]}
    assert shown == {
        ("coop.example.org", "12.50"),
        ("coop.example.org", "14.00"),
        ("other.example.org", "9.90"),
    }


async def test_the_search_carries_no_provider_and_the_route_as_asked(net: Network) -> None:
    await net.searched()
    search = await net.gateway.asked("search")
    assert "bpp_id" not in search["context"]
    intent = version.read_search(search["message"])
    assert (intent.pickup.lat, intent.pickup.address) == (3.134, "KL Sentral")


async def test_later_requests_go_to_the_registered_url_and_carry_the_people(net: Network) -> None:
    await net.ready()
    init = version.read_init((await net.coop.asked("init"))["message"])
    assert init.fulfillment.customer is not None
    assert init.fulfillment.customer.phone == "+60123456789"
    assert init.billing is not None
    assert init.billing.name == "Aisyah"
    assert net.other.received == []


async def test_confirm_carries_the_accepted_quote_and_payment_unchanged(net: Network) -> None:
    journey = await net.booked()
    confirm = version.read_confirm((await net.coop.asked("confirm"))["message"])
    assert confirm.quote is not None
    assert confirm.quote.total_minor == 1250
    assert journey["quote"]["total"]["value"] == "12.50"
    assert confirm.id is None


async def test_a_prepaid_order_carries_the_proof_of_payment(net: Network) -> None:
    await net.searched()
    await net.selected()
    prepaid = (PaymentTerms("BPP", "PRE-ORDER", id="pay-1"),)
    journey = await net.answered(
        "init",
        "/init",
        CUSTOMER,
        lambda asked: message_of(quoted(asked, payments=prepaid), "on_init"),
    )
    body = {"quote_hash": journey["quote"]["hash"], "payment_reference": "TX-77"}
    await net.citizen.call("POST", "/confirm", body)
    confirm = version.read_confirm((await net.coop.asked("confirm"))["message"])
    assert (confirm.payments[0].id, confirm.payments[0].reference) == ("pay-1", "TX-77")
    assert confirm.payments[0].status == "PAID"


async def test_track_tells_where_the_driver_is(net: Network) -> None:
    await net.booked()
    tracking = Tracking("active", Place(3.13, 101.69), NOW)
    journey = await net.answered(
        "track", "/track", None, lambda asked: version.write_on_track(tracking)
    )
    assert journey["tracking"]["location"] == {"lat": 3.13, "lon": 101.69, "address": None}


async def test_status_asks_the_provider_and_shows_its_answer(net: Network) -> None:
    await net.booked("RIDE_ASSIGNED")
    later = ordered(net.coop.of("confirm")[0], "RIDE_ENROUTE_PICKUP", NOW + 5)
    journey = await net.answered(
        "status", "/status", None, lambda asked: message_of(later, "on_status")
    )
    assert journey["order"]["state"] == "RIDE_ENROUTE_PICKUP"


async def test_without_an_answer_in_time_the_journey_is_given_as_it_is(net: Network) -> None:
    journey = await net.searched()
    offer_id = journey["offers"][0]["offer_id"]
    status, journey = await net.citizen.call("POST", "/select?wait_s=0", {"offer_id": offer_id})
    assert status == 202
    assert "select" in journey["waiting_for"]
