"""The registry's settings: whom it admits, and what needs the operator's word."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from protocol_specs.node.settings import NodeSettings
from protocol_specs.web.settings import WebSettings


class Policy(BaseModel):
    """What the operator decided beforehand.

    `automatic` lists the types that need no approval once their challenge is answered; a type not
    listed waits for `wayfare registry approve`. `any_city` lets a participant ask for "*";
    `hosts_below` lets the url of a.example be at any host below a.example, which is right where
    nobody else can have such a host. Nodes may live on a snapshot for `snapshot_max_age_s`
    seconds while the registry is down; longer means that a revoked key is believed longer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    automatic: tuple[Literal["BAP", "BPP", "BG"], ...] = ()
    any_city: bool = False
    hosts_below: bool = False
    key_days_max: int = Field(default=400, gt=0)
    keys_max: int = Field(default=8, gt=1)  # of one subscriber, that have not ended
    challenge_tries_max: int = Field(default=5, gt=0)
    snapshot_max_age_s: int = Field(default=300, ge=60)


class Bounds(BaseModel):
    """What strangers may ask of the registry. Rates are of one address; a look-up may come in
    bursts of two seconds' worth, and a page of the log counts as a snapshot. An application is open
    until its challenge has failed or the operator has decided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subscribe_per_s: float = Field(default=1, gt=0)
    subscribe_burst: int = Field(default=10, gt=0)
    lookup_per_s: float = Field(default=200, gt=0)
    snapshot_per_s: float = Field(default=5, gt=0)
    snapshot_records_max: int = Field(default=20_000, gt=0)
    changes_per_subscriber_per_h: int = Field(default=60, gt=0)  # signed ones; as many at once
    open_per_subscriber_max: int = Field(default=10, gt=0)
    open_max: int = Field(default=1_000, gt=0)


class RegistryNodeSettings(NodeSettings):
    """Settings of `wayfare serve registry`. `domains` are those the network trades in."""

    policy: Policy = Policy()
    bounds: Bounds = Bounds()
    web: WebSettings | None = None  # the operator's pages; none: only the API and the commands
