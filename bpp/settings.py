"""The provider node's settings: the cooperative, its ground, its price list, its people."""

from collections.abc import Iterable
from datetime import tzinfo
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from bpp import network_needs
from bpp.dispatch.policy import Weights
from bpp.fares_settings import FareSettings
from bpp.fleet.csv_import import BadCsv, Roster, parse_roster
from bpp.fleet.dispatch import Reach
from bpp.fleet.workers import BadEntry, DriverEntry, VehicleEntry
from bpp.geo import Circle
from bpp.insurance.settings import InsuranceSettings
from bpp.order_settings import (
    PERCENTAGE,
    URL,
    FormSettings,
    ReasonSettings,
    SupportSettings,
    TermsSettings,
)
from bpp.orders.order import states_of
from bpp.orders.provider import (
    PARCEL_REASONS,
    RETURN_REASONS,
    RIDER_REASONS,
    Assignment,
    Provider,
)
from bpp.tariff.tariff import Tariff
from bpp.work.settings import DocumentSettings, ShiftUse, zone_of
from protocol_specs.node.paths import OwnPath
from protocol_specs.node.settings import Frozen, NodeSettings, SettingsError
from protocol_specs.web.settings import WebSettings
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.money import exponent, minor_units
from protocol_specs.wire.order import (
    CancellationTerm,
    Kind,
    PaymentTerms,
    RatingCategory,
    Reason,
)

DESK_REASON = r"^[0-9A-Za-z-]{1,40}$"


class CircleSettings(Frozen):
    """A circle on the ground: `lat`, `lon` in degrees, `radius_m` in metres."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    radius_m: int = Field(gt=0)

    def circle(self) -> Circle:
        """The circle as the code uses it."""
        return Circle(self.lat, self.lon, self.radius_m)


class PaymentSettings(Frozen):
    """One way to pay that the cooperative takes.

    `account` is where its money goes: bank code, account number and payment address (with its @),
    those that a network asks for, with blanks between.
    """

    collected_by: Literal["BAP", "BPP"]
    type: Literal["PRE-ORDER", "PRE-FULFILLMENT", "ON-FULFILLMENT", "POST-FULFILLMENT"]
    account: str | None = Field(default=None, max_length=120)


class CancellationSettings(Frozen):
    """What cancelling costs from a state on: a `fee` ("2.00") or a `percentage` ("10")."""

    state: str
    fee: str | None = None
    percentage: Annotated[str, Field(pattern=PERCENTAGE)] | None = None
    reason_required: bool = True


class RouterSettings(Frozen):
    """Who says how long drivers take: a straight line, or a server of this kind at `url`.

    `detour` times the straight distance, at `km_per_h`, also stands in for a server that does not
    answer. `profile` is the server's own word: OSRM's profile, Valhalla's costing.
    """

    kind: Literal["straight", "osrm", "valhalla"] = "straight"
    url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+[^/\s?#]$")
    profile: str | None = Field(default=None, pattern=r"^[a-z_]{1,32}$")
    detour: float = Field(default=1.35, ge=1, le=5)
    km_per_h: float = Field(default=22, gt=0, le=200)

    @model_validator(mode="after")
    def _has_its_server(self) -> "RouterSettings":
        if (self.kind == "straight") is not (self.url is None):
            raise ValueError("a url belongs to osrm and valhalla, and only to them")
        return self


class DispatchSettings(Frozen):
    """Which drivers are asked: within `radius_m` of the pickup, seen in the last `fresh_s`; and who
    first, by the weights of bpp/dispatch/policy.py. In turn, an offer stands for `offer_s`, and who
    let it pass is asked again after `again_s`. For a planned job a driver is found `lead_s` before.
    """

    radius_m: int = Field(default=5_000, gt=0)
    fresh_s: int = Field(default=900, gt=0)
    idle_weight_s: int = Field(default=4, ge=0, le=600)
    idle_min_max: int = Field(default=60, ge=0, le=720)
    earnings_weight_s: int = Field(default=120, ge=0, le=3_600)
    offer_s: int = Field(default=30, ge=5, le=600)
    again_s: int = Field(default=120, ge=10, le=3_600)
    lead_s: int = Field(default=1_800, ge=60, le=86_400)
    router: RouterSettings = RouterSettings()

    def weights(self) -> Weights:
        """As the policy takes them."""
        return Weights(self.idle_weight_s, self.idle_min_max, self.earnings_weight_s)


class OfficeSettings(Frozen):
    """`[office]`: `booking_url` is the consumer's page at which a dispatcher books for who calls.
    The desk answers what a driver tells it within `answer_hours`; `emergency` is the number that
    drivers dial in danger, such as "999". A driver who is not at the pickup `late_s` after the
    job became theirs, or its planned start, is shown as late.
    """

    booking_url: str | None = Field(default=None, pattern=URL)
    answer_hours: int = Field(default=72, ge=1, le=720)
    emergency: str | None = Field(default=None, pattern=r"^[0-9]{2,6}$")
    late_s: int = Field(default=900, ge=60, le=86_400)


class VehicleSettings(Frozen):
    """A vehicle of the cooperative: `features` are wheelchair and child_seat, `seats` those for
    passengers, `load_kg` and `load_cm` (60x40x40) the heaviest and biggest parcel.
    """

    registration: str
    category: str
    variant: str | None = None
    make: str | None = None
    model: str | None = None
    color: str | None = None
    energy_type: str | None = None
    features: tuple[str, ...] = ()
    seats: int | None = None
    load_kg: int | None = None
    load_cm: str | None = None


class DriverSettings(Frozen):
    """A driver. Without `token_sha256` the desk must give out a token."""

    code: str
    name: str
    phone: str
    vehicle: str
    token_sha256: str | None = None


class BppSettings(NodeSettings):
    """Everything a cooperative tells its node."""

    provider_id: str = Field(min_length=1, max_length=255)
    provider_name: str = Field(min_length=1, max_length=255)
    kind: Literal["ride", "delivery"]
    currency: str
    assignment: Assignment = "at_confirm"
    takes_orders_without_driver: bool = False
    quote_ttl_s: int = Field(default=600, gt=0, le=86_400)
    book_ahead_s: int = Field(default=604_800, ge=0, le=90 * 86_400)  # 0: at once only
    service_area: tuple[CircleSettings, ...] = Field(min_length=1)
    dispatch: DispatchSettings = DispatchSettings()
    categories: tuple[str, ...] = ()  # of vehicles on offer; none: of all known at the start
    fares: FareSettings
    payments: tuple[PaymentSettings, ...] = (
        PaymentSettings(collected_by="BPP", type="ON-FULFILLMENT"),
        PaymentSettings(collected_by="BAP", type="PRE-ORDER"),
    )
    cancellation: tuple[CancellationSettings, ...] = ()
    open_order_s: int = Field(default=900, gt=0, le=86_400)  # then an order without driver ends
    no_driver_reason: str = Field(default="011", pattern=DESK_REASON)  # and says this
    service_levels: tuple[str, ...] = ()  # of deliveries, beside the network's on-demand one
    return_percentage: Annotated[str, Field(pattern=PERCENTAGE)] = "0"  # of the fare, to bring back
    terms: TermsSettings | None = None
    form: FormSettings | None = None
    support: SupportSettings | None = None
    cancellation_reasons: tuple[ReasonSettings, ...] = ()  # none: those of the network
    return_reasons: tuple[ReasonSettings, ...] = ()
    rating_categories: tuple[RatingCategory, ...] = ("Order", "Agent")
    rating_max: int = Field(default=5, ge=1, le=100)
    vehicles: tuple[VehicleSettings, ...] = ()
    drivers: tuple[DriverSettings, ...] = ()
    drivers_csv: OwnPath | None = None
    insurance: InsuranceSettings | None = None
    documents: DocumentSettings = DocumentSettings()
    shifts: ShiftUse = "shown"
    office: OfficeSettings = OfficeSettings()
    web: WebSettings | None = None  # pages for drivers; none: only the JSON APIs

    @field_validator("domains")
    @classmethod
    def _some_domain(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        if not domains:
            raise ValueError("name the domains that are served, such as nic2004:60221")
        return domains

    @model_validator(mode="after")
    def _makes_sense(self) -> "BppSettings":
        """Whatever could not become a provider or a roster is said at the start, by its key."""
        try:
            exponent(self.currency)
            self.fares.policy(self.currency)
            self._cancellation_terms()
            self._entries()
            if self.insurance is not None:
                self.insurance.cash_debt_limit_minor(self.currency)
        except (Malformed, BadEntry) as fault:
            raise ValueError(str(fault)) from None
        if not self.payments:
            raise ValueError("payments: name at least one way to pay")
        asks = bool(self.documents.driver or self.documents.vehicle or self.shifts == "required")
        if asks and self.web is None:
            raise ValueError("documents and shifts are written down at the office: add [web]")
        elsewhere = sorted(set(self.dialects) - set(self.domains))
        if elsewhere:
            raise ValueError(f"dialects: {', '.join(elsewhere)} is not among the domains served")
        unspoken = self.unspoken()
        if unspoken is not None:
            raise ValueError(unspoken)
        for lack in network_needs.lacks(
            self._spoken,
            kind=self._kind,
            categories=self.categories,
            payments=self._payments(),
            terms=self.terms.terms() if self.terms else None,
        ):
            raise ValueError(lack)
        return self

    def city_zone(self) -> tzinfo:
        """In which days begin and end for the cooperative: that of its pages."""
        return zone_of(self.web.zone if self.web else None)

    def check(self) -> None:
        """The drivers, who sends codes, and what insurance rests on, as the start reads them."""
        self.roster()
        if self.web is not None:
            if self.network == "production":
                self.web.codes.require_sent()
            self.web.codes.webhook()
        if self.insurance is not None:
            from bpp.insurance import wiring  # the server's imports are slow: not for others

            self.insurance.load_schemes()
            wiring.ledger_key(self.insurance)
            wiring.require_apart(self.insurance, self.data_dir)

    def roster(self) -> Roster:
        """Drivers and vehicles of the settings and of the CSV file. Raises SettingsError."""
        roster = self._roster()
        for lack in network_needs.vehicles_lack(self._spoken, roster.vehicles):
            raise SettingsError(lack)
        return roster

    def _roster(self) -> Roster:
        listed = self._entries()
        if self.drivers_csv is None:
            return listed
        try:
            more = parse_roster(self.drivers_csv.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"drivers_csv: {self.drivers_csv}: {error.strerror}") from None
        except BadCsv as bad:
            raise SettingsError(f"drivers_csv: {self.drivers_csv}:\n{bad}") from None
        return Roster(listed.drivers + more.drivers, listed.vehicles + more.vehicles)

    def provider(self, known: Iterable[str], form_secret: bytes = b"") -> Provider:
        """What the cooperative publishes. `known` are the categories of the registered vehicles.

        `form_secret` seals the ids of its forms. Raises SettingsError if there is no category at
        all to offer.
        """
        categories = self.categories or tuple(sorted(set(known)))
        if not categories:
            raise SettingsError(
                "categories: there is nothing to offer; list [[vehicles]], name a drivers_csv, or "
                'set categories = ["CAB"] and add vehicles at the desk later'
            )
        return Provider(
            id=self.provider_id,
            name=self.provider_name,
            kind=self._kind,
            subscriber_id=self.subscriber_id,
            categories=categories,
            area=tuple(circle.circle() for circle in self.service_area),
            tariff=Tariff(self.fares.policy(self.currency)),
            payments=self._payments(),
            cancellation=self._cancellation_terms(),
            assignment=self.assignment,
            takes_orders_without_driver=self.takes_orders_without_driver,
            quote_ttl_s=self.quote_ttl_s,
            reach=Reach(self.dispatch.radius_m, self.dispatch.fresh_s),
            weights=self.dispatch.weights(),
            offer_s=self.dispatch.offer_s,
            again_s=self.dispatch.again_s,
            book_ahead_s=self.book_ahead_s,
            lead_s=self.dispatch.lead_s,
            open_s=self.open_order_s,
            no_driver_reason=self.no_driver_reason,
            service_levels=self.service_levels,
            return_percentage=Decimal(self.return_percentage),
            terms=self.terms.terms() if self.terms else None,
            form=self.form.wanted(self.url, form_secret) if self.form else None,
            support=self.support.contact() if self.support else None,
            cancellation_reasons=self._reasons(self.cancellation_reasons) or self._usual_reasons(),
            return_reasons=self._reasons(self.return_reasons) or self._usual_returns(),
            rating_categories=self.rating_categories,
            rating_max=self.rating_max,
        )

    @property
    def _kind(self) -> Kind:
        return Kind.RIDE if self.kind == "ride" else Kind.DELIVERY

    @property
    def _spoken(self) -> list[str]:
        """The dialects that the settings name."""
        return sorted({name for names in self.dialects.values() for name in names})

    def _payments(self) -> tuple[PaymentTerms, ...]:
        return tuple(PaymentTerms(p.collected_by, p.type, account=p.account) for p in self.payments)

    @staticmethod
    def _reasons(given: tuple[ReasonSettings, ...]) -> tuple[Reason, ...]:
        return tuple(one.reason() for one in given)

    def _usual_reasons(self) -> tuple[Reason, ...]:
        """The network's; a delivery takes the numbers of both."""
        if self._kind is Kind.RIDE:
            return RIDER_REASONS
        numbers = {reason.id: reason for reason in (*PARCEL_REASONS, *RIDER_REASONS)}
        return tuple(numbers[number] for number in sorted(numbers))

    def _usual_returns(self) -> tuple[Reason, ...]:
        return RETURN_REASONS if self._kind is Kind.DELIVERY else ()

    def _entries(self) -> Roster:
        drivers = tuple(DriverEntry(**driver.model_dump()) for driver in self.drivers)
        vehicles = tuple(VehicleEntry(**vehicle.model_dump()) for vehicle in self.vehicles)
        return Roster(drivers, vehicles)

    def _cancellation_terms(self) -> tuple[CancellationTerm, ...]:
        states = states_of(self._kind).all
        return tuple(_term(given, self.currency, states) for given in self.cancellation)


def _term(given: CancellationSettings, currency: str, states: tuple[str, ...]) -> CancellationTerm:
    if given.state not in states:
        raise Malformed(f"cancellation.state: {given.state!r} is not one of {', '.join(states)}")
    if (given.fee is None) == (given.percentage is None):
        raise Malformed(f"cancellation {given.state}: give a fee or a percentage, and not both")
    fields: dict[str, Any] = {"reason_required": given.reason_required}
    if given.fee is None:
        return CancellationTerm(given.state, fee_percentage=given.percentage, **fields)
    fee_minor = minor_units(given.fee, currency)
    if fee_minor < 0:
        raise Malformed(f"cancellation {given.state}: the fee cannot be negative")
    return CancellationTerm(given.state, fee_minor=fee_minor, currency=currency, **fields)
