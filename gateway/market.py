"""Whom a search concerns: the providers of its domain and city, in an order nobody can foresee."""

import random
from collections import OrderedDict

from protocol_specs.node.server import Node
from protocol_specs.wire.context import Context
from protocol_specs.wire.parties import Subscriber, SubscriberType, lies_under

FRESH_S = 2  # the keyring's own answer is up to 15 s old
PLACES_MAX = 1000


class Market:
    """Looks providers up. What it found for a domain and city it keeps for a moment."""

    def __init__(self, node: Node, *, providers_max: int) -> None:
        self._node, self._providers_max = node, providers_max
        self._found: OrderedDict[tuple[str, str], tuple[int, list[Subscriber]]] = OrderedDict()

    async def providers(self, context: Context) -> list[Subscriber]:
        """Each provider once; only the one that is addressed if the search names one. Raises
        Overloaded when the registry cannot be asked."""
        found = await self._all(context.domain, context.city)
        if context.bpp_id is None:
            return found
        return [one for one in found if one.subscriber_id == context.bpp_id]

    def drawn(self, providers: list[Subscriber]) -> list[Subscriber]:
        """As many as one search may reach, in random order, so that none is always first or
        always left out."""
        return random.sample(providers, min(len(providers), self._providers_max))

    async def _all(self, domain: str, city: str) -> list[Subscriber]:
        now = self._node.now()
        known = self._found.get((domain, city))
        if known is not None and 0 <= now - known[0] < FRESH_S:
            return known[1]
        records = await self._node.keyring.find(type=SubscriberType.BPP, domain=domain, city=city)
        newest = {record.subscriber_id: record for record in reversed(records)}
        found = [one for one in newest.values() if not self._is_us(one)]
        self._found[domain, city] = now, found
        self._found.move_to_end((domain, city))
        if len(self._found) > PLACES_MAX:
            self._found.popitem(last=False)
        return found

    def _is_us(self, provider: Subscriber) -> bool:
        """Ourselves, under whatever name: the search would come back for ever."""
        ours, theirs = self._node.receiver.url, provider.url
        is_our_url = lies_under(theirs, ours) and lies_under(ours, theirs)
        return is_our_url or provider.subscriber_id == self._node.receiver.subscriber_id
