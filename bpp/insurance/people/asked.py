"""What can be asked about a worker, as an API's body or a command's options say it."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator

from bpp.insurance.figures import Category, Residency, Sector
from protocol_specs.node.asked import SHORT_ID, Body

How = Literal["app", "paper", "call"]
By = Annotated[str, Field(pattern=SHORT_ID)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Who = Annotated[str, Field(min_length=1, max_length=64)]


class About(Body):
    """`worker`: the driver's code, the agent's id or the local id of the books. `by`: a short id of
    whoever writes it down, no name."""

    worker: Who
    by: By


class Standing(Body):
    """The category and residency of a worker from a day on, each with its legal source."""

    category: Category | None = None
    residency: Residency | None = None
    day: date | None = None  # None: from today on
    source: Text | None = None


class Enrolment(About, Standing):
    """What a scheme needs of a worker; name and phone are the fleet's already.

    `name` only if the identity card has another. Of an enrolled worker it corrects what was said.
    """

    identity_kind: str
    identity: str = Field(min_length=1, max_length=40, repr=False)
    born: date
    sector: Sector
    name: Text | None = None
    licence: Text | None = None


class Declared(About, Standing):
    """A category or residency, or both."""


class Told(About):
    """That the notice was shown: in what language, how."""

    scheme: str
    language: str
    how: How
    version: str | None = None  # the sha256 of what was shown, if the caller knows it


class Agreed(About):
    """A yes or no to a deduction that rests on consent; `reference`: where the paper is."""

    scheme: str
    agree: bool
    how: How
    reference: Text | None = None


class Chosen(About):
    """A plan chosen; it takes effect with the next period."""

    scheme: str
    plan: str
    day: date | None = None


class BoughtPlan(About):
    """A plan bought at the institution: a recorded fact, never an entry of the books."""

    scheme: str
    plan: str
    first_month: str
    months: Literal[1, 12]
    receipt: Text
    is_seen: bool

    @field_validator("first_month")
    @classmethod
    def _is_month(cls, text: str) -> str:
        if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text):
            raise ValueError("write a month as 2026-07")
        return text


class OptedIn(About):
    """The choice to be in a scheme by own wish, on a day."""

    scheme: str
    day: date | None = None


class Numbered(About):
    """The number by which the scheme's institution knows the worker."""

    scheme: str
    number: Annotated[str, Field(pattern=r"^[A-Za-z0-9/-]{1,40}$")]


class Import(Body):
    """A CSV text of many workers."""

    csv: str = Field(max_length=2_000_000, repr=False)
    by: By
