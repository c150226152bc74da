"""The fares by time, in memory: what every quote asks. Pure; its store fills it."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from bpp.fares import FarePolicy


class Tariff:
    """Which fares hold when: those of the settings until the first dated tariff, then the newest
    that has begun."""

    def __init__(self, first: FarePolicy) -> None:
        self._policies: dict[int, FarePolicy] = {0: first}
        self._dated: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())

    @property
    def currency(self) -> str:
        """The one currency of all of them."""
        return self._policies[0].currency

    def at(self, now: int) -> FarePolicy:
        """The fares that hold, or will hold, at this moment."""
        return self._policies[self.number(now)]

    def number(self, now: int) -> int:
        """Which tariff that is: what made a price is asked for by this, for later tariffs may be
        written for the same moment. 0 for the fares of the settings."""
        starts, numbers = self._dated
        begun = bisect_right(starts, now)
        return numbers[begun - 1] if begun else 0

    def by(self, number: int) -> FarePolicy:
        """The fares of that tariff, though it was withdrawn or is over. Raises KeyError."""
        return self._policies[number]

    def hold(self, dated: Iterable[tuple[int, int]], policies: Mapping[int, FarePolicy]) -> None:
        """Takes these for all dated ones that stand: beginning and number, the earliest first;
        `policies` are the fares of every number there ever was."""
        every = tuple(dated)
        self._policies = {0: self._policies[0], **policies}
        self._dated = (tuple(at for at, _ in every), tuple(number for _, number in every))
