"""A clock that stands still while the machine does: for what must be done within so long."""

import threading
import time
from types import TracebackType

TICK_S = 0.02
MOST_S = 0.1  # of the time between two ticks: whoever was not let run for longer did not live it


class Lived:
    """Seconds that this process lived through since the block began. A thread of its own counts
    them, so that a loop that is held up by its own work is seen to be."""

    def __init__(self) -> None:
        self._lived_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count)

    def __enter__(self) -> "Lived":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self) -> float:
        return self._lived_s

    def _count(self) -> None:
        before = time.monotonic()
        while not self._over.wait(TICK_S):
            now = time.monotonic()
            self._lived_s += min(now - before, MOST_S)
            before = now
