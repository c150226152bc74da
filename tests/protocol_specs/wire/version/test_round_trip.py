"""What is written is read back the same, whatever is said."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from protocol_specs.wire import order
from protocol_specs.wire.version import core_1_1 as version
from tests.protocol_specs.wire.version import strategies as some

fast = settings(max_examples=20, suppress_health_check=list(HealthCheck))
CALLBACKS = ("on_init", "on_confirm", "on_status", "on_update", "on_cancel")


@fast
@given(some.intents)
def test_a_search_is_read_as_it_was_written(intent: order.Intent) -> None:
    assert version.read_search(version.write_search(intent)) == intent


@fast
@given(some.catalogs(), some.intents)
def test_a_catalog_is_read_as_it_was_written(catalog: order.Catalog, intent: order.Intent) -> None:
    message = version.write_on_search(catalog, intent=intent)
    assert version.read_on_search(message) == catalog


@fast
@given(some.orders())
def test_a_request_is_read_as_it_was_written(view: order.OrderView) -> None:
    assert version.read_select(version.write_select(view)) == view
    assert version.read_init(version.write_init(view)) == view
    assert version.read_confirm(version.write_confirm(view)) == view


@pytest.mark.parametrize("action", CALLBACKS)
@settings(fast)
@given(view=some.orders())
def test_a_callback_is_read_as_it_was_written(view: order.OrderView, action: str) -> None:
    assert version.read_on_order(version.write_on_order(view, action=action)) == view


@fast
@given(some.trackings)
def test_a_tracking_is_read_as_it_was_written(tracking: order.Tracking) -> None:
    assert version.read_on_track(version.write_on_track(tracking)) == tracking


@fast
@given(some.cancel_requests)
def test_a_wish_to_cancel_is_read_as_it_was_written(request_: order.CancelRequest) -> None:
    assert version.read_cancel(version.write_cancel(request_)) == request_


def test_status_and_track_carry_the_order_id() -> None:
    assert version.read_status(version.write_status("o1")) == "o1"
    assert version.read_track(version.write_track("o1")) == "o1"
