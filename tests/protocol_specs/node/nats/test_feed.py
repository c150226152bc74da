"""A registry's word that something changed reaches its network at once, and nobody believes it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError
from pydantic import ValidationError
from sqlalchemy import MetaData

from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.nats import subjects
from protocol_specs.node.nats.feed import Told, told_of
from protocol_specs.node.nats.place import NatsPlace
from protocol_specs.node.nats.subjects import token
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings, SettingsError
from protocol_specs.node.trust import snapshot_poll
from protocol_specs.wire.parties import SubscriberType
from tests.registry.participant import Desk, desk
from tests.support import nodes, peers
from tests.support.nats_server import NatsServer
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import Clock, Said
from tests.support.queues import until
from tests.support.standin_registry import REGISTRY_ID, StandIn, standin

BPP_ID = "bpp.example.org"
BAP, OTHER = peers.bap(), peers.bap("other.example.org")
SUBJECT = subjects.feed(REGISTRY_ID)


@dataclass
class Network:
    """A stand-in registry, a NATS server, and a node that hears of the one through the other. The
    clock stands still: without a word nothing would ever be asked again."""

    registry: StandIn
    nats: NatsServer
    node: Node
    bus: Client

    async def confirm(self) -> Said:
        return await nodes.confirm(self.node, BAP)

    async def say(self, payload: bytes) -> None:
        """As anybody on the bus may."""
        await self.bus.publish(SUBJECT, payload)
        await self.bus.flush()

    def snapshots(self) -> int:
        return self.registry.paths().count("/snapshot")

    def lookups(self) -> int:
        return self.registry.paths().count("/lookup")

    def figure(self, name: str) -> float | None:
        return self.node.telemetry.shown.registry.get_sample_value(f"wayfare_feed_{name}")


def a_node(folder: Path, sock: Any, registry: StandIn, url: str, clock: Clock) -> Node:
    settings = settings_of(
        NodeSettings,
        folder,
        sock,
        subscriber_id=BPP_ID,
        registry=registry.settings,
        feed=NatsPlace(url=url),
    )
    node = Node(settings, type=SubscriberType.BPP, metadata=MetaData(), clock=clock)
    node.serve_action(Durable("confirm", lambda session, envelope, now: None))
    return node


@asynccontextmanager
async def a_network(folder: Path, nats: NatsServer, clock: Clock) -> AsyncIterator[Network]:
    async with standin(clock) as registry:
        registry.put(BAP, OTHER, peers.bpp(BPP_ID))
        sock = listening_socket()
        node = a_node(folder, sock, registry, nats.url, clock)
        bus = Client()
        await bus.connect(nats.url)
        async with running(node, sock):
            yield Network(registry, nats, node, bus)
        await bus.close()


@pytest.fixture
async def network(tmp_path: Path, server: NatsServer) -> AsyncIterator[Network]:
    async with a_network(tmp_path, server, Clock()) as made:
        await until(lambda: made.figure("connected") == 1, "the node hears")
        await until(lambda: made.snapshots() == 1, "it has a snapshot")
        yield made


def of(who: str, position: int) -> bytes:
    return Told(position, token(who)).encoded()


def test_a_word_names_a_change_and_nobody() -> None:
    word = of(BAP.subscriber_id, 57)
    assert told_of(word) == (57, token(BAP.subscriber_id))
    assert BAP.subscriber_id.encode() not in word
    for rubbish in (b"", b"57", b"57 bap.example.org", b"-1 " + word[3:], word + b"\n", b"\xff"):
        assert told_of(rubbish) is None


async def test_a_key_that_was_revoked_is_refused_as_soon_as_the_registry_says_so(
    network: Network,
) -> None:
    assert (await network.confirm()).is_ack
    network.registry.drop(BAP)
    assert (await network.confirm()).is_ack, "remembered, as without a word"
    said = time.monotonic()
    await network.say(of(BAP.subscriber_id, network.registry.sequence))
    while (await network.confirm()).status != 401:
        assert time.monotonic() - said < 30, "two seconds, where nobody else wants the machine"
        await asyncio.sleep(0.02)


async def test_the_snapshot_is_asked_for_at_once_and_at_most_every_few_seconds(
    network: Network,
) -> None:
    clock = network.node._clock
    assert isinstance(clock, Clock)
    for n in range(50):
        await network.say(of("anybody.example.org", 1_000 + n))
    await asyncio.sleep(0)
    assert network.snapshots() == 1
    clock.at += snapshot_poll.HURRIED_S
    await until(lambda: network.snapshots() == 2, "it is asked once, for all words together")
    clock.at += snapshot_poll.HURRIED_S
    await network.say(of("anybody.example.org", 2_000))
    await until(lambda: network.snapshots() == 3, "and again for a later word")


async def test_a_forger_makes_nobody_unknown_and_costs_a_bounded_number_of_questions(
    network: Network,
) -> None:
    assert (await network.confirm()).is_ack
    before = network.lookups()
    for n in range(100):
        await network.say(of(BAP.subscriber_id, 10**9 + n))
        if n % 5 == 0:
            assert (await network.confirm()).is_ack
    assert network.lookups() - before <= 10
    network.registry.is_down = True
    await network.say(of(BAP.subscriber_id, 10**12))
    assert (await network.confirm()).is_ack, "what was remembered still serves"


async def test_foreign_rubbish_is_counted_and_asks_nobody_anything(network: Network) -> None:
    before = len(network.registry.asked)
    for rubbish in (b"", b"{}", b"99", b"9" * 40 + b" " + b"a" * 20, bytes(100_000)):
        await network.say(rubbish)
    await until(lambda: network.figure("unread") == 5, "all are counted")
    await network.say(of(BAP.subscriber_id, network.registry.sequence))
    assert len(network.registry.asked) == before, "nor does a word of what is known already"


async def test_without_nats_a_node_starts_works_and_says_so(tmp_path: Path) -> None:
    nats = NatsServer()
    async with standin(Clock()) as registry:
        registry.put(BAP, peers.bpp(BPP_ID))
        sock = listening_socket()
        node = a_node(tmp_path, sock, registry, nats.url, registry.clock)  # type: ignore[arg-type]
        async with running(node, sock):
            network = Network(registry, nats, node, Client())
            assert (await network.confirm()).is_ack
            assert network.figure("connected") == 0
            assert await node.health.faults() == {}
    nats.remove()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"feed": NatsPlace(url="nats://127.0.0.1:1"), "signs": False},
            "'feed': .* signs no answers",
        ),
        ({"feed": NatsPlace(url="nats://nats.example.org:4222")}, "'feed.url': .* only tls://"),
        ({"nats": NatsPlace(url="nats://nats.example.org:4222")}, "'nats.url': .* only tls://"),
        ({"feed": NatsPlace(url="tls://h:1", ca=Path("/none.pem"))}, "'feed.ca': /none.pem"),
        (
            {"feed": NatsPlace(url="tls://h:1", user="u", password_file=Path("/no"))},
            "password_file",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(
    tmp_path: Path, more: dict[str, Any], says: str
) -> None:
    peer = peers.Peer(REGISTRY_ID, SubscriberType.REGISTRY, "https://registry.example.org")
    pins = StandIn(peer, Clock()).settings.model_copy(
        update={"signs_answers": more.pop("signs", True)}
    )
    with listening_socket() as sock:
        settings = settings_of(
            NodeSettings, tmp_path, sock, subscriber_id=BPP_ID, registry=pins, **more
        ).model_copy(update={"network": "production", "url": "https://bpp.example.org"})
    with pytest.raises(SettingsError, match=says):
        Node(settings, type=SubscriberType.BPP, metadata=MetaData())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"url": "http://h:1"}, "tls://host:port"),
        ({"url": "tls://h:1/x"}, "tls://host:port"),
        ({"url": "tls://me:secret@h:1"}, "user and password_file"),
        ({"url": "tls://h:1", "user": "me"}, "belong together"),
        ({"url": "tls://h:1", "subject": "x"}, "subject"),
    ],
)
def test_a_place_that_is_none_is_refused(values: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NatsPlace.model_validate(values)


# The registry's own side, with a real one.


async def until_kept(bus: Client, told: Told) -> None:
    """Waits until this is the last word that JetStream keeps."""
    place = subjects.last_word(REGISTRY_ID)
    deadline = time.monotonic() + 60
    while True:
        try:
            kept = (await bus.request(place, timeout=30)).data
        except NoRespondersError:  # there is no stream yet
            kept = b""
        if told_of(kept) == told:
            return
        assert time.monotonic() < deadline, kept
        await asyncio.sleep(0.02)


@asynccontextmanager
async def a_registry(folder: Path, nats: NatsServer) -> AsyncIterator[tuple[Desk, Client]]:
    bus = Client()
    await bus.connect(nats.url)
    async with desk(folder, feed=NatsPlace(url=nats.url)) as running_desk:
        shown = running_desk.node.telemetry.shown.registry
        await until(lambda: shown.get_sample_value("wayfare_feed_connected") == 1, "it tells")
        yield running_desk, bus
    await bus.close()


async def test_the_registry_tells_each_change_once_it_is_committed_and_keeps_the_last_word(
    tmp_path: Path, server: NatsServer
) -> None:
    async with a_registry(tmp_path, server) as (registry, bus):
        words: list[bytes] = []

        async def heard(message: Any) -> None:
            words.append(message.data)

        await bus.subscribe(SUBJECT, cb=heard)
        await bus.flush()
        note = _noting(registry)
        await note("one.example.org")
        await note("two.example.org")
        both = [Told(1, token("one.example.org")), Told(2, token("two.example.org"))]
        await until(lambda: {told_of(word) for word in words} >= set(both), "both are told")
        await until_kept(bus, both[-1])


async def test_a_server_that_forgot_everything_is_told_the_last_word_again(
    tmp_path: Path, server: NatsServer
) -> None:
    async with a_registry(tmp_path, server) as (registry, _):
        await _noting(registry)("one.example.org")
        shown = registry.node.telemetry.shown.registry
        server.kill()
        await until(lambda: shown.get_sample_value("wayfare_feed_connected") == 0, "it is gone")
        await _noting(registry)("two.example.org")
        server.wipe()
        server.start()
        await until(lambda: shown.get_sample_value("wayfare_feed_connected") == 1, "it is back")
        again = Client()
        await again.connect(server.url)
        await until_kept(again, Told(2, token("two.example.org")))
        await again.close()


async def test_who_connects_later_learns_that_there_is_something_to_ask(
    tmp_path: Path, server: NatsServer
) -> None:
    async with a_network(tmp_path, server, Clock()) as network:
        await until(lambda: network.figure("connected") == 1, "the node hears")
        await until(lambda: network.snapshots() == 1, "it has a snapshot")
        config = {
            "name": subjects.stream(REGISTRY_ID),
            "subjects": [SUBJECT],
            "allow_direct": True,
        }
        place = subjects.make_stream(REGISTRY_ID)
        await network.bus.request(place, json.dumps(config).encode(), timeout=30)
        await network.node.buses.close()  # its loop connects again
        await until(lambda: network.figure("connected") == 0, "it is cut off")
        await network.say(of(BAP.subscriber_id, 99))
        clock = network.node._clock
        assert isinstance(clock, Clock)
        clock.at += snapshot_poll.HURRIED_S
        await until(lambda: network.snapshots() == 2, "it asks, though it heard no word")


def _noting(registry: Desk) -> Callable[[str], Any]:
    from registry import changes

    async def note(who: str) -> None:
        await registry.node.store.transact(
            lambda session: changes.note(
                session, "test", who, who="tests", now=registry.node.now(), detail={}
            )
        )

    return note
