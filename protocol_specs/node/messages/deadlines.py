"""Deadlines for work that mostly does not wait: one look over all of it instead of a timer each.

asyncio.timeout makes a timer for each block, at ten times the cost of what is noted here; most
messages are handled before a first look.
"""

from __future__ import annotations

import asyncio

LOOK_S = 0.1  # how exactly a deadline is kept


class Deadlines:
    """The blocks that run now, each in a task of one event loop."""

    def __init__(self) -> None:
        self._running: dict[Within, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def within(self, lasts_s: float) -> Within:
        """As asyncio.timeout: `with deadlines.within(5.0): ...`. Raises TimeoutError up to LOOK_S
        later; a block that does not wait is not ended."""
        return Within(self, lasts_s)

    def begin(self, block: Within) -> None:
        """It is looked at from now on."""
        self._running[block] = None
        if self._timer is None:
            self._timer = block.loop.call_later(LOOK_S, self._look)

    def end(self, block: Within) -> None:
        """It is over."""
        del self._running[block]

    def _look(self) -> None:
        self._timer = None
        for block in list(self._running):
            self._timer = self._timer or block.loop.call_later(LOOK_S, self._look)
            block.look()


class Within:
    """The block of `Deadlines.within`."""

    __slots__ = ("_all", "_is_overdue", "_lasts_s", "_task", "_until", "loop")

    def __init__(self, all: Deadlines, lasts_s: float) -> None:
        self._all, self._lasts_s, self._is_overdue = all, lasts_s, False

    def __enter__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._task, self._until = asyncio.current_task(self.loop), self.loop.time() + self._lasts_s
        self._all.begin(self)

    def __exit__(self, kind: type[BaseException] | None, fault: object, trace: object) -> None:
        self._all.end(self)
        if self._is_overdue and self._task is not None:
            others = self._task.uncancel()  # more than one wanted the end of this task
            if kind is asyncio.CancelledError and not others:
                raise TimeoutError

    def look(self) -> None:
        """End the block if it lasts too long: once."""
        if not self._is_overdue and self.loop.time() >= self._until and self._task is not None:
            self._is_overdue = True
            self._task.cancel()
