"""ONDC's deliveries: LOG10 1.2.5, and nic2004:60232 1.2.0, which most of its platforms recorded.

The shape is that of Beckn core 0.9: a flat context, `bpp/providers`, one payment, fulfillments
with start and end, tags without descriptors. There is no select, and the buyer's platform makes
the order's id. The two versions are one class and the facts in which they differ (`Edition`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from protocol_specs.wire.errors import NotServed
from protocol_specs.wire.order import (
    CancelRequest,
    Catalog,
    Form,
    Intent,
    Kind,
    OrderView,
    Rating,
    Reason,
    Support,
    Tracking,
    UpdateRequest,
)
from protocol_specs.wire.schema import Schemas
from protocol_specs.wire.schema_documents import Profile
from protocol_specs.wire.version.dialect import Message, Needs, Traits
from protocol_specs.wire.version.log10 import read_catalog, read_orders, write_catalog, write_orders
from protocol_specs.wire.version.log10.vocabulary import (
    ACTIONS,
    ERROR_CODES,
    LOG10_1_2_5,
    LOG_1_2_0,
    PAYMENT_TYPES,
    Edition,
)

Json = dict[str, Any]


class Log10:
    """One version of the delivery networks' language."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._traits = Traits(
            name=edition.name,
            versions=(edition.version,),
            actions=ACTIONS,
            is_flat=True,
            has_select=False,
            has_soft_cancel=False,
            consumer_makes_order_id=True,
            takes_our_tags=False,
            has_quote_lines=False,
            has_planned_start=False,
            has_vehicle_needs=False,
            error_codes=ERROR_CODES,
            needs=Needs(kind=Kind.DELIVERY, payment_types=PAYMENT_TYPES),
        )

    @property
    def traits(self) -> Traits:
        """Name, version, and what this language has not: select, tags of ours, lines of a fare."""
        return self._traits

    def schemas(self, profile: Profile) -> Schemas:
        """The network's rules when strict; what live deliveries need when received."""
        return Schemas.load(profile, self._traits.name)

    def read_search(self, message: Message) -> Intent:
        return read_catalog.read_search(message)

    def write_search(self, intent: Intent) -> Json:
        return write_catalog.search(self._edition, intent)

    def read_on_search(self, message: Message) -> Catalog:
        return read_catalog.read_on_search(message)

    def write_on_search(self, catalog: Catalog, *, intent: Intent) -> Json:
        return write_catalog.on_search(self._edition, catalog, intent)

    def read_select(self, message: Message) -> OrderView:
        _not_read("select")

    def write_select(self, view: OrderView) -> Json:
        _not_written("select")

    def read_init(self, message: Message) -> OrderView:
        return read_orders.read_request(message)

    def write_init(self, view: OrderView) -> Json:
        return write_orders.init(self._edition, view)

    def read_confirm(self, message: Message) -> OrderView:
        return read_orders.read_request(message)

    def write_confirm(self, view: OrderView) -> Json:
        return write_orders.confirm(self._edition, view)

    def read_on_order(self, message: Message) -> OrderView:
        return read_orders.read_on_order(message)

    def write_on_order(self, view: OrderView, *, action: str) -> Json:
        return write_orders.on_order(self._edition, view, action)

    def read_status(self, message: Message) -> str:
        return read_orders.read_order_id(message)

    def write_status(self, order_id: str, *, is_transaction: bool = False) -> Json:
        if is_transaction:
            raise ValueError("these networks ask by the order's id: the asker made it")
        return write_orders.order_id(order_id)

    def read_track(self, message: Message) -> str:
        return read_orders.read_order_id(message)

    def write_track(self, order_id: str) -> Json:
        return write_orders.order_id(order_id)

    def read_on_track(self, message: Message) -> Tracking:
        return read_orders.read_on_track(message)

    def write_on_track(self, tracking: Tracking) -> Json:
        return write_orders.on_track(tracking)

    def read_cancel(self, message: Message) -> CancelRequest:
        return read_orders.read_cancel(message)

    def write_cancel(self, request: CancelRequest) -> Json:
        return write_orders.cancel(self._edition, request)

    def read_update(self, message: Message) -> UpdateRequest:
        return read_orders.read_update(message)

    def write_update(self, request: UpdateRequest) -> Json:
        return write_orders.update(self._edition, request)

    def read_rating(self, message: Message) -> tuple[Rating, ...]:
        _not_read("rating")

    def write_rating(self, ratings: Sequence[Rating]) -> Json:
        _not_written("rating")

    def read_on_rating(self, message: Message) -> Form | None:
        _not_read("on_rating")

    def write_on_rating(self, form: Form | None) -> Json:
        _not_written("on_rating")

    def read_support(self, message: Message) -> Support:
        return read_orders.read_support(message)

    def write_support(self, support: Support) -> Json:
        return write_orders.support(support)

    def read_reasons(self, message: Message, *, action: str) -> tuple[Reason, ...]:
        _not_read(action)

    def write_reasons(self, reasons: Sequence[Reason], *, action: str) -> Json:
        _not_written(action)


def _not_read(action: str) -> NoReturn:
    raise NotServed(f"there is no {action} on the delivery networks", path="/context/action")


def _not_written(action: str) -> NoReturn:
    raise ValueError(f"there is no {action} on the delivery networks")


LOG10 = Log10(LOG10_1_2_5)
LOG = Log10(LOG_1_2_0)
