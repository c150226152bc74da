"""An event loop whose time jumps to the next timer, and whose nodes can die at any moment.

Whatever is scheduled belongs to the life (`LIFE`, a context variable) that scheduled it: a task,
and all that comes of it, inherits the life of who made it. When a life ends, nothing of it runs
again.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

BUSY_STEPS = 500_000  # at one moment: somebody goes round in circles
AT_ONCE_S = 1e-6  # timers so near to each other are of one moment
Timer = tuple[float, int, asyncio.TimerHandle]
"""When, the how many-eth that was set (of two for one moment the first one goes first), what."""


class Stalled(BaseException):
    """Nothing is left that could ever happen, or no end of what happens at one moment."""


@dataclass(eq=False, slots=True)
class Life:
    """One run of one program, from its start to its end; `name` is the same after a restart."""

    name: str
    address: str = "127.0.0.1"
    is_over: bool = False
    unborn: list[asyncio.Handle] = field(default_factory=list)  # what would have run later
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)  # kept: their ends must not run


_NOBODY = Life("nobody")
LIFE: contextvars.ContextVar[Life] = contextvars.ContextVar("LIFE", default=_NOBODY)


def living(life: Life) -> contextvars.Context:
    """A context in which everything that is begun belongs to `life`."""
    context = contextvars.copy_context()
    context.run(LIFE.set, life)
    return context


class _Task(asyncio.Task[Any]):
    """Hashed by its number: sets of tasks have the same order in each run."""

    def __init__(self, coro: Coroutine[Any, Any, Any], number: int, **kwargs: Any) -> None:
        self.number = number
        super().__init__(coro, **kwargs)

    def __hash__(self) -> int:
        return self.number


_Base: Any = asyncio.BaseEventLoop  # whose inner parts, used below, are not in its stubs


class SimLoop(_Base):  # type: ignore[misc]  # see above
    """`now` is seconds since the simulation began. No threads, no signals, no sockets: the
    network is given with `attach` (wires.py)."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.steps = self.tasks = 0
        self._steps_before = 0  # this moment
        self._timers: list[Timer] = []
        self._timers_made = self._timers_cancelled = 0
        self.set_task_factory(_make_task)
        self.set_exception_handler(self._note)
        self.faults: list[str] = []  # exceptions that nobody expected, of callbacks and tasks

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self.now

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """As asyncio's; of a life that is over, it is kept and not run."""
        life = LIFE.get() if context is None else context.get(LIFE)
        if life is None or not life.is_over:
            self.steps += 1
            queued: asyncio.Handle = super().call_soon(callback, *args, context=context)
            return queued
        handle = asyncio.Handle(callback, args, self, context)
        life.unborn.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # there is one thread

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's; of a life that is over, it is never run."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        life = LIFE.get() if context is None else context.get(LIFE)
        if life is None or not life.is_over:
            self._timers_made += 1
            heapq.heappush(self._timers, (when, self._timers_made, timer))
        return timer

    def busy(self) -> str:
        """Who has something to do just now."""
        lives = Counter(handle._context.get(LIFE, _NOBODY).name for handle in self._ready)
        return f"{dict(lives)} {[repr(handle)[:300] for handle in list(self._ready)[:5]]}"

    def end(self, life: Life) -> None:
        """From now on nothing of this life runs, wherever it stands."""
        life.is_over = True
        left = [handle for handle in self._ready if not _buried(handle, life)]
        self._ready.clear()
        self._ready.extend(left)
        self._keep_timers(lambda timer: not _buried(timer, life))

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """In the next turn: a thread would run when it likes."""

        async def called() -> Any:
            return func(*args)

        task: asyncio.Task[Any] = self.create_task(called())
        return task

    async def last_rites(self, lives: list[Life]) -> None:
        """After the simulation: lets what was cut off run into its own cleaning up."""
        tasks = [task for life in lives for task in life.tasks if not task.done()]
        for life in lives:
            life.is_over = False
            for handle in life.unborn:
                self._ready.append(handle)
            life.unborn = []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=3600)

    def _run_once(self) -> None:
        """What is ready; when nothing is, time jumps to the next timer."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise Stalled(f"nothing is left to happen at {self.now:.3f} s")
            self.now = max(self.now, timers[0][0])
            self._steps_before = self.steps
        elif self.steps - self._steps_before > BUSY_STEPS:
            raise Stalled(f"{BUSY_STEPS} steps without an end at {self.now:.3f} s: {self.busy()}")
        while timers and timers[0][0] < self.now + AT_ONCE_S:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Most timers are deadlines that were met: they are swept out when they are the half."""
        self._timers_cancelled += 1
        if self._timers_cancelled > 100 and self._timers_cancelled > len(self._timers) // 2:
            self._keep_timers(lambda timer: not timer.cancelled())

    def _keep_timers(self, is_kept: Callable[[asyncio.TimerHandle], bool]) -> None:
        self._timers[:] = [each for each in self._timers if is_kept(each[2])]
        heapq.heapify(self._timers)
        self._timers_cancelled = 0

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None or isinstance(error, Exception):
            self.faults.append(f"{context.get('message')}: {error!r}")

    def _write_to_self(self) -> None:
        pass


def _make_task(loop: SimLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> _Task:
    context = kwargs.get("context")
    life = LIFE.get() if context is None else context.get(LIFE, LIFE.get())
    loop.tasks += 1
    task = _Task(coro, loop.tasks, loop=loop, **kwargs)
    life.tasks.append(task)
    if len(life.tasks) > 1000 and not len(life.tasks) & 1023:
        life.tasks = [task for task in life.tasks if not task.done()]
    return task


def _buried(handle: Any, life: Life) -> bool:
    """Whether the handle is of this life; then it is put by."""
    if handle._context.get(LIFE) is not life:  # nothing public tells whose it is
        return False
    if not isinstance(handle, asyncio.TimerHandle):
        life.unborn.append(handle)
    return True
