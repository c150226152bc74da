"""The times of what we say: in milliseconds, strictly rising within each conversation."""

import time
from collections import OrderedDict
from collections.abc import Callable

CONVERSATIONS_MAX = 20_000


class Stamps:
    """Gives each message of a conversation its time. `clock` gives seconds UTC with fractions.

    Two messages of one millisecond get two, and none is dated before the one it answers. The
    conversation unused for longest is forgotten first: its next message has the clock's time.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def next_ms(self, bap_id: str, transaction_id: str, *, after_ms: int = 0) -> int:
        """Now, or the first millisecond after both `after_ms` and what was last said here."""
        conversation = (bap_id, transaction_id)
        last = self._last.pop(conversation, 0)
        at = max(int(self._clock() * 1000), last + 1, after_ms + 1)
        self._last[conversation] = at
        if len(self._last) > CONVERSATIONS_MAX:
            self._last.popitem(last=False)
        return at
