"""What the consumer node is told before it starts: its markets, its bounds and its patience."""

from __future__ import annotations

import tomllib
from importlib import resources

from pydantic import Field, field_validator

from protocol_specs.node.settings import Frozen, NodeSettings
from protocol_specs.wire.order import Kind
from protocol_specs.wire.version import CORE, NAMES


class NamedPlace(Frozen):
    """A place that citizens pick by name. Degrees, WGS 84."""

    name: str = Field(min_length=1, max_length=80)
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    area_code: str | None = Field(default=None, max_length=20)


class Market(Frozen):
    """One kind of job in one city: where a search goes, and in which money it is answered."""

    name: str
    kind: Kind
    domain: str
    dialect: str = CORE
    city: str
    country: str = Field(pattern="^[A-Z]{3}$")
    currency: str = Field(pattern="^[A-Z]{3}$")
    places: tuple[NamedPlace, ...] = ()

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


class BapSettings(NodeSettings):
    """Settings of a consumer node."""

    markets: tuple[Market, ...] = Field(default_factory=bundled_markets)
    journeys: JourneyLimits = JourneyLimits()
    ask_ttl_s: int = Field(default=30, ge=5, le=300)  # how long a provider has to answer
    heartbeat_s: float = Field(default=15, gt=0)  # of an event stream without news
    keep_days: int = Field(default=30, gt=0)  # journeys, with their phones and places
    page: bool = True
