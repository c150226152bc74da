"""The gateway's settings: how widely and how long it forwards."""

from pydantic import BaseModel, ConfigDict, Field

from protocol_specs.node.settings import NodeSettings


class Fanout(BaseModel):
    """Bounds of one search's fan-out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_parallel: int = Field(default=32, ge=1, le=1024)
    each_s: float = Field(default=8, gt=0, le=30)
    providers_max: int = Field(default=2000, ge=1)
    answers_per_provider_max: int = Field(default=10, ge=1)
    pairs_remembered: int = Field(default=500_000, ge=1)  # of a search and a provider asked


class GatewaySettings(NodeSettings):
    """Settings of `wayfare serve gateway`."""

    fanout: Fanout = Fanout()
