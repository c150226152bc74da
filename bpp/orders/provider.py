"""What the cooperative publishes: who it is, where it works, at which price and on which terms."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from bpp.dispatch.policy import Weights
from bpp.fleet.dispatch import Reach
from bpp.geo import Circle
from bpp.orders import items
from bpp.orders.events import Sector
from bpp.orders.forms import FormWanted
from bpp.tariff.tariff import Tariff
from protocol_specs.wire.errors import (
    FulfillmentUnavailable,
    InvalidCancellationReason,
    ItemNotFound,
    PaymentNotSupported,
    ProviderNotFound,
)
from protocol_specs.wire.money import round_half_up
from protocol_specs.wire.order import (
    CancellationTerm,
    Kind,
    PaymentTerms,
    Place,
    RatingCategory,
    Reason,
    Support,
    Terms,
    VehicleNeeds,
)

Assignment = Literal["at_confirm", "offer", "in_turn"]

# What drivers and the desk may say: the numbers of TRV10. Deliveries have those of LOG10 beside
# them, whose meaning the network publishes.
PROVIDER_REASONS = frozenset({"000", "011", "012", "013", "014"})


SOON_S = 900
"""A start so near is as good as now; one so long ago is over."""

RIDER_REASONS = (
    Reason("000", "A technical fault"),
    Reason("001", "The driver does not move"),
    Reason("002", "The driver cannot be reached"),
    Reason("003", "The driver asked me to cancel"),
    Reason("004", "The pickup is wrong"),
    Reason("005", "Booked by mistake"),
)
PARCEL_REASONS = tuple(
    Reason(number)
    for number in (
        *("004", "005", "007", "150", "151", "152", "153", "154", "155", "156"),
        *("175", "994", "996"),
    )
)
RETURN_REASONS = (
    Reason("011", "The receiver cannot be reached"),
    Reason("013", "The receiver does not take it"),
    Reason("014", "The address cannot be found"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The published side of one cooperative. Only which fares hold changes while the node runs.

    `subscriber_id` is the platform it speaks through. `return_percentage` of the fare is what
    bringing a parcel back costs. `open_s` is how long an order waits for a driver before it ends.
    Pickups are planned at most `book_ahead_s` ahead, and a driver is found `lead_s` before.
    `weights` say who is asked first; in turn, an offer stands for `offer_s`, and who let it pass is
    asked again after `again_s`.
    """

    id: str
    name: str
    kind: Kind
    subscriber_id: str = ""
    categories: tuple[str, ...]
    area: tuple[Circle, ...]
    tariff: Tariff
    payments: tuple[PaymentTerms, ...]
    cancellation: tuple[CancellationTerm, ...]
    assignment: Assignment = "at_confirm"
    takes_orders_without_driver: bool = False
    quote_ttl_s: int = 600
    open_s: int = 900
    no_driver_reason: str = "011"
    reach: Reach = field(default_factory=Reach)
    weights: Weights = field(default_factory=Weights)
    offer_s: int = 30
    again_s: int = 120
    book_ahead_s: int = 604_800
    lead_s: int = 1_800
    service_levels: tuple[str, ...] = ()
    return_percentage: Decimal = Decimal(0)
    terms: Terms | None = None
    form: FormWanted | None = None
    support: Support | None = None
    cancellation_reasons: tuple[Reason, ...] = RIDER_REASONS
    return_reasons: tuple[Reason, ...] = ()
    rating_categories: tuple[RatingCategory, ...] = ("Order", "Agent")
    rating_max: int = 5

    @property
    def currency(self) -> str:
        """The one currency this cooperative charges in."""
        return self.tariff.currency

    @property
    def sector(self) -> Sector:
        """The word extensions know the kind of work by."""
        return "ride" if self.kind is Kind.RIDE else "logistics"

    def item_id(self, category: str, needs: VehicleNeeds = items.NOTHING) -> str:
        """The id of the one item offered with this vehicle category and these needs."""
        base = f"{self.kind.value.lower()}-{category.lower().replace('_', '-')}"
        return base + items.suffix(needs)

    def item_name(self, category: str, needs: VehicleNeeds = items.NOTHING) -> str:
        """What a person reads: "Ride (cab, wheelchair access)"."""
        word = "Ride" if self.kind is Kind.RIDE else "Delivery"
        return f"{word} ({category.replace('_', ' ').lower()}{items.in_words(needs)})"

    def item_of(self, item_id: str) -> tuple[str, VehicleNeeds]:
        """The vehicle category of an item, and what its vehicle must have. Raises ItemNotFound."""
        for category in sorted(self.categories, key=len, reverse=True):
            base = self.item_id(category)
            needs = items.needs_in(item_id.removeprefix(base)) if item_id.startswith(base) else None
            if needs is not None:
                return category, needs
        raise ItemNotFound(
            f"no item {item_id!r} here; take one from on_search", path="/message/order/items/0/id"
        )

    def serves(self, pickup: Place, drop: Place) -> bool:
        """Whether both ends lie in the service area."""
        return all(any(c.contains(place) for c in self.area) for place in (pickup, drop))


def require_provider(provider: Provider, provider_id: str) -> None:
    """Raises ProviderNotFound if the message means somebody else."""
    if provider_id != provider.id:
        reason = f"no provider {provider_id!r} here; this is {provider.id!r}"
        raise ProviderNotFound(reason, path="/message/order/provider/id")


def require_served(provider: Provider, pickup: Place, drop: Place) -> None:
    """Raises FulfillmentUnavailable for a place out of the service area."""
    if not provider.serves(pickup, drop):
        raise FulfillmentUnavailable(
            "a stop lies outside the service area; choose places inside it",
            path="/message/order/fulfillments/0/stops",
        )


def planned_start(provider: Provider, start_at: int | None, now: int) -> int | None:
    """When a job begins that is asked for then; None: at once. Raises FulfillmentUnavailable."""
    if start_at is None or now - SOON_S <= start_at <= now:
        return None
    if start_at < now:
        why = "the time of the pickup is over; choose a later one"
    elif start_at > now + max(provider.book_ahead_s, SOON_S):
        why = f"a pickup is planned at most {provider.book_ahead_s} s ahead here"
    else:
        return start_at
    raise FulfillmentUnavailable(why, path="/message/order/fulfillments/0/stops/0/time")


def accepted_payment(provider: Provider, asked: tuple[PaymentTerms, ...]) -> PaymentTerms:
    """The published payment terms that the peer chose. Raises PaymentNotSupported.

    Only who collects and when are read from the peer; status and accounts are never.
    """
    if not asked:
        return provider.payments[0]
    for terms in provider.payments:
        if (terms.collected_by, terms.type) == (asked[0].collected_by, asked[0].type):
            return terms
    offered = ", ".join(f"{terms.collected_by} {terms.type}" for terms in provider.payments)
    raise PaymentNotSupported(
        f"payment {asked[0].collected_by} {asked[0].type} is not taken here; choose: {offered}",
        path="/message/order/payments/0",
    )


def require_own_reason(provider: Provider, reason_id: str) -> str:
    """A driver's or the desk's reason. Raises InvalidCancellationReason."""
    is_parcel = provider.kind is Kind.DELIVERY
    known = PROVIDER_REASONS | ({reason.id for reason in PARCEL_REASONS} if is_parcel else set())
    if reason_id in known:
        return reason_id
    raise InvalidCancellationReason(
        f"reason {reason_id!r} is not one of {', '.join(sorted(known))}"
    )


def require_return_reason(provider: Provider, reason_id: str) -> str:
    """Why a parcel could not be handed over. Raises InvalidCancellationReason."""
    known = sorted(reason.id for reason in provider.return_reasons)
    if reason_id in known:
        return reason_id
    raise InvalidCancellationReason(f"reason {reason_id!r} is not one of {', '.join(known)}")


def require_reason(provider: Provider, reason_id: str | None) -> str:
    """The consumer's reason, if it is one we publish. Raises InvalidCancellationReason."""
    known = {reason.id for reason in provider.cancellation_reasons}
    if reason_id in known:
        return str(reason_id)
    raise InvalidCancellationReason(
        f"reason {reason_id!r} is not one of {', '.join(sorted(known))}",
        path="/message/cancellation_reason_id",
    )


def return_fee(provider: Provider, fare_minor: int) -> int:
    """What it costs to bring a parcel back whose delivery costs `fare_minor`."""
    return round_half_up(fare_minor * provider.return_percentage / 100)


def cancellation_fee(term: CancellationTerm | None, fare_minor: int) -> int:
    """What cancelling costs by this published term, never more than the fare itself."""
    if term is None:
        return 0
    if term.fee_percentage is not None:
        return min(fare_minor, round_half_up(fare_minor * Decimal(term.fee_percentage) / 100))
    return min(fare_minor, term.fee_minor or 0)
