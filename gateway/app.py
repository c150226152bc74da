"""The gateway node: a verified search goes, byte for byte, to every provider it may concern."""

import asyncio
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import Counter

from gateway.asked import Asked, Search
from gateway.door import Rules
from gateway.figures import Figures
from gateway.market import Market
from gateway.recent import Recent, Tally
from gateway.report import Report
from gateway.report_page import FreshReport
from gateway.sending import Outcome, Parcel, Sending, Sent
from gateway.settings import Fanout, GatewaySettings
from gateway.tables import METADATA
from gateway.together import Together
from protocol_specs.node.client.pool import Pool, tail
from protocol_specs.node.messages.actions import Passing
from protocol_specs.node.server import Node
from protocol_specs.node.settings import load
from protocol_specs.node.telemetry.hops import Hop
from protocol_specs.node.telemetry.traces import carried
from protocol_specs.node.trust.keyring import Directory
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Misaddressed, Overloaded
from protocol_specs.wire.parties import SubscriberType, lies_under

TTL_S_DEFAULT = 30
PROVIDERS_REPORTED_MAX = 5000
DESCRIPTORS_OF_THE_REST = 1500  # connections that come in, files


class Gateway:
    """/search fanned out, /on_search relayed; bytes are never changed (BECKN-003)."""

    def __init__(
        self, node: Node, settings: GatewaySettings, *, clock: Callable[[], float]
    ) -> None:
        fanout = settings.fanout
        self.node, self._clock = node, clock
        self.market = Market(node, providers_max=fanout.providers_max)
        self.rules = Rules(settings, self.market, clock=clock, workers=node.share.of)
        self.asked = Asked(
            pairs_max=fanout.pairs_remembered, answers_max=fanout.answers_per_provider_max
        )
        self.report = Report(now=node.now(), providers_max=PROVIDERS_REPORTED_MAX)
        self.recent, self.tally = Recent(), Tally(now=node.now())
        node.handover.add("asked", lambda: self.asked.known(node.now()), self.asked.know)
        node.handover.add("report", self.report.known, self.report.know)
        node.handover.add("recent", self.recent.known, self.recent.know)
        node.handover.add("tally", self.tally.known, self.tally.know)
        self.pool = Pool(
            settings.network,
            connections_max=_connections_max(fanout),
            per_host_max=fanout.connections_per_host_max,
        )
        self.sending = Sending(
            self.pool,
            fanout,
            clock=clock,
            heard=self._heard,
            skipped=self._skipped,
            done=self._done,
        )
        self._each_s = fanout.each_s
        self._forwarded = Counter(
            "wayfare_gateway_forwarded_total",
            "Searches and answers forwarded, by how it ended",
            ["outcome"],
            registry=node.telemetry.shown.registry,
        )

    async def admit_search(self, envelope: Envelope, now: int) -> None:
        """At the door: refuse what this gateway does not take."""
        await self.rules.admit_search(envelope)

    async def search(self, envelope: Envelope, now: int) -> None:
        """Forward to all matching providers, within the search's ttl; the same headers for all."""
        providers = self.market.drawn(await self.market.providers(envelope.context))
        ttl_s = TTL_S_DEFAULT if envelope.context.ttl_s is None else envelope.context.ttl_s
        until = envelope.context.timestamp / 1000 + ttl_s
        asked = (provider.subscriber_id for provider in providers)
        self.asked.ask(_search(envelope), asked, until=int(until), now=now)
        self.report.turn(now)
        self.tally.count(now)
        self.recent.begun(_search(envelope), envelope.context, asked=len(providers), now=now)
        rest = self._tail(envelope, now=now, ttl_s=ttl_s)
        await self.sending.send(Parcel(envelope, providers, tail=rest, until=until))

    def judge_answer(self, envelope: Envelope, now: int) -> None:
        """At the door: only providers that were asked, a bounded number of times, until the ttl."""
        self.rules.refuse_loops(envelope)
        if not self.sending.has_room_for(envelope.context.bap_id, len(envelope.body)):
            raise Overloaded(f"too many answers wait for {envelope.context.bap_id}; try later")
        self.asked.answer(_search(envelope), envelope.peer_id, now=now)
        self.report.turn(now)
        self.report.relayed(envelope.peer_id)
        self.recent.relayed(_search(envelope))

    async def on_search(self, envelope: Envelope, now: int) -> None:
        """Relay an answer to the registered url of the consumer it is for."""
        context = envelope.context
        consumers = await self.node.keyring.find(
            type=SubscriberType.BAP, domain=context.domain, subscriber_id=context.bap_id
        )
        there = [one for one in consumers if lies_under(context.bap_uri, one.url)]
        if not there:
            raise Misaddressed(f"{context.bap_id} is not registered at the bap_uri", code="10000")
        until = min(now + TTL_S_DEFAULT, self.asked.until(_search(envelope), now=now))
        rest = self._tail(envelope, now=now, ttl_s=TTL_S_DEFAULT)
        await self.sending.send(Parcel(envelope, there[:1], tail=rest, until=until, may_wait=True))

    async def close(self) -> None:
        """Wait for the last answers, then close."""
        try:
            async with asyncio.timeout(self._each_s):
                await self.sending.settled()
        except TimeoutError:
            self.node.telemetry.log("stopped_late", level="warning")
        await self.pool.close()

    def _tail(self, envelope: Envelope, *, now: int, ttl_s: int) -> bytes:
        """The caller's signature as it came, and ours under the new and the old name: deployed
        receivers read one or the other (BECKN-006). Signed once for all targets."""
        ours = self.node.client.countersignature(envelope.digest, now=now, ttl_s=ttl_s)
        headers = {
            "Authorization": envelope.authorization,
            "X-Gateway-Authorization": ours,
            "Proxy-Authorization": ours,
            **carried(),
        }
        return tail(headers, envelope.body)

    def _heard(self, sent: Sent, outcome: Outcome) -> None:
        parcel = sent.parcel
        if parcel.envelope.action == "search":
            self.report.offered(
                sent.to, outcome, took_s=sent.took_s, place=sent.place, of=parcel.size
            )

    def _skipped(self, parcel: Parcel, subscriber_id: str) -> None:
        if parcel.envelope.action == "search":
            self.report.offered(subscriber_id, Outcome.SKIPPED)

    def _done(self, parcel: Parcel) -> None:
        """One line for all who took it, and one for all others, with the first of their names."""
        log, envelope = self.node.telemetry.log, parcel.envelope
        for outcome, count in parcel.outcomes.items():
            self._forwarded.labels(outcome.value).inc(count)
        others: dict[str, Any] = {one.value: count for one, count in parcel.outcomes.items()}
        acked = others.pop(Outcome.ACKED.value, 0)
        if acked:
            log("sent", envelope=envelope, times=acked, acked=acked)
        if others:
            without = parcel.without
            log("given_up", envelope=envelope, times=parcel.size - acked, without=without, **others)
        if not parcel.size:
            log("nobody_to_ask", envelope=envelope)
        if envelope.action == "search":
            self.recent.ended(_search(envelope), parcel.outcomes)
            self._note_fates(parcel)

    def _note_fates(self, parcel: Parcel) -> None:
        """For `wayfare trace`: to whom the search went, and how that ended."""
        envelope = parcel.envelope
        hop = Hop(
            self._clock(),
            "forwarded",
            envelope.action,
            envelope.message_id,
            envelope.peer_id,
            {"to": parcel.fates, "of": parcel.size},
        )
        self.node.telemetry.hops.note(envelope.transaction_id, hop)


def _search(envelope: Envelope) -> Search:
    return envelope.context.bap_id, envelope.transaction_id, envelope.message_id


def _held_under(envelope: Envelope) -> str:
    """A search and its answers are held by one worker, and so is another search of the same id."""
    return f"{envelope.context.bap_id} {envelope.message_id}"


def _connections_max(fanout: Fanout) -> int:
    """What is asked for, as far as the system's limit of open files leaves room."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return fanout.connections_max
    return max(16, min(fanout.connections_max, most - DESCRIPTORS_OF_THE_REST))


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
    gateway = Gateway(node, settings, clock=clock)
    searches = Passing("search", gateway.search, consult=gateway.admit_search, key=_held_under)
    answers = Passing("on_search", gateway.on_search, judge=gateway.judge_answer, key=_held_under)
    node.serve_action(searches)
    node.serve_action(answers)
    node.app[GATEWAY] = gateway
    node.add_end(gateway.close)
    _add_reading(node, settings, gateway)
    return node


def _add_reading(node: Node, settings: GatewaySettings, gateway: Gateway) -> None:
    """What people and programs may read; pages and figures only where the settings ask for pages:
    figures are fetched from every cooperative."""
    together = Together(gateway)
    report = FreshReport(node, together)
    node.serve_route("GET", "/report", report.json)
    if settings.web is not None:
        figures = Figures(node, together)
        node.serve_route("GET", "/figures.json", figures.json)
        node.add_loop("figures", figures.ask_next, wake=asyncio.Event())
        from gateway.operating import face  # templates and languages, only where there are pages

        face.add(node, settings.web, together, report, figures)


GATEWAY = web.AppKey("gateway", Gateway)


def build(config: Path) -> Node:
    """The gateway of a settings file, ready to run, with as many descriptors as it may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return assemble(load(config, GatewaySettings))
