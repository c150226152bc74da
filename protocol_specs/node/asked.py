"""What is asked of a node by JSON or on a command line: shapes of bodies, and faults that can be
mended."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SHORT_ID = r"^[A-Za-z0-9._-]{1,64}$"


class Body(BaseModel):
    """A body; an unknown key is a mistake that is better told than overlooked."""

    model_config = ConfigDict(extra="forbid")


class StrictBody(Body):
    """A body in which no text stands for a number or a day."""

    model_config = ConfigDict(strict=True)


def said(fault: "ErrorDetails") -> str:
    """The model's own words, but for a short id and a day: how to write one."""
    if fault["type"] == "string_pattern_mismatch" and fault["ctx"]["pattern"] == SHORT_ID:
        return "it is a short id: 1 to 64 letters, digits, dots, underscores, hyphens; no blank"
    if fault["type"] in ("date_parsing", "date_from_datetime_parsing"):
        return "it is no day; write it like 2026-07-31"
    return fault["msg"]
