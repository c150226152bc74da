"""Data Integrity proofs: held to the published vector, and to a check written anew here."""

import hashlib
import json
from typing import Any

import pytest

from protocol_specs.wire import data_integrity
from protocol_specs.wire.data_integrity import BadProof
from protocol_specs.wire.keys import (
    InvalidKey,
    SigningKey,
    b64encode,
    generate_signing_key,
    signing_key,
)

# Data Integrity EdDSA Cryptosuites 1.0, test vectors of eddsa-jcs-2022 (W3C Software and Document
# License): TestVectors/keyPair.json and eddsa-jcs-2022/signedJCS.json of w3c/vc-di-eddsa.
PUBLIC = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
PRIVATE = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq"
CONTEXTS = [
    "https://www.w3.org/ns/credentials/v2",
    "https://www.w3.org/ns/credentials/examples/v2",
]
ALUMNI: dict[str, Any] = {
    "@context": CONTEXTS,
    "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    "type": ["VerifiableCredential", "AlumniCredential"],
    "name": "Alumni Credential",
    "description": "A minimum viable example of an Alumni Credential.",
    "issuer": "https://vc.example/issuers/5678",
    "validFrom": "2023-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
}
METHOD = f"https://vc.example/issuers/5678#{PUBLIC}"
CREATED = "2023-02-24T23:36:38Z"
PROOF_VALUE = (
    "z63t83Y53KfzJ5ZosfKTnqfMcKB2dmTrfjSaQjeNNjAD5srBowQfmWqeRb8rRjmeEuCBEsddF9LsVogtuTsijJKh4"
)


def base58(text: str) -> bytes:
    """Written anew: digits by their place in the alphabet, leading ones are leading zero bytes."""
    letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    value: int = sum(letters.index(c) * 58**n for n, c in enumerate(reversed(text)))
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


@pytest.fixture
def key() -> SigningKey:
    """The vector's key: multicodec 0x8026 and the seed."""
    raw = base58(PRIVATE[1:])
    assert raw[:2] == bytes.fromhex("8026")
    return signing_key(b64encode(raw[2:]))


def test_the_published_vector_comes_out_to_the_letter(key: SigningKey) -> None:
    secured = data_integrity.secure(ALUMNI, key, method=METHOD, created=CREATED)
    assert secured["proof"] == {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": CREATED,
        "verificationMethod": METHOD,
        "proofPurpose": "assertionMethod",
        "@context": CONTEXTS,
        "proofValue": PROOF_VALUE,
    }
    assert data_integrity.verify(secured, key.public) == ALUMNI


def test_a_key_has_the_name_that_the_vector_gives_it(key: SigningKey) -> None:
    assert data_integrity.did_key(key.public) == f"did:key:{PUBLIC}"
    assert data_integrity.did_key_method(key.public) == f"did:key:{PUBLIC}#{PUBLIC}"
    assert data_integrity.public_of_did_key(f"did:key:{PUBLIC}") == key.public


def test_a_few_lines_written_anew_find_the_same(key: SigningKey) -> None:
    from nacl.signing import VerifyKey

    secured = data_integrity.secure(ALUMNI, key, method="did:key:x#x")
    proof = dict(secured.pop("proof"))
    value = proof.pop("proofValue")
    hashed = b"".join(
        hashlib.sha256(
            json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        ).digest()
        for part in (proof, secured)
    )
    VerifyKey(key.public).verify(hashed, base58(value[1:]))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("name",), "Another Credential", "proofValue"),
        (("credentialSubject", "alumniOf"), "Nowhere", "proofValue"),
        (("@context",), CONTEXTS[:1], "@context"),
        (("proof", "@context"), CONTEXTS[:1], "@context"),
        (("proof", "created"), "2023-02-24T23:36:39Z", "proofValue"),
        (("proof", "verificationMethod"), "did:key:x#x", "proofValue"),
        (("proof", "proofPurpose"), "authentication", "proofPurpose"),
        (("proof", "cryptosuite"), "eddsa-rdfc-2022", "cryptosuite"),
        (("proof", "type"), "Ed25519Signature2020", "type"),
        (("proof", "nonce"), "1", "proofValue"),
        (("proof", "proofValue"), PROOF_VALUE[:-1], "proofValue"),
        (("proof", "proofValue"), PROOF_VALUE[1:], "multibase"),
        (("proof", "proofValue"), "z0" + PROOF_VALUE[2:], "base58"),
        (("proof", "proofValue"), None, "multibase"),
        (("proof",), [], "exactly one"),
        (("proof",), None, "exactly one"),
        (("name",), 2**60, "proof"),
    ],
)
def test_one_changed_field_is_refused(
    key: SigningKey, path: tuple[str, ...], value: object, says: str
) -> None:
    secured = data_integrity.secure(ALUMNI, key, method=METHOD, created=CREATED)
    wrong: dict[str, Any] = json.loads(json.dumps(secured))
    place = wrong
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(BadProof, match=says):
        data_integrity.verify(wrong, key.public)


def test_another_key_is_refused(key: SigningKey) -> None:
    secured = data_integrity.secure(ALUMNI, key, method=METHOD)
    with pytest.raises(BadProof):
        data_integrity.verify(secured, generate_signing_key().public)


@pytest.mark.parametrize(
    "name", [None, "did:web:example.org", "did:key:", "did:key:z6Mk", "did:key:u" + PUBLIC[1:]]
)
def test_what_is_no_ed25519_key_is_no_did_key(name: object) -> None:
    with pytest.raises(InvalidKey):
        data_integrity.public_of_did_key(name)


@pytest.mark.parametrize("raw", [b"", b"\0", b"\0\0a", bytes(range(64))])
def test_multibase_comes_back_whole(raw: bytes) -> None:
    assert data_integrity.multibase_bytes(data_integrity.multibase(raw)) == raw
