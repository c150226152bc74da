"""What a registry answered, remembered in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from protocol_specs.wire.parties import Subscriber


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the registry last answered to one question, and when (epoch seconds)."""

    records: tuple[Subscriber, ...]
    at: float
    fresh_s: float

    def age(self, now: float) -> float:
        """Seconds since; endless when the clock was set back, so that it is asked anew."""
        return now - self.at if now >= self.at else float("inf")

    def is_fresh(self, now: float) -> bool:
        """Whether the answer may be used without asking again."""
        return self.age(now) < self.fresh_s


class Memory:
    """At most so many answers, and so many records in all of them (the last one may have more);
    those unused for longest are forgotten first."""

    def __init__(self, entries_max: int, *, records_max: int) -> None:
        self._entries_max, self._records_max = entries_max, records_max
        self._answers: OrderedDict[Hashable, Remembered] = OrderedDict()
        self._records = 0

    def get(self, entry: Hashable) -> Remembered | None:
        """What is remembered, not yet counted as used."""
        return self._answers.get(entry)

    def use(self, entry: Hashable) -> None:
        """It is the last to be forgotten."""
        self._answers.move_to_end(entry)

    def put(self, entry: Hashable, answer: Remembered) -> None:
        """In place of what was remembered."""
        self._drop(entry)
        self._answers[entry] = answer
        self._records += len(answer.records)
        while len(self._answers) > 1 and (
            len(self._answers) > self._entries_max or self._records > self._records_max
        ):
            self._drop(next(iter(self._answers)))

    def forget(self, entry: Hashable, answer: Remembered) -> None:
        """Unless something newer came in its place meanwhile."""
        if self._answers.get(entry) is answer:
            self._drop(entry)

    def items(self) -> list[tuple[Hashable, Remembered]]:
        """All as they are now."""
        return list(self._answers.items())

    def _drop(self, entry: Hashable) -> None:
        known = self._answers.pop(entry, None)
        if known is not None:
            self._records -= len(known.records)
