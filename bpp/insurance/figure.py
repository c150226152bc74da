"""Figures of a scheme's file: exact decimals written as text."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator

_FIGURE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)


def exact_figure(value: object) -> Decimal:
    """A figure from its text. Raises ValueError: a float, a sign, an exponent, too fine."""
    if isinstance(value, Decimal):  # read before; a file holds text
        return value
    if not isinstance(value, str):
        raise ValueError('write figures as text, such as "0.0125": a TOML number is not exact')
    if not _FIGURE.fullmatch(value):
        raise ValueError("a figure has digits and at most 6 decimals, and is not negative")
    return Decimal(value)


Figure = Annotated[Decimal, BeforeValidator(exact_figure)]
