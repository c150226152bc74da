"""What is wrong with one field that was judged by its model, said so that it can be mended."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SHORT_ID = r"^[A-Za-z0-9._-]{1,64}$"


def said(fault: "ErrorDetails") -> str:
    """The model's own words, but for a short id and a day: how to write one."""
    if fault["type"] == "string_pattern_mismatch" and fault["ctx"]["pattern"] == SHORT_ID:
        return "it is a short id: 1 to 64 letters, digits, dots, underscores, hyphens; no blank"
    if fault["type"] in ("date_parsing", "date_from_datetime_parsing"):
        return "it is no day; write it like 2026-07-31"
    return fault["msg"]
