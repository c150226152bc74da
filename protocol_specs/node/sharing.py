"""One run of a piece of work for all who ask for the same meanwhile: none of them may end it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")

Work = Callable[[], Coroutine[Any, Any, T]]


class Cancelled(Exception):
    """The work was ended before its end, and not by whoever waits for it."""


def begun(work: Work[T]) -> asyncio.Task[T]:
    """The work as a task. What it raises is for whoever waits, and lost if nobody does any more."""
    task = asyncio.create_task(work())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def waited(task: asyncio.Task[T]) -> T:
    """What the task comes to; who stops waiting does not end it. Raises what it raises, and
    Cancelled."""
    await asyncio.wait((task,))
    if task.cancelled():
        raise Cancelled
    return task.result()


class Shared(Generic[K, T]):
    """Work by a key. Bounded by whoever lets in those who ask."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[T]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._running

    async def run(self, key: K, work: Work[T]) -> T:
        """What the work comes to that runs under this key, or is begun now. As `waited`."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = begun(work)
            task.add_done_callback(partial(self._over, key))
        return await waited(task)

    async def cancel(self) -> None:
        """End all that runs."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _over(self, key: K, task: asyncio.Task[T]) -> None:
        del self._running[key]
