"""The registry's settings: whom it admits, and what needs the operator's word."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from protocol_specs.node.settings import NodeSettings


class Policy(BaseModel):
    """What the operator decided beforehand.

    `automatic` lists the types that need no approval once their challenge is answered; a type not
    listed waits for `wayfare registry approve`. `any_city` lets a participant ask for "*".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    automatic: tuple[Literal["BAP", "BPP", "BG"], ...] = ()
    any_city: bool = False
    key_days_max: int = 400
    challenge_tries_max: int = 5


class RegistryNodeSettings(NodeSettings):
    """Settings of `wayfare serve registry`. `domains` are those the network trades in."""

    policy: Policy = Policy()
