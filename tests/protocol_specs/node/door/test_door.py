"""The signed door over a real socket: what it takes, and each thing it refuses."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, func, select

from protocol_specs.node.messages.actions import Durable, Passing
from protocol_specs.node.messages.tables import Received
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import strict_json
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import OrderNotFound
from protocol_specs.wire.parties import SubscriberType
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import NOW, Clock, FakeDirectory, Peer, Said, post, signed_post

pytestmark = pytest.mark.usefixtures("either_way")

COUNT = Statement(select(func.count().label("n")).select_from(Received.__table__))


@dataclass
class Provider:
    """A provider's node at its door, with what its handlers saw."""

    node: Node
    clock: Clock
    directory: FakeDirectory
    bap: Peer
    handled: list[Envelope] = field(default_factory=list)
    passed: list[Envelope] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.node.port}"

    def stored(self) -> int:
        row = self.node.store.read(lambda session: session.one(COUNT))
        assert row is not None
        return int(row["n"])

    def confirm(self, sender: Peer | None = None, **changes: Any) -> dict[str, Any]:
        order = {"provider": {"id": "p1"}, "items": [{"id": "i1"}]}
        return {
            "context": peers.context_of(
                "confirm",
                sender=sender or self.bap,
                to_id=self.node.receiver.subscriber_id,
                to_url=self.url,
                **changes,
            ),
            "message": {"order": order},
        }

    def search(self, **changes: Any) -> dict[str, Any]:
        context = peers.context_of("search", sender=self.bap, to_id=None, to_url=None, **changes)
        return {"context": context, "message": {"intent": {}}}


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with serving(tmp_path) as there:
        yield there


@asynccontextmanager
async def serving(folder: Path, **limits: Any) -> AsyncIterator[Provider]:
    clock, bap = Clock(), peers.bap()
    directory = FakeDirectory([bap, peers.bpp("other.example.org"), peers.gateway()])
    sock = listening_socket()
    settings = settings_of(
        NodeSettings,
        folder,
        sock,
        subscriber_id="bpp.example.org",
        limits={"passing_max": 2, **limits},
    )
    node = Node(
        settings,
        type=SubscriberType.BPP,
        metadata=MetaData(),
        clock=clock,
        directory=directory,
    )
    there = Provider(node, clock, directory, bap)

    def handle(session: Session, envelope: Envelope, now: int) -> None:
        there.handled.append(envelope)

    async def pass_on(envelope: Envelope, now: int) -> None:
        there.passed.append(envelope)

    def judge(envelope: Envelope, now: int) -> None:
        if envelope.context.city == "std:404":
            raise OrderNotFound("no such order")

    node.serve_action(Durable("confirm", handle, judge))
    node.serve_action(Passing("search", pass_on, judge))
    async with running(node, sock):
        yield there


async def refused(there: Provider, said: Said, status: int, code: str) -> None:
    assert (said.status, said.code) == (status, code), said.body
    assert said.headers["Content-Type"].startswith("application/json")
    assert there.stored() == 0
    assert there.handled == []
    assert there.passed == []


async def test_a_signed_confirm_is_stored_before_it_is_acked(provider: Provider) -> None:
    said = await signed_post(provider.url, provider.bap, provider.confirm())
    assert said.is_ack
    assert provider.stored() == 1


async def test_a_replay_is_acked_and_nothing_more_is_stored(provider: Provider) -> None:
    body = strict_json.dumps(provider.confirm())
    assert (await signed_post(provider.url, provider.bap, body)).is_ack
    assert (await signed_post(provider.url, provider.bap, body)).is_ack
    assert provider.stored() == 1


async def test_a_message_id_used_again_for_other_bytes_is_refused(provider: Provider) -> None:
    confirm = provider.confirm()
    assert (await signed_post(provider.url, provider.bap, confirm)).is_ack
    confirm["message"]["order"]["provider"]["id"] = "p2"
    said = await signed_post(provider.url, provider.bap, confirm)
    assert (said.status, said.code) == (400, "30000")
    assert provider.stored() == 1


async def test_malformed_json_is_refused(provider: Provider) -> None:
    body = strict_json.dumps(provider.confirm())[:-1]
    said = await signed_post(provider.url, provider.bap, body + b",}", action="confirm")
    await refused(provider, said, 400, "30000")


async def test_a_wrong_type_is_refused_with_its_path(provider: Provider) -> None:
    confirm = provider.confirm()
    confirm["message"]["order"]["items"] = "i1"
    said = await signed_post(provider.url, provider.bap, confirm)
    await refused(provider, said, 400, "30000")
    assert said.json["error"]["paths"] == "/message/order/items"


@pytest.mark.parametrize("value", ["other.example.org", "BAP.example.org", ""])
async def test_a_foreign_identity_is_refused(provider: Provider, value: str) -> None:
    said = await signed_post(provider.url, provider.bap, provider.confirm(bap_id=value))
    assert said.status in (400, 401)
    await refused(provider, said, said.status, "30016" if said.status == 401 else "30000")


@pytest.mark.parametrize("value", [None, ["bap.example.org"], 7])
async def test_a_missing_or_wrongly_typed_identity_is_refused(
    provider: Provider, value: object
) -> None:
    confirm = provider.confirm()
    confirm["context"]["bap_id"] = value
    if value is None:
        del confirm["context"]["bap_id"]
    await refused(provider, await signed_post(provider.url, provider.bap, confirm), 400, "30000")


async def test_a_bad_signature_is_refused_with_a_challenge(provider: Provider) -> None:
    body = strict_json.dumps(provider.confirm())
    thief = replace(provider.bap, key=peers.keys.generate_signing_key())
    said = await signed_post(provider.url, thief, body)
    await refused(provider, said, 401, "30016")
    assert said.headers["WWW-Authenticate"] == (
        'Signature realm="bpp.example.org",headers="(created) (expires) digest"'
    )


async def test_a_changed_body_is_refused(provider: Provider) -> None:
    body = strict_json.dumps(provider.confirm())
    headers = {"Authorization": provider.bap.authorization(body)}
    said = await post(f"{provider.url}/confirm", body + b" ", headers)
    await refused(provider, said, 401, "30016")


async def test_a_missing_signature_is_refused(provider: Provider) -> None:
    said = await post(f"{provider.url}/confirm", strict_json.dumps(provider.confirm()))
    await refused(provider, said, 401, "30016")
    assert provider.directory.asked == []


@pytest.mark.parametrize("created", [NOW - 61, NOW + 6])
async def test_an_expired_or_future_signature_is_refused_without_asking_the_registry(
    provider: Provider, created: int
) -> None:
    said = await signed_post(provider.url, provider.bap, provider.confirm(), created=created)
    await refused(provider, said, 401, "30016")
    assert provider.directory.asked == []


@pytest.mark.parametrize("created", [NOW - 60, NOW + 5])
async def test_a_signature_at_the_edge_of_its_time_is_taken(
    provider: Provider, created: int
) -> None:
    assert (
        await signed_post(provider.url, provider.bap, provider.confirm(), created=created)
    ).is_ack


async def test_a_stale_message_is_refused(provider: Provider) -> None:
    confirm = provider.confirm(timestamp="2020-01-01T00:00:00.000Z")
    await refused(provider, await signed_post(provider.url, provider.bap, confirm), 400, "30022")


async def test_an_unknown_key_is_refused(provider: Provider) -> None:
    stranger = peers.bap("stranger.example.org")
    confirm = provider.confirm(stranger)
    await refused(provider, await signed_post(provider.url, stranger, confirm), 401, "30016")


@pytest.mark.parametrize("status", ["UNSUBSCRIBED", "UNDER_SUBSCRIPTION", "INVALID_SSL"])
async def test_a_key_that_is_not_subscribed_is_refused(provider: Provider, status: str) -> None:
    newcomer = peers.bap("new.example.org")
    provider.directory.held += newcomer.records(status=status)
    said = await signed_post(provider.url, newcomer, provider.confirm(newcomer))
    await refused(provider, said, 401, "30016")


async def test_a_provider_cannot_speak_as_a_consumer(provider: Provider) -> None:
    other = peers.bpp("acting.example.org")
    provider.directory.held += other.records()
    confirm = provider.confirm(replace(other, type=SubscriberType.BAP))
    await refused(provider, await signed_post(provider.url, other, confirm), 401, "30016")


async def test_signed_bytes_sent_to_another_path_are_refused(provider: Provider) -> None:
    said = await signed_post(provider.url, provider.bap, provider.confirm(), action="search")
    assert said.status == 400
    await refused(provider, said, 400, "30000")


async def test_an_action_that_is_not_served_is_refused(provider: Provider) -> None:
    said = await signed_post(provider.url, provider.bap, provider.confirm(), action="nothing")
    await refused(provider, said, 404, "40001")


async def test_a_message_for_another_provider_is_refused(provider: Provider) -> None:
    confirm = provider.confirm(bpp_id="other.example.org")
    await refused(provider, await signed_post(provider.url, provider.bap, confirm), 400, "30000")


async def test_a_uri_that_is_not_the_senders_is_refused(provider: Provider) -> None:
    confirm = provider.confirm(bap_uri="https://elsewhere.example.org")
    await refused(provider, await signed_post(provider.url, provider.bap, confirm), 400, "30000")


async def test_two_authorization_lines_are_refused(provider: Provider) -> None:
    body = strict_json.dumps(provider.confirm())
    line = ("Authorization", provider.bap.authorization(body))
    said = await post(f"{provider.url}/confirm", body, [line, line])
    await refused(provider, said, 401, "30016")


async def test_a_gateway_line_by_somebody_who_is_no_gateway_is_refused(
    provider: Provider,
) -> None:
    body = strict_json.dumps(provider.search())
    other = peers.bpp("pretender.example.org")
    provider.directory.held += other.records()
    headers = {"X-Gateway-Authorization": other.authorization(body)}
    said = await signed_post(provider.url, provider.bap, body, headers=headers)
    await refused(provider, said, 401, "30016")
    assert "Proxy-Authenticate" in said.headers


async def test_an_oversize_body_is_refused(provider: Provider) -> None:
    confirm = provider.confirm()
    confirm["message"]["order"]["provider"]["id"] = "p" * 1_048_576
    said = await signed_post(provider.url, provider.bap, confirm)
    await refused(provider, said, 413, "30000")


async def test_an_oversize_body_without_a_stated_length_is_refused(provider: Provider) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    said = await post(f"{provider.url}/confirm", chunks())  # type: ignore[arg-type]
    await refused(provider, said, 413, "30000")


async def test_an_encoded_body_is_refused(provider: Provider) -> None:
    body = strict_json.dumps(provider.confirm())
    headers = {"Content-Encoding": "gzip"}
    said = await signed_post(provider.url, provider.bap, body, headers=headers)
    await refused(provider, said, 415, "30000")


async def test_what_a_judge_refuses_leaves_nothing_behind(provider: Provider) -> None:
    for document in (provider.confirm(), provider.search()):
        document["context"]["location"]["city"]["code"] = "std:404"
        said = await signed_post(provider.url, provider.bap, document)
        await refused(provider, said, 400, "30010")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_another_method_is_refused_as_json(provider: Provider, method: str) -> None:
    async with (
        peers.aiohttp.ClientSession() as session,
        session.request(method, f"{provider.url}/confirm") as response,
    ):
        said = Said(response.status, response.headers.copy(), await response.read())
    await refused(provider, said, 405, "40001")


async def test_a_refusal_repeats_nothing_of_an_unknown_path(provider: Provider) -> None:
    said = await post(f"{provider.url}/%3Cscript%3E-secret", b"{}")
    await refused(provider, said, 404, "40001")
    assert b"secret" not in said.body


async def test_an_unknown_expectation_is_refused_without_repeating_it(
    provider: Provider,
) -> None:
    said = await post(f"{provider.url}/health", b"", {"Expect": "secret"})
    assert said.status == 417
    assert b"secret" not in said.body
    assert said.code == "30000"


async def test_a_passing_replay_is_acked_without_a_second_effect(provider: Provider) -> None:
    body = strict_json.dumps(provider.search())
    assert (await signed_post(provider.url, provider.bap, body)).is_ack
    assert (await signed_post(provider.url, provider.bap, body)).is_ack
    await provider.node.arrivals.drained()
    assert len(provider.passed) == 1
    assert provider.stored() == 0


async def test_a_passing_message_id_used_for_other_bytes_is_refused(provider: Provider) -> None:
    search = provider.search()
    assert (await signed_post(provider.url, provider.bap, search)).is_ack
    search["message"]["intent"]["descriptor"] = {"name": "another"}
    said = await signed_post(provider.url, provider.bap, search)
    assert (said.status, said.code) == (400, "30000")


async def test_a_key_replaced_in_the_registry_is_taken_after_one_refetch(
    provider: Provider,
) -> None:
    assert (await signed_post(provider.url, provider.bap, provider.confirm())).is_ack
    renewed = replace(provider.bap, key=peers.keys.generate_signing_key())
    provider.directory.forget(provider.bap)
    provider.directory.held += renewed.records()
    assert (await signed_post(provider.url, renewed, provider.confirm())).is_ack
    asked = len(provider.directory.asked)
    thief = replace(provider.bap, key=peers.keys.generate_signing_key())
    for _ in range(5):
        said = await signed_post(provider.url, thief, provider.confirm())
        assert said.status == 401
    assert len(provider.directory.asked) == asked


async def test_a_revoked_key_is_refused_a_minute_later(provider: Provider) -> None:
    assert (await signed_post(provider.url, provider.bap, provider.confirm())).is_ack
    provider.directory.forget(provider.bap)
    provider.clock.at = NOW + 60
    confirm = provider.confirm(timestamp="2026-09-21T14:14:20.000Z")
    said = await signed_post(provider.url, provider.bap, confirm, created=NOW + 60)
    assert said.status == 401, said.body
    assert "not in the registry" in said.json["error"]["message"]


async def test_without_a_registry_nobody_new_is_believed_and_503_says_when_to_return(
    provider: Provider,
) -> None:
    provider.directory.is_down = True
    said = await signed_post(provider.url, provider.bap, provider.confirm())
    await refused(provider, said, 503, "50000")
    assert int(said.headers["Retry-After"]) >= 1


async def test_an_unknown_key_costs_the_registry_one_look_up(provider: Provider) -> None:
    stranger = peers.bap("stranger.example.org")
    said = await signed_post(provider.url, stranger, provider.confirm(stranger))
    assert said.status == 401
    assert len(provider.directory.asked) == 1


async def test_unknown_keys_that_come_again_are_rate_limited_too(provider: Provider) -> None:
    """Each may be asked for again, lest it was registered meanwhile; all at once may not."""
    strangers = [peers.bap(f"s{number}.example.org") for number in range(80)]
    for number, stranger in enumerate(strangers):
        provider.clock.at = NOW + number // 10  # at a pace that is allowed
        said = await signed_post(provider.url, stranger, provider.confirm(stranger))
        assert said.status == 401
    asked = len(provider.directory.asked)
    provider.clock.at = NOW + 15  # nobody is forgotten, each could be asked for again
    for stranger in strangers:
        await signed_post(provider.url, stranger, provider.confirm(stranger))
    assert asked < len(provider.directory.asked) <= asked + 40


async def test_unknown_keys_from_one_address_are_rate_limited(provider: Provider) -> None:
    codes = set()
    for _ in range(60):
        stranger = peers.bap(f"s{uuid.uuid4().hex}.example.org")
        said = await signed_post(provider.url, stranger, provider.confirm(stranger))
        codes.add(said.status)
    assert codes == {401, 429}
    assert len(provider.directory.asked) <= 100


async def test_one_peer_that_sends_too_much_is_told_when_to_come_again_and_others_go_on(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, messages_per_peer_per_s=0.5) as there:
        assert (await signed_post(there.url, there.bap, there.confirm())).is_ack
        forged = strict_json.dumps(there.confirm()) + b" "
        said = await signed_post(there.url, there.bap, there.confirm())
        assert (said.status, said.headers["Retry-After"]) == (429, "2")
        assert there.stored() == 1
        other = peers.bap("other-bap.example.org")
        there.directory.held += other.records()
        assert (await signed_post(there.url, other, there.confirm(other))).is_ack
        there.clock.at += 2
        for body, status in ((forged, 401), (strict_json.dumps(there.confirm()), 200)):
            header = there.bap.authorization(body.strip(), created=NOW)
            said = await post(f"{there.url}/confirm", body, {"Authorization": header})
            assert said.status == status
        assert there.stored() == 3


async def test_behind_a_proxy_of_ours_unknown_keys_are_counted_for_who_sent_them(
    tmp_path: Path,
) -> None:
    async def statuses(there: Provider, address: str) -> list[int]:
        found = []
        for _ in range(3):
            stranger = peers.bap(f"s{uuid.uuid4().hex}.example.org")
            headers = {"X-Forwarded-For": address}
            said = await signed_post(there.url, stranger, there.confirm(stranger), headers=headers)
            found.append(said.status)
        return found

    async with serving(tmp_path, proxies=("127.0.0.1",), key_lookups_per_s=1) as there:
        assert await statuses(there, "203.0.113.1, 203.0.113.9") == [401, 401, 429]
        assert await statuses(there, "203.0.113.9, 203.0.113.1") == [401, 401, 429]
        assert await statuses(there, "203.0.113.2, 203.0.113.9") == [429, 429, 429]


async def test_a_node_with_too_much_to_do_sheds_before_it_verifies_and_takes_again(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, inbox_max=1) as there:
        there.node.inbox.wake.clear()
        room = there.node.door.room
        room.counted(1, 1.0)
        body = strict_json.dumps(there.confirm())
        said = await post(f"{there.url}/confirm", body, {"Authorization": "Signature nonsense"})
        assert (said.status, said.headers["Retry-After"]) == (503, "2")
        assert (there.stored(), there.directory.asked) == (0, [])
        room.counted(0, 1.0)
        assert (await signed_post(there.url, there.bap, there.confirm())).is_ack
        assert there.stored() == 1


async def test_who_is_owed_more_answers_than_it_takes_is_told_to_take_those_first(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as there:
        other = peers.bap("other-bap.example.org")
        there.directory.held += other.records()
        there.node.door.room.owes_much_to = lambda peer_id: peer_id == there.bap.subscriber_id
        said = await signed_post(there.url, there.bap, there.confirm())
        assert (said.status, said.headers["Retry-After"]) == (503, "2")
        assert there.stored() == 0
        assert (await signed_post(there.url, other, there.confirm(other))).is_ack
