"""The only place that knows how a network speaks of orders: dialects, each with the same functions.

For each action a reader of the message side of an envelope and a writer of it. A dialect is a
module with the functions of `core_1_1`; `of` picks it by domain and shape, never by the major
version number alone (a ride message that says "2.1.0" is core-1.1-shaped). One dialect is spoken
today, and its functions stand here for short.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from protocol_specs.wire.errors import NotServed
from protocol_specs.wire.order import (
    DELIVERY_CANCELLED,
    DELIVERY_STATES,
    RIDE_CANCELLED,
    RIDE_STATES,
    CancelRequest,
    Catalog,
    Intent,
    OrderView,
    Tracking,
)
from protocol_specs.wire.version import core_1_1
from protocol_specs.wire.version.core_1_1 import (
    read_cancel,
    read_confirm,
    read_init,
    read_on_order,
    read_on_search,
    read_on_track,
    read_search,
    read_select,
    read_status,
    read_track,
    write_cancel,
    write_confirm,
    write_init,
    write_on_order,
    write_on_search,
    write_on_track,
    write_search,
    write_select,
    write_status,
    write_track,
)

Message = Mapping[str, Any] | None


class Dialect(Protocol):
    """What every dialect can read and write."""

    def read_search(self, message: Message) -> Intent: ...
    def write_search(self, intent: Intent) -> dict[str, Any]: ...
    def read_on_search(self, message: Message) -> Catalog: ...
    def write_on_search(self, catalog: Catalog, *, intent: Intent) -> dict[str, Any]: ...
    def read_select(self, message: Message) -> OrderView: ...
    def write_select(self, view: OrderView) -> dict[str, Any]: ...
    def read_init(self, message: Message) -> OrderView: ...
    def write_init(self, view: OrderView) -> dict[str, Any]: ...
    def read_confirm(self, message: Message) -> OrderView: ...
    def write_confirm(self, view: OrderView) -> dict[str, Any]: ...
    def read_on_order(self, message: Message) -> OrderView: ...
    def write_on_order(self, view: OrderView, *, action: str) -> dict[str, Any]: ...
    def read_status(self, message: Message) -> str: ...
    def write_status(self, order_id: str) -> dict[str, Any]: ...
    def read_track(self, message: Message) -> str: ...
    def write_track(self, order_id: str) -> dict[str, Any]: ...
    def read_on_track(self, message: Message) -> Tracking: ...
    def write_on_track(self, tracking: Tracking) -> dict[str, Any]: ...
    def read_cancel(self, message: Message) -> CancelRequest: ...
    def write_cancel(self, request: CancelRequest) -> dict[str, Any]: ...


def of(domain: str, document: Mapping[str, Any]) -> Dialect:
    """The dialect of a message of that domain; raises NotServed for one that is not spoken here.

    Core 0.9 is known by its context: flat city and core_version, where 1.1 has a location.
    """
    context = document.get("context")
    if isinstance(context, Mapping) and "core_version" in context:
        raise NotServed(
            f"{domain[:40]} in the shape of Beckn core 0.9 is not spoken here; send 1.1"
        )
    return core_1_1


__all__ = [
    "DELIVERY_CANCELLED",
    "DELIVERY_STATES",
    "RIDE_CANCELLED",
    "RIDE_STATES",
    "Dialect",
    "Message",
    "of",
    "read_cancel",
    "read_confirm",
    "read_init",
    "read_on_order",
    "read_on_search",
    "read_on_track",
    "read_search",
    "read_select",
    "read_status",
    "read_track",
    "write_cancel",
    "write_confirm",
    "write_init",
    "write_on_order",
    "write_on_search",
    "write_on_track",
    "write_search",
    "write_select",
    "write_status",
    "write_track",
]
