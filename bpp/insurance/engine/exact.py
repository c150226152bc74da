"""Exact numbers and where they are rounded: integers, Decimal, Fraction; never a float."""

from decimal import Context, Decimal, Inexact
from fractions import Fraction
from typing import Literal

EXACT = Context(prec=60, traps=[Inexact])

Mode = Literal["half_up", "down", "up"]


def rounded(value: Decimal | Fraction, unit_minor: int = 1, mode: Mode = "half_up") -> int:
    """`value` (minor units) as a multiple of `unit_minor`. Modes go by the size, not the sign:
    half_up takes halves away from zero, down cuts off, up goes to the next.
    """
    above, below = value.as_integer_ratio()
    size, below = abs(above), below * unit_minor
    if mode == "half_up":
        whole = (2 * size + below) // (2 * below)
    elif mode == "down":
        whole = size // below
    else:
        whole = -(-size // below)
    return (whole if above >= 0 else -whole) * unit_minor


def times(minor: int | Decimal, factor: Decimal) -> Decimal:
    """The exact product. Raises decimal.Inexact beyond 60 digits."""
    return EXACT.multiply(Decimal(minor), factor)


def capped(
    exact: Decimal | Fraction,
    cap_minor: int | None,
    unit_minor: int = 1,
    mode: Mode = "half_up",
) -> int:
    """The exact amount rounded, and not above the cap."""
    minor = rounded(exact, unit_minor, mode)
    return minor if cap_minor is None else min(minor, cap_minor)
