"""Joining: what is asked of the registry, and who may have a challenge decrypted."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings, RegistrySettings
from protocol_specs.node.startup import load_keys
from protocol_specs.node.trust import subscription
from protocol_specs.node.trust.subscription import OwnKeys
from protocol_specs.wire import challenge, keys, strict_json
from protocol_specs.wire.parties import SubscriberType
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of, url_of
from tests.support.peers import NOW, Clock, Peer, Said, post

REGISTRY = Peer("registry.example.org", SubscriberType.REGISTRY, "http://127.0.0.1:1")
PLAIN = "31415926535897932384626433832795"


def registry_settings(registry: Peer = REGISTRY) -> RegistrySettings:
    return RegistrySettings(
        url=registry.url,
        subscriber_id=registry.subscriber_id,
        unique_key_id=registry.unique_key_id,
        signing_public_key=keys.b64encode(registry.key.public),
        encryption_public_key=keys.b64encode(registry.encryption.public),
    )


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    sock = listening_socket()
    settings = settings_of(
        NodeSettings,
        tmp_path,
        sock,
        subscriber_id="bpp.example.org",
        registry=registry_settings(),
        url=f"{url_of(sock)}/beckn/v1",
    )
    node = Node(settings, type=SubscriberType.BPP, metadata=MetaData(), clock=Clock())
    async with running(node, sock):
        yield node


def question(node: Node, subscriber_id: str = "bpp.example.org") -> bytes:
    public = load_keys(node.settings).encryption.public
    sealed = challenge.encrypt(PLAIN, REGISTRY.encryption, public)
    return strict_json.dumps({"subscriber_id": subscriber_id, "challenge": sealed})


async def ask(
    node: Node, body: bytes, *, by: Peer = REGISTRY, created: int = NOW, lives_s: int = 60
) -> Said:
    header = by.authorization(body, created=created, lives_s=lives_s)
    url = f"http://127.0.0.1:{node.port}/beckn/v1/on_subscribe"
    return await post(url, body, {"Authorization": header})


async def test_the_pinned_registry_is_answered(node: Node) -> None:
    said = await ask(node, question(node))
    assert (said.status, said.json) == (200, {"answer": PLAIN})


async def test_the_same_call_is_not_answered_twice(node: Node) -> None:
    body = question(node)
    assert (await ask(node, body)).status == 200
    assert (await ask(node, body)).status == 401


async def test_nobody_else_is_answered(node: Node) -> None:
    body = question(node)
    for stranger in (
        replace(REGISTRY, key=keys.generate_signing_key()),
        replace(REGISTRY, subscriber_id="registry.example.com"),
        replace(REGISTRY, unique_key_id="k2"),
    ):
        said = await ask(node, body, by=stranger)
        assert (said.status, said.code) == (401, "30016")
        assert PLAIN.encode() not in said.body


async def test_an_unsigned_challenge_is_not_answered(node: Node) -> None:
    said = await post(f"http://127.0.0.1:{node.port}/on_subscribe", question(node))
    assert said.status == 401


@pytest.mark.parametrize(("created", "lives_s"), [(NOW - 61, 60), (NOW + 6, 60), (NOW, 301)])
async def test_a_challenge_out_of_its_time_is_not_answered(
    node: Node, created: int, lives_s: int
) -> None:
    said = await ask(node, question(node), created=created, lives_s=lives_s)
    assert said.status == 401


async def test_a_challenge_for_somebody_else_is_refused(node: Node) -> None:
    said = await ask(node, question(node, "other.example.org"))
    assert (said.status, said.json["error"]["paths"]) == (400, "/subscriber_id")


async def test_a_challenge_is_answered_with_the_keys_it_names(node: Node) -> None:
    next = OwnKeys(keys.generate_signing_key(), keys.generate_encryption_key())
    own = load_keys(node.settings)
    challenged = node.membership.on_subscribe
    assert challenged is not None
    challenged.expect(own, next)
    for pair in (own, next):
        sealed = challenge.encrypt(PLAIN, REGISTRY.encryption, pair.encryption.public)
        named = {
            "subscriber_id": "bpp.example.org",
            "signing_public_key": keys.b64encode(pair.signing.public),
            "challenge": sealed,
        }
        assert (await ask(node, strict_json.dumps(named))).json == {"answer": PLAIN}
    challenged.expect(own)
    said = await ask(node, strict_json.dumps({**named, "nonce": "another"}))
    assert (said.status, said.json["error"]["paths"]) == (400, "/signing_public_key")


@pytest.mark.parametrize("sealed", [None, 7, "", "not base64", "AAAA"])
async def test_a_challenge_that_cannot_be_read_is_refused(node: Node, sealed: object) -> None:
    body = strict_json.dumps({"subscriber_id": "bpp.example.org", "challenge": sealed})
    said = await ask(node, body)
    assert (said.status, said.json["error"]["paths"]) == (400, "/challenge")


def test_an_application_says_all_a_registry_needs_in_both_spellings(tmp_path: Path) -> None:
    with listening_socket() as sock:
        settings = settings_of(NodeSettings, tmp_path, sock, subscriber_id="bpp.example.org")
    own = load_keys(settings)
    body = subscription.application(settings, own, type=SubscriberType.BPP, now=NOW, valid_s=86_400)
    assert body["url"] == body["subscriber_url"] == settings.url
    assert body["key_id"] == body["unique_key_id"] == "k1"
    assert body["signing_public_key"] == keys.b64encode(own.signing.public)
    assert body["encr_public_key"] == keys.b64encode(own.encryption.public)
    assert (body["type"], body["domains"]) == ("BPP", [peers.RIDES])
    assert body["valid_from"] < body["valid_until"]
    assert keys.b64encode(own.signing.seed) not in str(body)


class Answers:
    """A registry that answers in turn; the last answer stays."""

    def __init__(self, *answers: list[object]) -> None:
        self.answers = list(answers)

    async def look_up(self, question: dict[str, Any]) -> list[object]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


PUBLIC = keys.b64encode(keys.generate_signing_key().public)
APPLICATION = {
    "subscriber_id": "bpp.example.org",
    "key_id": "k1",
    "unique_key_id": "k1",
    "signing_public_key": PUBLIC,
    "domains": [peers.RIDES],
}
WAITING = {"status": "UNDER_SUBSCRIPTION", "waiting_for": "challenge", "reason": "an answer"}
ADMITTED = {"status": "SUBSCRIBED", "domain": peers.RIDES, "signing_public_key": PUBLIC}


async def waited(*answers: list[object], wait_s: float = 5) -> subscription.Standing:
    return await subscription.wait_until_subscribed(Answers(*answers), APPLICATION, wait_s=wait_s)


async def test_joining_ends_when_the_registry_shows_us_in_every_domain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription, "POLL_S", 0)
    elsewhere = {"status": "SUBSCRIBED", "domain": peers.DELIVERIES}
    standing = await waited([], [WAITING], [elsewhere], [WAITING], [ADMITTED])
    assert standing.is_subscribed


async def test_joining_does_not_end_with_another_key_under_our_key_id() -> None:
    other = keys.b64encode(keys.generate_signing_key().public)
    standing = await waited([{**ADMITTED, "signing_public_key": other}], [], wait_s=0)
    assert not standing.is_subscribed


async def test_joining_does_not_end_while_the_registry_shows_our_former_url() -> None:
    application = {**APPLICATION, "url": "https://new.bpp.example.org"}
    former = {**ADMITTED, "subscriber_url": "https://bpp.example.org/"}
    moved = {**ADMITTED, "url": "https://new.bpp.example.org/"}
    for shown, joined in ((former, False), (moved, True)):
        registry = Answers([shown], [WAITING])
        standing = await subscription.wait_until_subscribed(registry, application, wait_s=0)
        assert standing.is_subscribed is joined


async def test_joining_ends_with_the_registrys_words_when_it_refuses() -> None:
    refused = {**WAITING, "waiting_for": "refused", "reason": "wrong answer"}
    standing = await waited([], [refused])
    assert not standing.is_subscribed
    assert standing.says == "refused: wrong answer"


async def test_joining_ends_when_the_time_is_over() -> None:
    standing = await waited([], [WAITING], [], wait_s=0)
    assert (standing.status, standing.says) == ("UNDER_SUBSCRIPTION", "challenge: an answer")
