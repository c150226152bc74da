"""The laws a year is simulated under, as far as the simulation itself has to know them."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Law:
    """One scheme and the year: its twelve months by their first, whom it costs, how it rounds.

    `caps` (minor units) by sector and vehicle; none: the month's exact sum is rounded once.
    """

    scheme: str
    currency: str
    zone: str
    year: int
    first_month: int
    rate: Fraction
    borne_by_worker: bool
    keeps_declared: bool  # nothing of what was declared comes back
    is_quarterly: bool
    vehicles: tuple[tuple[str, str], ...]  # sector and vehicle of jobs and of parts
    caps: tuple[tuple[str, str, int], ...] = ()

    def months(self) -> list[tuple[int, int]]:
        """Year and month, twelve of them."""
        first = self.year * 12 + self.first_month - 1
        return [(n // 12, n % 12 + 1) for n in range(first, first + 12)]

    def period(self, year: int, month: int) -> str:
        """The period a month belongs to."""
        if not self.is_quarterly:
            return f"{year}-{month:02d}"
        fiscal = year if month >= 4 else year - 1
        return f"FY{fiscal}-{(fiscal + 1) % 100:02d}Q{(month - 4) % 12 // 3 + 1}"


MALAYSIA = Law(
    scheme="my.act872.gig",
    currency="MYR",
    zone="Asia/Kuala_Lumpur",
    year=2026,
    first_month=1,
    rate=Fraction(1, 80),
    borne_by_worker=True,
    keeps_declared=True,
    is_quarterly=False,
    vehicles=(("ride", "CAB"), ("logistics", "MOTORCYCLE")),
)
KARNATAKA = Law(
    scheme="in.karnataka.pbgw2025",
    currency="INR",
    zone="Asia/Kolkata",
    year=2026,
    first_month=4,
    rate=Fraction(1, 100),
    borne_by_worker=False,
    keeps_declared=False,
    is_quarterly=True,
    vehicles=(("ride", "CAB"), ("ride", "AUTO_RICKSHAW"), ("logistics", "TWO_WHEELER")),
    caps=(("ride", "CAB", 100), ("ride", "AUTO_RICKSHAW", 75), ("logistics", "TWO_WHEELER", 50)),
)
