"""What we write to a delivery network passes its strict rules and is read back the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol_specs.wire import order
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect
from tests.protocol_specs.wire.version.log10 import deliveries as some

fast = settings(max_examples=20, suppress_health_check=list(HealthCheck))
both = pytest.mark.parametrize("dialect", some.DIALECTS, ids=some.NAMES)


def checked(dialect: Dialect, action: str, message: dict[str, Any]) -> dict[str, Any]:
    """The message, once it has passed what we send and what we take."""
    document = some.document(dialect.traits.name, action, message)
    dialect.schemas("strict").validate(action, document)
    dialect.schemas("receive").validate(action, document)
    return message


@both
@settings(fast)
@given(intent=some.intents)
def test_a_search(dialect: Dialect, intent: order.Intent) -> None:
    message = checked(dialect, "search", dialect.write_search(intent))
    assert dialect.read_search(message) == intent


@both
@settings(fast)
@given(catalog=some.catalogs(), intent=some.intents)
def test_a_catalog(dialect: Dialect, catalog: order.Catalog, intent: order.Intent) -> None:
    intent = replace(intent, service_level=None)
    message = checked(dialect, "on_search", dialect.write_on_search(catalog, intent=intent))
    assert dialect.read_on_search(message) == replace(catalog, made_at=None)


@both
@settings(fast)
@given(view=some.drafts(is_answer=False))
def test_an_init(dialect: Dialect, view: order.OrderView) -> None:
    message = checked(dialect, "init", dialect.write_init(view))
    assert dialect.read_init(message) == replace(view, created_at=None)


@both
@settings(fast)
@given(view=some.drafts(is_answer=True))
def test_an_on_init(dialect: Dialect, view: order.OrderView) -> None:
    message = checked(dialect, "on_init", dialect.write_on_order(view, action="on_init"))
    assert dialect.read_on_order(message) == replace(view, created_at=None)


@both
@settings(fast)
@given(view=some.confirms())
def test_a_confirm(dialect: Dialect, view: order.OrderView) -> None:
    message = checked(dialect, "confirm", dialect.write_confirm(view))
    assert dialect.read_confirm(message) == view


@both
@pytest.mark.parametrize("action", some.UNDER_WAY)
@settings(fast)
@given(data=st.data())
def test_a_callback_about_an_order(dialect: Dialect, action: str, data: st.DataObject) -> None:
    view = data.draw(some.standing(action))
    message = checked(dialect, action, dialect.write_on_order(view, action=action))
    assert dialect.read_on_order(message) == view


@both
@settings(fast)
@given(request_=some.updates())
def test_an_update(dialect: Dialect, request_: order.UpdateRequest) -> None:
    message = checked(dialect, "update", dialect.write_update(request_))
    assert dialect.read_update(message) == request_


@both
@settings(fast)
@given(tracking=some.trackings)
def test_a_tracking(dialect: Dialect, tracking: order.Tracking) -> None:
    message = checked(dialect, "on_track", dialect.write_on_track(tracking))
    assert dialect.read_on_track(message) == tracking


@both
def test_the_small_ones(dialect: Dialect) -> None:
    cancel = order.CancelRequest("o1", "005")
    asked, told = order.Support("o1"), order.Support(None, None, "080123456", "a@example.org")
    assert dialect.read_cancel(checked(dialect, "cancel", dialect.write_cancel(cancel))) == cancel
    assert dialect.read_status(checked(dialect, "status", dialect.write_status("o1"))) == "o1"
    assert dialect.read_track(checked(dialect, "track", dialect.write_track("o1"))) == "o1"
    assert dialect.read_support(checked(dialect, "support", dialect.write_support(asked))) == asked
    assert dialect.read_support(checked(dialect, "on_support", dialect.write_support(told))) == told
