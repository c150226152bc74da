"""A walk through orders that wait: each is looked at again and again, a hand of them a second."""

from collections.abc import Callable
from dataclasses import dataclass, field

from protocol_specs.node.store import Session

HAND = 100  # orders a second, however many wait: a thousand are gone through in ten seconds
LOOK_AGAIN_S = 10  # from the start of one pass to the next, at the least
NAMED_MAX = 10_000

At = tuple[int, str]
"""Where an order stands in the walk: a time, seconds UTC, and its key."""
START: At = (-1, "")

Next = Callable[[Session, At, int, int], list[At]]
"""Of (session, after, now, at most): the orders that come after this one, in their order."""


@dataclass(slots=True)
class Walk:
    """Which order to look at next: those that were named, and all others in their turn.

    What it keeps is a hint that may be lost, the rows are the truth: a lost name is found by the
    next pass. Behind the last one it goes on asking for newer ones. Nobody is passed by: who is
    due is looked at in the order in which they became so, whoever else is named.
    """

    read: Next
    _due: dict[str, None] = field(default_factory=dict)
    _after: At = START
    _last: str = ""  # of the hand that was read last
    _is_through: bool = True
    _begun_at: int = -LOOK_AGAIN_S
    _read_at: int = -1

    def name(self, key: str) -> None:
        """This one is to be looked at soon."""
        if len(self._due) < NAMED_MAX:
            self._due[key] = None

    def next(self, session: Session, now: int) -> str | None:
        """The key of the next; None: there is none to be looked at now."""
        if self._read_at != now:
            self._read_at = now
            self._read_hand(session, now)
        key = next(iter(self._due), None)
        if key is not None:
            del self._due[key]
        return key

    def _read_hand(self, session: Session, now: int) -> None:
        if self._last in self._due:
            return  # that hand is still being looked at
        if self._is_through and not 0 <= now - self._begun_at < LOOK_AGAIN_S:
            self._after, self._begun_at = START, now
        hand = self.read(session, self._after, now, HAND)
        self._is_through = len(hand) < HAND
        if hand:
            self._after = hand[-1]
            self._last = self._after[1]
        self._due.update((key, None) for _, key in hand)
