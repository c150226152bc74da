"""The pure parts: progress, fees, contributions, consent, buckets."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bap.consent import Terms, beyond, terms_from
from bap.contributions import contributions
from bap.decide import refused, told
from bap.fees import fee_minor
from bap.journey import Journey
from bap.progress import is_cancelled, is_ended, supersedes
from protocol_specs.wire import strict_json, tags
from protocol_specs.wire.order import (
    RIDE_CANCELLED,
    RIDE_STATES,
    Cancellation,
    CancellationTerm,
    Fulfillment,
    Kind,
    OrderView,
    PaymentTerms,
    PriceLine,
    Quote,
    ReturnLeg,
)
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1

STATES = (*RIDE_STATES, RIDE_CANCELLED, None, "A-word-of-their-own")
VIEW = OrderView(
    provider_id="p", item_id="i", fulfillment=Fulfillment(id="f", kind=Kind.RIDE), status="ACTIVE"
)
JOURNEY = Journey(
    dialect="core-1.1",
    id="j",
    secret_hash=b"",
    kind="RIDE",
    domain="d",
    city="c",
    country="MYS",
    currency="MYR",
    transaction_id="t",
    state="booked",
    version=1,
    intent=b"{}",
    created_at=0,
    updated_at=0,
)


@st.composite
def views(draw: st.DrawFn) -> OrderView:
    """An order at any point of its life, as a provider might tell it."""
    state = draw(st.sampled_from(STATES))
    status = draw(st.sampled_from(("ACTIVE", "COMPLETE", "CANCELLED")))
    at = draw(st.none() | st.integers(1, 5))
    return replace(
        VIEW, status=status, updated_at=at, fulfillment=replace(VIEW.fulfillment, state=state)
    )


@given(st.lists(views(), max_size=12))
def test_an_ended_order_ends_once_whatever_comes_in_whatever_order(told: list[OrderView]) -> None:
    known, ended_as = VIEW, None
    for view in told:
        if supersedes(view, known):
            known = view
        if ended_as is not None:
            assert is_ended(known)
            assert is_cancelled(known) == ended_as
        ended_as = is_cancelled(known) if is_ended(known) else None


@given(views(), views())
def test_of_two_statements_dated_apart_the_earlier_never_replaces_the_later(
    one: OrderView, other: OrderView
) -> None:
    if one.updated_at is None or other.updated_at is None:
        return
    earlier, later = sorted((one, other), key=lambda view: view.updated_at or 0)
    if earlier.updated_at != later.updated_at:
        assert not supersedes(earlier, later)


_LINES = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(-500, 5000)), max_size=4)


@given(_LINES, _LINES)
def test_consent_covers_exactly_what_costs_no_more(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    agreed = Terms("p", "i", "MYR", tuple(before), (("BPP", None),))
    told = replace(agreed, lines=tuple(after))
    assert bool(beyond(agreed, told)) == (told.total_minor > agreed.total_minor)
    assert (told.hash == agreed.hash) == (before == after)
    assert terms_from(told.document()) == told


def _fee(state: str, *terms: CancellationTerm) -> int | None:
    view = replace(
        VIEW,
        fulfillment=replace(VIEW.fulfillment, state=state),
        quote=Quote("q", "MYR", (PriceLine("BASE_FARE", 1005),)),
        cancellation_terms=terms,
    )
    return fee_minor(JOURNEY, view)


def test_a_fee_holds_from_its_state_until_the_next_one_begins() -> None:
    terms = (
        CancellationTerm("RIDE_ASSIGNED", 300, None, "MYR"),
        CancellationTerm("RIDE_ARRIVED_PICKUP", None, "50"),
    )
    assert _fee("RIDE_CONFIRMED", *terms) is None
    assert _fee("RIDE_ENROUTE_PICKUP", *terms) == 300
    assert _fee("RIDE_ARRIVED_PICKUP", *terms) == 503  # half of 10.05, halves away from zero


@pytest.mark.parametrize("percentage", ["free", "NaN", "Infinity", "-5", "1E9", ""])
def test_a_fee_that_is_no_percentage_is_not_said(percentage: str) -> None:
    assert _fee("RIDE_ASSIGNED", CancellationTerm("RIDE_ASSIGNED", None, percentage)) is None


_SAID = {
    "STATUS": "set_aside",
    "SCHEME": "my.act872.gig",
    "KIND": "contribution",
    "BORNE_BY": "worker",
    "AMOUNT": "0.16",
    "CURRENCY": "MYR",
    "VERIFIED": "true",
}


def test_a_contribution_is_shown_with_its_amount_and_who_bears_it() -> None:
    shown = contributions([tags.group("@wayfare/contribution", _SAID), tags.group("OTHER", {})])
    assert len(shown) == 1
    assert shown[0]["amount"] == {"currency": "MYR", "minor": 16, "value": "0.16"}
    assert (shown[0]["kind"], shown[0]["borne_by"]) == ("contribution", "worker")


@pytest.mark.parametrize(
    "status", ["estimate", "pending", "set_aside", "awaiting_worker", "due", "reversed"]
)
def test_every_documented_status_of_a_contribution_is_shown_as_it_is(status: str) -> None:
    (shown,) = contributions([tags.group("@wayfare/contribution", {**_SAID, "STATUS": status})])
    assert shown["status"] == status


@pytest.mark.parametrize("wrong", [{"STATUS": "covered"}, {"KIND": "insurance"}, {"KIND": ""}])
def test_a_contribution_in_words_of_nobody_is_not_shown(wrong: dict[str, str]) -> None:
    assert contributions([tags.group("@wayfare/contribution", {**_SAID, **wrong})]) == []


AGREED = Terms("p", "i", "MYR", (("BASE_FARE", 1250),), (("BPP", "coop@bank"),))
BOOKED = replace(
    JOURNEY,
    state="booked",
    bpp_id="bpp.example",
    order_id="o",
    consented=strict_json.dumps(AGREED.document()),
    agreed_fee_minor=300,
)


def _told(
    journey: Journey,
    state: str,
    *,
    fare: Quote | None,
    status: str = "ACTIVE",
    account: str | None = "coop@bank",
    leg: ReturnLeg | None = None,
) -> Journey:
    """The journey after its provider's word."""
    view = replace(
        VIEW,
        id="o",
        status=status,
        quote=fare,
        payments=(PaymentTerms("BPP", "ON-FULFILLMENT", account=account),),
        fulfillment=replace(VIEW.fulfillment, state=state, return_leg=leg),
        cancellation=Cancellation("CONSUMER", "005", 1) if status == "CANCELLED" else None,
    )
    after, _ = told(
        journey, view, strict_json.dumps(core_1_1.write_on_order(view, action="on_status"))
    )
    return after


def _changed(journey: Journey) -> list[str]:
    """What the citizen is asked about."""
    return [each["what"] for each in orjson.loads(journey.pending or b'{"changed": []}')["changed"]]


FARE = Quote("q", "MYR", (PriceLine("BASE_FARE", 1250),))


def test_another_account_is_asked_about_in_a_word_without_a_price_too() -> None:
    assert _changed(_told(BOOKED, "RIDE_ASSIGNED", fare=None)) == []
    assert _changed(_told(BOOKED, "RIDE_ASSIGNED", fare=None, account="thief@bank")) == ["payee"]


def test_an_account_left_out_later_is_no_change() -> None:
    assert _changed(_told(BOOKED, "RIDE_ASSIGNED", fare=FARE, account=None)) == []


def test_a_fee_to_another_account_or_in_another_currency_is_asked_about() -> None:
    fee = Quote("q", "MYR", (PriceLine("CANCELLATION_CHARGES", 300),))
    assert _changed(_told(BOOKED, RIDE_CANCELLED, fare=fee, status="CANCELLED")) == []
    stolen = _told(BOOKED, RIDE_CANCELLED, fare=fee, status="CANCELLED", account="thief@bank")
    assert _changed(stolen) == ["payee"]
    dear = replace(fee, currency="KWD")
    assert _changed(_told(BOOKED, RIDE_CANCELLED, fare=dear, status="CANCELLED")) == ["currency"]


def test_the_fee_of_a_cancelling_that_was_refused_is_agreed_to_no_more() -> None:
    fee = Quote("q", "MYR", (PriceLine("CANCELLATION_CHARGES", 300),))
    stands, _ = refused(BOOKED, "on_cancel", "50001", "too late", 1)
    ended = _told(stands, RIDE_CANCELLED, fare=fee, status="CANCELLED")
    assert _changed(ended) == ["cancellation_fee_minor"]


def test_a_way_back_costs_only_what_was_on_its_way() -> None:
    leg = ReturnLeg("f-RTO", "RTO-Initiated")
    journey = replace(BOOKED, kind="DELIVERY", agreed_fee_minor=None)
    unfetched = _told(journey, "Cancelled", fare=FARE, leg=leg)
    assert _changed(unfetched) == ["cancellation_fee_minor"]
    fetched = _told(journey, "Out-for-delivery", fare=FARE)
    assert _changed(_told(fetched, "Cancelled", fare=FARE, leg=leg)) == []
