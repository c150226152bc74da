"""confirm: the stored quote is the only price, and it makes one order."""

from collections.abc import Callable

import pytest

from bpp.orders.confirm import confirm
from bpp.orders.init import StoredQuote, init, quote_document, read_quote
from bpp.orders.office import Office
from bpp.orders.order import order_document, read_order
from protocol_specs.wire.errors import (
    ActionNotApplicable,
    FulfillmentUnavailable,
    PaymentNotSupported,
    QuoteUnavailable,
)
from protocol_specs.wire.order import OrderView, PaymentTerms, PriceLine, Quote
from protocol_specs.wire.values import replace
from tests.bpp.factories import (
    CASH,
    CODE,
    KL,
    NOW,
    PARIS,
    PEER,
    PREPAID,
    accepting,
    an_order,
    asked,
    confirmed,
    office,
    quoted,
    worker,
)


def test_a_confirm_without_a_driver_waits_confirmed_and_tells_the_start_code() -> None:
    decision = confirmed(office())
    order = decision.order
    assert (order.status, order.state, order.agent_id) == ("ACTIVE", "RIDE_CONFIRMED", None)
    assert order.view.fulfillment.start_code == CODE
    assert not order.view.fulfillment.code_claimed
    assert [event.kind for event in decision.events] == ["confirmed"]
    assert decision.callbacks == ("on_confirm",)


def test_a_confirm_with_a_driver_is_assigned_in_the_same_decision() -> None:
    decision = confirmed(office(), worker())
    view = decision.order.view
    assert view.fulfillment.state == "RIDE_ASSIGNED"
    assert view.fulfillment.agent == worker().agent
    assert view.fulfillment.vehicle == worker().vehicle
    assert [(e.kind, e.n, e.agent_id) for e in decision.events] == [
        ("confirmed", 1, None),
        ("assigned", 2, "w1"),
    ]
    assert decision.callbacks == ("on_confirm",)


def test_the_order_costs_what_was_quoted_line_by_line() -> None:
    where = office()
    stored = quoted(where)
    order = confirm(
        where, accepting(where, stored), PEER, NOW, stored=stored, existing=None, worker=None
    ).order
    assert order.quote == stored.view.quote
    assert order.payment.amount_minor == order.quote.total_minor


def changed_quote(stored: StoredQuote, **changes: object) -> Quote:
    assert stored.view.quote is not None
    return replace(stored.view.quote, **changes)  # type: ignore[arg-type]


def cheaper(where: Office, stored: StoredQuote) -> OrderView:
    assert stored.view.quote is not None
    first, *rest = stored.view.quote.lines
    lines = (replace(first, amount_minor=first.amount_minor - 1), *rest)
    return accepting(where, stored, quote=changed_quote(stored, lines=lines))


def dearer(where: Office, stored: StoredQuote) -> OrderView:
    assert stored.view.quote is not None
    lines = (*stored.view.quote.lines, PriceLine("TIP", 1))
    return accepting(where, stored, quote=changed_quote(stored, lines=lines))


def moved_between_lines(where: Office, stored: StoredQuote) -> OrderView:
    assert stored.view.quote is not None
    first, second, *rest = stored.view.quote.lines
    lines = (
        replace(first, amount_minor=first.amount_minor + 1),
        replace(second, amount_minor=second.amount_minor - 1),
        *rest,
    )
    return accepting(where, stored, quote=changed_quote(stored, lines=lines))


def other_currency(where: Office, stored: StoredQuote) -> OrderView:
    return accepting(where, stored, quote=changed_quote(stored, currency="SGD"))


def other_quote(where: Office, stored: StoredQuote) -> OrderView:
    return accepting(where, stored, quote=changed_quote(stored, id="another transaction's"))


def no_quote(where: Office, stored: StoredQuote) -> OrderView:
    return accepting(where, stored, quote=None)


def other_drop(where: Office, stored: StoredQuote) -> OrderView:
    fulfillment = replace(asked(where).fulfillment, drop=replace(KL, lat=KL.lat + 0.000001))
    return accepting(where, stored, fulfillment=fulfillment)


def other_item(where: Office, stored: StoredQuote) -> OrderView:
    return accepting(where, stored, item_id="ride-limousine")


@pytest.mark.parametrize(
    "tampered",
    [
        cheaper,
        dearer,
        moved_between_lines,
        other_currency,
        other_quote,
        no_quote,
        other_drop,
        other_item,
    ],
)
def test_nothing_but_the_stored_quote_is_confirmed(
    tampered: Callable[[Office, StoredQuote], OrderView],
) -> None:
    where = office()
    stored = quoted(where)
    view = tampered(where, stored)
    with pytest.raises(QuoteUnavailable) as refused:
        confirm(where, view, PEER, NOW, stored=stored, existing=None, worker=None)
    assert refused.value.code == "40003"
    assert refused.value.path


def test_a_quote_is_good_until_its_last_second_and_not_after() -> None:
    where = office()
    stored = quoted(where)
    view, last = accepting(where, stored), NOW + where.provider.quote_ttl_s
    confirm(where, view, PEER, last, stored=stored, existing=None, worker=None)
    with pytest.raises(QuoteUnavailable, match="expired"):
        confirm(where, view, PEER, last + 1, stored=stored, existing=None, worker=None)


def test_a_confirm_without_an_init_is_refused() -> None:
    where = office()
    view = accepting(where, quoted(where))
    with pytest.raises(QuoteUnavailable, match="init first"):
        confirm(where, view, PEER, NOW, stored=None, existing=None, worker=None)


def test_a_transaction_makes_one_order() -> None:
    where = office()
    stored = quoted(where)
    view, first = accepting(where, stored), an_order(where)
    with pytest.raises(ActionNotApplicable, match=first.id):
        confirm(where, view, PEER, NOW, stored=stored, existing=first, worker=None)


@pytest.mark.parametrize("payment", [PREPAID, replace(CASH, id="other")])
def test_payment_terms_other_than_agreed_are_refused(payment: PaymentTerms) -> None:
    where = office()
    stored = quoted(where)
    view = accepting(where, stored, payments=(payment,))
    with pytest.raises(PaymentNotSupported):
        confirm(where, view, PEER, NOW, stored=stored, existing=None, worker=None)


def test_a_peer_that_says_paid_for_cash_is_not_believed() -> None:
    where = office()
    stored = quoted(where)
    says_paid = replace(stored.view.payments[0], status="PAID", amount_minor=0)
    view = accepting(where, stored, payments=(says_paid,))
    order = confirm(where, view, PEER, NOW, stored=stored, existing=None, worker=None).order
    assert order.payment == stored.view.payments[0]


def test_what_the_bap_collects_beforehand_is_paid_and_keeps_its_reference() -> None:
    where = office()
    stored = quoted(where, PREPAID)
    said = replace(stored.view.payments[0], status="PAID", reference="bank-77")
    view = accepting(where, stored, payments=(said,))
    order = confirm(where, view, PEER, NOW, stored=stored, existing=None, worker=None).order
    assert (order.payment.status, order.payment.reference) == ("PAID", "bank-77")


def test_tags_that_the_peer_sends_never_become_ours() -> None:
    where = office()
    stored = quoted(where)
    view = accepting(where, stored, tags=({"descriptor": {"code": "@wayfare/contribution"}},))
    order = confirm(where, view, PEER, NOW, stored=stored, existing=None, worker=None).order
    assert order.shown().tags == ()


def test_orders_and_quotes_come_back_from_their_rows_unchanged() -> None:
    where = office()
    stored = quoted(where)
    order = an_order(where, worker())
    assert read_quote(quote_document(stored)) == stored
    assert read_order(order_document(order)) == order


def test_a_journey_out_of_the_service_area_has_no_price() -> None:
    where = office()
    away = replace(asked(where).fulfillment, drop=PARIS)
    with pytest.raises(FulfillmentUnavailable):
        init(where, asked(where, fulfillment=away), PEER, NOW)
