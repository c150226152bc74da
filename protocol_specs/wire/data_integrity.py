"""W3C Data Integrity proofs of cryptosuite eddsa-jcs-2022, and keys as did:key names.

Sources: Data Integrity EdDSA Cryptosuites 1.0 section 3.3; Controlled Identifiers 1.0 (Multikey,
base58-btc Multibase); the did:key method. Nothing is fetched: the key that must have signed is an
argument.
"""

import hashlib
from typing import Any

from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.keys import BadSignature, InvalidKey, SigningKey, public_key
from protocol_specs.wire.keys import b64encode as _b64encode
from protocol_specs.wire.keys import verify as _verify

CRYPTOSUITE = "eddsa-jcs-2022"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PUBLIC = b"\xed\x01"  # multicodec
_FIXED = {
    "type": "DataIntegrityProof",
    "cryptosuite": CRYPTOSUITE,
    "proofPurpose": "assertionMethod",
}
MULTIBASE_MAX = 128


class BadProof(ValueError):
    """The proof is not one of this cryptosuite, or not this key's over this document."""


def secure(
    document: dict[str, Any], key: SigningKey, *, method: str, created: str | None = None
) -> dict[str, Any]:
    """A copy of `document` with a proof by `key`. `method` names the key: see `did_key_method`.

    Without `created` the same document gets the same bytes each time. Raises ValueError for what
    RFC 8785 cannot say, and for a document that has a proof already.
    """
    if "proof" in document:
        raise ValueError("the document has a proof already")
    proof = {**_FIXED, "verificationMethod": method}
    if created is not None:
        proof["created"] = created
    if "@context" in document:
        proof["@context"] = document["@context"]
    value = multibase(key.sign(_hashed(document, proof)))
    return {**document, "proof": {**proof, "proofValue": value}}


def verify(secured: dict[str, Any], public: bytes) -> dict[str, Any]:
    """The document without its proof, once `public` is known to have signed it, else BadProof."""
    proof = secured.get("proof")
    if not isinstance(proof, dict):
        raise BadProof("proof: there is not exactly one")
    for name, value in _FIXED.items():
        if proof.get(name) != value:
            raise BadProof(f"proof.{name}: it is not {value}")
    if "@context" in secured and proof.get("@context") != secured["@context"]:
        raise BadProof("proof.@context: it is not that of the document")
    document = {name: value for name, value in secured.items() if name != "proof"}
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    try:
        _verify(public, _hashed(document, options), multibase_bytes(proof.get("proofValue")))
    except BadSignature:
        raise BadProof("proof.proofValue: it is not that key's over this document") from None
    except ValueError as error:
        raise BadProof(f"proof: {error}") from None
    return document


def did_key(public: bytes) -> str:
    """The name of an Ed25519 key that says the key itself: nobody has to be asked."""
    return f"did:key:{multibase(_ED25519_PUBLIC + public)}"


def did_key_method(public: bytes) -> str:
    """The one verification method of a did:key."""
    name = did_key(public)
    return f"{name}#{name.removeprefix('did:key:')}"


def public_of_did_key(name: object) -> bytes:
    """The Ed25519 key that a did:key says. Raises InvalidKey."""
    if not isinstance(name, str) or not name.startswith("did:key:"):
        raise InvalidKey("The issuer is not a did:key.")
    try:
        raw = multibase_bytes(name.removeprefix("did:key:"))
    except ValueError as error:
        raise InvalidKey(f"The did:key cannot be read: {error}.") from None
    if not raw.startswith(_ED25519_PUBLIC):
        raise InvalidKey("The did:key is not one of an Ed25519 key.")
    return public_key(_b64encode(raw.removeprefix(_ED25519_PUBLIC)))


def multibase(raw: bytes) -> str:
    """base58-btc with its prefix z."""
    number, digits = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "z" + BASE58[0] * zeros + digits


def multibase_bytes(text: object) -> bytes:
    """The bytes of base58-btc with its prefix z. Raises ValueError for any other text."""
    if not isinstance(text, str) or not text.startswith("z") or len(text) > MULTIBASE_MAX:
        raise ValueError("multibase base58-btc begins with z and has at most 128 characters")
    number = 0
    for character in text[1:]:
        digit = BASE58.find(character)
        if digit < 0:
            raise ValueError(f"{character!r} is not in base58-btc")
        number = number * 58 + digit
    zeros = len(text) - 1 - len(text[1:].lstrip(BASE58[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _hashed(document: dict[str, Any], options: dict[str, Any]) -> bytes:
    """What is signed: SHA-256 of the proof's options, then of the document (section 3.3.4)."""
    return (
        hashlib.sha256(canonical(options)).digest() + hashlib.sha256(canonical(document)).digest()
    )
