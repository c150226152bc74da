"""The end of a period: credits carried, collectors together, interest, commission, control sums."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from bpp.insurance.engine.exact import rounded, times


@dataclass(frozen=True, slots=True)
class Carried:
    """What one worker's line of a remittance comes to, and what is kept as that worker's credit."""

    remit_minor: int
    credit_minor: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Whether what was expected was received, in ONDC's words: 01 paid, 02 over, 03 under."""

    status: Literal["01", "02", "03"]
    difference_minor: int


def carry(accrued_minor: int, *earlier_minor: int) -> Carried:
    """This period's amount with the differences of earlier ones, of one worker and scheme. A line
    is never below zero: what is left over is carried.
    """
    net = accrued_minor + sum(earlier_minor)
    return Carried(max(0, net), max(0, -net))


def split_by_time(
    raw_minor: Mapping[str, int], order: Sequence[str], cap_minor: int | None
) -> dict[str, int]:
    """Several collectors under one cap: who came first keeps what was taken, up to the cap."""
    left = sum(raw_minor.values()) if cap_minor is None else cap_minor
    found = {}
    for name in order:
        found[name] = min(raw_minor[name], left)
        left -= found[name]
    return found


def split_pro_rata(
    raw_minor: Mapping[str, int], order: Sequence[str], cap_minor: int | None
) -> dict[str, int]:
    """The same cap in proportion, halves up; the last one bears the rounding."""
    total = sum(raw_minor.values())
    to_share = total if cap_minor is None else min(total, cap_minor)
    found: dict[str, int] = {}
    for name in order[:-1]:
        found[name] = rounded(Fraction(raw_minor[name] * to_share, total)) if total else 0
    found[order[-1]] = to_share - sum(found.values())
    return found


def commission(batch_minor: int, rate: Decimal, unit_minor: int = 1) -> int:
    """An agent's commission on a whole batch. It is paid on top: the remittance stays whole."""
    return rounded(times(batch_minor, rate), unit_minor)


def simple_interest(amount_minor: int, yearly: Decimal, days: int, year_days: int) -> int:
    """Actual days over a year of `year_days`, halves up."""
    return rounded(Fraction(yearly) * amount_minor * days / year_days)


def interest_by_months(amount_minor: int, monthly: Decimal, months: int, days: int) -> int:
    """A rate for each month or part of one, not compounded, halves up."""
    return rounded(times(amount_minor, monthly) * months_begun(months, days))


def months_begun(months: int, days: int) -> int:
    """Whole months, and one more for any days beyond them."""
    return months + (days > 0)


def control(amounts_minor: Iterable[int]) -> tuple[int, int]:
    """How many lines, and what they come to: the control figures of a payment file."""
    amounts = tuple(amounts_minor)
    return len(amounts), sum(amounts)


def reconcile(expected_minor: int, received_minor: int) -> Reconciled:
    """The difference is told without its sign: the status has it."""
    status: Literal["01", "02", "03"] = "01"
    if received_minor != expected_minor:
        status = "02" if received_minor > expected_minor else "03"
    return Reconciled(status, abs(expected_minor - received_minor))


def is_covered(start_at: int, accident_at: int) -> bool:
    """Cover from an instant on, both in seconds UTC: the instant itself is covered."""
    return accident_at >= start_at
