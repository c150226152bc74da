"""Conversations of our own, in every dialect: what each party says, in order, as documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from protocol_specs.wire import order
from protocol_specs.wire.context import new_context
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect, named
from tests.protocol_specs.wire.version.log10 import samples
from tests.protocol_specs.wire.version.trv10 import rides
from tests.support.planting import Files

NETWORKS = {
    "core-1.1": ("nic2004:60221", "1.1.1"),
    "trv10-2.0.1": ("ONDC:TRV10", "2.0.1"),
    "trv10-2.1.0": ("ONDC:TRV10", "2.1.0"),
    "log10-1.2.5": ("ONDC:LOG10", "1.2.5"),
    "log-1.2.0": ("nic2004:60232", "1.2.0"),
}
NOW_MS = 1_767_322_800_000
TRANSACTION = str(UUID(int=7, version=4))

Turn = tuple[str, dict[str, Any]]
Story = Callable[[Dialect], list[Turn]]

_ASKED = replace(rides.drafted(rides.RIDE), bap_terms=rides.TERMS)
_STANDING = replace(rides.RIDE, cancellation=None)
_FEE = replace(
    rides.TOLD,
    lines=(
        *rides.TOLD.lines,
        order.PriceLine("CANCELLATION_CHARGES", 1000),
        order.PriceLine("REFUND", -14600),
    ),
)
_UNASKED = "unasked:"


def files(name: str, story: Story) -> Files:
    """The story as recorded: an answer carries its request's message_id, all else a new one."""
    dialect = named(name)
    recorded: Files = []
    message_id = 0
    for n, (said, content) in enumerate(story(dialect), 1):
        action = said.removeprefix(_UNASKED)
        message_id += said != action or not action.startswith("on_")
        context = _context(name, action, n, message_id)
        side = "error" if "code" in content else "message"
        recorded.append((f"{n:02d}_{action}.json", {"context": context, side: content}))
    return recorded


def _context(name: str, action: str, n: int, message_id: int) -> dict[str, Any]:
    domain, version = NETWORKS[name]
    is_open = action == "search"
    return new_context(
        action=action,
        domain=domain,
        version=version,
        city="std:080",
        country="IND",
        bap_id="bap.example.org",
        bap_uri="https://bap.example.org/beckn",
        bpp_id=None if is_open else "coop.example.org",
        bpp_uri=None if is_open else "https://coop.example.org/beckn",
        transaction_id=TRANSACTION,
        message_id=str(UUID(int=100 + message_id, version=4)),
        now_ms=NOW_MS + 1500 * n,
        is_flat=named(name).traits.is_flat,
    )


def _told(dialect: Dialect, said: str, view: order.OrderView) -> Turn:
    return said, dialect.write_on_order(view, action=said.removeprefix(_UNASKED))


def _ride(state: str, **changes: Any) -> order.OrderView:
    claimed = state in ("RIDE_STARTED", "RIDE_ENDED")
    fulfillment = replace(_STANDING.fulfillment, state=state, code_claimed=claimed)
    if state == "RIDE_CONFIRMED":
        fulfillment = replace(fulfillment, agent=None)
    return replace(_STANDING, fulfillment=fulfillment, **changes)


def _until_confirm(dialect: Dialect) -> list[Turn]:
    draft = rides.drafted(rides.RIDE)
    return [
        ("search", dialect.write_search(replace(rides.INTENT, vehicle_category=None))),
        ("on_search", dialect.write_on_search(rides.CATALOG, intent=rides.INTENT)),
        ("select", dialect.write_select(draft)),
        _told(dialect, "on_select", draft),
        ("init", dialect.write_init(_ASKED)),
        _told(dialect, "on_init", draft),
        ("confirm", dialect.write_confirm(_ASKED)),
    ]


def _driven(dialect: Dialect) -> list[Turn]:
    paid = tuple(replace(payment, status="PAID") for payment in rides.RIDE.payments)
    return [
        _told(dialect, "unasked:on_status", _ride("RIDE_ENROUTE_PICKUP")),
        ("track", dialect.write_track("o-1")),
        ("on_track", dialect.write_on_track(order.Tracking("active", rides.PICKUP))),
        _told(dialect, "unasked:on_status", _ride("RIDE_ARRIVED_PICKUP")),
        _told(dialect, "unasked:on_status", _ride("RIDE_STARTED")),
        _told(dialect, "unasked:on_update", _ride("RIDE_ENDED")),
        ("status", dialect.write_status("o-1")),
        _told(dialect, "on_status", _ride("RIDE_ENDED", status="COMPLETE", payments=paid)),
    ]


def ride(dialect: Dialect) -> list[Turn]:
    """The driver is known at once."""
    assigned = _told(dialect, "on_confirm", _ride("RIDE_ASSIGNED"))
    return [*_until_confirm(dialect), assigned, *_driven(dialect)]


def driver_late(dialect: Dialect) -> list[Turn]:
    """The driver is found after the order was confirmed."""
    waiting = _told(dialect, "on_confirm", _ride("RIDE_CONFIRMED"))
    found = _told(dialect, "unasked:on_update", _ride("RIDE_ASSIGNED"))
    return [*_until_confirm(dialect), waiting, found, *_driven(dialect)]


def rider_cancels(dialect: Dialect) -> list[Turn]:
    """The rider asks what it costs, then cancels."""
    wish = order.CancelRequest("o-1", "005", soft=True)
    why = order.Cancellation("CONSUMER", "005", 1_767_323_000)
    asked = _ride("RIDE_ASSIGNED", status="SOFT_CANCEL", quote=_FEE, cancellation=why)
    gone = _ride("RIDE_CANCELLED", status="CANCELLED", quote=_FEE, cancellation=why)
    return [
        *_until_confirm(dialect),
        _told(dialect, "on_confirm", _ride("RIDE_ASSIGNED")),
        ("cancel", dialect.write_cancel(wish)),
        _told(dialect, "on_cancel", asked),
        ("cancel", dialect.write_cancel(replace(wish, soft=False))),
        _told(dialect, "on_cancel", gone),
    ]


def driver_cancels(dialect: Dialect) -> list[Turn]:
    """The driver gives up."""
    why = order.Cancellation("PROVIDER", "013", 1_767_323_000)
    gone = _ride("RIDE_CANCELLED", status="CANCELLED", quote=_FEE, cancellation=why)
    assigned = _told(dialect, "on_confirm", _ride("RIDE_ASSIGNED"))
    return [*_until_confirm(dialect), assigned, _told(dialect, "unasked:on_cancel", gone)]


def no_driver(dialect: Dialect) -> list[Turn]:
    """Nobody drives."""
    error = {"code": "90203", "message": "Driver not assigned to the order"}
    return [*_until_confirm(dialect), ("on_confirm", error)]


RIDES: tuple[Story, ...] = (ride, driver_late, rider_cancels, driver_cancels, no_driver)


def _ordered(dialect: Dialect) -> list[Turn]:
    terms = order.Terms(static_terms="https://coop.example.org/terms")
    draft = replace(samples.ORDER, bpp_terms=terms)
    catalog = replace(samples.CATALOG, bpp_terms=terms)
    pending = replace(samples.FULFILLMENT, state="Pending")
    ready = order.UpdateRequest(
        order_id=str(samples.ORDER.id),
        targets=("fulfillments",),
        fulfillment=samples.FULFILLMENT,
        item_id="bike",
        at=samples.NOW,
    )
    return [
        ("search", dialect.write_search(samples.INTENT)),
        ("on_search", dialect.write_on_search(catalog, intent=samples.INTENT)),
        ("init", dialect.write_init(samples.ORDER)),
        _told(dialect, "on_init", draft),
        ("confirm", dialect.write_confirm(samples.ORDER)),
        _told(dialect, "on_confirm", replace(samples.ORDER, fulfillment=pending)),
        ("update", dialect.write_update(ready)),
        _told(dialect, "on_update", samples.at("Agent-assigned")),
    ]


def _carried(dialect: Dialect) -> list[Turn]:
    taken = samples.NOW + 900
    where = order.Tracking("active", samples.FROM, samples.NOW, order_id="o1", fulfillment_id="f1")
    return [
        _told(dialect, "unasked:on_status", samples.at("At-pickup")),
        _told(dialect, "unasked:on_status", samples.at("Order-picked-up", picked_up_at=taken)),
        ("track", dialect.write_track(str(samples.ORDER.id))),
        ("on_track", dialect.write_on_track(where)),
        _told(dialect, "unasked:on_status", samples.at("Out-for-delivery", picked_up_at=taken)),
        _told(dialect, "unasked:on_status", samples.at("At-delivery", picked_up_at=taken)),
    ]


def delivery(dialect: Dialect) -> list[Turn]:
    """A parcel that reaches its door."""
    done = samples.at(
        "Order-delivered", picked_up_at=samples.NOW + 900, delivered_at=samples.NOW + 2000
    )
    over = _told(dialect, "unasked:on_status", replace(done, status="COMPLETE"))
    return [*_ordered(dialect), *_carried(dialect), over]


def sender_cancels(dialect: Dialect) -> list[Turn]:
    """The parcel is not fetched."""
    why = order.Cancellation(None, "005", None, party_id="bap.example.org")
    gone = replace(
        samples.at("Cancelled", cancelled_in="Agent-assigned"), status="CANCELLED", cancellation=why
    )
    wish = order.CancelRequest(str(samples.ORDER.id), "005")
    return [
        *_ordered(dialect),
        ("cancel", dialect.write_cancel(wish)),
        _told(dialect, "on_cancel", gone),
    ]


def returned(dialect: Dialect) -> list[Turn]:
    """Nobody takes the parcel, so it goes back."""
    home = replace(samples.on_its_way_back("RTO-Delivered"), status="CANCELLED")
    return [
        *_ordered(dialect),
        *_carried(dialect),
        _told(dialect, "unasked:on_cancel", samples.on_its_way_back()),
        _told(dialect, "unasked:on_status", home),
    ]


DELIVERIES: tuple[Story, ...] = (delivery, sender_cancels, returned)

EVERY = [
    *((name, story) for name in ("core-1.1", "trv10-2.0.1", "trv10-2.1.0") for story in RIDES),
    *((name, story) for name in ("log10-1.2.5", "log-1.2.0") for story in DELIVERIES),
]
"""Every conversation: the dialect's name, and the story."""
