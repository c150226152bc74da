"""What we say on the delivery networks, and what we refuse to say."""

from __future__ import annotations

from typing import Any

import pytest

from protocol_specs.wire import order
from protocol_specs.wire.values import replace
from tests.protocol_specs.wire.version.log10 import deliveries, samples

LOG10, LOG = deliveries.DIALECTS


def breakup(quote: order.Quote) -> list[tuple[str, str]]:
    view = replace(samples.ORDER, quote=quote)
    written = LOG10.write_on_order(view, action="on_confirm")["order"]["quote"]
    return [(line["@ondc/org/title_type"], line["price"]["value"]) for line in written["breakup"]]


def test_a_customer_borne_line_is_part_of_the_delivery_s_price_and_the_sum_stays() -> None:
    assert breakup(samples.QUOTE) == [("delivery", "51.00"), ("tax", "9.00")]
    read = LOG10.read_on_order(LOG10.write_on_order(samples.ORDER, action="on_confirm"))
    assert read.quote is not None
    assert read.quote.total_minor == samples.QUOTE.total_minor


def test_a_refund_comes_off_the_delivery() -> None:
    lines = (*samples.QUOTE.lines, order.PriceLine("REFUND", -5100))
    assert breakup(replace(samples.QUOTE, lines=lines)) == [("delivery", "0.00"), ("tax", "9.00")]


def test_nothing_of_ours_stands_on_this_wire() -> None:
    ours = {"descriptor": {"code": "@wayfare/contribution"}, "list": []}
    view = replace(samples.ORDER, tags=(ours,), fare_policy=(("MIN_FARE", "30"),))
    said = LOG10.write_on_order(view, action="on_confirm")
    assert said == LOG10.write_on_order(samples.ORDER, action="on_confirm")
    assert not LOG10.traits.takes_our_tags


@pytest.mark.parametrize(
    ("state", "status", "action", "word"),
    [
        ("Pending", "ACTIVE", "on_confirm", "Accepted"),
        ("Agent-assigned", "ACTIVE", "on_confirm", "Accepted"),
        ("Pending", "ACTIVE", "on_update", "Accepted"),
        ("Agent-assigned", "ACTIVE", "on_update", "In-progress"),
        ("At-pickup", "ACTIVE", "on_status", "In-progress"),
        ("Order-delivered", "COMPLETE", "on_status", "Completed"),
        ("Cancelled", "CANCELLED", "on_status", "Cancelled"),
    ],
)
def test_an_order_s_state_follows_how_far_the_parcel_is(
    state: str, status: str, action: str, word: str
) -> None:
    view = replace(samples.at(state), status=status)
    assert LOG10.write_on_order(view, action=action)["order"]["state"] == word


def test_an_address_in_one_text_is_written_in_parts() -> None:
    place = order.Place(12.9, 77.6, "12 MG Road, 2nd floor, Indiranagar, Bengaluru, KA", "560038")
    view = replace(samples.ORDER, fulfillment=replace(samples.FULFILLMENT, pickup=place))
    start = LOG10.write_init(view)["order"]["fulfillments"][0]["start"]
    assert start["location"]["address"] == {
        "name": "Asha",
        "building": "12 MG Road",
        "locality": "2nd floor, Indiranagar",
        "city": "Bengaluru",
        "state": "KA",
        "country": "IND",
        "area_code": "560038",
    }


def test_the_terms_are_accepted_by_y_and_claims_are_yes_or_no() -> None:
    said = LOG10.write_confirm(samples.ORDER)["order"]
    assert said["tags"] == [
        {"code": "bap_terms", "list": [{"code": "accept_bpp_terms", "value": "Y"}]}
    ]
    claims = {
        tag["code"]: tag["value"]
        for group in said["fulfillments"][0]["tags"]
        for tag in group["list"]
    }
    assert (claims["ready_to_ship"], claims["return_to_origin"]) == ("yes", "yes")


def test_on_demand_is_what_a_search_asks_for_and_what_we_call_nothing() -> None:
    said = LOG10.write_search(samples.INTENT)
    assert said["intent"]["category"] == {"id": "Immediate Delivery"}
    assert LOG10.read_search(said).service_level is None
    later = LOG10.write_search(replace(samples.INTENT, service_level="Same Day Delivery"))
    assert LOG10.read_search(later).service_level == "Same Day Delivery"


def test_a_turnaround_is_reckoned_for_a_day_on_local_clocks() -> None:
    late = replace(
        samples.CATALOG, made_at=1_767_292_200
    )  # 2026-01-02, an hour of it gone in India
    said = LOG10.write_on_search(late, intent=samples.INTENT)
    time = said["catalog"]["bpp/providers"][0]["categories"][0]["time"]
    assert time == {"label": "TAT", "duration": "PT60M", "timestamp": "2026-01-02"}


def test_terms_stand_in_catalog_and_draft_of_1_2_5_with_or_without_a_url() -> None:
    none = [{"code": "bpp_terms", "list": [{"code": "static_terms", "value": ""}]}]
    catalog = LOG10.write_on_search(samples.CATALOG, intent=samples.INTENT)["catalog"]
    assert catalog["bpp/descriptor"]["tags"] == none
    assert LOG10.write_on_order(samples.ORDER, action="on_init")["order"]["tags"] == none
    assert "tags" not in LOG.write_on_order(samples.ORDER, action="on_init")["order"]


def test_the_bill_is_dated_by_its_details_or_else_by_the_order() -> None:
    def dated(billing: order.Contact) -> str:
        return str(
            LOG10.write_init(replace(samples.ORDER, billing=billing))["order"]["billing"][
                "created_at"
            ]
        )

    assert dated(samples.PLATFORM) == "2026-01-02T03:00:00.000Z"
    assert dated(replace(samples.PLATFORM, since=0)) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(("dialect", "payee"), [(LOG10, "lsp"), (LOG, "seller-app")])
def test_who_is_settled_with_is_said_in_each_edition_s_word(dialect: Any, payee: str) -> None:
    said = dialect.write_confirm(samples.ORDER)["order"]["payment"]
    details = said["@ondc/org/settlement_details"][0]
    assert details["settlement_counterparty"] == payee


def without(**members: Any) -> order.OrderView:
    return replace(samples.ORDER, fulfillment=replace(samples.FULFILLMENT, **members))


@pytest.mark.parametrize(
    ("view", "missing"),
    [
        (replace(samples.ORDER, id=None), "order's id"),
        (replace(samples.ORDER, quote=None), "a quote"),
        (replace(samples.ORDER, created_at=None), "created_at"),
        (replace(samples.ORDER, billing=None), "billing"),
        (replace(samples.ORDER, billing=replace(samples.PLATFORM, tax_number=None)), "tax_number"),
        (replace(samples.ORDER, billing=replace(samples.PLATFORM, address=None)), "an address"),
        (replace(samples.ORDER, payments=()), "one payment"),
        (without(parcel=None), "a parcel"),
        (without(drop=order.Place(1.0, 2.0, "7, Domlur")), "area_code"),
        (without(drop=order.Place(1.0, 2.0, None, "560071")), "an address"),
        (without(pickup_contact=order.Contact("Asha")), "a phone"),
        (without(start_code=None, instructions=None), "ready to ship"),
    ],
)
def test_a_confirm_that_lacks_what_the_rules_want_is_not_written(
    view: order.OrderView, missing: str
) -> None:
    with pytest.raises(ValueError, match=missing):
        LOG10.write_confirm(view)


@pytest.mark.parametrize(
    ("dialect", "wish", "why"),
    [
        (LOG10, order.CancelRequest("o1", "001"), "reasons"),
        (LOG10, order.CancelRequest("o1"), "a reason"),
        (LOG, order.CancelRequest("o1", "005", soft=True), "cannot be asked"),
    ],
)
def test_a_cancel_that_the_network_has_no_words_for_is_not_written(
    dialect: Any, wish: order.CancelRequest, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        dialect.write_cancel(wish)


def test_a_ride_is_not_looked_for_on_a_delivery_network() -> None:
    with pytest.raises(ValueError, match="parcels"):
        LOG10.write_search(order.Intent(order.Kind.RIDE, samples.FROM, samples.TO))


def test_on_track_without_the_ids_it_is_about_is_not_written() -> None:
    with pytest.raises(ValueError, match="order_id"):
        LOG10.write_on_track(order.Tracking("active", samples.FROM, samples.NOW))
