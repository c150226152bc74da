"""How well each participant can be reached: how much it may be sent at once, and when again. Pure.

Nobody is taken off the network for it: who does not answer is tried more rarely and with less at a
time, so that it holds up no other, and its first answer heals it step by step.
"""

from dataclasses import dataclass

DOWN_AFTER_FAILURES = 3
WINDOW_AT_FIRST = 8
WINDOW_MAX = 64
WINDOW_OF_SLOW_ONES = 4  # who answers late still gets that many at once
TRY_AGAIN_S_MAX = 60


@dataclass(slots=True)
class Reach:
    """How one participant has answered lately. Times in seconds UTC."""

    window: int = WINDOW_AT_FIRST  # how many messages may be on their way to it
    failures: int = 0  # in a row
    in_flight: int = 0
    retry_at: int = 0
    failed_at: int = 0

    @property
    def is_down(self) -> bool:
        """Whether it is only probed."""
        return self.failures >= DOWN_AFTER_FAILURES

    def may_try(self, now: int) -> bool:
        """Whether a message may be sent to it. A clock set back lets it be tried at once."""
        if self.failures < DOWN_AFTER_FAILURES:
            return self.in_flight < self.window
        return self.in_flight == 0 and not self.failed_at <= now < self.retry_at

    def answered(self) -> None:
        """It answered, whatever it said: one more at a time."""
        self.failures = 0
        if self.window < WINDOW_MAX:
            self.window += 1

    def late(self) -> None:
        """It has taken long already: half as many at a time, but for a few."""
        self.window = max(min(self.window, WINDOW_OF_SLOW_ONES), self.window // 2)

    def failed(self, now: int) -> None:
        """It did not answer in time, or not at all: from three times on one probe at a time,
        each after a longer while, at most a minute."""
        self.failures += 1
        self.window = 1 if self.is_down else max(1, self.window // 2)
        beyond = max(0, self.failures - DOWN_AFTER_FAILURES)
        self.failed_at, self.retry_at = now, now + min(TRY_AGAIN_S_MAX, 2 ** min(beyond, 6))
