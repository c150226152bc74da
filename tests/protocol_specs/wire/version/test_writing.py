"""What we send is exact and whole, and what cannot be said in core 1.1 is not sent."""

from __future__ import annotations

import pytest

from protocol_specs.wire.order import (
    DELIVERY_CANCELLED,
    RETURN_STATES,
    Agent,
    Cancellation,
    CancellationTerm,
    Catalog,
    Fulfillment,
    Intent,
    Kind,
    Offer,
    OrderView,
    PaymentTerms,
    Place,
    PriceLine,
    Quote,
    ReturnLeg,
)
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1 as version

INTENT = Intent(Kind.RIDE, Place(3.1390034, 101.6868554), Place(-3.15, 101.7))
VIEW = OrderView(
    id="o1",
    status="ACTIVE",
    provider_id="P1",
    item_id="I1",
    fulfillment=Fulfillment(id="F1", kind=Kind.RIDE, state="RIDE_CONFIRMED"),
    quote=Quote("q1", "MYR", (PriceLine("BASE_FARE", 500), PriceLine("DISTANCE_FARE", 755))),
    payments=(PaymentTerms("BPP", "ON-FULFILLMENT"),),
)
OFFER = Offer(
    provider_id="P1",
    provider_name="Coop",
    item_id="I1",
    fulfillment_id="F1",
    kind=Kind.RIDE,
    vehicle_category="CAB",
    name="City ride",
    currency="MYR",
    price_minor=1255,
)


def test_gps_has_six_decimals_without_a_blank() -> None:
    stops = version.write_search(INTENT)["intent"]["fulfillment"]["stops"]
    assert [stop["location"]["gps"] for stop in stops] == [
        "3.139003,101.686855",
        "-3.150000,101.700000",
    ]


def test_money_is_a_decimal_string_with_its_currency() -> None:
    quote = version.write_on_order(VIEW, action="on_confirm")["order"]["quote"]
    assert quote["price"] == {"currency": "MYR", "value": "12.55"}
    assert [line["title"] for line in quote["breakup"]] == ["BASE_FARE", "DISTANCE_FARE"]


def test_what_is_not_said_is_left_out_and_never_null() -> None:
    order = version.write_on_order(VIEW, action="on_confirm")["order"]
    assert {"billing", "cancellation", "created_at", "tags"}.isdisjoint(order)


def test_requests_leave_the_type_of_the_fulfillment_to_the_provider() -> None:
    assert "type" not in version.write_select(VIEW)["order"]["fulfillments"][0]
    callback = version.write_on_order(VIEW, action="on_confirm")
    assert callback["order"]["fulfillments"][0]["type"] == "DELIVERY"


def test_a_fee_that_was_only_asked_for_leaves_the_order_active() -> None:
    asked = version.write_on_order(replace(VIEW, status="SOFT_CANCEL"), action="on_cancel")
    assert asked["order"]["status"] == "ACTIVE"


@pytest.mark.parametrize("state", RETURN_STATES)
def test_a_parcel_on_its_way_back_is_told_by_the_state_of_its_one_fulfillment(state: str) -> None:
    back = ReturnLeg(f"{VIEW.fulfillment.id}-RTO", state)
    parcel = Fulfillment(
        id=VIEW.fulfillment.id, kind=Kind.DELIVERY, state=DELIVERY_CANCELLED, return_leg=back
    )
    why = Cancellation("PROVIDER", "011", 1_790_000_000)
    view = replace(VIEW, fulfillment=parcel, cancellation=why)
    message = version.write_on_order(view, action="on_cancel")
    (written,) = message["order"]["fulfillments"]
    assert written["state"]["descriptor"]["code"] == state
    assert version.read_on_order(message).fulfillment == parcel


@pytest.mark.parametrize(
    ("view", "action", "said"),
    [
        (replace(VIEW, id=None), "on_confirm", "id"),
        (replace(VIEW, status=None), "on_status", "status"),
        (replace(VIEW, quote=None), "on_select", "quote"),
        (replace(VIEW, payments=()), "on_init", "payments"),
        (replace(VIEW, status="ENDED"), "on_update", "ENDED"),
        (
            replace(VIEW, fulfillment=replace(VIEW.fulfillment, agent=Agent("Aminah"))),
            "on_select",
            "agent",
        ),
        (
            replace(VIEW, cancellation_terms=(CancellationTerm("RIDE_STARTED"),)),
            "on_init",
            "amount",
        ),
        (
            replace(VIEW, payments=(PaymentTerms("BPP", "PRE-ORDER", amount_minor=5),)),
            "on_init",
            "currency",
        ),
    ],
)
def test_an_order_that_the_action_cannot_carry_is_our_mistake(
    view: OrderView, action: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        version.write_on_order(view, action=action)


def test_offers_that_differ_in_payments_name_theirs() -> None:
    cash, card = PaymentTerms("BPP", "ON-FULFILLMENT", id="1"), PaymentTerms("BAP", "PRE-ORDER")
    offers = (replace(OFFER, payments=(cash,)), replace(OFFER, item_id="I2", payments=(card,)))
    with pytest.raises(ValueError, match="id"):
        version.write_on_search(Catalog("Coop", offers), intent=INTENT)
    named = (offers[0], replace(offers[1], payments=(replace(card, id="2"),)))
    message = version.write_on_search(Catalog("Coop", named), intent=INTENT)
    assert version.read_on_search(message).offers == named


def test_one_item_id_is_one_offer() -> None:
    with pytest.raises(ValueError, match="item id"):
        version.write_on_search(Catalog("Coop", (OFFER, OFFER)), intent=INTENT)


def test_a_quote_never_sums_below_zero() -> None:
    with pytest.raises(ValueError, match="negative"):
        Quote("q", "MYR", (PriceLine("REFUND", -1),))
