"""What the consumer node is told before it starts: its markets, its bounds and its patience."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time
from importlib import resources
from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator, model_validator

from protocol_specs.node.settings import Frozen, NodeSettings
from protocol_specs.web.settings import WebSettings
from protocol_specs.wire.order import (
    CollectedBy,
    Contact,
    Kind,
    PaymentType,
    PostalAddress,
    Terms,
)
from protocol_specs.wire.version import CORE, NAMES


class NamedPlace(Frozen):
    """A place that citizens pick by name. Degrees, WGS 84."""

    name: str = Field(min_length=1, max_length=80)
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    area_code: str | None = Field(default=None, max_length=20)


class TermsSettings(Frozen):
    """What this platform asks of providers; networks without such terms leave it out.

    Percentages as decimals (`"1"`), windows as ISO 8601 durations, `static_terms` a url.
    `account` is where we are paid: bank code, account number and payment address, with blanks
    between; for networks that settle so, and for citizens who pay us.
    """

    finder_fee_percentage: str | None = Field(default=None, pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$")
    settlement_window: str | None = Field(default=None, pattern=r"^PT?[0-9]+[SMHD]$")
    settlement_basis: str | None = Field(default=None, max_length=40)
    settlement_type: str | None = Field(default=None, max_length=40)
    mandatory_arbitration: bool | None = None
    court_jurisdiction: str | None = Field(default=None, max_length=80)
    delay_interest: str | None = Field(default=None, max_length=40)
    static_terms: str | None = Field(default=None, max_length=500)
    account: str | None = Field(default=None, max_length=200)

    def terms(self) -> Terms | None:
        """The terms of the order model; None if there are none."""
        said = self.model_dump(exclude={"account"}, exclude_none=True)
        return Terms(**said) if said else None


class BillingSettings(Frozen):
    """Whom providers bill in markets where this platform is the buyer.

    `since` is the day from which these details hold; bills are dated by it, or by their order.
    """

    name: str = Field(min_length=1, max_length=80)
    phone: str = Field(pattern=r"^\+?[0-9]{5,15}$")
    email: str = Field(max_length=120)
    tax_number: str = Field(max_length=40)
    building: str = Field(max_length=80)
    locality: str = Field(max_length=80)
    city: str = Field(max_length=80)
    state: str = Field(max_length=80)
    country: str = Field(max_length=80)
    area_code: str = Field(max_length=20)
    since: date | None = None

    def contact(self) -> Contact:
        """The contact of the order model."""
        given = self.model_dump(exclude={"phone", "email", "tax_number", "since"})
        midnight = datetime.combine(self.since, time(), UTC) if self.since else None
        return Contact(
            name=self.name,
            phone=self.phone,
            email=self.email,
            address=PostalAddress(**given),
            tax_number=self.tax_number,
            since=int(midnight.timestamp()) if midnight else None,
        )


class PaymentSettings(Frozen):
    """How jobs of a market are paid, where offers do not say."""

    type: PaymentType
    collected_by: CollectedBy


class Market(Frozen):
    """One kind of job in one city: where a search goes, and in which money it is answered.

    `bills` the customer, or this platform where it is the buyer (ONDC's delivery networks). A
    parcel is told to be ready `when_said` by the citizen, or `at_once` with the booking. `payment`
    is asked for in searches, and stands where an offer names none. `emergency` is whom one
    calls there when in danger, such as 112.
    """

    name: str
    kind: Kind
    domain: str
    dialect: str = CORE
    city: str
    country: str = Field(pattern="^[A-Z]{3}$")
    currency: str = Field(pattern="^[A-Z]{3}$")
    bills: Literal["customer", "platform"] = "customer"
    payment: PaymentSettings | None = None
    ready_to_ship: Literal["when_said", "at_once"] = "when_said"
    emergency: str | None = Field(default=None, pattern=r"^[0-9]{3,5}$")
    zone: str | None = None  # its clocks, such as Asia/Kolkata; none: those of [web]
    places: tuple[NamedPlace, ...] = ()

    @field_validator("zone")
    @classmethod
    def _has_clocks(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError(f"no time zone {zone!r}; write one such as Asia/Kolkata")
        return zone

    @field_validator("dialect")
    @classmethod
    def _known(cls, dialect: str) -> str:
        if dialect not in NAMES:
            raise ValueError(f"no dialect {dialect!r}; there are {', '.join(NAMES)}")
        return dialect


def bundled_markets() -> tuple[Market, ...]:
    """The markets of `bap/markets.toml`, used when the settings name none."""
    text = resources.files("bap").joinpath("markets.toml").read_text(encoding="utf-8")
    return tuple(Market.model_validate(market) for market in tomllib.loads(text)["markets"])


class JourneyLimits(Frozen):
    """Bounds of the client API and of what providers may add to a journey."""

    journeys_per_minute: int = Field(default=20, gt=0)  # from one address
    asks_per_minute: int = Field(default=60, gt=0)  # of one journey
    waiting_max: int = Field(default=5_000, gt=0)
    waiting_per_journey_max: int = Field(default=8, gt=0)
    body_bytes_max: int = Field(default=16_384, gt=0)
    answers_per_provider_max: int = Field(default=10, gt=0)  # on_search of one search
    offers_per_provider_max: int = Field(default=20, gt=0)
    offers_per_journey_max: int = Field(default=500, gt=0)
    events_per_journey_max: int = Field(default=1_000, gt=0)
    form_bytes_max: int = Field(default=65_536, gt=0)
    form_deadline_s: float = Field(default=8, gt=0)


class BapSettings(NodeSettings):
    """Settings of a consumer node."""

    markets: tuple[Market, ...] = Field(default_factory=bundled_markets)
    journeys: JourneyLimits = JourneyLimits()
    book_ahead_s: int = Field(default=604_800, ge=0, le=90 * 86_400)  # 0: at once only
    ask_ttl_s: int = Field(default=30, ge=5, le=300)  # how long a provider has to answer
    heartbeat_s: float = Field(default=15, gt=0)  # of an event stream without news
    keep_days: int = Field(default=30, gt=0)  # journeys, with their phones and places
    page: bool = True
    web: WebSettings = WebSettings()
    complaint_hours: int = Field(default=72, gt=0)  # by when our people answer one
    terms: TermsSettings = TermsSettings()
    billing: BillingSettings | None = None

    def check(self) -> None:
        """Who sends codes, as the start reads it."""
        self.web.codes.webhook()

    @model_validator(mode="after")
    def _markets_hold(self) -> BapSettings:
        """A market's dialect is one that our own door takes answers in; who is billed is known."""
        unspoken = self.unspoken()
        if unspoken is not None:
            raise ValueError(unspoken)
        for market in self.markets:
            taken = self.dialects.get(market.domain, (CORE,))
            if market.dialect not in taken:
                raise ValueError(
                    f"market {market.name!r} speaks {market.dialect}, but this node takes "
                    f"{', '.join(taken)} in {market.domain}; add it to [dialects]"
                )
            if market.bills == "platform" and self.billing is None:
                raise ValueError(f"market {market.name!r} bills the platform; give [billing]")
        return self
