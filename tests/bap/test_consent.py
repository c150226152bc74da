"""The citizen pays what was agreed to, to whom it was agreed; whatever is more is asked again."""

from typing import Any

from protocol_specs.wire.order import PaymentTerms, PriceLine, Quote
from protocol_specs.wire.values import replace
from tests.bap.network import (
    CUSTOMER,
    FEES,
    LINES,
    Network,
    cancelled,
    message_of,
    ordered,
    quoted,
)
from tests.support.peers import NOW

DEARER = (*LINES, PriceLine("WAITING_CHARGES", 150))


def _dear(view: Any) -> Any:
    return replace(view, quote=Quote("q2", "MYR", DEARER))


async def test_a_higher_price_in_on_confirm_is_shown_and_never_silently_accepted(
    net: Network,
) -> None:
    journey = await net.ready()
    agreed = journey["quote"]["hash"]
    journey = await net.answered(
        "confirm",
        "/confirm",
        {"quote_hash": agreed},
        lambda asked: message_of(_dear(ordered(asked, "RIDE_ASSIGNED")), "on_confirm"),
    )
    needed = journey["consent_needed"]
    assert journey["state"] == "booked"
    assert needed["quote_hash"] != agreed
    assert needed["changed"] == [
        {"what": "total_minor", "before": 1250, "after": 1400, "worse": True}
    ]


async def test_a_higher_price_in_on_update_is_agreed_to_by_its_hash_only(net: Network) -> None:
    await net.booked()
    dear = _dear(ordered(net.coop.of("confirm")[0], "RIDE_ENDED", NOW + 9))
    assert (await net.unasked("on_update", dear)).is_ack
    journey = await net.citizen.journey(lambda now: now["consent_needed"])
    status, told = await net.citizen.call("POST", "/consent", {"quote_hash": "0" * 32})
    assert (status, told["error"]["code"]) == (409, "quote_changed")
    body = {"quote_hash": journey["consent_needed"]["quote_hash"]}
    status, journey = await net.citizen.call("POST", "/consent", body)
    assert (status, journey["consent_needed"]) == (200, None)


async def test_another_payment_account_is_asked_about_even_at_the_same_price(net: Network) -> None:
    await net.booked()
    view = ordered(net.coop.of("confirm")[0], "RIDE_ASSIGNED", NOW + 1)
    stolen = replace(view, payments=(PaymentTerms("BPP", "ON-FULFILLMENT", account="thief@bank"),))
    assert (await net.unasked("on_update", stolen)).is_ack
    journey = await net.citizen.journey(lambda now: now["consent_needed"])
    change = journey["consent_needed"]["changed"][0]
    assert (change["what"], change["after"]) == ("payee", ["BPP thief@bank"])


async def test_a_lower_price_needs_no_new_consent(net: Network) -> None:
    await net.booked()
    view = ordered(net.coop.of("confirm")[0], "RIDE_ASSIGNED", NOW + 1)
    cheap = replace(view, quote=Quote("q2", "MYR", LINES[:1]))
    assert (await net.unasked("on_update", cheap)).is_ack
    journey = await net.citizen.journey(lambda now: now["order"]["quote"]["total"]["minor"] == 500)
    assert journey["consent_needed"] is None


async def test_an_order_whose_price_does_not_add_up_is_kept_and_asked_about(net: Network) -> None:
    await net.booked("RIDE_CONFIRMED")
    view = ordered(net.coop.of("confirm")[0], "RIDE_ASSIGNED", NOW + 1)
    message = message_of(view, "on_update")
    message["order"]["quote"]["price"]["value"] = "99.00"
    confirm = net.coop.of("confirm")[0]
    said = await net.coop.say("on_update", confirm, message, message_id="m-1")
    assert said.is_ack
    journey = await net.citizen.journey(lambda now: now["consent_needed"])
    assert journey["order"]["state"] == "RIDE_ASSIGNED"
    assert journey["consent_needed"]["quote_hash"] is None


async def test_a_quote_whose_lines_do_not_sum_cannot_be_confirmed(net: Network) -> None:
    await net.searched()
    await net.selected()

    def tampered(asked: dict[str, Any]) -> dict[str, Any]:
        message = message_of(quoted(asked), "on_init")
        message["order"]["quote"]["price"]["value"] = "10.00"
        return message

    journey = await net.answered("init", "/init", CUSTOMER, tampered)
    assert journey["quote"] is None
    assert journey["error"]["code"] == "faulty_answer"
    status, told = await net.citizen.call("POST", "/confirm", {"quote_hash": "0" * 32})
    assert (status, told["error"]["code"]) == (409, "no_quote")
    assert net.coop.of("confirm") == []


async def test_a_quote_for_another_offer_is_faulty(net: Network) -> None:
    journey = await net.searched()
    body = {"offer_id": journey["offers"][0]["offer_id"]}
    journey = await net.answered(
        "select",
        "/select",
        body,
        lambda asked: message_of(quoted(asked, item_id="item-9"), "on_select"),
    )
    assert (journey["quote"], journey["error"]["code"]) == (None, "faulty_answer")


async def test_confirm_with_an_older_quote_says_what_changed(net: Network) -> None:
    journey = await net.ready()
    shown = journey["quote"]["hash"]
    init = net.coop.of("init")[0]
    dear = message_of(quoted(init, DEARER, cancellation_terms=FEES), "on_init")
    assert (await net.coop.say("on_init", init, dear)).is_ack
    await net.citizen.journey(lambda now: now["quote"]["total"]["minor"] == 1400)
    status, told = await net.citizen.call("POST", "/confirm", {"quote_hash": shown})
    assert (status, told["error"]["code"]) == (409, "quote_changed")
    assert "12.50 became 14.00 MYR" in told["error"]["message"]
    assert net.coop.of("confirm") == []


async def test_confirm_needs_the_hash_of_a_quote(net: Network) -> None:
    await net.ready()
    status, told = await net.citizen.call("POST", "/confirm", {})
    assert (status, told["error"]["path"]) == (400, "/quote_hash")
    status, told = await net.citizen.call("POST", "/confirm", {"quote_hash": "0" * 32})
    assert (status, told["error"]["code"]) == (409, "quote_unknown")


async def test_an_expired_quote_cannot_be_confirmed(net: Network) -> None:
    journey = await net.ready()
    net.clock.at += 301
    body = {"quote_hash": journey["quote"]["hash"]}
    status, told = await net.citizen.call("POST", "/confirm", body)
    assert (status, told["error"]["code"]) == (409, "quote_expired")


async def test_cancelling_costs_what_was_shown(net: Network) -> None:
    journey = await net.booked("RIDE_ASSIGNED")
    assert journey["cancellation"]["fee"]["value"] == "3.00"
    status, told = await net.citizen.call("POST", "/cancel", {"reason_id": "005"})
    assert (status, told["error"]["code"]) == (409, "fee_changed")
    assert net.coop.of("cancel") == []
    journey = await net.answered(
        "cancel",
        "/cancel",
        {"reason_id": "005", "fee_minor": 300},
        lambda asked: message_of(cancelled(net.coop.of("confirm")[0], 300), "on_cancel"),
    )
    assert (journey["state"], journey["consent_needed"]) == ("cancelled", None)
    assert journey["order"]["quote"]["total"]["value"] == "3.00"


async def test_a_higher_fee_than_shown_is_asked_about(net: Network) -> None:
    await net.booked("RIDE_ASSIGNED")
    journey = await net.answered(
        "cancel",
        "/cancel",
        {"reason_id": "005", "fee_minor": 300},
        lambda asked: message_of(cancelled(net.coop.of("confirm")[0], 900), "on_cancel"),
    )
    assert journey["state"] == "cancelled"
    change = journey["consent_needed"]["changed"][0]
    assert change["what"] == "cancellation_fee_minor"
    assert (change["before"], change["after"]) == (300, 900)


async def test_a_providers_own_cancelling_must_cost_nothing(net: Network) -> None:
    await net.booked("RIDE_ASSIGNED")
    view = cancelled(net.coop.of("confirm")[0], 300, by="PROVIDER")
    assert (await net.unasked("on_cancel", view)).is_ack
    journey = await net.citizen.journey(lambda now: now["state"] == "cancelled")
    assert journey["consent_needed"]["changed"][0]["after"] == 300


async def test_a_soft_cancel_asks_the_fee_and_changes_nothing(net: Network) -> None:
    await net.booked("RIDE_ASSIGNED")
    fee = replace(cancelled(net.coop.of("confirm")[0], 450), status="ACTIVE", cancellation=None)
    asked = replace(fee, fulfillment=replace(fee.fulfillment, state="RIDE_ASSIGNED"))
    journey = await net.answered(
        "cancel",
        "/cancel",
        {"reason_id": "005", "soft": True},
        lambda _: message_of(asked, "on_cancel"),
    )
    assert journey["state"] == "booked"
    assert journey["cancellation"]["fee"]["value"] == "4.50"
    assert journey["order"]["quote"]["total"]["value"] == "12.50"
