"""Frozen values: those with other parts, whatever they are made of."""

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, structs

T = TypeVar("T")

if TYPE_CHECKING:  # names and types of the parts are then checked, of Structs too
    from dataclasses import replace as replace
else:

    def replace(value: T, /, **changes: Any) -> T:
        """The value with other parts: of a msgspec Struct, as the order model is made of, or of a
        dataclass. Raises TypeError for a part that it does not have."""
        if isinstance(value, Struct):
            return structs.replace(value, **changes)
        return dataclasses.replace(value, **changes)
