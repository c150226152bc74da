"""What a browser looks at, in a thread of its own with its event loop: a test itself has none."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

W = TypeVar("W")
T = TypeVar("T")
WITHIN_S = 180


@dataclass
class InThread(Generic[W]):
    """What runs there, and a way to act in it."""

    there: W
    loop: asyncio.AbstractEventLoop

    def do(self, act: Callable[[], Awaitable[T]]) -> T:
        """Waits for it in that thread."""

        async def run() -> T:
            return await act()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(WITHIN_S)


@contextmanager
def in_thread(made: AbstractAsyncContextManager[W]) -> Iterator[InThread[W]]:
    """Open until the block ends. Raises the OSError that kept it from opening."""
    over, ready = threading.Event(), Future[InThread[W]]()

    async def serve() -> None:
        async with made as there:
            ready.set_result(InThread(there, asyncio.get_running_loop()))
            await asyncio.to_thread(over.wait)

    def work() -> None:
        try:
            asyncio.run(serve())
        except OSError as fault:  # whoever waits for it must hear of it
            ready.set_exception(fault)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield ready.result(WITHIN_S)
    finally:
        over.set()
        thread.join()
