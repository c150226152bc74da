"""Frozen values: those with other parts, whatever they are made of."""

import dataclasses
from typing import Any, TypeVar

from msgspec import Struct, structs

T = TypeVar("T")


def replace(value: T, /, **changes: Any) -> T:
    """The value with other parts: of a msgspec Struct, as the order model is made of, or of a
    dataclass. Raises TypeError for a part that it does not have."""
    if isinstance(value, Struct):
        return structs.replace(value, **changes)
    return dataclasses.replace(value, **changes)  # type: ignore[type-var]
