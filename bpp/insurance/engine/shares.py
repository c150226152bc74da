"""A month's contribution split between worker and cooperative: tiers, and whole units of money."""

from dataclasses import dataclass
from decimal import Decimal

from msgspec import Struct

from bpp.insurance.engine.exact import EXACT, rounded, times


class Split(Struct, frozen=True):
    """An amount by who bears it, in minor units."""

    worker: int = 0
    cooperative: int = 0

    @property
    def total(self) -> int:
        return self.worker + self.cooperative

    def __add__(self, other: "Split") -> "Split":
        return Split(self.worker + other.worker, self.cooperative + other.cooperative)

    def __sub__(self, other: "Split") -> "Split":
        return Split(self.worker - other.worker, self.cooperative - other.cooperative)

    def above_zero(self) -> "Split":
        """Each part, or nothing of it where it is below zero."""
        return Split(max(0, self.worker), max(0, self.cooperative))


def borne(minor: int, by: str) -> Split:
    """The whole amount on one bearer, "worker" or "cooperative"."""
    return Split(worker=minor) if by == "worker" else Split(cooperative=minor)


NONE = Split()


@dataclass(frozen=True, slots=True)
class Shares:
    """Both rates of a worker's month, and the tiers of net earnings (minor units, inclusive).

    Up to `nothing_to` nobody pays, up to `operator_only_to` the cooperative alone; up to
    `reduced_to` the worker pays `reduced_factor` x rate on what is above `operator_only_to`.
    """

    worker_rate: Decimal
    cooperative_rate: Decimal
    nothing_to_minor: int
    operator_only_to_minor: int
    reduced_to_minor: int
    reduced_factor: Decimal
    unit_minor: int = 1

    def order_line(self, net: Decimal) -> Split:
        """One job by itself at the full rates, to the minor unit; the period line does the rest."""
        return Split(
            rounded(times(net, self.worker_rate)), rounded(times(net, self.cooperative_rate))
        )

    def of_month(self, net: Decimal) -> Split:
        """The month's two parts: the total to the nearest unit, halves up; the worker's part is cut
        down to whole units and the cooperative bears the rest. Without a cooperative's rate the
        worker's part is the total.
        """
        if net <= self.nothing_to_minor:
            return NONE
        by_worker = self._by_worker(net)
        whole = EXACT.add(by_worker, times(net, self.cooperative_rate))
        total = rounded(whole, self.unit_minor)
        if not self.cooperative_rate:
            return Split(worker=total)
        worker = rounded(by_worker, self.unit_minor, "down")
        return Split(worker, total - worker)

    def _by_worker(self, net: Decimal) -> Decimal:
        if net <= self.operator_only_to_minor:
            return Decimal(0)
        if net <= self.reduced_to_minor:
            above = EXACT.subtract(net, Decimal(self.operator_only_to_minor))
            return times(EXACT.multiply(self.reduced_factor, self.worker_rate), above)
        return times(net, self.worker_rate)


def over_withheld(withheld_minor: int, due_minor: int) -> int:
    """What goes back to the worker before a month is sent in: what was taken beyond what is due."""
    return max(0, withheld_minor - due_minor)
