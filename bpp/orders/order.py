"""An order as the provider keeps it: what the peer sees, and what only the cooperative knows."""

from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct, json

from bpp.orders.events import EventKind, OrderEvent, Partner
from bpp.orders.items import NOTHING
from bpp.orders.provider import Provider
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.order import (
    DELIVERY_CANCELLED,
    DELIVERY_STATES,
    RIDE_CANCELLED,
    RIDE_STATES,
    Kind,
    OrderView,
    PaymentTerms,
    PriceLine,
    Quote,
    TagGroup,
    VehicleNeeds,
)
from protocol_specs.wire.values import replace

ACTIVE, COMPLETE, CANCELLED = "ACTIVE", "COMPLETE", "CANCELLED"
NOT_READY = "Pending"
"""State of a delivery whose parcel is not ready: nobody is sent yet."""
TIP_CODES = frozenset({"BUYER_ADDITIONAL_AMOUNT", "TIP"})
"""Lines of a quote that are the worker's alone and no part of the fare."""


@dataclass(frozen=True, slots=True)
class States:
    """The words of one kind of work for the same stations."""

    all: tuple[str, ...]
    unassigned: str  # confirmed, nobody found yet
    assigned: str
    at_pickup: str
    started: str  # from here on it cannot be cancelled
    ended: str
    cancelled: str


RIDE = States(
    RIDE_STATES, "RIDE_CONFIRMED", "RIDE_ASSIGNED", "RIDE_ARRIVED_PICKUP", "RIDE_STARTED",
    "RIDE_ENDED", RIDE_CANCELLED,
)  # fmt: skip
DELIVERY = States(
    DELIVERY_STATES, "Searching-for-Agent", "Agent-assigned", "At-pickup", "Order-picked-up",
    "Order-delivered", DELIVERY_CANCELLED,
)  # fmt: skip


def states_of(kind: Kind) -> States:
    """The states of this kind of work."""
    return RIDE if kind is Kind.RIDE else DELIVERY


class Peer(Struct, frozen=True, kw_only=True):
    """The conversation an order came from: all that a later callback must say again."""

    bap_id: str
    bap_uri: str
    url: str  # the registered url of the verified sender: where callbacks go
    transaction_id: str
    domain: str
    dialect: str
    version: str
    city: str
    country: str


def peer_of(envelope: Envelope) -> Peer:
    """The conversation of a verified message."""
    context = envelope.context
    return Peer(
        bap_id=envelope.peer_id,
        bap_uri=context.bap_uri,
        url=envelope.sender.url,
        transaction_id=context.transaction_id,
        domain=context.domain,
        dialect=envelope.dialect.traits.name,
        version=context.version,
        city=context.city,
        country=context.country,
    )


class Order(Struct, frozen=True, kw_only=True):
    """One order. `view` is what the peer sees, without the tags extensions add.

    `key` is ours alone. `job_id` is what drivers and the desk call it by: the order's id, but
    where the consumer's platform made that one (two platforms may make the same). `priced_at` is
    the moment whose hour made the price, `tariff` the number of the fares that did; what comes
    later is priced by them too.
    `events` counts the facts recorded so far, `reached` says when each state was entered,
    `gave_up` lists agents who gave the job back, `tags` the extensions' latest answers by name.
    `answers` are those to the cooperative's form, by the field's label; `refunds` what was paid
    back after the end, minor units by the desk's reference. `partners` are other workers who have a
    part in it beside the agent. `is_ahead`: planned for later, so that nobody is looked for yet,
    and whoever has it already is free for other jobs until its time is near.
    """

    key: str
    job_id: str
    peer: Peer
    view: OrderView
    category: str
    city: str
    priced_at: int
    tariff: int
    agent_id: str | None = None
    events: int = 0
    reached: tuple[tuple[str, int], ...] = ()
    gave_up: tuple[str, ...] = ()
    wrong_codes: int = 0
    wrong_code_at: int = 0
    tags: tuple[tuple[str, tuple[TagGroup, ...]], ...] = ()
    needs: VehicleNeeds = NOTHING
    planned_start: int | None = None
    is_ahead: bool = False
    answers: tuple[tuple[str, str], ...] = ()
    refunds: tuple[tuple[str, int], ...] = ()
    partners: tuple[Partner, ...] = ()

    @property
    def id(self) -> str:
        """The id the peer knows the order by."""
        return self.view.id or ""

    @property
    def status(self) -> str:
        """ACTIVE, COMPLETE or CANCELLED."""
        return self.view.status or ""

    @property
    def state(self) -> str:
        """The state of its one fulfillment."""
        return self.view.fulfillment.state or ""

    @property
    def states(self) -> States:
        """The words of its kind of work."""
        return states_of(self.view.fulfillment.kind)

    @property
    def quote(self) -> Quote:
        """The price as it now stands."""
        if self.view.quote is None:
            raise ValueError(f"order {self.key} has no quote")
        return self.view.quote

    @property
    def payment(self) -> PaymentTerms:
        """How it is paid."""
        return self.view.payments[0]

    @property
    def tip_minor(self) -> int:
        """What of the quote is a tip."""
        return sum(line.amount_minor for line in self.quote.lines if line.code in TIP_CODES)

    @property
    def fare_minor(self) -> int:
        """What the job costs: the quote without tips."""
        return self.quote.total_minor - self.tip_minor

    @property
    def not_for(self) -> tuple[str, ...]:
        """Agents who are not asked to carry it out: they gave it up, or have another part in it."""
        return (*self.gave_up, *(partner.agent_id for partner in self.partners))

    def has_begun(self) -> bool:
        """Whether the rider is on board, or the parcel picked up, on its way or on its way back."""
        states = self.states.all
        began = self.state in states[states.index(self.states.started) :]
        return began or self.view.fulfillment.return_leg is not None

    def is_open(self) -> bool:
        """Whether it waits for somebody to take it now: not one whose parcel is not ready."""
        is_unassigned = self.agent_id is None and self.state != NOT_READY
        return self.status == ACTIVE and is_unassigned and not self.is_ahead

    def is_done(self) -> bool:
        """Whether it was carried out and is paid for as such: also when all came back."""
        leg = self.view.fulfillment.return_leg
        return self.status == COMPLETE or (leg is not None and leg.ended_at is not None)

    def awaited_since(self) -> int | None:
        """Since when its driver ought to come to the pickup, seconds UTC: since the job is theirs,
        or the start that was planned. None: nobody is on the way there."""
        states = self.states.all
        is_before = self.state in states[: states.index(self.states.at_pickup)]
        given_at = self.reached_at(self.states.assigned)
        if self.status != ACTIVE or self.agent_id is None or self.is_ahead or not is_before:
            return None
        return given_at if given_at is None else max(given_at, self.planned_start or 0)

    def reached_at(self, state: str) -> int | None:
        """When the state was last entered, seconds UTC: a driver before may have entered it too."""
        return next((at for name, at in reversed(self.reached) if name == state), None)

    def shown(self) -> OrderView:
        """The view with the extensions' tags: what goes out."""
        added = tuple(group for _, groups in self.tags for group in groups)
        return replace(self.view, tags=self.view.tags + added)


def in_state(order: Order, state: str, now: int, **fulfillment: Any) -> Order:
    """The order in another state (and with other parts of its fulfillment) as of `now`."""
    changed = replace(order.view.fulfillment, state=state, **fulfillment)
    told_at = later(order, now, by_s=int(_is_before(order.states.all, state, order.state)))
    return replace(
        order,
        view=replace(order.view, fulfillment=changed, updated_at=told_at),
        reached=(*order.reached, (state, now)),
    )


def later(order: Order, now: int, *, by_s: int = 0) -> int:
    """`updated_at` of the next word about the order: never earlier than that of the last one.

    A word that steps back is later `by_s`: whoever hears both tells by it which one holds.
    """
    return max(now, (order.view.updated_at or now) + by_s)


def _is_before(states: tuple[str, ...], one: str, other: str | None) -> bool:
    return one in states and other in states and states.index(one) < states.index(other)


def with_tags(order: Order, name: str, groups: tuple[TagGroup, ...]) -> Order:
    """The order with an extension's newest tags; an empty answer leaves the older ones standing."""
    if not groups:
        return order
    others = tuple(entry for entry in order.tags if entry[0] != name)
    return replace(order, tags=(*others, (name, groups)))


def record(
    order: Order, kind: EventKind, provider: Provider, now: int, **more: Any
) -> tuple[Order, OrderEvent]:
    """The next fact about this order as it now stands, and the order that counts it."""
    counted = replace(order, events=order.events + 1)
    event = OrderEvent(
        kind=kind,
        order_key=order.key,
        n=counted.events,
        at=now,
        planned_start=order.planned_start,
        currency=order.quote.currency,
        lines=order.quote.lines,
        payment=order.payment,
        agent_id=order.agent_id,
        previous_agent_id=more.pop("previous_agent_id", None),
        vehicle_category=order.category,
        sector=provider.sector,
        domain=order.peer.domain,
        city=order.city,
        provider_id=provider.id,
        partners=order.partners,
        **more,
    )
    return counted, event


def priced(order: Order, lines: tuple[PriceLine, ...]) -> Order:
    """The order at another price; the payment asks for the new total."""
    quote = replace(order.quote, lines=lines)
    payment = replace(order.payment, amount_minor=quote.total_minor)
    return replace(order, view=replace(order.view, quote=quote, payments=(payment,)))


def paid(order: Order, status: Literal["PAID", "NOT-PAID"]) -> Order:
    """The order with its payment in this status."""
    return replace(
        order, view=replace(order.view, payments=(replace(order.payment, status=status),))
    )


_READ = json.Decoder(Order)


def order_document(order: Order) -> bytes:
    """The order as JSON bytes, for its row."""
    return json.encode(order)


def read_order(document: bytes) -> Order:
    """The order back from its row: `read_order(order_document(o)) == o`."""
    return _READ.decode(document)
