"""Our words in the ride network's closed lists, and what its live traffic says in their place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from protocol_specs.wire import order
from protocol_specs.wire.errors import Malformed, NotServed
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialects, named
from protocol_specs.wire.version.dialect import Dialect
from tests.protocol_specs.wire.version import strategies as some
from tests.protocol_specs.wire.version.trv10 import rides

fast = settings(max_examples=50, suppress_health_check=list(HealthCheck))
NEW, OLD = rides.EDITIONS
both = pytest.mark.parametrize("dialect", rides.EDITIONS, ids=lambda one: one.traits.name)


def told(dialect: Dialect, view: order.OrderView, action: str = "on_confirm") -> dict[str, Any]:
    message: dict[str, Any] = dialect.write_on_order(view, action=action)["order"]
    return message


@settings(fast)
@given(quote=some.quotes("INR"))
def test_every_quote_keeps_its_sum_whatever_its_lines_are_called(quote: order.Quote) -> None:
    written = NEW.write_on_order(replace(rides.RIDE, quote=quote), action="on_confirm")
    NEW.schemas("strict").validate("on_confirm", rides.document(NEW, "on_confirm", written))
    read = NEW.read_on_order(written).quote
    assert read is not None
    assert read.total_minor == quote.total_minor
    titles = [line.code for line in read.lines]
    assert titles[:2] == ["BASE_FARE", "DISTANCE_FARE"]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("TIME_FARE", "DISTANCE_FARE"),
        ("ZONE_CHARGES", "BASE_FARE"),
        ("DISCOUNT", "BASE_FARE"),
        ("TIP", "BUYER_ADDITIONAL_AMOUNT"),
        ("in.karnataka.welfare", "TAX"),
        ("WAITING_CHARGES", "WAITING_CHARGES"),
    ],
)
def test_a_line_of_ours_stands_under_the_nearest_title(code: str, title: str) -> None:
    lines = (order.PriceLine("BASE_FARE", 3000), order.PriceLine(code, 500, "text of ours"))
    view = replace(rides.RIDE, quote=order.Quote("q-1", "INR", lines))
    read = NEW.read_on_order({"order": told(NEW, view)}).quote
    assert read is not None
    sums = {line.code: line.amount_minor for line in read.lines}
    assert sums[title] == 500 + (3000 if title == "BASE_FARE" else 0)
    assert sum(sums.values()) == 3500


@both
def test_nothing_of_ours_goes_on_this_wire(dialect: Dialect) -> None:
    ours = {
        "descriptor": {"code": "@wayfare/contribution"},
        "list": [{"descriptor": {"code": "STATUS"}, "value": "set_aside"}],
    }
    form = order.Form("https://bpp.example.org/form")
    view = replace(rides.RIDE, tags=(ours,), form=form)
    written = told(dialect, view)
    assert "wayfare" not in str(written)
    assert "xinput" not in written


def test_the_figures_of_a_policy_that_the_network_does_not_know_are_left_out() -> None:
    policy = (("MIN_FARE", "30"), ("FREE_WAITING_MIN", "5"), ("NIGHT_SHIFT_END_TIME", "6 am"))
    written = told(NEW, replace(rides.RIDE, fare_policy=policy))
    (group,) = written["items"][0]["tags"]
    assert [tag["descriptor"]["code"] for tag in group["list"]] == ["MIN_FARE"]


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+91 98765 00000", "9876500000"),
        ("919876500000", "9876500000"),
        ("09876500000", "9876500000"),
        ("98765-00000", "9876500000"),
        ("+60123456789", "+60123456789"),
    ],
)
def test_a_number_is_written_in_ten_digits_and_a_foreign_one_is_not_bent(
    number: str, written: str
) -> None:
    customer = order.Contact("Asha", number)
    view = replace(rides.RIDE, fulfillment=replace(rides.RIDE.fulfillment, customer=customer))
    assert told(NEW, view)["fulfillments"][0]["customer"]["contact"]["phone"] == written


@pytest.mark.parametrize(
    ("type_", "written"),
    [
        ("POST-FULFILLMENT", "ON-FULFILLMENT"),
        ("PRE-FULFILLMENT", "PRE-ORDER"),
        ("PRE-ORDER", "PRE-ORDER"),
    ],
)
def test_the_network_knows_no_payment_after_the_ride(
    type_: order.PaymentType, written: str
) -> None:
    view = replace(rides.RIDE, payments=(order.PaymentTerms("BPP", type_),))
    payment = told(NEW, view)["payments"][0]
    assert (payment["type"], payment["id"]) == (written, "1")


@both
def test_before_a_driver_is_assigned_nobody_is_named(dialect: Dialect) -> None:
    waiting = replace(rides.RIDE.fulfillment, state="RIDE_CONFIRMED")
    written = told(dialect, replace(rides.RIDE, fulfillment=waiting))["fulfillments"][0]
    assert "agent" not in written
    assert written["vehicle"] == {"category": "AUTO_RICKSHAW", "variant": "AUTO_RICKSHAW"}
    assert written["stops"][0]["authorization"]["token"] == "1234"


@both
def test_the_fee_of_the_platform_is_worked_out_from_the_price(dialect: Dialect) -> None:
    open_terms = replace(rides.TERMS, finder_fee_percentage="2.5", settlement_amount=None)
    view = replace(rides.drafted(rides.RIDE), bap_terms=open_terms)
    read = dialect.read_init(dialect.write_init(view))
    assert read.bap_terms is not None
    assert read.bap_terms.settlement_amount == "3.65"  # 2.5 % of 146.00


@both
def test_a_delivery_and_an_unknown_vehicle_cannot_be_said(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="no deliveries"):
        dialect.write_search(replace(rides.INTENT, kind=order.Kind.DELIVERY))
    with pytest.raises(ValueError, match="no vehicles of category 'BOAT'"):
        dialect.write_search(replace(rides.INTENT, vehicle_category="BOAT"))
    with pytest.raises(ValueError, match="without a reason"):
        dialect.write_cancel(order.CancelRequest("o-1"))
    with pytest.raises(ValueError, match=r"one of fulfillments, quote\.breakup at a time"):
        dialect.write_update(order.UpdateRequest(order_id="o-1", targets=("payments",)))


# What others write


def test_terms_are_read_wherever_they_stand() -> None:
    new = rides.messages(NEW)["confirm"]["message"]
    old = rides.messages(OLD)["confirm"]["message"]
    for dialect in rides.EDITIONS:
        assert dialect.read_confirm(new).bap_terms == rides.TERMS
        assert dialect.read_confirm(old).bap_terms == rides.TERMS
    assert OLD.read_on_order(rides.messages(OLD)["on_init"]["message"]).bpp_terms == rides.BPP_TERMS


@pytest.mark.parametrize(("said", "read"), [("5", "005"), ("011", "011"), ("rude", "rude")])
def test_a_reason_with_its_zeros_left_out_is_read_whole(said: str, read: str) -> None:
    message = rides.messages(NEW)["cancel"]["message"]
    message["cancellation_reason_id"] = said
    assert NEW.read_cancel(message).reason_id == read


@pytest.mark.parametrize(
    ("said", "read"),
    [("CONFIRM_CANCEL", "CANCELLED"), ("CONFIRM_UPDATE", "UPDATED"), ("COMPLETED", "COMPLETE")],
)
def test_the_networks_words_for_a_status_are_read_as_ours(said: str, read: str) -> None:
    message = rides.messages(NEW)["on_status"]["message"]
    message["order"]["status"] = said
    assert NEW.read_on_order(message).status == read


def test_a_location_that_is_named_but_not_there_is_passed_over() -> None:
    message = rides.messages(NEW)["on_search"]["message"]
    message["catalog"]["providers"][0]["items"][0]["location_ids"].append("L9")
    assert NEW.read_on_search(message).offers[0].nearby == rides.NEARBY[:2]


def test_a_status_question_without_any_id_is_refused() -> None:
    with pytest.raises(Malformed) as refused:
        NEW.read_status({})
    assert refused.value.path == "/message/order_id"


# Which of the two


@pytest.mark.parametrize(
    ("version", "name"),
    [("2.1.0", "trv10-2.1.0"), ("2.0.1", "trv10-2.0.1"), ("2.0.0", "trv10-2.0.1")],
)
def test_the_versions_are_told_apart(version: str, name: str) -> None:
    spoken = Dialects({"ONDC:TRV10": ["trv10-2.1.0", "trv10-2.0.1"]})
    document = copy.deepcopy(rides.messages(named(name))["confirm"])
    document["context"]["version"] = version
    assert spoken.of(document).traits.name == name


def test_a_version_that_is_not_spoken_here_is_refused() -> None:
    spoken = Dialects({"ONDC:TRV10": ["trv10-2.1.0"]})
    with pytest.raises(NotServed, match=r"2\.0\.1"):
        spoken.of(rides.messages(OLD)["confirm"])
