"""The seam: what orders ask of an extension, without understanding any of its answers."""

from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct

from bpp.orders.events import OrderEvent, Sector
from bpp.orders.items import NOTHING
from protocol_specs.node.store import Session
from protocol_specs.wire.order import Parcel, PaymentTerms, Quote, TagGroup, VehicleNeeds


class JobTerms(Struct, frozen=True):
    """What is known of a job when it is priced, beside its price."""

    sector: Sector
    vehicle_category: str
    domain: str
    city: str
    provider_id: str
    payment: PaymentTerms | None = None  # None until the peer chose one
    planned_start: int | None = None  # seconds UTC; None: at once
    needs: VehicleNeeds = NOTHING
    parcel: Parcel | None = None


@dataclass(frozen=True, slots=True)
class ExtraLine:
    """A line an extension adds to a quote.

    Borne by the customer, it is a breakup item and part of the total; borne by the worker or the
    cooperative it is neither, and only its `tags` go out, with the order.
    """

    title: str
    code: str
    amount_minor: int
    borne_by: Literal["customer", "worker", "cooperative"]
    tags: tuple[TagGroup, ...] = ()


@dataclass(frozen=True, slots=True)
class Retried:
    """One more try at the events of an order; `tags` for the wire are empty if it failed again."""

    order_key: str
    tags: tuple[TagGroup, ...] = ()


class Extension(Protocol):
    """Something that prices and follows each order beside the order itself."""

    @property
    def name(self) -> str:
        """A word of its own, for tags and logs."""
        ...

    def quote_lines(self, quote: Quote, terms: JobTerms, at: int) -> tuple[ExtraLine, ...]:
        """The lines to add to this quote. Pure. Raising refuses the quote: never one sent short.

        `quote` is the fare with what the extensions before this one put on the customer's bill.
        """
        ...

    def passes_over(self, session: Session, agent_id: str, terms: JobTerms) -> str | None:
        """Why this agent is not to be given such a job, in words for the agent; None: they may.

        A read. Asked when a job is dispatched, offered and accepted; the desk assigns as it wants.
        """
        ...

    def on_event(self, session: Session, event: OrderEvent) -> tuple[TagGroup, ...]:
        """Project the event, in the commit that records it, under a savepoint.

        Called again for the same event after a failure: a repeat must change nothing.
        Returns tag groups for the order on the wire.
        """
        ...

    def failed(self, session: Session, event: OrderEvent, error: Exception) -> tuple[TagGroup, ...]:
        """After `on_event` raised and was rolled back: note what is still to be projected.

        Returns tag groups that say so.
        """
        ...

    def catch_up_next(self, session: Session, now: int) -> Retried | None:
        """Try one order whose events could not be taken before; None: none is due."""
        ...
