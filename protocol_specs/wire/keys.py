"""Ed25519 signing keys and X25519 encryption keys, read from every form that networks use.

Private: a 32-byte seed, the 64-byte seed and public half together (libsodium), or PKCS#8 DER.
Public: 32 raw bytes or SPKI DER. All in standard base64 with padding; inside only raw bytes.
"""

import base64
import binascii
from dataclasses import dataclass, field

from nacl import bindings
from nacl.exceptions import BadSignatureError, CryptoError

_PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")
_PKCS8_X25519 = bytes.fromhex("302e020100300506032b656e04220420")
_SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
_SPKI_X25519 = bytes.fromhex("302a300506032b656e032100")


class InvalidKey(ValueError):
    """A text that is not a key of the expected kind; the message never shows the text."""


class BadSignature(ValueError):
    """The signature is not this key's over this message."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key. Its repr shows the public half only."""

    public: bytes
    _secret: bytes = field(repr=False)  # seed and public half, as libsodium wants it

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`."""
        return bindings.crypto_sign(message, self._secret)[:64]

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for writing the key file and nothing else."""
        return self._secret[:32]


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """An X25519 private key, used for the registry's challenge alone."""

    public: bytes
    _secret: bytes = field(repr=False)

    def shared_secret(self, peer_public: bytes) -> bytes:
        """The raw 32 bytes both sides compute; raises InvalidKey for a point of small order."""
        try:
            return bindings.crypto_scalarmult(self._secret, peer_public)
        except (CryptoError, ValueError):
            raise InvalidKey("The peer's encryption key is not a usable X25519 point.") from None

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for writing the key file and nothing else."""
        return self._secret


def generate_signing_key() -> SigningKey:
    """A new Ed25519 key from the system's random source."""
    public, secret = bindings.crypto_sign_keypair()
    return SigningKey(public, secret)


def generate_encryption_key() -> EncryptionKey:
    """A new X25519 key from the system's random source."""
    public, secret = bindings.crypto_box_keypair()
    return EncryptionKey(public, secret)


def signing_key(text: str | bytes) -> SigningKey:
    """The Ed25519 private key in `text` (base64 of 32, 64 or 48 PKCS#8 bytes), else InvalidKey."""
    raw = _decoded(text, "private signing key")
    seed = raw[:32] if len(raw) == 64 else _unwrapped(raw, _PKCS8_ED25519, "private signing key")
    public, secret = bindings.crypto_sign_seed_keypair(seed)
    if len(raw) == 64 and raw != secret:
        raise InvalidKey("The 64-byte private signing key does not match its own public half.")
    return SigningKey(public, secret)


def encryption_key(text: str | bytes) -> EncryptionKey:
    """The X25519 private key in `text` (base64 of 32 raw or 48 PKCS#8 bytes), else InvalidKey."""
    raw = _decoded(text, "private encryption key")
    secret = _unwrapped(raw, _PKCS8_X25519, "private encryption key")
    return EncryptionKey(bindings.crypto_scalarmult_base(secret), secret)


def public_key(text: str | bytes) -> bytes:
    """The 32 raw bytes of an Ed25519 public key (raw or SPKI), a point of the main group."""
    raw = _unwrapped(_decoded(text, "public signing key"), _SPKI_ED25519, "public signing key")
    if not bindings.crypto_core_ed25519_is_valid_point(raw):
        raise InvalidKey("The public signing key is not a valid Ed25519 point.")
    return raw


def encryption_public_key(text: str | bytes) -> bytes:
    """The 32 raw bytes of an X25519 public key (raw or SPKI)."""
    raw = _decoded(text, "public encryption key")
    return _unwrapped(raw, _SPKI_X25519, "public encryption key")


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise BadSignature unless `signature` is the 64-byte signature of `message` by `public`.

    libsodium refuses small-order keys and a signature whose second half is not reduced. Lengths are
    ours to check: below this call nothing does.
    """
    if len(signature) != 64 or len(public) != 32:
        raise BadSignature("A signature has 64 bytes and a public key 32.")
    try:
        bindings.crypto_sign_open(signature + message, public)
    except BadSignatureError:
        raise BadSignature("The signature is not this key's over this message.") from None


def strict_b64decode(text: str | bytes) -> bytes:
    """Bytes of canonical standard base64 with padding; raises ValueError for any other spelling."""
    given = text.encode("ascii") if isinstance(text, str) else text
    try:
        raw = base64.b64decode(given, validate=True)
    except binascii.Error as fault:
        raise ValueError(f"not base64: {fault}") from None
    if base64.b64encode(raw) != given:
        raise ValueError("not canonical base64: two texts must not stand for one value")
    return raw


def b64encode(raw: bytes) -> str:
    """Standard base64 with padding, one line."""
    return base64.b64encode(raw).decode("ascii")


def _decoded(text: str | bytes, what: str) -> bytes:
    try:
        return strict_b64decode(text.strip())
    except ValueError:
        raise InvalidKey(f"The {what} is not standard base64 with padding.") from None


def _unwrapped(raw: bytes, prefix: bytes, what: str) -> bytes:
    if len(raw) == len(prefix) + 32 and raw.startswith(prefix):
        return raw[len(prefix) :]
    if len(raw) == 32:
        return raw
    raise InvalidKey(f"The {what} has {len(raw)} bytes in a form that is not known.")
