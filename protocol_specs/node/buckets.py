"""How often one address or sender may do a thing: token buckets in bounded memory."""

from __future__ import annotations

import math
from collections import OrderedDict


class Buckets:
    """A bucket per key: full it holds `burst` tokens, and `per_s` more come in each second.

    At most `keys_max` keys are remembered; the one unused for longest is forgotten first, which
    gives it a full bucket back.
    """

    def __init__(self, per_s: float, *, burst: float, keys_max: int = 10_000) -> None:
        self._per_s, self._burst, self._keys_max = per_s, max(1.0, burst), keys_max
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> int:
        """Takes a token: 0 if there was one, else the whole seconds until there will be one."""
        level = self._level(key, now)
        taken = level >= 1
        self._put(key, level - 1 if taken else level, now)
        return 0 if taken else math.ceil((1 - level) / self._per_s)

    def wait_s(self, key: str, now: float) -> int:
        """What `take` would say, and nothing is taken or remembered."""
        level = self._level_at(self._levels.get(key), now)
        return 0 if level >= 1 else math.ceil((1 - level) / self._per_s)

    def charge(self, key: str, tokens: float, now: float) -> None:
        """Takes tokens for what turned out to cost more; the bucket may come to owe as many as it
        holds when full."""
        self._put(key, max(-self._burst, self._level(key, now) - tokens), now)

    def _level(self, key: str, now: float) -> float:
        return self._level_at(self._levels.pop(key, None), now)

    def _level_at(self, known: tuple[float, float] | None, now: float) -> float:
        level, at = known or (self._burst, now)
        if now > at:  # a clock set back brings nothing, and takes nothing away
            level = min(self._burst, level + (now - at) * self._per_s)
        return level

    def _put(self, key: str, level: float, now: float) -> None:
        self._levels[key] = (level, now)
        if len(self._levels) > self._keys_max:
            self._levels.popitem(last=False)
