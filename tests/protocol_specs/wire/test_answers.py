"""Answers of a registry: believed when the pinned key signed these bytes just now, and not else."""

import pytest

from protocol_specs.wire import keys
from protocol_specs.wire.answers import verify_answer, verify_kept
from protocol_specs.wire.errors import Unauthenticated
from protocol_specs.wire.parties import SubscriberType
from protocol_specs.wire.signing import digest
from protocol_specs.wire.values import replace
from tests.support.peers import NOW, Peer

REGISTRY = Peer("registry.example.org", SubscriberType.REGISTRY, "https://registry.example.org")
PINNED = REGISTRY.records()[0]
BODY = b'[{"subscriber_id":"bap.example.org"}]'


def signed(by: Peer = REGISTRY, body: bytes = BODY, created: int = NOW, lives_s: int = 60) -> str:
    return by.authorization(body, created=created, lives_s=lives_s)


@pytest.mark.parametrize(("created", "lives_s"), [(NOW, 60), (NOW + 5, 60), (NOW - 300, 300)])
def test_an_answer_signed_just_now_is_believed(created: int, lives_s: int) -> None:
    header = verify_answer([signed(created=created, lives_s=lives_s)], digest(BODY), PINNED, NOW)
    assert header.created == created


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [signed(), signed()],
        [signed(created=NOW - 61)],
        [signed(created=NOW + 6)],
        [signed(lives_s=301)],
        [signed(body=BODY + b" ")],
        [signed(replace(REGISTRY, key=keys.generate_signing_key()))],
        [signed(replace(REGISTRY, unique_key_id="k2"))],
        [signed(replace(REGISTRY, subscriber_id="registry.example.com"))],
        ["Signature"],
    ],
    ids=["none", "two", "stale", "future", "long-lived", "body", "key", "key-id", "id", "grammar"],
)
def test_anything_else_is_not(lines: list[str]) -> None:
    with pytest.raises(Unauthenticated):
        verify_answer(lines, digest(BODY), PINNED, NOW)


def test_a_kept_answer_is_judged_by_its_key_and_bytes_and_says_when_it_was_made() -> None:
    old = signed(created=NOW - 86_400)
    assert verify_kept(old, digest(BODY), PINNED).created == NOW - 86_400
    with pytest.raises(Unauthenticated):
        verify_kept(old, digest(BODY + b" "), PINNED)
