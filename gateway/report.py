"""What each provider made of the searches it was offered: counts and times, of an hour and a day.

In bounded memory; the reports of several workers are added up. Nothing of a search is kept, and
nothing of who asked.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Any

from gateway.sending import Outcome

# Upper bounds of the times to the ACK that are told apart, in ms: a fifth more each time.
BOUNDS_MS = tuple(round(1.2**n, 1) for n in range(53))  # 1 ms to 13 s
_OUTCOMES = tuple(Outcome)
_INDEX = {outcome: n for n, outcome in enumerate(_OUTCOMES)}
_RELAYED = len(_OUTCOMES)
_PLACED = _RELAYED + 1  # how many of those offered had a place in the order
_PLACES = _RELAYED + 2  # the sum of these places, in thousandths of the way from first to last
_TIMES = _RELAYED + 3
_SIZE = _TIMES + len(BOUNDS_MS) + 1

HOUR_S, DAY_S = 3600, 86_400
WINDOWS = ("hour", "day")


class Window:
    """Counts per provider over the last `slots` slots of `slot_s` seconds each."""

    def __init__(self, slot_s: int, slots: int, *, now: int, providers_max: int) -> None:
        self._slot_s, self._slots_max, self._providers_max = slot_s, slots, providers_max
        self._slots: deque[tuple[int, dict[str, array[int]]]] = deque([(now, {})])
        self._closed: dict[str, array[int]] = {}  # the sum of all slots but the newest

    @property
    def since(self) -> int:
        """When the oldest slot began, seconds UTC."""
        return self._slots[0][0]

    def turn(self, now: int) -> None:
        """Let go what is too old. A clock set back keeps the newest slot growing."""
        if now >= self._slots[-1][0] + self._slot_s * self._slots_max:
            self._closed.clear()
            self._slots = deque([(now, {})])
        while now >= (end := self._slots[-1][0] + self._slot_s):
            for provider, counts in self._slots[-1][1].items():
                self._closed[provider] = _added(counts, self._closed.get(provider))
            self._slots.append((end, {}))
            if len(self._slots) > self._slots_max:
                self._forget(self._slots.popleft()[1])

    def counts_of(self, provider: str) -> array[int] | None:
        """What to count in; None when there are too many providers."""
        newest = self._slots[-1][1]
        counts = newest.get(provider)
        if counts is None and len(newest) < self._providers_max:
            counts = newest[provider] = array("I", bytes(4 * _SIZE))
        return counts

    def sums(self) -> dict[str, array[int]]:
        """The counts of each provider that has any."""
        newest = self._slots[-1][1]
        return {
            **self._closed,
            **{
                provider: _added(counts, self._closed.get(provider))
                for provider, counts in newest.items()
            },
        }

    def known(self) -> list[Any]:
        """Each slot's beginning and counts, oldest first."""
        return [
            (at, {provider: counts.tolist() for provider, counts in slot.items()})
            for at, slot in self._slots
        ]

    def know(self, known: list[Any]) -> None:
        """Go on from there."""
        self._slots = deque(
            (at, {provider: array("I", counts) for provider, counts in slot.items()})
            for at, slot in known
        )
        self._closed.clear()
        for _, slot in list(self._slots)[:-1]:
            for provider, counts in slot.items():
                self._closed[provider] = _added(counts, self._closed.get(provider))

    def _forget(self, slot: dict[str, array[int]]) -> None:
        for provider, counts in slot.items():
            known = self._closed[provider]
            left = array("Q", (a - b for a, b in zip(known, counts, strict=True)))
            if any(left):
                self._closed[provider] = left
            else:
                del self._closed[provider]


def _added(counts: array[int], known: array[int] | None) -> array[int]:
    if known is None:
        return array("Q", counts)
    return array("Q", (a + b for a, b in zip(known, counts, strict=True)))


class Report:
    """Both windows. Times in seconds UTC, `took_s` in seconds."""

    def __init__(self, *, now: int, providers_max: int) -> None:
        self.started_at = now
        self._windows = {
            "hour": Window(HOUR_S // 12, 12, now=now, providers_max=providers_max),
            "day": Window(DAY_S // 12, 12, now=now, providers_max=providers_max),
        }

    def turn(self, now: int) -> None:
        """Once per message, before it is counted."""
        for window in self._windows.values():
            window.turn(now)

    def offered(
        self, provider: str, outcome: Outcome, *, took_s: float = 0, place: int = -1, of: int = 1
    ) -> None:
        """One search for this provider; `place` among `of`, from 0, if it was sent to it."""
        index = _INDEX[outcome]
        is_acked, is_placed = outcome is Outcome.ACKED, place >= 0 and of > 1
        for window in self._windows.values():
            counts = window.counts_of(provider)
            if counts is None:
                continue
            counts[index] += 1
            if is_acked:
                counts[_TIMES + bisect_left(BOUNDS_MS, took_s * 1000)] += 1
            if is_placed:
                counts[_PLACED] += 1
                counts[_PLACES] += 1000 * place // (of - 1)

    def relayed(self, provider: str) -> None:
        """One on_search of this provider passed through."""
        for window in self._windows.values():
            counts = window.counts_of(provider)
            if counts is not None:
                counts[_RELAYED] += 1

    def counted(self, now: int) -> dict[str, Any]:
        """What was counted here, JSON-ready, for `shown`: `{since, hour: {since, sums}, day}`."""
        self.turn(now)
        windows = self._windows.items()
        return {"since": self.started_at} | {
            name: {
                "since": window.since,
                "sums": {provider: counts.tolist() for provider, counts in window.sums().items()},
            }
            for name, window in windows
        }

    def shown(self, now: int) -> dict[str, Any]:
        """Of this process alone, see `shown`."""
        return shown([self.counted(now)], now)

    def known(self) -> dict[str, Any]:
        """Everything, for who takes the place of this process."""
        windows = {name: window.known() for name, window in self._windows.items()}
        return {"since": self.started_at, "size": _SIZE, "windows": windows}

    def know(self, known: dict[str, Any]) -> None:
        """Go on from there. Raises ValueError for what counted other things."""
        if known["size"] != _SIZE:
            raise ValueError(f"{known['size']} counts of each provider, not {_SIZE}")
        self.started_at = known["since"]
        for name, window in self._windows.items():
            window.know(known["windows"][name])


def shown(counted: Sequence[dict[str, Any]], now: int) -> dict[str, Any]:
    """What several processes counted, added up. JSON-ready: `{at, since, hour: {since, providers:
    [...]}, day: {...}}`, providers by name."""
    found: dict[str, Any] = {"at": now, "since": min(each["since"] for each in counted)}
    for name in WINDOWS:
        sums: dict[str, array[int]] = {}
        for each in counted:
            for provider, counts in each[name]["sums"].items():
                sums[provider] = _added(array("Q", counts), sums.get(provider))
        found[name] = {
            "since": min(each[name]["since"] for each in counted),
            "providers": [
                {"subscriber_id": provider, **figures(sums[provider])} for provider in sorted(sums)
            ],
        }
    return found


def figures(counts: array[int]) -> dict[str, int | float | None]:
    """One provider's line of the report. The times are upper bounds, 20 % apart."""
    outcomes = {outcome.value: counts[n] for n, outcome in enumerate(_OUTCOMES)}
    times = counts[_TIMES:]
    return {
        "offered": sum(outcomes.values()),
        "answered": counts[_INDEX[Outcome.ACKED]] + counts[_INDEX[Outcome.REFUSED]],
        **outcomes,
        "relayed": counts[_RELAYED],
        "ack_ms_median": quantile_ms(times, 0.5),
        "ack_ms_p95": quantile_ms(times, 0.95),
        "mean_place": round(counts[_PLACES] / counts[_PLACED] / 1000, 3)
        if counts[_PLACED]
        else None,
    }


def quantile_ms(times: array[int], share: float) -> float | None:
    """The bound below which this share of the ACKs came; None without any."""
    wanted, seen = share * sum(times), 0
    if not wanted:
        return None
    for bound, count in zip(BOUNDS_MS, times, strict=False):
        seen += count
        if seen >= wanted:
            return bound
    return BOUNDS_MS[-1]
