"""Whatever the model says, what we write passes the strict schemas of its action."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from protocol_specs.wire import order
from protocol_specs.wire.schema import Schemas
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1 as version
from tests.protocol_specs.wire.version import strategies as some

fast = settings(max_examples=20, suppress_health_check=list(HealthCheck))
STRICT = Schemas.load("strict")
ID = "5b2c0d1e-1111-4222-8333-444455556666"


def check(action: str, message: dict[str, Any]) -> None:
    context = {
        "domain": "nic2004:60221",
        "location": {"city": {"code": "std:03"}, "country": {"code": "MYS"}},
        "action": action,
        "version": "1.1.1",
        "bap_id": "bap.example.org",
        "bap_uri": "https://bap.example.org/beckn",
        "bpp_id": "bpp.example.org",
        "bpp_uri": "https://bpp.example.org/beckn",
        "transaction_id": ID,
        "message_id": ID,
        "timestamp": "2026-01-02T03:04:05.678Z",
        "ttl": "PT30S",
    }
    STRICT.validate(action, {"context": context, "message": message})


@fast
@given(some.intents)
def test_a_search_is_strictly_right(intent: order.Intent) -> None:
    check("search", version.write_search(intent))


@fast
@given(some.catalogs(), some.intents)
def test_a_catalog_is_strictly_right(catalog: order.Catalog, intent: order.Intent) -> None:
    check("on_search", version.write_on_search(catalog, intent=intent))


@fast
@given(some.orders())
def test_requests_are_strictly_right(view: order.OrderView) -> None:
    check("select", version.write_select(view))
    check("init", version.write_init(view))
    check("confirm", version.write_confirm(view))


@pytest.mark.parametrize("action", ["on_init", "on_confirm", "on_status", "on_update", "on_cancel"])
@settings(fast)
@given(view=some.orders())
def test_callbacks_are_strictly_right(view: order.OrderView, action: str) -> None:
    check(action, version.write_on_order(view, action=action))


@fast
@given(some.orders())
def test_a_quoted_draft_is_strictly_right(view: order.OrderView) -> None:
    fulfillment = replace(view.fulfillment, agent=None, state=None)
    draft = replace(view, id=None, status=None, fulfillment=fulfillment, cancellation=None)
    check("on_select", version.write_on_order(draft, action="on_select"))


@fast
@given(some.trackings, some.cancel_requests)
def test_the_small_ones_are_strictly_right(
    tracking: order.Tracking, request_: order.CancelRequest
) -> None:
    check("on_track", version.write_on_track(tracking))
    check("cancel", version.write_cancel(request_))
    check("status", version.write_status("o1"))
    check("track", version.write_track("o1"))
