"""How often one address may do a thing: token buckets in bounded memory."""

from __future__ import annotations

import math
from collections import OrderedDict


class Buckets:
    """A bucket per key that holds `per_minute` tokens and fills again over a minute.

    At most `keys_max` keys are remembered; the one unused for longest is forgotten first, which
    gives it a full bucket back.
    """

    def __init__(self, *, per_minute: int, keys_max: int = 10_000) -> None:
        self._per_minute = per_minute
        self._keys_max = keys_max
        self._levels: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, now: int) -> int:
        """Takes a token: 0 if there was one, else the seconds until there will be one."""
        level, at = self._levels.pop(key, (float(self._per_minute), now))
        level = min(self._per_minute, level + max(0, now - at) * self._per_minute / 60)
        taken = level >= 1
        self._levels[key] = (level - 1 if taken else level, now)
        if len(self._levels) > self._keys_max:
            self._levels.popitem(last=False)
        return 0 if taken else math.ceil((1 - level) * 60 / self._per_minute)
