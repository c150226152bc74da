"""The fares by time, in memory: what every quote asks. Pure; its store fills it."""

from bisect import bisect_right
from collections.abc import Iterable

from bpp.fares import FarePolicy


class Tariff:
    """Which fares hold when: those of the settings until the first dated tariff, then the newest
    that has begun."""

    def __init__(self, first: FarePolicy) -> None:
        self._first = first
        self._dated: tuple[tuple[int, ...], tuple[FarePolicy, ...]] = ((), ())

    @property
    def currency(self) -> str:
        """The one currency of all of them."""
        return self._first.currency

    def at(self, now: int) -> FarePolicy:
        """The fares that hold, or will hold, at this moment."""
        starts, policies = self._dated
        begun = bisect_right(starts, now)
        return policies[begun - 1] if begun else self._first

    def hold(self, dated: Iterable[tuple[int, FarePolicy]]) -> None:
        """Takes these for all dated ones, each with its beginning, the earliest first."""
        every = tuple(dated)
        self._dated = (tuple(at for at, _ in every), tuple(policy for _, policy in every))
