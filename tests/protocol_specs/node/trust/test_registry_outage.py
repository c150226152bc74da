"""The registry as a node meets it: believed for its signature, stood in for by its snapshot."""

import errno
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import MetaData

from protocol_specs.node import files
from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings
from protocol_specs.node.trust import keyring, snapshot_poll
from protocol_specs.node.trust.snapshot import Snapshot
from protocol_specs.wire.errors import Overloaded
from protocol_specs.wire.parties import SubscriberType
from tests.support import nodes, peers
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import CITY, DELIVERIES, RIDES, Clock, Peer, Said
from tests.support.standin_registry import StandIn, standin

BPP_ID = "bpp.example.org"
BAP, OTHER = peers.bap(), peers.bap("other.example.org")
PROVIDER = peers.bpp("provider.example.org")


@dataclass
class Place:
    """A stand-in registry that knows everybody, and a provider's node that trusts it."""

    folder: Path
    clock: Clock
    registry: StandIn
    running: Node | None = None

    @property
    def node(self) -> Node:
        """The node, while it runs or since it ended."""
        assert self.running is not None
        return self.running

    @property
    def accepted(self) -> int:
        """How many messages the node wrote down."""
        return int(self.node.telemetry.count("accepted", "confirm"))

    @asynccontextmanager
    async def node_runs(self, **more: Any) -> AsyncIterator[Node]:
        """The node from start to stop; its folder stays, so that it can be started again."""
        sock = listening_socket()
        registry = self.registry.settings.model_copy(update=more)
        settings = settings_of(
            NodeSettings,
            self.folder,
            sock,
            subscriber_id=BPP_ID,
            registry=registry,
            log_level="warning",
            **self.keys(),
        )
        node = Node(settings, type=SubscriberType.BPP, metadata=MetaData(), clock=self.clock)
        node._loops = [loop for loop in node._loops if loop[0] != "snapshot"]  # we turn it

        node.serve_action(Durable("confirm", lambda session, envelope, now: None))
        async with running(node, sock):
            self.running = node
            yield node

    def keys(self) -> dict[str, Path]:
        """The node's keys, once they are made."""
        folder = self.folder / "keys"
        if not folder.exists():
            return {}
        return {"signing_key": folder / "signing.key", "encryption_key": folder / "encryption.key"}

    async def poll(self) -> None:
        """One turn of the node's own loop."""
        assert self.node.membership.snapshots is not None
        await self.node.membership.snapshots.poll_next(self.node.now())

    async def confirm(self, sender: Peer = BAP) -> Said:
        return await nodes.confirm(self.node, sender)

    async def ready(self) -> dict[str, Any]:
        """What /ready shows."""
        url = f"http://127.0.0.1:{self.node.ops.port}/ready"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            said: dict[str, Any] = await response.json()
            return said


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock = Clock()
    async with standin(clock) as registry:
        registry.put(BAP, OTHER, PROVIDER, peers.bpp(BPP_ID))
        yield Place(tmp_path, clock, registry)


async def test_a_signed_answer_of_the_pinned_registry_is_believed(place: Place) -> None:
    async with place.node_runs():
        assert (await place.confirm()).is_ack
        assert place.registry.paths() == ["/lookup"]


def unsigned(registry: StandIn) -> None:
    registry.signs = None


def stale(registry: StandIn) -> None:
    registry.signed_s_ago = 61


def early(registry: StandIn) -> None:
    registry.signed_s_ago = -6


def forged(registry: StandIn) -> None:
    registry.signs = registry.forger()


def altered(registry: StandIn) -> None:
    registry.alter = lambda body: body.replace(b"std:03", b"std:04")


@pytest.mark.parametrize("wrong", [unsigned, stale, early, forged, altered])
async def test_an_answer_that_is_not_provably_the_registrys_is_no_answer(
    place: Place, wrong: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong(place.registry)
    async with place.node_runs():
        said = await place.confirm()
        assert said.status == 503
        assert "Retry-After" in said.headers
        ready = await place.ready()
        assert "not reachable" in ready["faults"]["registry"]
        assert place.accepted == 0
    assert events(capsys) == ["registry_disbelieved"]


def events(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the node's warnings said of the registry, and in which order."""
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [line["event"] for line in lines if line["event"].startswith("registry_")]


async def test_a_registry_that_is_lost_is_told_of_once(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    async with place.node_runs():
        place.registry.is_down = True
        for _ in range(5):
            assert (await place.confirm()).status == 503
            place.clock.at += 5
        forged(place.registry)
        place.registry.is_down = False
        assert (await place.confirm()).status == 503
    assert events(capsys) == ["registry_lost", "registry_disbelieved"]


async def test_a_question_that_the_registry_refuses_is_no_lost_registry(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anybody can name a key that no registry would look for."""
    async with place.node_runs():
        assert (await place.confirm(replace(BAP, unique_key_id="k1,k2"))).status == 503
        assert (await place.confirm(OTHER)).is_ack
        assert (await place.confirm(replace(BAP, subscriber_id="bap,example.org"))).status == 401
    assert events(capsys) == []


async def test_a_registry_that_signs_nothing_is_believed_only_where_the_settings_say_so(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    unsigned(place.registry)
    async with place.node_runs(signs_answers=False) as node:
        assert (await place.confirm()).is_ack
        assert (await place.ready())["registry"] == {"signs_answers": False}
        assert node.membership.snapshots is None
    assert events(capsys) == ["registry_does_not_sign"]


async def test_the_snapshot_is_asked_for_every_30_s_and_sent_only_when_it_changed(
    place: Place,
) -> None:
    async with place.node_runs():
        for _ in range(61):
            await place.poll()
            place.clock.at += 1
        tags = [tag for _, tag in place.registry.asked]
        assert len(tags) == 3
        assert tags[0] is None
        assert tags[1] == tags[2] is not None


async def test_while_the_registry_is_down_its_snapshot_serves_as_long_as_the_network_says(
    place: Place,
) -> None:
    """Also for a peer that was never heard before, and for finding who serves a city."""
    place.registry.max_age_s = 600
    async with place.node_runs() as node:
        await place.poll()
        place.registry.is_down = True
        assert (await place.confirm()).is_ack
        place.clock.at += 599
        await place.poll()
        assert (await place.confirm(OTHER)).is_ack
        found = await node.keyring.find(type=SubscriberType.BPP, domain=RIDES, city=CITY)
        assert {record.subscriber_id for record in found} == {BPP_ID, "provider.example.org"}
        ready = await place.ready()
        assert ready["status"] == "ready"
        assert ready["registry"]["snapshot_age_s"] == 599
        assert ready["registry"]["snapshot_age_max_s"] == 600
        place.clock.at += 1
        said = await place.confirm()
        assert said.status == 503
        with pytest.raises(Overloaded):
            await node.keyring.find(type=SubscriberType.BPP, domain=RIDES, city=CITY)
        assert place.accepted == 2


async def test_each_time_the_registry_says_nothing_changed_the_snapshot_is_young_again(
    place: Place,
) -> None:
    async with place.node_runs():
        for _ in range(11):
            await place.poll()
            place.clock.at += 30
        place.registry.is_down = True
        place.clock.at += 269
        assert (await place.confirm()).is_ack
        place.clock.at += 1
        assert (await place.confirm()).status == 503


async def test_a_304_that_the_registry_did_not_sign_makes_nothing_young(place: Place) -> None:
    async with place.node_runs():
        await place.poll()
        place.clock.at += 30
        forged(place.registry)
        await place.poll()
        assert (await place.ready())["registry"]["snapshot_age_s"] == 30


async def test_a_node_that_starts_while_the_registry_is_down_works_from_its_file(
    place: Place,
) -> None:
    async with place.node_runs():
        await place.poll()
        place.clock.at += 30
        await place.poll()
    place.registry.is_down = True
    place.clock.at += 299
    async with place.node_runs():
        assert (await place.confirm()).is_ack
        assert (await place.ready())["status"] == "ready"
        place.clock.at += 1
        assert (await place.confirm()).status == 503


@pytest.mark.parametrize("name", ["registry.snapshot", "registry.snapshot.confirmed"])
async def test_a_file_that_was_tampered_with_is_not_worked_from(place: Place, name: str) -> None:
    async with place.node_runs() as node:
        await place.poll()
        place.clock.at += 200
        await place.poll()
    path = node.settings.data_dir / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"created=", b"created =", 1).replace(b"std:03", b"std:04"))
    if name.endswith("confirmed"):
        path.write_bytes(place.registry.forger().authorization(b"x").encode())
    place.registry.is_down = True
    place.clock.at += 100
    async with place.node_runs():
        assert (await place.confirm()).status == 503
        assert place.accepted == 0


async def test_a_revoked_key_is_refused_within_60_s_and_another_goes_on(place: Place) -> None:
    """Just looked up, it would be fresh for 60 s; the snapshot tells of the change sooner."""
    async with place.node_runs():
        await place.poll()
        place.clock.at += 29
        assert (await place.confirm()).is_ack
        assert (await place.confirm(OTHER)).is_ack
        place.registry.drop(BAP)
        place.clock.at += 1
        await place.poll()
        asked = len(place.registry.asked)
        assert (await place.confirm(OTHER)).is_ack
        assert len(place.registry.asked) == asked, "what did not change is still remembered"
        assert (await place.confirm()).status == 401
        assert place.accepted == 3


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_revoked_key_is_refused_within_60_s_though_no_snapshot_can_be_had(
    place: Place, status: int
) -> None:
    """The registry answers look-ups still: it is not lost."""
    async with place.node_runs():
        await place.poll()
        assert (await place.confirm()).is_ack
        place.registry.snapshot_status = status
        place.registry.drop(BAP)
        for _ in range(2):
            place.clock.at += 30
            await place.poll()
        assert (await place.confirm()).status == 401
        assert (await place.confirm(OTHER)).is_ack


async def test_a_clock_set_back_makes_no_snapshot_young(place: Place) -> None:
    async with place.node_runs():
        await place.poll()
        place.registry.is_down = True
        place.clock.at += 300
        assert (await place.confirm()).status == 503
        place.clock.at -= 3600
        assert (await place.confirm()).status == 503
        assert place.accepted == 0


async def test_without_a_snapshot_a_revoked_key_is_refused_within_60_s_too(place: Place) -> None:
    async with place.node_runs():
        assert (await place.confirm()).is_ack
        place.registry.drop(BAP)
        place.clock.at += 60
        assert (await place.confirm()).status == 401


async def test_a_key_revoked_before_the_registry_went_down_is_not_believed_again(
    place: Place,
) -> None:
    async with place.node_runs():
        assert (await place.confirm()).is_ack
        place.registry.drop(BAP)
        place.clock.at += 10
        await place.poll()
        place.registry.is_down = True
        assert (await place.confirm()).status == 503
        assert (await place.confirm(OTHER)).is_ack
        assert place.accepted == 2


async def test_a_message_does_not_wait_for_a_registry_that_is_lost(place: Place) -> None:
    """The poll looks for it, every 5 s; the first answer ends the outage."""
    async with place.node_runs():
        await place.poll()
        place.registry.is_down = True
        assert (await place.confirm()).is_ack
        asked = len(place.registry.asked)
        for _ in range(snapshot_poll.AGAIN_S):
            place.clock.at += 1
            assert (await place.confirm()).is_ack
            await place.poll()
        assert len(place.registry.asked) == asked + 1
        place.registry.is_down = False
        place.clock.at += snapshot_poll.AGAIN_S
        await place.poll()
        place.clock.at += 60
        asked = place.registry.paths().count("/lookup")
        assert (await place.confirm()).is_ack
        assert place.registry.paths().count("/lookup") == asked + 1


async def test_a_snapshot_with_the_tag_of_another_is_not_taken(place: Place) -> None:
    """Else whoever stands between could pair an old snapshot with a tag that stays confirmed."""
    place.registry.alter_tag = lambda tag: tag[::-1]
    async with place.node_runs() as node:
        await place.poll()
        assert node.membership.notes()["registry"] == {
            "signs_answers": True,
            "snapshot": "none yet",
        }


async def test_only_records_of_our_domains_are_compared(place: Place) -> None:
    """A peer that trades elsewhere too is not forgotten because our snapshot shows less of it."""
    both = peers.bap("both.example.org", domains=(RIDES, DELIVERIES))
    place.registry.put(both)
    async with place.node_runs():
        assert (await place.confirm(both)).is_ack
        await place.poll()
        place.registry.put(peers.bap("third.example.org"))
        place.clock.at += 30
        await place.poll()
        asked = place.registry.paths().count("/lookup")
        assert (await place.confirm(both)).is_ack
        assert place.registry.paths().count("/lookup") == asked


async def test_a_full_disk_is_not_taken_for_a_lost_registry(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, part: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def fresh(path: Path) -> Iterator[tuple[Path, io.BytesIO]]:
        yield path, Full()

    async with place.node_runs() as node:
        monkeypatch.setattr(files, "fresh", fresh)
        with pytest.raises(snapshot_poll.Unwritable):
            await place.poll()
        assert node.membership.snapshots is not None
        assert not node.membership.snapshots.is_registry_lost
        assert (await place.confirm()).is_ack


async def test_who_serves_a_city_is_read_once_in_15_s_while_the_registry_is_down(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Mapping[str, str]] = []
    places = Snapshot.places

    def counted(self: Snapshot, question: Mapping[str, str]) -> list[tuple[int, int]]:
        read.append(question)
        return places(self, question)

    monkeypatch.setattr(Snapshot, "places", counted)
    async with place.node_runs() as node:
        await place.poll()
        place.registry.is_down = True
        for _ in range(keyring.FOUND_FRESH_S + 1):
            found = await node.keyring.find(type=SubscriberType.BPP, domain=RIDES, city=CITY)
            assert len(found) == 2
            place.clock.at += 1
        assert len(read) == 2


async def test_more_providers_than_a_look_up_shows_are_found_by_the_snapshot(place: Place) -> None:
    key = PROVIDER.key
    crowd = [peers.bpp(f"p{n}.example.org", key=key) for n in range(keyring.PAGE + 100)]
    place.registry.put(*crowd)
    place.registry.page = keyring.PAGE
    async with place.node_runs() as node:

        async def found() -> int:
            place.clock.at += keyring.FOUND_FRESH_S
            city = {"domain": RIDES, "city": CITY}
            return len(await node.keyring.find(type=SubscriberType.BPP, **city))

        assert await found() == keyring.PAGE
        await place.poll()
        assert await found() == keyring.PAGE + 102


async def test_a_registry_without_snapshots_is_asked_for_one_seldom(place: Place) -> None:
    async with place.node_runs() as node:
        snapshots = node.membership.snapshots
        assert snapshots is not None
        snapshots._target = f"{place.registry.peer.url}/nowhere"
        for _ in range(120):
            await place.poll()
            place.clock.at += 1
        assert (await place.confirm()).is_ack
        assert place.registry.paths() == ["/lookup"]
        assert snapshots._every_s == snapshot_poll.REFUSED_EVERY_S
