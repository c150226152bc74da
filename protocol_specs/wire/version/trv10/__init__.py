"""ONDC's on-demand rides (TRV10), 2.0.1 and 2.1.0: core 1.1 in its shape, with closed lists.

The two versions are one dialect class and the few facts in which they differ (`Edition`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from protocol_specs.wire.version import core_1_1 as core
from protocol_specs.wire.version.dialect import Message, Needs, Traits
from protocol_specs.wire.version.trv10 import read, write
from protocol_specs.wire.version.trv10.vocabulary import (
    ACTIONS,
    CATEGORIES,
    ERROR_CODES,
    PAYMENT_TYPES,
    Edition,
)

Json = dict[str, Any]


class Trv10:
    """One version of the ride network's language; what is missing here core 1.1 says as it does."""

    def __init__(self, edition: Edition, *also_read: str) -> None:
        self._edition = edition
        self._traits = Traits(
            name=f"trv10-{edition.version}",
            versions=(edition.version, *also_read),
            actions=ACTIONS,
            has_soft_update=True,
            has_quote_in_confirm=False,
            takes_our_tags=False,
            has_vehicle_needs=False,
            error_codes=ERROR_CODES,
            needs=Needs(
                kind=Kind.RIDE,
                categories=CATEGORIES,
                payment_types=PAYMENT_TYPES,
                terms=edition.terms,
                account=edition.has_terms_in_payments,
                make_and_model=True,
            ),
        )

    @property
    def traits(self) -> Traits:
        """Name, versions, and that a confirm names no price and nothing of ours is taken."""
        return self._traits

    def schemas(self, profile: Profile) -> Schemas:
        """The network's rules when strict; what live rides need when received."""
        return Schemas.load(profile, self._traits.name)

    def read_search(self, message: Message) -> Intent:
        return read.search(message)

    def write_search(self, intent: Intent) -> Json:
        return write.search(self._edition, intent)

    def read_on_search(self, message: Message) -> Catalog:
        return read.on_search(message)

    def write_on_search(self, catalog: Catalog, *, intent: Intent) -> Json:
        return write.on_search(self._edition, catalog, intent)

    def read_select(self, message: Message) -> OrderView:
        return read.request(core.read_select(message), message)

    def write_select(self, view: OrderView) -> Json:
        return write.request(self._edition, view, "select")

    def read_init(self, message: Message) -> OrderView:
        return read.request(core.read_init(message), message)

    def write_init(self, view: OrderView) -> Json:
        return write.request(self._edition, view, "init")

    def read_confirm(self, message: Message) -> OrderView:
        return read.request(core.read_confirm(message), message)

    def write_confirm(self, view: OrderView) -> Json:
        return write.request(self._edition, view, "confirm")

    def read_on_order(self, message: Message) -> OrderView:
        return read.on_order(message)

    def write_on_order(self, view: OrderView, *, action: str) -> Json:
        return write.on_order(self._edition, view, action)

    def read_status(self, message: Message) -> str:
        return read.status(message)

    def write_status(self, order_id: str, *, is_transaction: bool = False) -> Json:
        return write.status(order_id, is_transaction=is_transaction)

    def read_track(self, message: Message) -> str:
        return core.read_track(message)

    def write_track(self, order_id: str) -> Json:
        return core.write_track(order_id)

    def read_on_track(self, message: Message) -> Tracking:
        return core.read_on_track(message)

    def write_on_track(self, tracking: Tracking) -> Json:
        return write.on_track(tracking)

    def read_cancel(self, message: Message) -> CancelRequest:
        return read.cancel(message)

    def write_cancel(self, request: CancelRequest) -> Json:
        return write.cancel(request)

    def read_update(self, message: Message) -> UpdateRequest:
        return core.read_update(message)

    def write_update(self, request: UpdateRequest) -> Json:
        return write.update(request)

    def read_rating(self, message: Message) -> tuple[Rating, ...]:
        return core.read_rating(message)

    def write_rating(self, ratings: Sequence[Rating]) -> Json:
        return core.write_rating(ratings)

    def read_on_rating(self, message: Message) -> Form | None:
        return core.read_on_rating(message)

    def write_on_rating(self, form: Form | None) -> Json:
        return core.write_on_rating(form)

    def read_support(self, message: Message) -> Support:
        return core.read_support(message)

    def write_support(self, support: Support) -> Json:
        return core.write_support(support)

    def read_reasons(self, message: Message, *, action: str) -> tuple[Reason, ...]:
        return core.read_reasons(message, action=action)

    def write_reasons(self, reasons: Sequence[Reason], *, action: str) -> Json:
        return core.write_reasons(reasons, action=action)


TRV10_2_1_0 = Trv10(
    Edition(
        "2.1.0",
        has_terms_in_payments=False,
        has_categories=True,
        terms=("static_terms", "delay_interest"),
    )
)
TRV10_2_0_1 = Trv10(
    Edition(
        "2.0.1",
        has_terms_in_payments=True,
        has_categories=False,
        terms=("finder_fee_percentage",),
    ),
    "2.0.0",
)
