"""The last searches, and how far each got: for the operator, in bounded memory.

Of a search only ids, domain, city and counts are kept: nothing of who rides, from where, to where.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.asked import Search
from gateway.sending import Outcome
from protocol_specs.wire.context import Context

SEARCHES_MAX = 500
HOUR_S = 3600


@dataclass(slots=True)
class Went:
    """One search: who asked, how many providers were asked, how that ended, and how many answers
    came back through this gateway (most go to the asker itself)."""

    at: int
    bap_id: str
    transaction_id: str
    domain: str
    city: str
    asked: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    is_over: bool = False
    relayed: int = 0

    @property
    def acked(self) -> int:
        """How many providers took it."""
        return self.outcomes[Outcome.ACKED]

    def written(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"outcomes": {one.value: n for one, n in self.outcomes.items()}}

    @classmethod
    def read(cls, told: dict[str, Any]) -> Went:
        """What was written."""
        outcomes = Counter({Outcome(one): n for one, n in told["outcomes"].items()})
        return cls(**told | {"outcomes": outcomes})


class Recent:
    """The newest 500."""

    def __init__(self) -> None:
        self._known: OrderedDict[Search, Went] = OrderedDict()

    def begun(self, search: Search, context: Context, *, asked: int, now: int) -> None:
        """A search goes out to so many."""
        bap_id, transaction_id, _ = search
        self._known[search] = Went(
            now, bap_id, transaction_id, context.domain, context.city or "*", asked
        )
        while len(self._known) > SEARCHES_MAX:
            self._known.popitem(last=False)

    def ended(self, search: Search, outcomes: Counter[Outcome]) -> None:
        """Every provider has answered, or will not."""
        went = self._known.get(search)
        if went is not None:
            went.outcomes, went.is_over = Counter(outcomes), True

    def relayed(self, search: Search) -> None:
        """One answer came back through here."""
        went = self._known.get(search)
        if went is not None:
            went.relayed += 1

    def newest(self, most: int) -> list[Went]:
        """The last ones, newest first."""
        return [went for _, went in zip(range(most), reversed(self._known.values()), strict=False)]

    def known(self) -> list[tuple[Search, dict[str, Any]]]:
        """All of them, oldest first, for who takes the place of this process."""
        return [(search, went.written()) for search, went in self._known.items()]

    def know(self, known: list[tuple[Search, dict[str, Any]]]) -> None:
        """As if these had been begun here."""
        for (bap_id, transaction_id, message_id), told in known:
            self._known[bap_id, transaction_id, message_id] = Went.read(told)


class Tally:
    """How many searches there were: in the last 24 hours by the hour, and since the start."""

    def __init__(self, *, now: int) -> None:
        self.since, self.all = now, 0
        self._hours: deque[tuple[int, int]] = deque(maxlen=24)  # which hour, how many

    def count(self, now: int) -> None:
        """One more."""
        self.all += 1
        hour = now // HOUR_S
        if self._hours and self._hours[-1][0] >= hour:
            known, n = self._hours.pop()
            self._hours.append((known, n + 1))
        else:
            self._hours.append((hour, 1))

    def known(self) -> list[Any]:
        """What was counted, for who takes the place of this process."""
        return [self.since, self.all, list(self._hours)]

    def know(self, known: list[Any]) -> None:
        """Go on from there."""
        self.since, self.all, hours = known
        self._hours.extend((hour, n) for hour, n in hours)

    def of_day(self, now: int) -> int:
        """Of this hour and the 23 before it."""
        return sum(n for hour, n in self._hours if hour > now // HOUR_S - 24)

    def of_hour(self, now: int) -> int:
        """Of this hour of the clock."""
        return sum(n for hour, n in self._hours if hour >= now // HOUR_S)
