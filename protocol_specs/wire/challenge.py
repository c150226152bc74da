"""The registry's challenge: AES-256-ECB with PKCS#7 over an X25519 secret, as networks do it.

No key derivation and no authentication: a node must only ever decrypt what the registry signed, and
use the encryption key for nothing else, or it answers to strangers as a decryption oracle.
"""

from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.keys import EncryptionKey, InvalidKey, b64encode, strict_b64decode

_BLOCK_BYTES = 16
CHALLENGE_CHARS_MAX = 4096


def encrypt(plain: str, own: EncryptionKey, peer_public: bytes) -> str:
    """The base64 challenge that only the holder of `peer_public`'s private half can read."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    padded = _padded(plain.encode())
    key = algorithms.AES(own.shared_secret(peer_public))
    cipher = Cipher(key, modes.ECB()).encryptor()  # noqa: S305  # the network's own choice
    return b64encode(cipher.update(padded) + cipher.finalize())


def decrypt(challenge: str, own: EncryptionKey, peer_public: bytes) -> str:
    """The plain text of a challenge; raises Malformed, always in the same words."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    try:
        sealed = strict_b64decode(challenge[: CHALLENGE_CHARS_MAX + 1])
        key = algorithms.AES(own.shared_secret(peer_public))
        cipher = Cipher(key, modes.ECB()).decryptor()  # noqa: S305  # the network's own choice
        return _unpadded(cipher.update(sealed) + cipher.finalize()).decode()
    except (ValueError, InvalidKey):
        raise Malformed(
            "The challenge cannot be read. Check that it was made with the encryption key "
            "published for this subscriber, and that both sides use X25519 and AES-256-ECB.",
            path="/challenge",
        ) from None


def _padded(plain: bytes) -> bytes:
    missing = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
    return plain + bytes([missing]) * missing


def _unpadded(padded: bytes) -> bytes:
    missing = padded[-1] if padded else 0
    if not 1 <= missing <= _BLOCK_BYTES or not padded.endswith(bytes([missing]) * missing):
        raise ValueError("no PKCS#7 padding")
    return padded[:-missing]
