"""The gateway node: a verified search goes, byte for byte, to every provider it may concern."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from prometheus_client import Counter

from gateway.asked import Asked, Search
from gateway.reach import Reach
from gateway.settings import GatewaySettings
from gateway.tables import METADATA
from protocol_specs.node.actions import Passing
from protocol_specs.node.client import Undelivered
from protocol_specs.node.keyring import Directory
from protocol_specs.node.server import Node
from protocol_specs.node.settings import load
from protocol_specs.wire.envelope import Envelope, Subscriber, SubscriberType

TTL_S_DEFAULT = 30


class Gateway:
    """/search fanned out, /on_search relayed; bytes are never changed (BECKN-003)."""

    def __init__(self, node: Node, settings: GatewaySettings) -> None:
        self.node = node
        self.fanout = settings.fanout
        self.asked = Asked(
            pairs_max=settings.fanout.pairs_remembered,
            answers_max=settings.fanout.answers_per_provider_max,
        )
        self.reach: defaultdict[str, Reach] = defaultdict(Reach)  # of each registered participant
        self.offered = Counter(
            "wayfare_gateway_forwarded_total",
            "Searches forwarded to providers, by how it ended",
            ["outcome"],
            registry=node.telemetry.registry,
        )

    async def search(self, envelope: Envelope, now: int) -> None:
        """Forward to all matching providers at once, within the search's ttl."""
        providers = await self._providers(envelope)
        ttl_s = TTL_S_DEFAULT if envelope.context.ttl_s is None else envelope.context.ttl_s
        until = envelope.context.timestamp // 1000 + ttl_s
        asked = (provider.subscriber_id for provider in providers)
        self.asked.ask(_search(envelope), asked, until=until, now=now)
        headers = self._headers(envelope, now=now, ttl_s=ttl_s)
        at_once = asyncio.Semaphore(self.fanout.in_parallel)
        async with asyncio.TaskGroup() as group:
            for provider in providers:
                group.create_task(self._forward(provider, envelope, headers, at_once))

    async def _providers(self, envelope: Envelope) -> list[Subscriber]:
        """Each provider of the domain and city once, in random order so that none is always first;
        only the one addressed if the search names one."""
        context = envelope.context
        found = await self.node.keyring.find(
            type=SubscriberType.BPP,
            domain=context.domain,
            city=context.city,
            subscriber_id=context.bpp_id,
        )
        once = {provider.subscriber_id: provider for provider in found}
        once.pop(self.node.receiver.subscriber_id, None)
        providers = list(once.values())[: self.fanout.providers_max]
        random.shuffle(providers)
        return providers

    def _headers(self, envelope: Envelope, *, now: int, ttl_s: int) -> dict[str, str]:
        """The caller's signature as it came, and ours under the new and the old name: deployed
        receivers read one or the other (BECKN-006). Signed once for all targets."""
        ours = self.node.client.authorization(envelope.body, now=now, ttl_s=ttl_s)
        return {
            "Authorization": envelope.authorization,
            "X-Gateway-Authorization": ours,
            "Proxy-Authorization": ours,
        }

    async def _forward(
        self,
        target: Subscriber,
        envelope: Envelope,
        headers: dict[str, str],
        at_once: asyncio.Semaphore,
    ) -> None:
        reach = self.reach[target.subscriber_id]
        async with at_once:
            if reach.may_try(self.node.now()):
                outcome = await self._exchange(reach, target, envelope, headers)
            else:
                outcome = "skipped"
        self.offered.labels(outcome).inc()
        event = "sent" if outcome == "acked" else "given_up"
        self.node.telemetry.log(
            event, envelope=envelope, peer=target.subscriber_id, outcome=outcome
        )

    async def _exchange(
        self, reach: Reach, target: Subscriber, envelope: Envelope, headers: dict[str, str]
    ) -> str:
        """How it ended: acked, refused, timed_out or undelivered."""
        reach.in_flight += 1
        try:
            async with asyncio.timeout(self.fanout.each_s):
                answer = await self.node.client.forward(
                    url=target.url, action=envelope.action, body=envelope.body, headers=headers
                )
        except (TimeoutError, Undelivered) as error:
            reach.failed(self.node.now())
            return "undelivered" if isinstance(error, Undelivered) else "timed_out"
        finally:
            reach.in_flight -= 1
        reach.answered()
        return "acked" if answer.acked else "refused"

    def judge_answer(self, envelope: Envelope, now: int) -> None:
        """At the door: only providers that were asked, a bounded number of times, until the ttl."""
        self.asked.answer(_search(envelope), envelope.peer_id, now=now)

    async def on_search(self, envelope: Envelope, now: int) -> None:
        """Relay an answer to the registered url of the consumer it is for."""
        consumers = await self.node.keyring.find(
            type=SubscriberType.BAP,
            domain=envelope.context.domain,
            subscriber_id=envelope.context.bap_id,
        )
        headers = self._headers(envelope, now=now, ttl_s=TTL_S_DEFAULT)
        for consumer in consumers[:1]:
            await self._forward(consumer, envelope, headers, asyncio.Semaphore())


def _search(envelope: Envelope) -> Search:
    return envelope.context.bap_id, envelope.transaction_id, envelope.message_id


def assemble(
    settings: GatewaySettings,
    *,
    clock: Callable[[], float] = time.time,
    directory: Directory | None = None,
) -> Node:
    """The gateway's parts put together, not yet listening. `directory` replaces the registry."""
    node = Node(
        settings, type=SubscriberType.BG, metadata=METADATA, clock=clock, directory=directory
    )
    gateway = Gateway(node, settings)
    node.serve_action(Passing("search", gateway.search))
    node.serve_action(Passing("on_search", gateway.on_search, judge=gateway.judge_answer))
    return node


def build(config: Path) -> Node:
    """The gateway of a settings file, ready to run."""
    return assemble(load(config, GatewaySettings))
