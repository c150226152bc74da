"""Journeys in the languages of other networks: their rules for what is sent, ours for consent."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.wire.order import (
    Agent,
    Cancellation,
    Fulfillment,
    OrderView,
    PaymentTerms,
    PriceLine,
    Quote,
    ReturnLeg,
    Terms,
)
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect, named
from tests.bap.network import FEES, Network, message_of, network, ordered, quoted
from tests.support.peers import NOW

PICKUP = {"lat": 12.978100, "lon": 77.569700, "address": "1, Station, Bengaluru, Karnataka"}
DROP = {"lat": 12.971600, "lon": 77.594600, "address": "2, MG Road, Bengaluru, Karnataka"}
PICKUP_CODE, DROP_CODE = {"area_code": "560023"}, {"area_code": "560001"}
BILLING = {
    "name": "Citizens' platform",
    "phone": "+918000000001",
    "email": "bills@bap.example.org",
    "tax_number": "29AAAAA0000A1Z5",
    "building": "7",
    "locality": "Cubbon",
    "city": "Bengaluru",
    "state": "Karnataka",
    "country": "IND",
    "area_code": "560001",
    "since": "2026-01-01",
}
TERMS = {
    "finder_fee_percentage": "1",
    "settlement_window": "PT60M",
    "settlement_basis": "DELIVERY",
    "settlement_type": "UPI",
    "mandatory_arbitration": True,
    "court_jurisdiction": "Bengaluru",
    "delay_interest": "1",
    "static_terms": "https://bap.example.org/terms",
    "account": "HDFC0001 00012345 platform@upi",
}
CASH = PaymentTerms("BPP", "ON-FULFILLMENT", account="SBIN0001 00054321 coop@upi")
THEIRS = Terms(
    finder_fee_percentage="1",
    settlement_window="PT60M",
    settlement_basis="DELIVERY",
    settlement_type="UPI",
    mandatory_arbitration=True,
    court_jurisdiction="Bengaluru",
    delay_interest="1",
    static_terms="https://coop.example.org/terms",
)
DOMAINS = {"trv10": "ONDC:TRV10", "log10": "ONDC:LOG10", "log": "nic2004:60232"}


def _settings(name: str, **market: Any) -> dict[str, Any]:
    domain = DOMAINS[name.partition("-")[0]]
    given = {
        "name": "Bengaluru",
        "kind": "RIDE" if name.startswith("trv10") else "DELIVERY",
        "domain": domain,
        "dialect": name,
        "city": "std:080",
        "country": "IND",
        "currency": "INR",
        **market,
    }
    return {
        "domains": (domain,),
        "dialects": {domain: (name, "core-1.1")},
        "markets": (given,),
        "terms": TERMS,
        "billing": BILLING,
    }


def _sent(net: Network, speech: Dialect) -> None:
    """Everything that was sent keeps the network's own rules."""
    for document in (*net.gateway.received, *net.coop.received):
        action = document["context"]["action"]
        if not action.startswith("on_"):
            speech.schemas("strict").validate(action, document)


# Rides


@pytest.fixture(params=["trv10-2.1.0", "trv10-2.0.1"])
async def rides(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Network, Dialect]]:
    async with network(tmp_path, **_settings(request.param)) as made:
        yield made, named(request.param)


def _in(speech: Dialect, view: OrderView, action: str, **more: Any) -> dict[str, Any]:
    told = {"bpp_terms": THEIRS, "item_name": "Ride", "updated_at": NOW, "created_at": NOW}
    told |= {"payments": (CASH,)}
    return message_of(replace(view, **{**told, **more}), action, speech)


async def _ride_ready(net: Network, speech: Dialect) -> Any:
    status, told = await net.citizen.search({"kind": "ride", "pickup": PICKUP, "drop": DROP})
    assert status == 201, told
    search = await net.gateway.asked("search")
    assert speech.read_search(search["message"]).bap_terms is not None
    said = await net.coop.offers(search, 12500, speech=speech, currency="INR")
    assert said.is_ack, said.body
    journey = await net.citizen.journey(lambda now: now["offers"])
    body = {"offer_id": journey["offers"][0]["offer_id"]}
    view = {"speech": speech, "currency": "INR"}
    await net.answered(
        "select", "/select", body, lambda asked: _in(speech, quoted(asked, **view), "on_select")
    )
    return await net.answered(
        "init",
        "/init",
        RIDER,
        lambda asked: _in(
            speech, quoted(asked, **view, cancellation_terms=FEES_INR), "on_init", bap_terms=None
        ),
    )


FEES_INR = tuple(replace(term, currency="INR") for term in FEES)


async def _ride_booked(net: Network, speech: Dialect, **more: Any) -> Any:
    journey = await _ride_ready(net, speech)
    body = {"quote_hash": journey["quote"]["hash"]}
    return await net.answered(
        "confirm", "/confirm", body, lambda asked: _ride(net, speech, "on_confirm", **more)
    )


def _ride(net: Network, speech: Dialect, action: str, *lines: PriceLine, **more: Any) -> Any:
    confirm = net.coop.of("confirm")[0]
    quote = Quote(
        "", "INR", lines or (PriceLine("BASE_FARE", 500), PriceLine("DISTANCE_FARE", 750))
    )
    values = {"speech": speech, "quote": quote, "cancellation_terms": FEES_INR}
    view = ordered(confirm, "RIDE_ASSIGNED", **values)
    return _in(speech, view, action, **more)


async def test_a_ride_is_booked_and_its_terms_are_said_back(
    rides: tuple[Network, Dialect],
) -> None:
    net, speech = rides
    journey = await _ride_booked(net, speech)
    assert (journey["state"], journey["consent_needed"]) == ("booked", None)
    confirm = speech.read_confirm(net.coop.of("confirm")[0]["message"])
    if speech.traits.name == "trv10-2.1.0":
        assert confirm.bap_terms is not None
        assert confirm.bap_terms.finder_fee_percentage == "1"
        assert confirm.bpp_terms is not None
        assert confirm.bpp_terms.court_jurisdiction == "Bengaluru"
    assert confirm.id is None
    _sent(net, speech)


async def test_other_terms_than_those_agreed_to_are_asked_about(
    rides: tuple[Network, Dialect],
) -> None:
    net, speech = rides
    other = replace(THEIRS, court_jurisdiction="Elsewhere")
    journey = await _ride_booked(net, speech, bpp_terms=other)
    change = journey["consent_needed"]["changed"][0]
    assert (change["what"], change["after"]) == ("condition court_jurisdiction", "Elsewhere")
    body = {"quote_hash": journey["consent_needed"]["quote_hash"]}
    status, journey = await net.citizen.call("POST", "/consent", body)
    assert (status, journey["consent_needed"]) == (200, None)


async def test_a_change_is_asked_about_and_then_made_at_the_price_shown(
    rides: tuple[Network, Dialect],
) -> None:
    net, speech = rides
    await _ride_booked(net, speech)
    dear = (PriceLine("BASE_FARE", 500), PriceLine("DISTANCE_FARE", 1000))
    there = {"drop": {**DROP, "lat": 12.961234}}
    journey = await net.answered(
        "update",
        "/update",
        {**there, "soft": True},
        lambda _: _ride(net, speech, "on_update", *dear, status="SOFT_UPDATE", updated_at=NOW + 1),
    )
    asked = journey["update"]["asked"]
    assert asked["quote"]["total"]["minor"] == 1500
    assert journey["order"]["quote"]["total"]["minor"] == 1250
    for body in ({**there}, {**there, "quote_hash": "0" * 32}):
        status, told = await net.citizen.call("POST", "/update", body)
        assert (status, told["error"]["code"]) == (409, "quote_changed")
    status, told = await net.citizen.call(
        "POST", "/update", {"tip_minor": 100, "quote_hash": asked["quote_hash"]}
    )
    assert (status, told["error"]["code"]) == (409, "no_quote")
    assert len(net.coop.of("update")) == 1
    journey = await net.answered(
        "update",
        "/update",
        {**there, "quote_hash": asked["quote_hash"]},
        lambda _: _ride(net, speech, "on_update", *dear, status="UPDATED", updated_at=NOW + 2),
    )
    assert journey["order"]["quote"]["total"]["minor"] == 1500
    assert (journey["consent_needed"], journey["update"]["asked"]) == (None, None)
    soft, hard = (speech.read_update(one["message"]).soft for one in net.coop.of("update"))
    assert (soft, hard) == (True, False)
    _sent(net, speech)


async def test_a_cheaper_way_lowers_what_was_agreed_to(rides: tuple[Network, Dialect]) -> None:
    net, speech = rides
    await _ride_booked(net, speech)
    cheap = (PriceLine("BASE_FARE", 500), PriceLine("DISTANCE_FARE", 100))
    there = {"drop": {**DROP, "lat": 12.977123}}
    told = {"status": "SOFT_UPDATE", "updated_at": NOW + 1}
    journey = await net.answered(
        "update",
        "/update",
        {**there, "soft": True},
        lambda _: _ride(net, speech, "on_update", *cheap, **told),
    )
    quote_hash = journey["update"]["asked"]["quote_hash"]
    made = {"status": "UPDATED", "updated_at": NOW + 2}
    await net.answered(
        "update",
        "/update",
        {**there, "quote_hash": quote_hash},
        lambda _: _ride(net, speech, "on_update", *cheap, **made),
    )
    confirm = net.coop.of("confirm")[0]
    dear = _ride(net, speech, "on_status", status="ACTIVE", updated_at=NOW + 3)
    said = await net.coop.say("on_status", confirm, dear, message_id=str(uuid.uuid4()))
    assert said.is_ack
    journey = await net.citizen.journey(lambda now: now["consent_needed"])
    change = journey["consent_needed"]["changed"][0]
    assert (change["before"], change["after"]) == (600, 1250)


async def test_a_change_dearer_than_shown_is_asked_about(
    rides: tuple[Network, Dialect],
) -> None:
    net, speech = rides
    await _ride_booked(net, speech)
    tip = PriceLine("BUYER_ADDITIONAL_AMOUNT", 100)
    lines = (PriceLine("BASE_FARE", 500), PriceLine("DISTANCE_FARE", 750), tip)
    journey = await net.answered(
        "update",
        "/update",
        {"tip_minor": 100, "soft": True},
        lambda _: _ride(net, speech, "on_update", *lines, status="SOFT_UPDATE", updated_at=NOW + 1),
    )
    asked = journey["update"]["asked"]
    more = (*lines, PriceLine("WAITING_CHARGES", 1))
    journey = await net.answered(
        "update",
        "/update",
        {"tip_minor": 100, "quote_hash": asked["quote_hash"]},
        lambda _: _ride(net, speech, "on_update", *more, status="UPDATED", updated_at=NOW + 2),
    )
    assert journey["consent_needed"]["changed"][0]["after"] == 1351
    _sent(net, speech)


async def test_the_fee_is_asked_first_and_the_order_goes_on(
    rides: tuple[Network, Dialect],
) -> None:
    net, speech = rides
    await _ride_booked(net, speech)
    lines = (
        PriceLine("BASE_FARE", 500),
        PriceLine("DISTANCE_FARE", 750),
        PriceLine("CANCELLATION_CHARGES", 450),
        PriceLine("REFUND", -1250),
    )
    why = Cancellation("CONSUMER", "005", NOW)
    journey = await net.answered(
        "cancel",
        "/cancel",
        {"reason_id": "005", "soft": True},
        lambda _: _ride(net, speech, "on_cancel", *lines, status="SOFT_CANCEL", cancellation=why),
    )
    assert journey["state"] == "booked"
    assert journey["cancellation"]["fee"]["minor"] == 450
    _sent(net, speech)


async def test_an_order_without_a_known_id_is_asked_for_by_its_transaction(
    rides: tuple[Network, Dialect],
) -> None:
    net, speech = rides
    journey = await _ride_ready(net, speech)
    await net.citizen.call("POST", "/confirm", {"quote_hash": journey["quote"]["hash"]})
    await net.coop.asked("confirm")
    await net.citizen.call("GET", "/status")
    status = await net.coop.asked("status")
    assert status["message"] == {"ref_id": journey["transaction_id"]}
    _sent(net, speech)


async def test_a_callback_in_another_dialect_than_the_journeys_is_refused(
    rides: tuple[Network, Dialect],
) -> None:
    net, speech = rides
    await _ride_booked(net, speech)
    before = await net.citizen.journey()
    message = _ride(net, speech, "on_update", status="ACTIVE", updated_at=NOW + 1)
    confirm = net.coop.of("confirm")[0]
    ids = {"message_id": str(uuid.uuid4())}
    said = await net.coop.say("on_update", confirm, message, version="1.1.0", **ids)
    assert (said.status, said.code) == (400, "20006")
    await net.handled()
    assert await net.citizen.journey() == before
    assert (await net.coop.say("on_update", confirm, message, **ids)).is_ack


# Deliveries


@pytest.fixture(params=["log10-1.2.5", "log-1.2.0"])
async def parcels(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Network, Dialect]]:
    payment = {"type": "PRE-ORDER", "collected_by": "BAP"}
    settings = _settings(request.param, bills="platform", payment=payment)
    async with network(tmp_path, **settings) as made:
        yield made, named(request.param)


RIDER = {"customer": {"name": "Asha", "phone": "+91 98450 12345"}}
PARCEL = {"weight_grams": 800, "declared_value_minor": 50000, "category": "Grocery"}
SENT = {
    "customer": {"name": "Asha", "phone": "+918000000002", "email": "asha@example.org"},
    "receiver": {"name": "Ravi", "phone": "+918000000003"},
}
WAY = {"price_minor": 6000, "return_price_minor": 3000, "currency": "INR", "kind": "DELIVERY"}


async def _offered(net: Network, speech: Dialect) -> Any:
    wish = {
        "kind": "delivery",
        "pickup": {**PICKUP, **PICKUP_CODE},
        "drop": {**DROP, **DROP_CODE},
        "parcel": PARCEL,
    }
    status, told = await net.citizen.search(wish)
    assert status == 201, told
    search = await net.gateway.asked("search")
    more = {**WAY, "vehicle_category": None, "turnaround_s": 3600}
    more.pop("price_minor")
    said = await net.coop.offers(search, 6000, speech=speech, **more)
    assert said.is_ack, said.body
    return await net.citizen.journey(lambda now: now["offers"])


async def _parcel_ready(net: Network, speech: Dialect) -> Any:
    journey = await _offered(net, speech)
    offer_id = journey["offers"][0]["offer_id"]
    status, journey = await net.citizen.call("POST", "/select", {"offer_id": offer_id})
    assert status == 200, journey
    lines = (PriceLine("BASE_FARE", 6000),)
    return await net.answered(
        "init",
        "/init",
        SENT,
        lambda asked: message_of(
            quoted(asked, lines, speech=speech, currency="INR", bpp_terms=THEIRS), "on_init", speech
        ),
    )


def _parcel(net: Network, speech: Dialect, action: str, state: str = "Pending", **more: Any) -> Any:
    view = speech.read_confirm(net.coop.of("confirm")[0]["message"])
    fulfillment = replace(view.fulfillment, state=state, **more.pop("fulfillment", {}))
    told = {"status": "ACTIVE", "updated_at": NOW + 1, "bpp_terms": THEIRS, **more}
    return message_of(replace(view, fulfillment=fulfillment, **told), action, speech)


async def _parcel_booked(net: Network, speech: Dialect) -> Any:
    journey = await _parcel_ready(net, speech)
    body = {"quote_hash": journey["quote"]["hash"]}
    return await net.answered(
        "confirm", "/confirm", body, lambda _: _parcel(net, speech, "on_confirm")
    )


async def test_an_offer_is_picked_without_asking_and_init_asks_the_terms(
    parcels: tuple[Network, Dialect],
) -> None:
    net, speech = parcels
    journey = await _offered(net, speech)
    offer_id = journey["offers"][0]["offer_id"]
    status, journey = await net.citizen.call("POST", "/select", {"offer_id": offer_id})
    assert (status, journey["state"]) == (200, "quoted")
    assert journey["quote"]["total"]["minor"] == 6000
    body = {"quote_hash": journey["quote"]["hash"]}
    status, told = await net.citizen.call("POST", "/confirm", body)
    assert (status, told["error"]["code"]) == (409, "no_quote")
    assert net.coop.received == []


async def test_the_consumer_makes_the_orders_id_and_the_platform_is_billed(
    parcels: tuple[Network, Dialect],
) -> None:
    net, speech = parcels
    journey = await _parcel_booked(net, speech)
    confirm = speech.read_confirm(net.coop.of("confirm")[0]["message"])
    assert str(uuid.UUID(confirm.id)) == journey["order"]["id"]
    assert confirm.billing is not None
    assert confirm.billing.tax_number == BILLING["tax_number"]
    assert confirm.billing == speech.read_init(net.coop.of("init")[0]["message"]).billing
    assert confirm.billing.since == 1_767_225_600  # 2026-01-01
    assert confirm.quote is not None
    assert confirm.quote.total_minor == 6000
    assert [(one.type, one.collected_by) for one in confirm.payments] == [("PRE-ORDER", "BAP")]
    assert (journey["state"], journey["consent_needed"]) == ("booked", None)
    _sent(net, speech)


async def test_another_id_than_ours_is_no_word_about_our_order(
    parcels: tuple[Network, Dialect],
) -> None:
    net, speech = parcels
    journey = await _parcel_ready(net, speech)
    body = {"quote_hash": journey["quote"]["hash"]}
    await net.citizen.call("POST", "/confirm", body)
    confirm = await net.coop.asked("confirm")
    message = _parcel(net, speech, "on_confirm", id="theirs")
    assert (await net.coop.say("on_confirm", confirm, message)).is_ack
    journey = await net.citizen.journey(lambda now: now["error"])
    assert (journey["state"], journey["error"]["code"]) == ("confirming", "faulty_answer")


async def test_the_parcel_is_said_to_be_ready_once_with_the_code_of_its_pickup(
    parcels: tuple[Network, Dialect],
) -> None:
    net, speech = parcels
    journey = await _parcel_booked(net, speech)
    assert journey["order"]["ready_to_ship"] is False
    journey = await net.answered(
        "update",
        "/update",
        {"ready_to_ship": True},
        lambda _: _parcel(net, speech, "on_update", updated_at=NOW + 2),
    )
    said = speech.read_update(net.coop.of("update")[0]["message"])
    assert said.fulfillment is not None
    assert said.fulfillment.ready_to_ship is True
    assert journey["order"]["ready_to_ship"] is True
    assert journey["order"]["start_code"] == said.fulfillment.start_code
    status, told = await net.citizen.call("POST", "/update", {"ready_to_ship": True})
    assert (status, told["error"]["code"]) == (409, "already_asked")
    _sent(net, speech)


async def test_what_cancelling_costs_is_not_asked_where_nobody_answers(
    parcels: tuple[Network, Dialect],
) -> None:
    net, speech = parcels
    journey = await _parcel_booked(net, speech)
    assert journey["cancellation"]["asks_fee"] is False
    assert [one["id"] for one in journey["cancellation"]["reasons"]] == ["004", "005"]
    body = {"reason_id": "005", "soft": True}
    status, told = await net.citizen.call("POST", "/cancel", body)
    assert (status, told["error"]["code"]) == (409, "not_sayable")
    status, _ = await net.citizen.call("POST", "/cancel", {"reason_id": "005"})
    assert status == 202
    await net.coop.asked("cancel")
    _sent(net, speech)


async def test_a_market_may_say_so_at_once(tmp_path: Path) -> None:
    payment = {"type": "POST-FULFILLMENT", "collected_by": "BPP"}
    settings = _settings("log10-1.2.5", bills="platform", payment=payment, ready_to_ship="at_once")
    async with network(tmp_path, **settings) as net:
        speech = named("log10-1.2.5")
        journey = await _parcel_booked(net, speech)
        confirm = speech.read_confirm(net.coop.of("confirm")[0]["message"])
        assert confirm.fulfillment.ready_to_ship is True
        assert journey["order"]["start_code"] == confirm.fulfillment.start_code
        _sent(net, speech)


async def _parcel_on_its_way(net: Network, speech: Dialect) -> Any:
    """The confirm of a parcel whose agent said since that it was fetched."""
    await _parcel_booked(net, speech)
    confirm = net.coop.of("confirm")[0]
    fetched = {"agent": Agent("Ravi", "9876543210"), "picked_up_at": NOW + 5}
    told = _parcel(
        net, speech, "on_status", "Out-for-delivery", fulfillment=fetched, updated_at=NOW + 5
    )
    said = await net.coop.say("on_status", confirm, told, message_id=str(uuid.uuid4()))
    assert said.is_ack, said.body
    return confirm


async def test_a_parcel_that_nobody_took_comes_back_at_the_price_of_the_offer(
    parcels: tuple[Network, Dialect],
) -> None:
    net, speech = parcels
    confirm = await _parcel_on_its_way(net, speech)
    lines = (PriceLine("BASE_FARE", 6000), PriceLine("RTO", 3000))
    fulfillment = speech.read_confirm(confirm["message"]).fulfillment
    view = _back(fulfillment, "RTO-Initiated")
    why = Cancellation(None, "013", NOW + 9, party_id="coop.example.org")
    message = _parcel(
        net,
        speech,
        "on_cancel",
        "Cancelled",
        fulfillment=view,
        quote=Quote("", "INR", lines),
        cancellation=why,
        updated_at=NOW + 9,
    )
    said = await net.coop.say("on_cancel", confirm, message, message_id=str(uuid.uuid4()))
    assert said.is_ack, said.body
    journey = await net.citizen.journey(lambda now: now["order"]["return"])
    assert journey["order"]["return"]["state"] == "RTO-Initiated"
    assert journey["order"]["cancelled"]["by"] == "PROVIDER"
    assert journey["consent_needed"] is None


def _back(given: Fulfillment, state: str) -> dict[str, Any]:
    leg = ReturnLeg(f"{given.id}-RTO", state, "013", NOW + 9)
    return {"return_leg": leg, "cancelled_in": "At-delivery"}


async def test_a_way_back_dearer_than_the_offer_said_is_asked_about(
    parcels: tuple[Network, Dialect],
) -> None:
    net, speech = parcels
    confirm = await _parcel_on_its_way(net, speech)
    fulfillment = speech.read_confirm(confirm["message"]).fulfillment
    lines = (PriceLine("BASE_FARE", 6000), PriceLine("RTO", 3001))
    message = _parcel(
        net,
        speech,
        "on_cancel",
        "Cancelled",
        fulfillment=_back(fulfillment, "RTO-Initiated"),
        quote=Quote("", "INR", lines),
        cancellation=Cancellation(None, "013", NOW + 9, party_id="coop.example.org"),
        updated_at=NOW + 9,
    )
    assert (await net.coop.say("on_cancel", confirm, message, message_id=str(uuid.uuid4()))).is_ack
    journey = await net.citizen.journey(lambda now: now["consent_needed"])
    change = journey["consent_needed"]["changed"][0]
    assert (change["before"], change["after"]) == (9000, 9001)


async def test_a_search_that_the_network_cannot_be_told_is_refused(
    parcels: tuple[Network, Dialect],
) -> None:
    net, _ = parcels
    wish = {"kind": "delivery", "pickup": PICKUP, "drop": DROP, "parcel": PARCEL}
    status, told = await net.citizen.search(wish)
    assert (status, told["error"]["code"]) == (400, "not_sayable")
    assert net.gateway.received == []
