"""Room: how many more durable messages a node takes now, and which share of that a peer has.

Beyond it the door says 503 before it verifies anything, so that the work goes into what was taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

SECONDS = 3.0  # as much may wait as was handled in so long
LEAST = 1_000  # and as many as these, though nothing was handled lately
DECAY = 0.7  # of what was handled a second, when it becomes less


class Room:
    """What may wait, less what does: counted each second, and in between by what comes and goes.

    `handled()` counts what was handled since the start; `owes_much_to(peer_id)` says that so many
    answers to a peer wait to be sent that more of its requests would be of no use to it.
    """

    def __init__(
        self,
        most: int,
        handled: Callable[[], int],
        owes_much_to: Callable[[str], bool] = lambda peer_id: False,
    ) -> None:
        self._most_ever, self._handled, self.owes_much_to = most, handled, owes_much_to
        self._most = self._share = min(most, LEAST)
        self._waiting = self._handled_before = 0
        self._per_s = 0.0
        self._taken: Counter[str] = Counter()  # by peer, since it was counted

    @property
    def is_full(self) -> bool:
        """Whether nobody has room."""
        return self._left() <= 0

    def is_full_for(self, peer_id: str) -> bool:
        """Whether this peer has none; the name may be one that somebody only claims to have."""
        left = self._left()
        had_its_share = self._taken[peer_id] >= self._share and 2 * left < self._most
        return left <= 0 or had_its_share

    def take(self, peer_id: str) -> None:
        """A message proven to be this peer's was taken."""
        self._waiting += 1
        self._taken[peer_id] += 1

    def counted(self, waiting: int, elapsed_s: float) -> None:
        """`waiting` messages are due, `elapsed_s` after the last time.

        While more than half of what may wait does, a peer has one part of what will come free, and
        there are as many parts as there were peers and one more: nobody crowds a newcomer out.
        """
        handled = self._handled() - self._handled_before
        self._handled_before += handled
        self._per_s = max(handled / max(elapsed_s, 0.1), DECAY * self._per_s)
        self._most = min(self._most_ever, max(LEAST, round(SECONDS * self._per_s)))
        self._waiting = waiting
        self._share = self._most
        if 2 * waiting > self._most:
            free = self._left() + round(self._per_s)
            self._share = max(1, free // (len(self._taken) + 1))
        self._taken.clear()

    def _left(self) -> int:
        handled = self._handled() - self._handled_before
        return self._most - (self._waiting - handled)
