"""Facts about an order, in the past tense: written when it moves, and replayed from."""

from typing import Literal

from msgspec import Struct, json

from protocol_specs.wire.order import PaymentTerms, PriceLine

EventKind = Literal[
    "confirmed",
    "assigned",
    "reassigned",
    "shared",
    "fare_changed",
    "completed",
    "cancelled",
    "refunded",
]
Sector = Literal["ride", "logistics"]


class Partner(Struct, frozen=True):
    """Another worker in the same order beside the assigned one: a home producer whose parcel it is,
    a helper. `amount_minor` of the fare is theirs (sharing.py says which lines that takes).
    """

    agent_id: str
    amount_minor: int
    sector: Sector
    vehicle_category: str


class OrderEvent(Struct, frozen=True):
    """One fact about one order; `lines` is the whole fare as it stands after the fact.

    Each event says everything an extension may need, so that it can be projected again later
    from its row alone. Amounts are minor units of `currency`; times are seconds UTC.
    """

    kind: EventKind
    order_key: str  # our own random key, never the peer's order id
    n: int  # 1, 2, 3 ... within the order
    at: int
    planned_start: int | None  # None: at once
    currency: str
    lines: tuple[PriceLine, ...]  # what the customer pays, by breakup code
    payment: PaymentTerms
    agent_id: str | None  # None: nobody is assigned yet
    previous_agent_id: str | None  # set on reassigned
    vehicle_category: str
    sector: Sector
    domain: str
    city: str
    provider_id: str
    cancelled_by: Literal["CONSUMER", "PROVIDER"] | None = None
    cancellation_fee_minor: int = 0  # what the customer pays of it; the agent's, if one is assigned
    refund_minor: int = 0
    refund_borne_by: Literal["worker", "cooperative"] | None = None
    refund_agent_id: str | None = None  # which worker: None is the assigned one
    tip_minor: int = 0
    partners: tuple[Partner, ...] = ()

    @property
    def total_minor(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_minor for line in self.lines)


_READ = json.Decoder(OrderEvent)


def event_document(event: OrderEvent) -> bytes:
    """The event as JSON bytes, for its row."""
    return json.encode(event)


def read_event(document: bytes) -> OrderEvent:
    """The event back from its row: `read_event(event_document(e)) == e`."""
    return _READ.decode(document)
