"""The registry's challenge, made and read."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.wire import challenge, keys
from protocol_specs.wire.errors import Malformed

GIVEN = json.loads((Path(__file__).parent / "vectors.json").read_bytes())["challenge"]
REGISTRY = keys.encryption_key(GIVEN["registry"]["private"])
PARTICIPANT = keys.encryption_key(GIVEN["participant"]["private_pkcs8"])


@pytest.mark.parametrize("form", ["public", "public_spki"])
def test_challenge_of_another_implementation_is_reproduced_and_read(form):
    to_participant = keys.encryption_public_key(GIVEN["participant"][form])
    to_registry = keys.encryption_public_key(GIVEN["registry"][form])
    assert challenge.encrypt(GIVEN["plain"], REGISTRY, to_participant) == GIVEN["sealed"]
    assert challenge.decrypt(GIVEN["sealed"], PARTICIPANT, to_registry) == GIVEN["plain"]


@given(st.text(max_size=100))
def test_what_one_side_seals_the_other_reads(plain):
    sealed = challenge.encrypt(plain, REGISTRY, PARTICIPANT.public)
    assert challenge.decrypt(sealed, PARTICIPANT, REGISTRY.public) == plain


@pytest.mark.parametrize(
    "sealed",
    ["", "nonsense", GIVEN["sealed"][:-4], keys.b64encode(bytes(16)), GIVEN["sealed"] * 200, "é"],
    ids=["empty", "no base64", "cut", "wrong padding", "too long", "not ASCII"],
)
def test_every_unreadable_challenge_is_refused_in_the_same_words(sealed):
    with pytest.raises(Malformed, match="cannot be read") as refused:
        challenge.decrypt(sealed, PARTICIPANT, REGISTRY.public)
    assert refused.value.path == "/challenge"


def test_a_challenge_made_with_another_key_is_refused():
    stranger = keys.generate_encryption_key()
    with pytest.raises(Malformed):
        challenge.decrypt(GIVEN["sealed"], stranger, REGISTRY.public)


def test_a_peer_key_of_small_order_gives_no_secret():
    with pytest.raises(keys.InvalidKey):
        challenge.encrypt("plain", REGISTRY, bytes(32))
    with pytest.raises(Malformed):
        challenge.decrypt(GIVEN["sealed"], PARTICIPANT, bytes(32))
