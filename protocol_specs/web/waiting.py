"""Waking those who wait for a thing to change: browsers holding a request or a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Crowded(Exception):
    """Too many are waiting already, for one thing or in all."""


class Watch:
    """Who waits for which thing, by its id. Holds nothing of a thing nobody waits for."""

    def __init__(self, *, waiting_max: int, each_max: int) -> None:
        self._waiting_max = waiting_max
        self._each_max = each_max
        self._waiting = 0
        self._bells: dict[str, set[asyncio.Event]] = {}

    def ring(self, key: str) -> None:
        """Wake all who wait for this; called after the commit that changed it."""
        for bell in self._bells.get(key, ()):
            bell.set()

    def ring_all(self) -> None:
        """Wake everyone, so that a stopping node does not wait for their time-outs."""
        for key in list(self._bells):
            self.ring(key)

    @contextmanager
    def bell(self, key: str) -> Iterator[asyncio.Event]:
        """An event set at each change while inside. Raises Crowded when there are too many."""
        bells = self._bells.setdefault(key, set())
        if self._waiting >= self._waiting_max or len(bells) >= self._each_max:
            self._drop_empty(key)
            raise Crowded
        bell = asyncio.Event()
        bells.add(bell)
        self._waiting += 1
        try:
            yield bell
        finally:
            bells.discard(bell)
            self._waiting -= 1
            self._drop_empty(key)

    async def until(self, key: str, look: Callable[[], T | None], wait_s: float) -> T | None:
        """What `look` gives once it gives something, None when `wait_s` seconds passed without."""
        found = look()
        if found is not None or wait_s <= 0:
            return found
        with self.bell(key) as bell:
            found = look()
            try:
                async with asyncio.timeout(wait_s):
                    while found is None:
                        await bell.wait()
                        bell.clear()
                        found = look()
            except TimeoutError:
                return look()
        return found

    def _drop_empty(self, key: str) -> None:
        if not self._bells.get(key):
            self._bells.pop(key, None)
