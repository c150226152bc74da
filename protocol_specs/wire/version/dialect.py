"""What a dialect is: its traits, its schemas, and a reader and a writer for each action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

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

Message = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a provider must have so that it can be told in a dialect. The defaults ask nothing.

    `categories` of vehicles, `payment_types` and `terms` (names of `Terms` that must be given) are
    the network's lists. `account`: each way to pay names bank code, account number and payment
    address. `make_and_model`: each vehicle has both.
    """

    kind: Kind | None = None
    categories: frozenset[str] = frozenset()
    payment_types: frozenset[str] = frozenset()
    terms: tuple[str, ...] = ()
    account: bool = False
    make_and_model: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What sets a dialect apart beside its words.

    `versions` are those it reads; the first is the one it writes. `actions` are the requests that
    a provider of this dialect may be asked. `is_flat` is the context of core 0.9. `error_codes`
    are the network's own numbers in place of those of BECKN-005. With `has_soft_cancel` and
    `has_soft_update` what ending or changing an order costs can be asked first. Without
    `has_quote_lines` a quote keeps its total on the wire, but neither its id nor which of our
    lines it is made of. With `has_planned_start` a pickup can be asked for at a day and time, with
    `has_vehicle_needs` a search can say what the vehicle must have.
    """

    name: str
    versions: tuple[str, ...]
    actions: frozenset[str]
    is_flat: bool = False
    has_select: bool = True
    has_soft_cancel: bool = True
    has_soft_update: bool = False
    consumer_makes_order_id: bool = False
    has_quote_in_confirm: bool = True
    takes_our_tags: bool = True
    has_quote_lines: bool = True
    has_planned_start: bool = True
    has_vehicle_needs: bool = True
    error_codes: Mapping[str, str] = field(default_factory=dict)
    needs: Needs = Needs()


class Dialect(Protocol):
    """What every dialect can read and write.

    Readers take the message side of an envelope and raise Malformed with a path; writers return it
    as JSON-ready dicts, and raise ValueError for what the dialect cannot say.
    """

    @property
    def traits(self) -> Traits: ...
    def schemas(self, profile: Profile) -> Schemas: ...

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
    def write_status(self, order_id: str, *, is_transaction: bool = False) -> dict[str, Any]: ...
    def read_track(self, message: Message) -> str: ...
    def write_track(self, order_id: str) -> dict[str, Any]: ...
    def read_on_track(self, message: Message) -> Tracking: ...
    def write_on_track(self, tracking: Tracking) -> dict[str, Any]: ...
    def read_cancel(self, message: Message) -> CancelRequest: ...
    def write_cancel(self, request: CancelRequest) -> dict[str, Any]: ...
    def read_update(self, message: Message) -> UpdateRequest: ...
    def write_update(self, request: UpdateRequest) -> dict[str, Any]: ...

    def read_rating(self, message: Message) -> tuple[Rating, ...]: ...
    def write_rating(self, ratings: Sequence[Rating]) -> dict[str, Any]: ...
    def read_on_rating(self, message: Message) -> Form | None: ...
    def write_on_rating(self, form: Form | None) -> dict[str, Any]: ...
    def read_support(self, message: Message) -> Support: ...
    def write_support(self, support: Support) -> dict[str, Any]: ...
    def read_reasons(self, message: Message, *, action: str) -> tuple[Reason, ...]: ...
    def write_reasons(self, reasons: Sequence[Reason], *, action: str) -> dict[str, Any]: ...
