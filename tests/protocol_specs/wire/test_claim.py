"""claim: who says they signed, from header lines, times and digest, before anything is parsed."""

import hashlib

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from protocol_specs.wire import keys
from protocol_specs.wire.claims import claim
from protocol_specs.wire.errors import Refused, Unauthenticated
from protocol_specs.wire.parties import SubscriberType
from tests.protocol_specs.wire.door import (
    APP,
    GATE,
    NOW,
    TAXI,
    key_id,
    message,
    receiver_of,
    signed,
)

BODY = message("confirm")
GOOD = signed(BODY, APP)
BY_GATE = signed(BODY, GATE)
US = receiver_of(TAXI)


def claim_of(*lines: tuple[str, str], now: int = NOW, **options: int):
    return claim(CIMultiDictProxy(CIMultiDict(lines)), BODY, now, receiver=US, **options)


def test_a_claim_names_the_sender_key_and_keeps_the_bytes():
    made = claim_of(("authorization", GOOD))
    assert made.key_ids == (key_id(APP),)
    assert made.body is BODY
    assert made.sender.raw == GOOD
    assert made.gateway is None


def test_the_body_is_not_parsed():
    headers = CIMultiDict({"Authorization": signed(b"\xff", APP)})
    assert claim(headers, b"\xff", NOW, receiver=US).body == b"\xff"


@pytest.mark.parametrize("name", ["X-Gateway-Authorization", "Proxy-Authorization"])
def test_a_gateway_signs_under_either_name(name):
    made = claim_of(("Authorization", GOOD), (name, BY_GATE))
    assert made.key_ids == (key_id(APP), key_id(GATE))


def test_of_both_gateway_names_the_newer_one_is_read():
    made = claim_of(
        ("Authorization", GOOD),
        ("Proxy-Authorization", "nonsense"),
        ("X-Gateway-Authorization", BY_GATE),
    )
    assert made.gateway is not None
    assert made.gateway.key_id == key_id(GATE)


def test_no_authorization_line_is_refused():
    with pytest.raises(Unauthenticated, match="missing"):
        claim_of(("X-Gateway-Authorization", BY_GATE))


@pytest.mark.parametrize("second", [GOOD, signed(BODY, TAXI)])
def test_two_authorization_lines_are_refused_even_if_alike(second):
    with pytest.raises(Unauthenticated, match="exactly one"):
        claim_of(("Authorization", GOOD), ("authorization", second))


def test_two_gateway_lines_are_refused():
    with pytest.raises(Unauthenticated, match="exactly one") as refused:
        claim_of(
            ("Authorization", GOOD),
            ("X-Gateway-Authorization", BY_GATE),
            ("X-Gateway-Authorization", BY_GATE),
        )
    assert refused.value.challenge == "Proxy-Authenticate"


def test_a_bad_gateway_line_is_refused_though_the_sender_is_in_order():
    with pytest.raises(Unauthenticated) as refused:
        claim_of(("Authorization", GOOD), ("X-Gateway-Authorization", "nonsense"))
    assert refused.value.challenge == "Proxy-Authenticate"


def test_a_bad_sender_line_is_challenged_as_such():
    with pytest.raises(Unauthenticated) as refused:
        claim_of(("Authorization", "nonsense"))
    assert refused.value.challenge == "WWW-Authenticate"


@pytest.mark.parametrize(
    ("created", "expires", "now"),
    [
        (NOW, NOW + 60, NOW),
        (NOW, NOW + 60, NOW + 60),
        (NOW, NOW + 60, NOW - 5),
        (NOW, NOW, NOW),
        (NOW - 3600, NOW, NOW),
        (NOW - 60, NOW + 3540, NOW),
    ],
    ids=["now", "last second", "5 s ahead", "no life but now", "oldest", "longest"],
)
def test_a_signature_within_its_times_is_taken(created, expires, now):
    header = signed(BODY, APP, created=created, expires=expires)
    assert claim_of(("Authorization", header), now=now).sender.created == created


@pytest.mark.parametrize(
    ("created", "expires", "now", "said"),
    [
        (NOW, NOW + 60, NOW + 61, "expired 1 s ago"),
        (NOW, NOW + 60, NOW - 6, "6 s in the future"),
        (NOW, NOW - 1, NOW - 2, "lives -1 s"),
        (NOW, NOW + 3601, NOW, "lives 3601 s"),
    ],
    ids=["one second late", "6 s ahead", "ends before it begins", "lives too long"],
)
@pytest.mark.parametrize("line", ["Authorization", "X-Gateway-Authorization"])
def test_a_signature_outside_its_times_is_refused_with_all_times(created, expires, now, said, line):
    times = {"created": created, "expires": expires}
    headers = {"Authorization": signed(BODY, APP, created=now, expires=now)}
    headers[line] = signed(BODY, APP if line == "Authorization" else GATE, **times)
    with pytest.raises(Unauthenticated, match=said) as refused:
        claim_of(*headers.items(), now=now)
    for shown in (created, expires, now):
        assert str(shown) in refused.value.reason


def test_the_longest_life_is_a_setting_below_a_day():
    header = signed(BODY, APP, created=NOW, expires=NOW + 86400)
    assert claim_of(("Authorization", header), lifetime_s_max=10**9)
    longer = signed(BODY, APP, created=NOW, expires=NOW + 86401)
    with pytest.raises(Unauthenticated, match="lives 86401 s"):
        claim_of(("Authorization", longer), lifetime_s_max=10**9)


@pytest.mark.parametrize(
    ("type", "code"), [("BPP", "30016"), ("BAP", "20001"), ("BG", "10001"), ("REGISTRY", "30016")]
)
def test_the_code_of_a_refused_signature_is_that_of_the_receiver(type, code):
    us = receiver_of(TAXI).__class__("us.example.org", SubscriberType(type), "", frozenset())
    with pytest.raises(Refused) as refused:
        claim(CIMultiDict({}), BODY, NOW, receiver=us)
    assert (refused.value.code, refused.value.status) == (code, 401)


def sha256_of(body: bytes) -> str:
    return "SHA-256=" + keys.b64encode(hashlib.sha256(body).digest())


def blake_of(body: bytes) -> str:
    return "BLAKE-512=" + keys.b64encode(hashlib.blake2b(body).digest())


@pytest.mark.parametrize(
    "stated", [blake_of(BODY), sha256_of(BODY), f"{sha256_of(BODY)}, {blake_of(BODY)}"]
)
def test_a_digest_header_that_holds_is_taken(stated):
    assert claim_of(("Authorization", GOOD), ("Digest", stated))


@pytest.mark.parametrize(
    "stated",
    [blake_of(b""), sha256_of(b""), f"{blake_of(BODY)},{sha256_of(b'')}", "MD5=x", "", "BLAKE-512"],
)
def test_a_digest_header_that_does_not_hold_is_refused(stated):
    with pytest.raises(Unauthenticated, match="Digest header"):
        claim_of(("Authorization", GOOD), ("Digest", stated))
