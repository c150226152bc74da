"""The signed head of a block: what a witness keeps, and what a slip's proof leads to."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.keys import BadSignature, SigningKey, b64encode, verify

GENESIS = bytes(32).hex()
"""Stands as the hash of the head before the first."""


class BadHead(ValueError):
    """A head that cannot be trusted; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Head:
    """Block `number` (from 1), the hash of the head before it, and the root over its leaves."""

    number: int
    previous: str  # SHA-256 of the previous head's RFC 8785 bytes, hex
    leaf_count: int
    root: str  # hex
    sealed_at: int  # seconds UTC
    ledger_key: str  # public half of the signing key, base64

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def bytes(self) -> bytes:
        """The RFC 8785 bytes that are signed."""
        return canonical(self.document())

    def hash(self) -> str:
        """What the next head names as its previous one."""
        return hashlib.sha256(self.bytes()).hexdigest()


def make(
    key: SigningKey, *, number: int, previous: str, leaf_count: int, root: bytes, now: int
) -> Head:
    """The head of a new block, not yet signed: `key.sign(head.bytes())` signs it."""
    return Head(number, previous, leaf_count, root.hex(), now, b64encode(key.public))


def read_head(document: object) -> Head:
    """The head in a JSON value; raises BadHead for anything more, less or other."""
    if not isinstance(document, dict) or document.keys() != set(Head.__slots__):
        raise BadHead(f"a head has exactly the keys {', '.join(Head.__slots__)}")
    for key, kind in Head.__annotations__.items():
        if type(document[key]) is not kind:
            raise BadHead(f"{key} of a head must be {kind.__name__}")
    return Head(**document)


def check(head: Head, signature: bytes, public: bytes) -> None:
    """Raises BadHead unless `public` signed this head and the head names that key as its own."""
    if head.ledger_key != b64encode(public):
        raise BadHead(f"head {head.number} names another ledger key than the one expected")
    try:
        verify(public, head.bytes(), signature)
    except BadSignature:
        raise BadHead(f"the signature of head {head.number} is not the ledger key's") from None
