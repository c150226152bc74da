"""Signatures: vectors made elsewhere, one written form, lenient and exact reading."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.wire import keys, signing
from protocol_specs.wire.errors import Unauthenticated
from tests.protocol_specs.wire.door import key_of

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_bytes())
SIGNATURES = [pytest.param(vector, id=vector["name"]) for vector in VECTORS["signatures"]]
KEY_ID = signing.KeyId("taxi.example.org", "k-2026")
KEY = key_of("taxi")
ONE = VECTORS["signatures"][0]
USUAL = ONE["header"]
PARTS = USUAL.removeprefix("Signature ").split(",")


@pytest.mark.parametrize("vector", SIGNATURES)
def test_signature_of_another_implementation_is_reproduced_byte_for_byte(vector):
    body = vector["body"].encode()
    key = keys.signing_key(VECTORS["signing_key"]["private"])
    header = signing.sign(
        body, key=key, key_id=KEY_ID, created=vector["created"], expires=vector["expires"]
    )
    assert signing.digest(body) == vector["digest"]
    assert header == vector["header"]


@pytest.mark.parametrize("vector", SIGNATURES)
def test_signature_of_another_implementation_verifies(vector):
    header = signing.parse_header(vector["header"])
    public = keys.public_key(VECTORS["signing_key"]["public"])
    assert header.key_id == KEY_ID
    assert header.raw == vector["header"]
    signing.verify_header(header, signing.digest(vector["body"].encode()), public)


def test_signing_string_has_three_lines_and_no_newline_at_the_end():
    assert signing.signing_string(1, 2, "x") == b"(created): 1\n(expires): 2\ndigest: BLAKE-512=x"


@given(st.binary(max_size=500), st.integers(10**9, 10**10), st.integers(0, 3600))
def test_what_is_signed_verifies(body, created, life_s):
    value = signing.sign(body, key=KEY, key_id=KEY_ID, created=created, expires=created + life_s)
    header = signing.parse_header(value)
    assert (header.key_id, header.created, header.expires) == (KEY_ID, created, created + life_s)
    signing.verify_header(header, signing.digest(body), KEY.public)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_single_changed_bit_of_the_body_is_refused(body, data):
    header = signing.parse_header(
        signing.sign(body, key=KEY, key_id=KEY_ID, created=10**9, expires=10**9 + 60)
    )
    changed = _flipped(body, data.draw(st.integers(0, 8 * len(body) - 1)))
    with pytest.raises(Unauthenticated, match="does not verify"):
        signing.verify_header(header, signing.digest(changed), KEY.public)


@given(st.integers(0, 511))
def test_a_single_changed_bit_of_the_signature_is_refused(bit):
    message = b"(created): 1000000000"
    with pytest.raises(keys.BadSignature):
        keys.verify(KEY.public, message, _flipped(KEY.sign(message), bit))


@given(st.integers(0, 255))
def test_a_single_changed_bit_of_the_public_key_is_refused(bit):
    message = b"(created): 1000000000"
    with pytest.raises(keys.BadSignature):
        keys.verify(_flipped(KEY.public, bit), message, KEY.sign(message))


def test_a_bad_signature_names_the_key_looked_for_so_that_it_may_be_fetched_again():
    header = signing.parse_header(USUAL)
    with pytest.raises(Unauthenticated, match=r"taxi\.example\.org\|k-2026") as refused:
        signing.verify_header(header, signing.digest(b"other"), KEY.public)
    assert refused.value.doubted_key == KEY_ID


LENIENT = {
    "blank after commas": USUAL.replace(",", ", "),
    "blanks around equals": re.sub(r'(\w)="', r'\1 = "', USUAL),
    "tabs": USUAL.replace(",", "\t,\t"),
    "scheme in lower case": USUAL.replace("Signature", "signature"),
    "scheme in upper case": USUAL.replace("Signature", "SIGNATURE"),
    "other order": "Signature " + ",".join(reversed(PARTS)),
    "times without quotes": USUAL.replace('created="1790000000"', "created=1790000000").replace(
        'expires="1790000060"', "expires=1790000060"
    ),
}


@pytest.mark.parametrize("value", LENIENT.values(), ids=LENIENT)
def test_blanks_order_and_case_of_the_scheme_are_left_to_the_peer(value):
    header, usual = signing.parse_header(value), signing.parse_header(USUAL)
    assert (header.key_id, header.created, header.expires, header.signature) == (
        usual.key_id,
        usual.created,
        usual.expires,
        usual.signature,
    )
    assert header.raw == value


SIGNATURE = ONE["signature"]
EXACT = {
    "empty": "",
    "no scheme": USUAL.removeprefix("Signature "),
    "other scheme": USUAL.replace("Signature", "Bearer"),
    "scheme alone": "Signature ",
    "key id of two parts": USUAL.replace("|ed25519", ""),
    "key id of four parts": USUAL.replace("|ed25519", "|x|ed25519"),
    "key id without a subscriber": USUAL.replace("taxi.example.org", ""),
    "key id with a blank": USUAL.replace("k-2026", "k 2026"),
    "key id not ASCII": USUAL.replace("k-2026", "k-２０２６"),
    "key id over 255 characters": USUAL.replace("k-2026", "k" * 256),
    "key id of another algorithm": USUAL.replace("|ed25519", "|hs2019"),
    "another algorithm": USUAL.replace('algorithm="ed25519"', 'algorithm="hs2019"'),
    "no algorithm named": USUAL.replace('algorithm="ed25519"', 'algorithm="none"'),
    "digest left out of headers": USUAL.replace(" digest", ""),
    "headers in other order": USUAL.replace("(created) (expires)", "(expires) (created)"),
    "more headers than we check": USUAL.replace(" digest", " digest host"),
    "created with a sign": USUAL.replace('"1790000000"', '"+1790000000"'),
    "created with an underscore": USUAL.replace('"1790000000"', '"1_790000000"'),
    "created with a leading zero": USUAL.replace('"1790000000"', '"01790000000"'),
    "created in Arabic digits": USUAL.replace('"1790000000"', '"١٧٩٠٠٠٠٠٠٠"'),
    "created as a float": USUAL.replace('"1790000000"', '"1790000000.0"'),
    "created in milliseconds": USUAL.replace('"1790000000"', '"1790000000000"'),
    "created negative": USUAL.replace('"1790000000"', '"-1790000000"'),
    "created empty": USUAL.replace('"1790000000"', '""'),
    "url-safe base64": USUAL.replace(SIGNATURE, SIGNATURE.replace("+", "-").replace("/", "_")),
    "63-byte signature": USUAL.replace(SIGNATURE, keys.b64encode(b"x" * 63)),
    "65-byte signature": USUAL.replace(SIGNATURE, keys.b64encode(b"x" * 65)),
    "signature without padding": USUAL.replace("==", ""),
    "signature in a second spelling": USUAL.replace(SIGNATURE, SIGNATURE[:-3] + "B=="),
    "signature with a line break": USUAL.replace(SIGNATURE, SIGNATURE[:40] + "\n" + SIGNATURE[40:]),
    "trailing newline": USUAL + "\n",
    "trailing comma": USUAL + ",",
    "trailing comma and blank": USUAL + ", ",
    "two commas": USUAL.replace(",", ",,"),
    "unknown parameter": USUAL + ',opaque="x"',
    "parameter in other case": USUAL.replace("keyId", "keyid"),
    "escaped quote": USUAL.replace("k-2026", 'k\\"2026'),
    "unclosed quote": USUAL[:-1],
    "single quotes": USUAL.replace('"', "'"),
    "longer than 2 KiB": USUAL + " " * 2048,
    **{f"{part.split('=')[0]} twice": f"{USUAL},{part}" for part in PARTS},
    **{
        f"{part.split('=')[0]} missing": USUAL.replace(part, "").replace(",,", ",").rstrip(",")
        for part in PARTS
    },
}


def test_the_exact_cases_differ_from_a_good_header():
    assert USUAL not in EXACT.values()
    assert "+" in SIGNATURE or "/" in SIGNATURE


@pytest.mark.parametrize("value", EXACT.values(), ids=EXACT)
def test_anything_else_about_the_header_is_exact(value):
    with pytest.raises(Unauthenticated):
        signing.parse_header(value)


def test_a_header_of_2_kib_is_read_and_one_character_more_is_not():
    blanks = " " * (2048 - len(USUAL))
    assert signing.parse_header(USUAL + blanks).key_id == KEY_ID
    with pytest.raises(Unauthenticated, match="longer than 2048"):
        signing.parse_header(USUAL + blanks + " ")


@given(st.text(max_size=300))
def test_no_header_text_does_more_than_be_refused(text):
    with pytest.raises(Unauthenticated):
        signing.parse_header("Signature " + text)


@given(st.integers(0, len(USUAL) - 1), st.characters(codec="utf-8"))
def test_a_damaged_header_is_refused_or_reads_as_text_of_the_same_form(position, character):
    damaged = USUAL[:position] + character + USUAL[position + 1 :]
    try:
        header = signing.parse_header(damaged)
    except Unauthenticated:
        return
    again = f'keyId="{"|".join(header.key_id)}|ed25519"'
    assert again in damaged
    assert f"{header.created}" in damaged


@pytest.mark.parametrize(
    ("ttl_s", "expected_s"), [(None, 60), (0, 60), (30, 60), (60, 60), (120, 120), (86400, 300)]
)
def test_a_signature_lives_as_long_as_the_message_within_a_minute_and_five(ttl_s, expected_s):
    assert signing.lifetime(1000, ttl_s) == (1000, 1000 + expected_s)


def test_the_challenge_of_a_401_names_us_and_what_to_sign():
    assert signing.authenticate_value("taxi.example.org") == (
        'Signature realm="taxi.example.org",headers="(created) (expires) digest"'
    )


def _flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
