"""One receiver's lane: how much is sent to it at once, and when it is tried again. No I/O."""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from protocol_specs.node.loops import backoff_s

T = TypeVar("T")

WINDOW_AT_FIRST = 2  # a receiver that never answered holds few of the node's slots
WINDOW_MAX = 32
DOWN_AFTER_FAILURES = 3
BACKOFF_S_MAX = 900.0  # a probe at least every 15 minutes
OURS_BACKOFF_S_MAX = 5.0  # where nobody could be asked: that may be over at any moment
WAITING_MAX = 1_000


def wait_s_max(error: Exception) -> float:
    """How long a receiver is left alone at most after this."""
    return OURS_BACKOFF_S_MAX if getattr(error, "is_ours", False) else BACKOFF_S_MAX


@dataclass
class Lane(Generic[T]):
    """Sends to one receiver. After three failures in a row it is down: one probe at a time.

    `waiting` holds what may be sent next; `behind` says that the table holds more than that.
    """

    receiver_id: str
    waiting: deque[T] = field(default_factory=deque)
    in_flight: int = 0
    behind: bool = False
    due_at: int | None = None  # when the earliest of those that failed is to be tried again
    busy: dict[int, int] = field(default_factory=dict)  # conversation: its message in the air
    missed: set[int] = field(default_factory=set)  # busy ones with another message waiting
    window: int = WINDOW_AT_FIRST
    failures: int = 0  # in a row
    rounds: int = 0  # of failure since it is down; 0 when it is up
    retry_at: int = 0
    answers: int = 0

    @property
    def is_proven(self) -> bool:
        """Whether its last word was an answer."""
        return self.answers > 0 and self.failures == 0

    def has_room(self, now: int) -> bool:
        """Whether one more may be sent at `now`."""
        if self.rounds:
            return self.in_flight == 0 and now >= self.retry_at
        return self.in_flight < self.window

    def answered(self) -> bool:
        """It answered, ACK or NACK. True when it had been down and is back."""
        was_down = self.rounds > 0
        self.answers += 1
        self.failures = self.rounds = self.retry_at = 0
        self.window = min(WINDOW_MAX, self.window + 1)
        return was_down

    def failed(self, now: int, *, began_in_round: int, most_s: float = BACKOFF_S_MAX) -> None:
        """No answer to a send that began in that round; earlier rounds' stragglers count once.
        `most_s`: how long it is left alone at most."""
        self.failures += 1
        self.window = max(1, self.window // 2)
        if self.failures >= DOWN_AFTER_FAILURES and began_in_round == self.rounds:
            self.rounds += 1
            self.retry_at = now + round(backoff_s(self.rounds, most_s))
