"""The one order model: search, offers, order and tracking, whatever the dialect.

Frozen values without JSON, made and copied in C (msgspec). Money is integer minor units of the
named currency, times are integer seconds UTC, coordinates are degrees (WGS 84). None means that the
peer did not say. `wire/version` alone turns these into messages and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct

from protocol_specs.wire.errors import Malformed

TagGroup = Mapping[str, Any]
"""A TagGroup as it stands on the wire; passed through untouched, never interpreted here."""

CollectedBy = Literal["BAP", "BPP"]
PaymentType = Literal["PRE-ORDER", "PRE-FULFILLMENT", "ON-FULFILLMENT", "POST-FULFILLMENT"]
RatingCategory = Literal["Item", "Order", "Fulfillment", "Provider", "Agent", "Support"]
PaymentStatus = Literal["PAID", "NOT-PAID"]
CancelledBy = Literal["CONSUMER", "PROVIDER"]

RIDE_STATES = (
    "RIDE_CONFIRMED",
    "RIDE_ASSIGNED",
    "RIDE_ENROUTE_PICKUP",
    "RIDE_ARRIVED_PICKUP",
    "RIDE_STARTED",
    "RIDE_ENDED",
)
"""States of a ride in their order (ONDC TRV10; core 1.1.1 leaves the words to the network)."""
RIDE_CANCELLED = "RIDE_CANCELLED"

DELIVERY_STATES = (
    "Pending",
    "Searching-for-Agent",
    "Agent-assigned",
    "At-pickup",
    "Order-picked-up",
    "Out-for-delivery",
    "At-delivery",
    "Order-delivered",
)
"""States of a delivery in their order (the words of ONDC LOG10)."""
DELIVERY_CANCELLED = "Cancelled"
RETURN_STATES = ("RTO-Initiated", "RTO-Delivered", "RTO-Disposed")
"""States of a parcel's way back to its sender (RTO, return to origin; the words of ONDC LOG10)."""


class Kind(StrEnum):
    """What is traded: a person's ride or a parcel's delivery."""

    RIDE = "RIDE"
    DELIVERY = "DELIVERY"


class PostalAddress(Struct, frozen=True):
    """An address in its parts, where a network wants them; `name` is what stands on the door."""

    name: str
    building: str
    locality: str
    city: str
    state: str
    country: str
    area_code: str


class Place(Struct, frozen=True):
    """A point with its address; on the wire with six decimals (about 10 cm).

    `address` is one text for people; `parts` is the same address for networks that want its parts.
    """

    lat: float
    lon: float
    address: str | None = None
    area_code: str | None = None
    parts: PostalAddress | None = None


class Contact(Struct, frozen=True):
    """A person to call or to bill.

    Of who is billed: address, tax number, and `since` when these details are what they are.
    """

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: PostalAddress | None = None
    tax_number: str | None = None
    since: int | None = None


class Parcel(Struct, frozen=True):
    """What a delivery carries; the declared value is in the currency of the order."""

    weight_grams: int
    length_cm: int | None = None
    width_cm: int | None = None
    height_cm: int | None = None
    declared_value_minor: int | None = None
    description: str | None = None
    category: str | None = None


class PaymentTerms(Struct, frozen=True):
    """Who collects, when, and whether it is paid. `reference` is the proof of payment.

    `account` is where the money goes: bank code, account number and payment address (with its @),
    those that are given, with blanks between.
    """

    collected_by: CollectedBy
    type: PaymentType
    status: PaymentStatus = "NOT-PAID"
    id: str | None = None
    reference: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    account: str | None = None


class Terms(Struct, frozen=True):
    """What the two platforms agree on between themselves: fees, settlement, law.

    Texts as the network writes them: percentages as decimals ("1"), windows as ISO 8601 durations,
    `static_terms` a url. Networks without such terms leave all of it out.
    """

    finder_fee_percentage: str | None = None
    settlement_window: str | None = None
    settlement_basis: str | None = None
    settlement_type: str | None = None
    settlement_amount: str | None = None
    mandatory_arbitration: bool | None = None
    court_jurisdiction: str | None = None
    delay_interest: str | None = None
    static_terms: str | None = None


class Form(Struct, frozen=True):
    """A form that a provider wants filled in (BECKN-007).

    The consumer gets `url`, posts what the customer filled in, and says the `submission_id` of the
    answer in its next call.
    """

    url: str | None = None
    required: bool = True
    mime_type: str = "text/html"
    submission_id: str | None = None


class VehicleNeeds(Struct, frozen=True):
    """What the vehicle must have beside its category; `seats` are those for passengers."""

    wheelchair: bool = False
    child_seat: bool = False
    seats: int | None = None


class Intent(Struct, frozen=True):
    """What a consumer looks for. `start_at`: not before then; None means now.

    `service_level` is a delivery network's word for how soon; None is its on-demand one.
    """

    kind: Kind
    pickup: Place
    drop: Place
    vehicle_category: str | None = None
    parcel: Parcel | None = None
    payment: PaymentTerms | None = None
    start_at: int | None = None
    bap_terms: Terms | None = None
    service_level: str | None = None
    needs: VehicleNeeds = VehicleNeeds()


class PriceLine(Struct, frozen=True):
    """One line of a breakup: BASE_FARE, DISTANCE_FARE, TIME_FARE, REFUND ...; may be negative."""

    code: str
    amount_minor: int
    title: str | None = None


class Quote(Struct, frozen=True):
    """A price and its lines, which always sum to it. An empty id: the peer gave none.

    Raises ValueError if the total is negative: lines may be, totals not.
    """

    id: str
    currency: str
    lines: tuple[PriceLine, ...]
    ttl_s: int | None = None

    def __post_init__(self) -> None:
        if self.total_minor < 0:
            raise ValueError(f"the total of a quote cannot be negative: {self.total_minor}")

    @property
    def total_minor(self) -> int:
        """What the customer pays, in minor units: the sum of the lines."""
        return sum(line.amount_minor for line in self.lines)


class Offer(Struct, frozen=True, kw_only=True):
    """One thing a provider offers in answer to a search.

    Of deliveries only: `turnaround_s` from order to drop, `distance_m` of the way, and
    `return_price_minor`, which bringing back costs what nobody took (None: nothing).
    """

    provider_id: str
    provider_name: str
    item_id: str
    fulfillment_id: str
    kind: Kind
    vehicle_category: str | None = None
    vehicle_variant: str | None = None
    name: str
    currency: str
    price_minor: int
    eta_min: int | None = None
    distance_to_driver_m: int | None = None
    payments: tuple[PaymentTerms, ...] = ()
    fare_policy: tuple[tuple[str, str], ...] = ()
    tags: tuple[TagGroup, ...] = ()
    nearby: tuple[Place, ...] = ()
    form: Form | None = None
    service_level: str | None = None
    turnaround_s: int | None = None
    distance_m: int | None = None
    return_price_minor: int | None = None


class Catalog(Struct, frozen=True):
    """What one provider platform answers to a search; no offers is an answer too.

    An offer's `nearby` is where free vehicles stand, as roughly as the cooperative shows it.
    Turnaround times are reckoned from `made_at`.
    """

    name: str
    offers: tuple[Offer, ...] = ()
    bpp_terms: Terms | None = None
    made_at: int | None = None


class Agent(Struct, frozen=True):
    """The person who carries the order out."""

    name: str
    phone: str | None = None
    photo: str | None = None


class Vehicle(Struct, frozen=True):
    """Category CAB, AUTO_RICKSHAW, TWO_WHEELER; the rest is known once an agent is assigned."""

    category: str
    variant: str | None = None
    make: str | None = None
    model: str | None = None
    registration: str | None = None
    color: str | None = None
    energy_type: str | None = None


class CancellationTerm(Struct, frozen=True):
    """What cancelling costs from a state on: an amount or a percentage, never both."""

    state: str
    fee_minor: int | None = None
    fee_percentage: str | None = None
    currency: str | None = None
    reason_required: bool = True


class ReturnLeg(Struct, frozen=True):
    """A parcel on its way back to the sender (RTO, return to origin): its own fulfillment.

    Its fee is a line of the order's quote; `reason_id` is why the drop failed after `attempts`.
    """

    id: str
    state: str
    reason_id: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    attempts: int = 1


class Fulfillment(Struct, frozen=True, kw_only=True):
    """How an order is carried out, from where to where and by whom.

    `pickup` and `drop` are None where a peer leaves them out: most selects do, some callbacks too.
    `start_at` is when the pickup is planned, not before; None: at once, or not said.
    `start_code` is told at pickup, `end_code` (deliveries) at the drop. `ready_to_ship`,
    `pickup_by`, `deliver_by`, `picked_up_at`, `delivered_at`, `cancelled_in` (the state it was in
    before) and `return_leg` are said of deliveries only, and so are `pickup_picture` and
    `drop_picture`: where a picture of the parcel at that hand-over is seen.
    """

    id: str
    kind: Kind
    state: str | None = None
    pickup: Place | None = None
    drop: Place | None = None
    start_at: int | None = None
    pickup_contact: Contact | None = None
    drop_contact: Contact | None = None
    customer: Contact | None = None
    agent: Agent | None = None
    vehicle: Vehicle | None = None
    start_code: str | None = None
    code_claimed: bool = False
    code_valid_until: int | None = None
    end_code: str | None = None
    parcel: Parcel | None = None
    instructions: str | None = None
    ready_to_ship: bool | None = None
    pickup_by: int | None = None
    deliver_by: int | None = None
    picked_up_at: int | None = None
    delivered_at: int | None = None
    cancelled_in: str | None = None
    return_leg: ReturnLeg | None = None
    pickup_picture: str | None = None
    drop_picture: str | None = None

    def route(self) -> tuple[Place, Place]:
        """Pickup and drop, where both are needed. Raises Malformed when one is missing."""
        if self.pickup is None or self.drop is None:
            missing = "START" if self.pickup is None else "END"
            reason = f"there is no {missing} stop; give both stops with location.gps"
            raise Malformed(reason, path="/message/order/fulfillments/0/stops")
        return self.pickup, self.drop


class Cancellation(Struct, frozen=True):
    """Who ended an order, why and when. None: not said, or said in no word we know.

    Delivery networks name the platform that ended it: `party_id`, a subscriber id.
    """

    cancelled_by: CancelledBy | None
    reason_id: str | None
    at: int | None
    description: str | None = None
    party_id: str | None = None


class OrderView(Struct, frozen=True, kw_only=True):
    """An order as both sides see it on the wire. `status` None: still a draft."""

    id: str | None = None
    status: str | None = None
    provider_id: str
    item_id: str
    item_name: str | None = None
    service_level: str | None = None
    fulfillment: Fulfillment
    quote: Quote | None = None
    payments: tuple[PaymentTerms, ...] = ()
    billing: Contact | None = None
    cancellation_terms: tuple[CancellationTerm, ...] = ()
    cancellation: Cancellation | None = None
    created_at: int | None = None
    updated_at: int | None = None
    tags: tuple[TagGroup, ...] = ()
    fare_policy: tuple[tuple[str, str], ...] = ()
    bap_terms: Terms | None = None
    bpp_terms: Terms | None = None
    form: Form | None = None


class UpdateRequest(Struct, frozen=True, kw_only=True):
    """A wish to change the named parts of an order; `soft` only asks what it would cost.

    `targets` are parts of the order as the peer named them, such as `fulfillments`, `payments`,
    `quote.breakup`; what else differs is not asked for. `lines` are those of the breakup (a tip),
    in `currency`. Delivery networks want the item named and `at`, when this was wished.
    """

    order_id: str
    targets: tuple[str, ...]
    soft: bool = False
    fulfillment: Fulfillment | None = None
    payments: tuple[PaymentTerms, ...] = ()
    lines: tuple[PriceLine, ...] = ()
    currency: str | None = None
    item_id: str | None = None
    at: int | None = None


class Rating(Struct, frozen=True):
    """A value given to one part of an order; `id` is that part's."""

    category: RatingCategory
    id: str
    value: str


class Support(Struct, frozen=True):
    """Help with `ref_id`, an order: how the asker is called back, or whom to call."""

    ref_id: str | None = None
    callback_phone: str | None = None
    phone: str | None = None
    email: str | None = None
    url: str | None = None


class Reason(Struct, frozen=True):
    """One choice of a list: a reason to cancel or return, or (id only) a rating category."""

    id: str
    text: str | None = None


class CancelRequest(Struct, frozen=True):
    """A wish to cancel; `soft` only asks what it would cost."""

    order_id: str
    reason_id: str | None = None
    soft: bool = False
    description: str | None = None


class Tracking(Struct, frozen=True):
    """Where the vehicle is, or where to watch it."""

    status: Literal["active", "inactive"]
    location: Place | None = None
    updated_at: int | None = None
    url: str | None = None
    order_id: str | None = None
    fulfillment_id: str | None = None
