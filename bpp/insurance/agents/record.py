"""A social-protection agent's record: who may register workers for a scheme, at what commission.

The rule has one rate for everybody: none that rises with what a worker earns can be written here.
Our rate of 5 % per batch is our reading of "5 % of the contribution with each registration", which
no institution confirmed to us, so every figure that rests on it says `verified: false`.
"""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from bpp.declined import Declined
from bpp.insurance.agents import signed
from bpp.insurance.agents.signed import DAY, Signed
from bpp.insurance.settings import PublicKey
from protocol_specs.node.asked import SHORT_ID
from protocol_specs.wire.keys import SigningKey, b64encode

RATE = Decimal("0.05")
RATE_IS_VERIFIED = False
SOURCE = "5 % of the contribution with each registration, read as 5 % of each batch: unconfirmed"


class Record(Signed):
    """The agent `id` registers workers for `scheme` from its first through its last day.

    A registration stays the agent's for `attribution_days`.
    """

    format: Literal["wayfare agent"] = "wayfare agent"
    version: Literal[1] = 1
    id: str = Field(pattern=SHORT_ID)
    name: str = Field(min_length=1, max_length=200)
    scheme: str = Field(pattern=SHORT_ID)
    first_day: str = Field(pattern=DAY)
    last_day: str = Field(pattern=DAY)
    rate: str = Field(default=str(RATE), pattern=r"^0\.[0-9]{1,6}$")
    attribution_days: int = Field(default=365, ge=1, le=3660)
    key: PublicKey | None = None
    source: str = Field(default=SOURCE, max_length=500)

    @model_validator(mode="after")
    def _holds_together(self) -> "Record":
        if date.fromisoformat(self.first_day) > date.fromisoformat(self.last_day):
            raise ValueError(f"it ends on {self.last_day}, before it begins")
        return self


class RecordFile(Signed):
    """The record, and the institution's signature where it gave one."""

    agent: Record
    signature: str | None = None


def read(document: Any) -> RecordFile:
    """A file's content. Raises Declined with the place at fault."""
    return signed.parsed(document, RecordFile, "no agent's record")


def sign(file: RecordFile, key: SigningKey) -> RecordFile:
    """With the institution's key."""
    return RecordFile(agent=file.agent, signature=b64encode(key.sign(signed.bytes_of(file.agent))))


def signature(file: RecordFile, institution_key: str | None) -> bytes | None:
    """The institution's signature, checked; None: it gave none, the record is unverified.

    Raises Declined: a signature that does not hold, none where the institution's key is known (then
    it signs its agents), or one where it is not known.
    """
    if institution_key is None:
        if file.signature is None:
            return None
        raise Declined(
            f"{file.agent.id} is signed, but the key of the institution of {file.agent.scheme} is "
            "not in the settings: insurance.institution_keys"
        )
    document = signed.bytes_of(file.agent)
    return signed.require(file.signature, document, institution_key, "the institution")
