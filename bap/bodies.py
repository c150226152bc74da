"""The bodies that the client API takes, and what they mean in the order model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bap.order_wishes import Change
from bap.requests import Party
from bap.settings import Market
from protocol_specs.node.api import ApiError
from protocol_specs.node.asked import Body
from protocol_specs.wire.order import (
    Contact,
    Intent,
    Kind,
    Parcel,
    PaymentTerms,
    Place,
    PostalAddress,
    RatingCategory,
    VehicleNeeds,
)

PHONE = r"^\+?[0-9][0-9 ().-]{4,18}[0-9]$"
Name = Annotated[str, Field(min_length=1, max_length=80)]


class AddressBody(Body):
    """An address in its parts, as some delivery networks want it; `name` stands on the door."""

    name: Name
    building: Name
    locality: Name
    city: Name
    state: Name
    country: Name
    area_code: Annotated[str, Field(min_length=1, max_length=20)]


class PlaceBody(Body):
    """A point in degrees."""

    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    address: str | None = Field(default=None, max_length=200)
    area_code: str | None = Field(default=None, max_length=20)
    parts: AddressBody | None = None

    def place(self) -> Place:
        """The place of the order model."""
        parts = None if self.parts is None else PostalAddress(**self.parts.model_dump())
        return Place(self.lat, self.lon, self.address, self.area_code, parts)


class ParcelBody(Body):
    """What is carried."""

    weight_grams: int = Field(gt=0, le=100_000)
    length_cm: int | None = Field(default=None, gt=0, le=500)
    width_cm: int | None = Field(default=None, gt=0, le=500)
    height_cm: int | None = Field(default=None, gt=0, le=500)
    declared_value_minor: int | None = Field(default=None, ge=0, le=10**10)
    description: str | None = Field(default=None, max_length=80)
    category: str | None = Field(default=None, max_length=40)


class PaymentBody(Body):
    """How the citizen would pay."""

    type: Literal["PRE-ORDER", "PRE-FULFILLMENT", "ON-FULFILLMENT", "POST-FULFILLMENT"]
    collected_by: Literal["BAP", "BPP"] = "BPP"


class NeedsBody(Body):
    """What the vehicle must have; `seats` are those for passengers."""

    wheelchair: bool = False
    child_seat: bool = False
    seats: int | None = Field(default=None, ge=1, le=60)


class SearchBody(Body):
    """A wish to go, or to send something; `start_at`, seconds UTC: not before then."""

    kind: Literal["ride", "delivery", "RIDE", "DELIVERY"]
    pickup: PlaceBody
    drop: PlaceBody
    parcel: ParcelBody | None = None
    payment: PaymentBody | None = None
    domain: str | None = None
    city: str | None = None
    vehicle_category: str | None = Field(default=None, max_length=40)
    start_at: int | None = Field(default=None, ge=0, le=10**11)
    service_level: str | None = Field(default=None, max_length=40)
    needs: NeedsBody | None = None


class SelectBody(Body):
    """The offer chosen."""

    offer_id: str = Field(max_length=64)


class PersonBody(Body):
    """A person and a number to call."""

    name: Name
    phone: str = Field(pattern=PHONE)
    email: str | None = Field(default=None, max_length=120)


class BillingBody(Body):
    """Whom the bill names."""

    name: Name
    phone: str | None = Field(default=None, pattern=PHONE)
    email: str | None = Field(default=None, max_length=120)


class InitBody(Body):
    """Who books, and how it will be paid."""

    customer: PersonBody
    billing: BillingBody | None = None
    receiver: PersonBody | None = None
    instructions: str | None = Field(default=None, max_length=200)
    payment: PaymentBody | None = None


class ConfirmBody(Body):
    """The citizen's word, given to one quote as it was shown."""

    quote_hash: str = Field(max_length=64)
    payment_reference: str | None = Field(default=None, min_length=1, max_length=80)


class ConsentBody(Body):
    """The citizen's word, given to a changed quote."""

    quote_hash: str = Field(max_length=64)


class CancelBody(Body):
    """The end of an order; `fee_minor` is the fee that was shown, needed when there is one."""

    reason_id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,20}$")
    soft: bool = False
    fee_minor: int | None = Field(default=None, ge=0, le=10**12)


class UpdateBody(Body):
    """One change of an order. With `soft` it is only asked what the change would cost."""

    drop: PlaceBody | None = None
    tip_minor: int | None = Field(default=None, gt=0, le=10**9)
    ready_to_ship: Literal[True] | None = None
    soft: bool = False
    quote_hash: str | None = Field(default=None, max_length=64)

    @model_validator(mode="after")
    def _one_change(self) -> UpdateBody:
        given = [one for one in (self.drop, self.tip_minor, self.ready_to_ship) if one is not None]
        if len(given) != 1:
            raise ValueError("give one of drop, tip_minor and ready_to_ship")
        return self

    def change(self) -> Change:
        """The change of the order model."""
        return Change(
            drop=None if self.drop is None else self.drop.place(),
            tip_minor=self.tip_minor,
            ready_to_ship=bool(self.ready_to_ship),
        )


class RatingBody(Body):
    """Stars, one to five, for one part of an order."""

    category: RatingCategory
    value: int = Field(ge=1, le=5)


class RatingsBody(Body):
    """Stars for parts of an order, each part once."""

    ratings: list[RatingBody] = Field(min_length=1, max_length=6)

    @model_validator(mode="after")
    def _each_once(self) -> RatingsBody:
        if len({rating.category for rating in self.ratings}) != len(self.ratings):
            raise ValueError("rate each category once")
        return self


class SupportBody(Body):
    """Help is wanted; where to be called back, if one wishes."""

    callback_phone: str | None = Field(default=None, pattern=PHONE)


class FormBody(Body):
    """What was filled in, by the names of the form's fields; several values for several ticks."""

    answers: dict[str, str | list[str]] = Field(max_length=100)


def intent_of(market: Market, body: SearchBody) -> Intent:
    """What is searched for. Raises ApiError for a route to nowhere or a parcel unsaid."""
    if body.pickup.lat == body.drop.lat and body.pickup.lon == body.drop.lon:
        raise ApiError(400, "same_place", "pick-up and drop are the same place", "/drop")
    kind = Kind(market.kind)
    if kind is Kind.DELIVERY and body.parcel is None:
        raise ApiError(400, "no_parcel", "say what is sent: parcel.weight_grams", "/parcel")
    payment = body.payment or market.payment
    return Intent(
        kind=kind,
        pickup=body.pickup.place(),
        drop=body.drop.place(),
        vehicle_category=body.vehicle_category,
        parcel=Parcel(**body.parcel.model_dump()) if body.parcel else None,
        payment=None if payment is None else PaymentTerms(payment.collected_by, payment.type),
        start_at=body.start_at,
        service_level=body.service_level,
        needs=VehicleNeeds(**body.needs.model_dump()) if body.needs else VehicleNeeds(),
    )


def require_start(start_at: int | None, ahead_s: int, now: int) -> None:
    """Raises ApiError for a start that is over, or farther ahead than can be booked here."""
    if start_at is None:
        return
    if start_at < now - 60:
        raise ApiError(400, "start_over", "that time is over; choose a later one", "/start_at")
    if start_at > now + ahead_s:
        reason = f"at most {ahead_s} s ahead can be booked here; choose an earlier time"
        raise ApiError(400, "start_too_far", reason, "/start_at")


def party_of(body: InitBody) -> Party:
    """Who books; the bill goes to the customer if nobody else is named."""
    customer = _contact(body.customer)
    return Party(
        customer=customer,
        billing=_contact(body.billing) if body.billing else customer,
        receiver=_contact(body.receiver) if body.receiver else None,
        instructions=body.instructions,
    )


def _contact(given: PersonBody | BillingBody) -> Contact:
    """A contact; the phone without blanks and dashes, as networks want it."""
    phone = None if given.phone is None else "".join(c for c in given.phone if c in "+0123456789")
    return Contact(given.name, phone, given.email)
