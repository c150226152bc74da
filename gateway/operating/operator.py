"""Pages for the gateway's operator: what goes on, the last searches, whom it cannot reach, a trace.

A trace asks the nodes of a transaction in the gateway's name, so each tells what concerns the
gateway: ids, codes and counts, of its searches and their answers. What else the parties say to each
other they tell nobody but themselves.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.operating import words
from gateway.together import Together
from protocol_specs.node.buckets import Buckets
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.ops import diagnosis
from protocol_specs.node.ops.trace_asking import ask_all
from protocol_specs.node.ops.tracing import ID_CHARS_MAX
from protocol_specs.node.server import Node
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire import strict_json
from protocol_specs.wire.parties import SubscriberType

SHOWN = 50
HOPS_SHOWN = 500
TRACE_S = 20  # for all nodes together
EACH_S = 5


class Operating:
    """Signed in by an operator's token."""

    def __init__(self, node: Node, together: Together) -> None:
        self._node, self._together = node, together
        self._traces = Buckets(0.5, burst=10)

    async def overview(self, visit: Visit) -> web.StreamResponse:
        """GET /operator: searches, the last of them, who cannot be reached."""
        now = await self._together.now()
        return visit.page(
            "gateway/overview.html",
            counted=now,
            since=now.since,
            searches=words.searches(visit, now.newest[:10]),
            unreached=now.unreached[:SHOWN],
            n_unreached=len(now.unreached),
            n_down=sum(1 for one in now.unreached if one.is_down),
        )

    async def searches(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/searches: the last ones, and how far each got."""
        now = await self._together.now()
        return visit.page("gateway/searches.html", searches=words.searches(visit, now.newest))

    async def trace(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/trace?transaction_id=: the hops of every node that answers."""
        transaction_id = visit.arg("transaction_id").strip()
        found: dict[str, Any] = {"asked": False, "hops": [], "silent": {}, "more": False}
        if len(transaction_id) > ID_CHARS_MAX or not transaction_id.isprintable():
            raise PageError(400)
        if transaction_id:
            wait_s = self._traces.take(visit.who, visit.now)
            if wait_s:
                raise PageError(429, retry_after_s=wait_s)
            found = await self._ask(transaction_id)
        return visit.page("gateway/trace.html", transaction_id=transaction_id, words=words, **found)

    async def _ask(self, transaction_id: str) -> dict[str, Any]:
        loop, own = asyncio.get_running_loop(), self._node.receiver.subscriber_id
        until = loop.time() + TRACE_S

        async def ask(node: str, question: Mapping[str, str]) -> dict[str, Any]:
            if node == own:
                return await self._node.tracing.told(transaction_id, own, self._node.now())
            try:
                async with asyncio.timeout(min(EACH_S, until - loop.time())):
                    url = await self._url_of(node)
                    body = strict_json.dumps(question)
                    return strict_json.parse(await self._node.client.call(url, "/trace", body))
            except TimeoutError:
                raise Undelivered("it did not answer in time", True) from None

        answers, silent = await ask_all(own, transaction_id, ask)
        hops = diagnosis.timeline(answers)
        return {
            "asked": True,
            "hops": hops[:HOPS_SHOWN],
            "silent": silent,
            "more": len(hops) > HOPS_SHOWN,
        }

    async def _url_of(self, node: str) -> str:
        """Where a node is registered. Raises Undelivered if it is not, Overloaded."""
        for domain in self._node.settings.domains:
            for type in (SubscriberType.BAP, SubscriberType.BPP, SubscriberType.BG):
                found = await self._node.keyring.find(type=type, domain=domain, subscriber_id=node)
                if found:
                    return found[0].url
        raise Undelivered("it is not in the registry", False)
