"""The gateway's settings: how widely, how long and how often it forwards."""

from pydantic import BaseModel, ConfigDict, Field

from protocol_specs.node.settings import NodeSettings
from protocol_specs.web.settings import WebSettings
from protocol_specs.wire.version import NETWORKS


class Fanout(BaseModel):
    """Bounds of what goes through. Sizes in bytes, times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    searches_per_bap_per_s: float = Field(default=20, gt=0)  # three times that in a burst
    search_bytes_max: int = Field(default=65_536, gt=0)
    providers_max: int = Field(default=2000, ge=1)  # of one search, chosen at random
    in_parallel: int = Field(default=256, ge=1, le=4096)  # of one search
    in_flight_max: int = Field(default=1024, ge=1)  # of all, before they are late
    late_s: float = Field(default=1, gt=0)  # after that an answer is waited for, but in no slot
    late_max: int = Field(default=1024, ge=1)
    each_s: float = Field(default=8, gt=0, le=30)
    connections_max: int = Field(default=4096, ge=1)
    connections_per_host_max: int = Field(default=64, ge=1)
    answers_per_provider_max: int = Field(default=10, ge=1)
    relays_waiting_max: int = Field(default=500, ge=0)  # of answers, for one consumer
    pairs_remembered: int = Field(default=500_000, ge=1)  # of a search and a provider asked


class GatewaySettings(NodeSettings):
    """Settings of `wayfare serve gateway`. It carries whatever its networks speak."""

    dialects: dict[str, tuple[str, ...]] = Field(default_factory=lambda: dict(NETWORKS))
    fanout: Fanout = Fanout()
    web: WebSettings | None = None  # report, figures and operator as pages; none: only as JSON
