"""A mandate: the file by which a cooperative lets somebody file for it. docs/agents.md."""

from datetime import date
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from bpp.declined import Declined
from bpp.insurance.agents import signed
from bpp.insurance.agents.signed import DAY, Party, Signed
from protocol_specs.node.asked import SHORT_ID
from protocol_specs.wire.keys import SigningKey, b64encode

FORMAT, VERSION = "wayfare mandate", 1
FREE_BELOW_WORKERS = 30  # smaller principals pay nothing, the institution bears it
Action = Literal["close", "send", "file", "acknowledge", "reject"]
ACTIONS: tuple[str, ...] = get_args(Action)


class Tariff(Signed):
    """What filing one remittance costs the principal, from `free_below_workers` workers on."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    fee_minor: int = Field(ge=0, le=10**9)
    free_below_workers: int = Field(default=FREE_BELOW_WORKERS, ge=0)


class Mandate(Signed):
    """Who may do what for whom, for which schemes, from which day through which.

    `follows` is the id of the mandate whose history this one takes over.
    """

    format: Literal["wayfare mandate"] = "wayfare mandate"
    version: Literal[1] = 1
    id: str = Field(pattern=SHORT_ID)
    principal: Party
    agent: Party
    scope: tuple[Action, ...] = Field(min_length=1, strict=False)
    schemes: tuple[str, ...] = Field(min_length=1, strict=False)
    first_day: str = Field(pattern=DAY)
    last_day: str = Field(pattern=DAY)
    tariff: Tariff | None = None
    follows: str | None = Field(default=None, pattern=SHORT_ID)

    @model_validator(mode="after")
    def _holds_together(self) -> "Mandate":
        if date.fromisoformat(self.first_day) > date.fromisoformat(self.last_day):
            raise ValueError(f"it ends on {self.last_day}, before it begins")
        if self.principal.id == self.agent.id or self.principal.key == self.agent.key:
            raise ValueError("principal and agent are one: nobody needs a mandate of their own")
        return self


class MandateFile(Signed):
    """The mandate with the signatures it has so far."""

    mandate: Mandate
    signatures: dict[Literal["principal", "agent"], str] = Field(default_factory=dict)


def read(document: Any) -> MandateFile:
    """A file's content. Raises Declined with the place at fault."""
    return signed.parsed(document, MandateFile, "no mandate")


def sign(file: MandateFile, key: SigningKey) -> MandateFile:
    """With the signature of whichever party's key it is. Raises Declined: it is neither's."""
    public = b64encode(key.public)
    for role in ("principal", "agent"):
        if getattr(file.mandate, role).key == public:
            signature = b64encode(key.sign(signed.bytes_of(file.mandate)))
            return MandateFile(
                mandate=file.mandate, signatures={**file.signatures, role: signature}
            )
    raise Declined("this key is neither the principal's nor the agent's of that mandate")


def signatures(file: MandateFile) -> tuple[bytes, bytes]:
    """The principal's and the agent's, both checked. Raises Declined."""
    document, given = signed.bytes_of(file.mandate), file.signatures
    return (
        signed.require(given.get("principal"), document, file.mandate.principal.key, "principal"),
        signed.require(given.get("agent"), document, file.mandate.agent.key, "agent"),
    )


def fee_minor(mandate: Mandate, workers: int) -> int:
    """What filing for so many workers costs the principal."""
    tariff = mandate.tariff
    return 0 if tariff is None or workers < tariff.free_below_workers else tariff.fee_minor
