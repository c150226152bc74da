"""Keys in every form that networks use, and nothing else."""

import json
from pathlib import Path

import pytest

from protocol_specs.wire import keys

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_bytes())
FORMS = VECTORS["signing_key"]
PUBLIC = keys.strict_b64decode(FORMS["public"])


@pytest.mark.parametrize("form", ["private", "private_64", "private_pkcs8"])
def test_every_form_of_a_private_signing_key_is_the_same_key(form):
    key = keys.signing_key(FORMS[form])
    assert key.public == PUBLIC
    assert keys.b64encode(key.seed) == FORMS["private"]


@pytest.mark.parametrize("form", ["public", "public_spki"])
def test_every_form_of_a_public_signing_key_is_the_same_key(form):
    assert keys.public_key(FORMS[form]) == PUBLIC


def test_a_key_file_may_end_with_a_newline_and_come_as_bytes():
    assert keys.signing_key(FORMS["private"].encode() + b"\n").public == PUBLIC


def test_a_64_byte_key_whose_halves_disagree_is_refused():
    seed = keys.strict_b64decode(FORMS["private"])
    with pytest.raises(keys.InvalidKey, match="public half"):
        keys.signing_key(keys.b64encode(seed + bytes(32)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        FORMS["private"].rstrip("="),
        keys.b64encode(b"x" * 31),
        keys.b64encode(b"x" * 33),
        keys.b64encode(b"x" * 48),
        VECTORS["challenge"]["registry"]["private_pkcs8"],
        "ключ",
    ],
)
def test_what_is_no_signing_key_is_refused_without_being_shown(text):
    with pytest.raises(keys.InvalidKey) as refused:
        keys.signing_key(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(
    "raw",
    [bytes(32), b"\x01" + bytes(31), b"\xff" * 32, b"x" * 31, b"x" * 44],
    ids=["zero", "small order", "not on the curve", "short", "other DER"],
)
def test_what_is_no_public_signing_key_is_refused(raw):
    with pytest.raises(keys.InvalidKey):
        keys.public_key(keys.b64encode(raw))


def test_an_encryption_key_is_not_taken_for_a_signing_key():
    with pytest.raises(keys.InvalidKey):
        keys.public_key(VECTORS["challenge"]["registry"]["public_spki"])


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_a_refusal_and_no_crash(length):
    with pytest.raises(keys.BadSignature):
        keys.verify(PUBLIC, b"message", b"x" * length)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_public_key_of_another_length_is_a_refusal_and_no_crash(length):
    with pytest.raises(keys.BadSignature):
        keys.verify(b"x" * length, b"message", b"x" * 64)


def test_the_border_between_signature_and_message_cannot_be_moved():
    key = keys.signing_key(FORMS["private"])
    signature = key.sign(b"message")
    keys.verify(key.public, b"message", signature)
    with pytest.raises(keys.BadSignature):
        keys.verify(key.public, signature[63:] + b"message", signature[:63])
    with pytest.raises(keys.BadSignature):
        keys.verify(key.public, b"essage", signature + b"m")


def test_a_good_public_key_with_a_byte_too_many_is_refused():
    key = keys.signing_key(FORMS["private"])
    with pytest.raises(keys.BadSignature):
        keys.verify(key.public + b"x", b"message", key.sign(b"message"))


@pytest.mark.parametrize("form", ["public_spki", "private_pkcs8"])
def test_a_key_in_der_with_a_byte_too_many_is_refused(form):
    longer = keys.b64encode(keys.strict_b64decode(FORMS[form]) + b"x")
    with pytest.raises(keys.InvalidKey):
        (keys.public_key if form == "public_spki" else keys.signing_key)(longer)


def test_a_signature_with_the_group_order_added_is_refused():
    order = 2**252 + 27742317777372353535851937790883648493
    key = keys.signing_key(FORMS["private"])
    signature = key.sign(b"message")
    second = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(keys.BadSignature):
        keys.verify(key.public, b"message", signature[:32] + second.to_bytes(32, "little"))


def test_private_keys_do_not_show_in_a_repr():
    signing, encryption = keys.generate_signing_key(), keys.generate_encryption_key()
    for key in (signing, encryption):
        assert repr(key.seed) not in repr(key)
        assert repr(key.public) in repr(key)


def test_generated_keys_work_and_differ():
    one, other = keys.generate_signing_key(), keys.generate_signing_key()
    assert one.seed != other.seed
    keys.verify(one.public, b"message", one.sign(b"message"))
    assert keys.signing_key(keys.b64encode(one.seed)) == one


def test_both_sides_of_an_exchange_compute_one_secret():
    one, other = keys.generate_encryption_key(), keys.generate_encryption_key()
    assert one.shared_secret(other.public) == other.shared_secret(one.public)
    assert keys.encryption_key(keys.b64encode(one.seed)) == one


@pytest.mark.parametrize(
    "text", ["QQ", "QQ=", "QQ==\n", "QR==", "Q Q==", "QQ==QQ==", "-_==", "Ａ==="]
)
def test_base64_has_one_spelling(text):
    with pytest.raises(ValueError, match=r"base64|ascii"):
        keys.strict_b64decode(text)


def test_base64_in_its_one_spelling_is_read():
    assert keys.strict_b64decode("QQ==") == b"A"
    assert keys.b64encode(b"A") == "QQ=="
