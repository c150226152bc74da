"""`[documents]` of a provider's settings: which papers drivers and vehicles must have."""

from datetime import tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from protocol_specs.node.settings import Frozen

Kind = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,31}$")]
ShiftUse = Literal["shown", "required"]


class DocumentSettings(Frozen):
    """Kinds that must be there and hold, such as "licence"; and how many days before its end a
    paper is shown as ending."""

    driver: tuple[Kind, ...] = ()
    vehicle: tuple[Kind, ...] = ()
    warn_days: int = Field(default=30, ge=1, le=365)

    def required(self) -> dict[str, tuple[str, ...]]:
        """The kinds by who holds them."""
        return {"driver": self.driver, "vehicle": self.vehicle}


def zone_of(name: str | None) -> tzinfo:
    """The city's time zone, in which days begin and end."""
    return ZoneInfo(name or "UTC")
