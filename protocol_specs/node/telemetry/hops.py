"""What lately happened here to the messages of each transaction: for `wayfare trace`.

Ids, codes and counts only, in bounded memory, forgotten with the process: the log has them too, and
what was ACKed for good stands in the store.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

TRANSACTIONS_MAX = 1_000
HOPS_MAX = 64  # of one transaction, the last ones
PEERS_MAX = 500
REFUSALS_MAX = 20  # of one peer, the last ones


class Hop(NamedTuple):
    """One thing that happened to one message at this node. `at` in seconds UTC, with fractions.

    `peer` is who sent it to us, or to whom we sent it. `more` are codes and counts by name.
    """

    at: float
    event: str
    action: str | None
    message_id: str | None
    peer: str | None
    more: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The hop as JSON-ready members; what is unknown is left out."""
        given = {
            "at": round(self.at, 3),
            "event": self.event,
            "action": self.action,
            "message_id": self.message_id,
            "peer": self.peer,
            **self.more,
        }
        return {name: value for name, value in given.items() if value is not None}


_Noted = tuple[Hop, str | None]
"""A hop, and the BAP whose message it is about, where a verified message said so."""


class Hops:
    """The hops of the last transactions, and the last refusals by who claimed to have sent."""

    def __init__(self) -> None:
        self._conversations: OrderedDict[str, list[_Noted]] = OrderedDict()
        self._refused: OrderedDict[str, deque[Hop]] = OrderedDict()

    def note(self, transaction_id: str, hop: Hop, *, bap_id: str | None = None) -> None:
        """Remember one hop of a transaction."""
        known = self._conversations.get(transaction_id)
        if known is None:
            known = self._conversations[transaction_id] = []  # most have two: no deque's 600 bytes
            if len(self._conversations) > TRANSACTIONS_MAX:
                self._conversations.popitem(last=False)
        known.append((hop, bap_id))
        if len(known) > HOPS_MAX:
            del known[0]

    def note_refusal(self, hop: Hop) -> None:
        """Remember that a message was refused at the door; `peer` only claims to have sent it."""
        if hop.peer is None:
            return
        known = self._refused.setdefault(hop.peer, deque(maxlen=REFUSALS_MAX))
        known.append(hop)
        if len(self._refused) > PEERS_MAX:
            self._refused.popitem(last=False)

    def of(self, transaction_id: str, asker: str | None) -> list[Hop]:
        """What `asker` may know of a transaction: what came from it, went to it or is about its own
        messages; None asks for this node itself. Anybody may use the transaction_id of another,
        so it opens nothing. Unknown and not its affair look alike: nothing."""
        known = self._conversations.get(transaction_id, ())
        return [hop for hop, bap_id in known if asker is None or asker in (bap_id, hop.peer)]

    def refused(self, peers: Iterable[str]) -> list[Hop]:
        """The last refusals of messages that name these peers as senders, in order of time."""
        found = [hop for peer in set(peers) for hop in self._refused.get(peer, ())]
        return sorted(found, key=lambda hop: hop.at)
