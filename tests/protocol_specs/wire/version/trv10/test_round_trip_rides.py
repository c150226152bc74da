"""What the ride network can say is read back as it was written, in both versions."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from protocol_specs.wire import order
from protocol_specs.wire.values import replace
from protocol_specs.wire.version.dialect import Dialect
from tests.protocol_specs.wire.version.trv10 import rides

fast = settings(max_examples=20, suppress_health_check=list(HealthCheck))
NEW, OLD = rides.EDITIONS
both = pytest.mark.parametrize("dialect", rides.EDITIONS, ids=lambda one: one.traits.name)


@both
@settings(fast)
@given(intent=rides.intents)
def test_a_search_is_read_as_it_was_written(dialect: Dialect, intent: order.Intent) -> None:
    assert dialect.read_search(dialect.write_search(intent)) == intent


@both
@settings(fast)
@given(catalog=rides.catalogs())
def test_a_catalog_is_read_as_it_was_written(dialect: Dialect, catalog: order.Catalog) -> None:
    message = dialect.write_on_search(catalog, intent=rides.INTENT)
    if dialect is OLD and not catalog.offers:
        catalog = replace(catalog, bpp_terms=None)  # its terms are tags of a payment: none, none
    assert dialect.read_on_search(message) == catalog


@both
@settings(fast)
@given(view=rides.orders)
def test_requests_are_read_as_they_were_written(dialect: Dialect, view: order.OrderView) -> None:
    plain = replace(
        view,
        id=None,
        status=None,
        item_name=None,
        quote=None,
        cancellation_terms=(),
        cancellation=None,
        created_at=None,
        updated_at=None,
        fare_policy=(),
    )
    unpaid = tuple(replace(terms, id=None) for terms in view.payments)
    selected = replace(plain, payments=(), billing=None, bap_terms=None, bpp_terms=None)
    assert dialect.read_select(dialect.write_select(view)) == selected
    asked = replace(plain, payments=unpaid, bpp_terms=None)
    assert dialect.read_init(dialect.write_init(view)) == asked
    agreed = plain if dialect is NEW else replace(plain, bpp_terms=None)
    assert dialect.read_confirm(dialect.write_confirm(view)) == agreed


@both
@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("on_confirm", "ACTIVE"),
        ("on_status", "COMPLETE"),
        ("on_update", "SOFT_UPDATE"),
        ("on_update", "UPDATED"),
        ("on_cancel", "SOFT_CANCEL"),
        ("on_cancel", "CANCELLED"),
    ],
)
@settings(fast)
@given(view=rides.orders)
def test_a_callback_is_read_as_it_was_written(
    dialect: Dialect, view: order.OrderView, action: str, status: str
) -> None:
    told = replace(view, status=status)
    read = dialect.read_on_order(dialect.write_on_order(told, action=action))
    assert read == (told if dialect is NEW else replace(told, bap_terms=None))


@both
@settings(fast)
@given(view=rides.orders)
def test_a_draft_is_read_as_it_was_written(dialect: Dialect, view: order.OrderView) -> None:
    draft = rides.drafted(view)
    assert dialect.read_on_order(dialect.write_on_order(draft, action="on_init")) == draft
    quoted = dialect.read_on_order(dialect.write_on_order(draft, action="on_select"))
    assert (quoted.quote, quoted.fare_policy) == (draft.quote, draft.fare_policy)
    assert quoted.payments == ()


@both
def test_the_small_ones_are_read_as_they_were_written(dialect: Dialect) -> None:
    tracking = order.Tracking("active", order.Place(12.9233, 77.5521), 1_767_322_800)
    assert dialect.read_on_track(dialect.write_on_track(tracking)) == tracking
    wish = order.CancelRequest("o-1", "001", soft=True)
    assert dialect.read_cancel(dialect.write_cancel(wish)) == wish
    assert dialect.read_cancel(dialect.write_cancel(replace(wish, soft=False))).soft is False
    assert dialect.read_track(dialect.write_track("o-1")) == "o-1"
    assert dialect.read_status(dialect.write_status("o-1")) == "o-1"
    by_transaction = dialect.write_status("t-1", is_transaction=True)
    assert by_transaction == {"ref_id": "t-1"}
    assert dialect.read_status(by_transaction) == "t-1"


@both
def test_new_stops_are_asked_for_softly_and_then_meant(dialect: Dialect) -> None:
    moved = order.Fulfillment(id="F1", kind=order.Kind.RIDE, drop=order.Place(12.98, 77.6))
    asked = order.UpdateRequest(
        order_id="o-1", targets=("fulfillments",), soft=True, fulfillment=moved
    )
    for request in (asked, replace(asked, soft=False)):
        written = dialect.write_update(request)
        dialect.schemas("strict").validate("update", rides.document(dialect, "update", written))
        assert written["update_target"] == "order.fulfillments"
        assert dialect.read_update(written) == request


@both
def test_a_tip_is_the_whole_new_breakup(dialect: Dialect) -> None:
    lines = (*rides.TOLD.lines, order.PriceLine("TIP", 2000))
    request = order.UpdateRequest(
        order_id="o-1", targets=("quote.breakup",), lines=lines, currency="INR"
    )
    written = dialect.write_update(request)
    assert written["order"]["quote"]["price"]["value"] == "166.00"
    read = dialect.read_update(written)
    assert read.lines[-1] == order.PriceLine("BUYER_ADDITIONAL_AMOUNT", 2000)
    assert (read.currency, read.soft) == ("INR", False)
