"""What a node's processes say to each other over a bus that others reach too: sealed.

XChaCha20-Poly1305 with a key derived from the node's signing key, which every process of the node
has anyway. Who reads the bus learns nothing of drivers and customers; who writes on it is not
heard. The subject is part of what is authenticated. An old word can be said again: words are hints.
"""

from hashlib import blake2b

from nacl import bindings
from nacl.exceptions import CryptoError
from nacl.utils import random

_NONCE = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


class Sealing:
    """Of one node."""

    def __init__(self, seed: bytes) -> None:
        """`seed`: the 32 secret bytes of the node's signing key."""
        self._key = blake2b(key=seed, person=b"wayfare sealing", digest_size=32).digest()

    def seal(self, subject: str, plain: bytes) -> bytes:
        """The bytes for the bus."""
        nonce = random(_NONCE)
        return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
            plain, subject.encode(), nonce, self._key
        )

    def open(self, subject: str, sealed: bytes) -> bytes | None:
        """What this node said there; None for what anybody else did."""
        try:
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[_NONCE:], subject.encode(), sealed[:_NONCE], self._key
            )
        except (CryptoError, ValueError):
            return None
