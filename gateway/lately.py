"""A question whose answer is shared by all who ask within a second: pages ask, workers answer."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from protocol_specs.node.sharing import Work, begun, waited

EVERY_S = 1.0

T = TypeVar("T")


class Lately(Generic[T]):
    """`ask()` is begun at most once in EVERY_S, however many look. What it raised is shared too."""

    def __init__(self, ask: Work[T]) -> None:
        self._ask = ask
        self._asking: asyncio.Task[T] | None = None
        self._ask_from = 0.0

    async def __call__(self) -> T:
        """What was answered lately. Raises what `ask` raised."""
        now = asyncio.get_running_loop().time()
        if self._asking is None or (self._asking.done() and now >= self._ask_from):
            self._asking = begun(self._ask)
            self._ask_from = now + EVERY_S
        return await waited(self._asking)
