"""Beckn 1.x signatures: digest, signing string, the header that carries them (BECKN-006).

The header is written in one exact form. It is read with blanks, order and the case of the scheme
left to the peer, and nothing else: six parameters, once each, at most 2 KiB.
"""

import binascii
import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from protocol_specs.wire.errors import Unauthenticated
from protocol_specs.wire.keys import BadSignature, SigningKey, verify

HEADER_CHARS_MAX = 2048
LIFETIME_S_MIN = 60
LIFETIME_S_MAX = 300
SIGNED_HEADERS = "(created) (expires) digest"

_ID = r"[\x21\x23-\x7b\x7d\x7e]{1,255}"  # printable ASCII but blank, quote and bar
_SECONDS = r"[1-9][0-9]{8,10}"
_SIGNATURE = r"[A-Za-z0-9+/]{85}[AQgw]=="  # 64 bytes, in the one spelling base64 should have
_USUAL = re.compile(
    rf'Signature keyId="({_ID})\|({_ID})\|ed25519",algorithm="ed25519",'
    rf'created="({_SECONDS})",expires="({_SECONDS})",'
    rf'headers="\(created\) \(expires\) digest",signature="({_SIGNATURE})"'
)
_SCHEME = re.compile(r"[ \t]*signature[ \t]+", re.IGNORECASE)
_PARAMETER = re.compile(r'[ \t]*([A-Za-z]+)[ \t]*=[ \t]*(?:"([^"\\]*)"|([0-9]+))[ \t]*(?:,|\Z)')
_FORMS = {
    "keyId": re.compile(rf"{_ID}\|{_ID}\|ed25519"),
    "algorithm": re.compile("ed25519"),
    "created": re.compile(_SECONDS),
    "expires": re.compile(_SECONDS),
    "headers": re.compile(re.escape(SIGNED_HEADERS)),
    "signature": re.compile(_SIGNATURE),
}


class KeyId(NamedTuple):
    """Whose key, and which of them."""

    subscriber_id: str
    unique_key_id: str

    def __str__(self) -> str:
        return f"{self.subscriber_id}|{self.unique_key_id}"


class SignatureHeader(NamedTuple):
    """A parsed header. `created` and `expires` in seconds since 1970, `signature` 64 bytes."""

    key_id: KeyId
    created: int
    expires: int
    signature: bytes
    raw: str


def digest(body: bytes) -> str:
    """Base64 of the 64-byte BLAKE2b of exactly these bytes (the wire calls it BLAKE-512)."""
    return binascii.b2a_base64(blake2b(body).digest(), newline=False).decode("ascii")


def signing_string(created: int, expires: int, digest: str) -> bytes:
    """The three lines that are signed; no newline at the end."""
    return f"(created): {created}\n(expires): {expires}\ndigest: BLAKE-512={digest}".encode("ascii")


def sign(body: bytes, *, key: SigningKey, key_id: KeyId, created: int, expires: int) -> str:
    """The header value for `body`; send these very bytes, not a second serialisation."""
    return sign_digest(digest(body), key=key, key_id=key_id, created=created, expires=expires)


def sign_digest(digest: str, *, key: SigningKey, key_id: KeyId, created: int, expires: int) -> str:
    """The same for bytes whose `digest` is known, as that of a message that is passed on."""
    signature = key.sign(signing_string(created, expires, digest))
    text = binascii.b2a_base64(signature, newline=False).decode("ascii")
    return (
        f'Signature keyId="{key_id}|ed25519",'
        f'algorithm="ed25519",created="{created}",expires="{expires}",'
        f'headers="{SIGNED_HEADERS}",signature="{text}"'
    )


def lifetime(now: int, ttl_s: int | None) -> tuple[int, int]:
    """(created, expires) for a message of this ttl: at least 60 s, for queues, at most 300 s."""
    seconds = min(max(ttl_s or 0, LIFETIME_S_MIN), LIFETIME_S_MAX)
    return now, now + seconds


@lru_cache(maxsize=64)
def parse_header(value: str) -> SignatureHeader:
    """The header's content; raises Unauthenticated saying which part is wrong.

    Remembered for a moment: who sheds load asks before who claims the message.
    """
    if len(value) > HEADER_CHARS_MAX:
        raise Unauthenticated(f"The signature header is longer than {HEADER_CHARS_MAX} characters.")
    usual = _USUAL.fullmatch(value)
    return _built(value, *(usual.groups() if usual else _unusual(value)))


def verify_header(header: SignatureHeader, body_digest: str, public: bytes) -> None:
    """Raise Unauthenticated unless `header` signs `body_digest` with the key of `public`."""
    signed = signing_string(header.created, header.expires, body_digest)
    try:
        verify(public, signed, header.signature)
    except BadSignature:
        refused = Unauthenticated(
            f"The signature does not verify with key {header.key_id}. Check that the "
            "bytes signed are the bytes sent (no second serialisation), that the digest is "
            "BLAKE2b-512 and that the registry holds the public half of the key that signs."
        )
        refused.doubted_key = header.key_id
        raise refused from None


def authenticate_value(realm: str) -> str:
    """What a 401 says in WWW-Authenticate or Proxy-Authenticate; `realm` is our own id."""
    return f'Signature realm="{realm}",headers="{SIGNED_HEADERS}"'


def _built(
    raw: str, subscriber_id: str, unique_key_id: str, created: str, expires: str, signature: str
) -> SignatureHeader:
    return SignatureHeader(
        KeyId(subscriber_id, unique_key_id),
        int(created),
        int(expires),
        binascii.a2b_base64(signature),
        raw,
    )


def _unusual(value: str) -> tuple[str, str, str, str, str]:
    """The five variable parts of a header written with other blanks, order or quotes."""
    found = _parameters(value)
    for name, form in _FORMS.items():
        if name not in found:
            raise Unauthenticated(f"The signature header lacks {name}.")
        if not form.fullmatch(found[name]):
            raise Unauthenticated(f"The signature header's {name} is not as BECKN-006 writes it.")
    subscriber_id, unique_key_id, _ = found["keyId"].split("|")
    return subscriber_id, unique_key_id, found["created"], found["expires"], found["signature"]


def _parameters(value: str) -> dict[str, str]:
    scheme = _SCHEME.match(value)
    if scheme is None:
        raise Unauthenticated('The header must read: Signature keyId="...",algorithm="ed25519",...')
    found: dict[str, str] = {}
    position, last = scheme.end(), ""
    while position < len(value):
        parameter = _PARAMETER.match(value, position)
        if parameter is None:
            raise Unauthenticated(
                f"The signature header is unreadable after {last or 'Signature'}."
            )
        last, quoted, bare = parameter.groups()
        if last in found or last not in _FORMS:
            raise Unauthenticated(f"The signature header repeats {last} or does not know it.")
        found[last] = quoted if quoted is not None else bare
        position = parameter.end()
    if value.endswith(","):
        raise Unauthenticated("The signature header ends with a comma.")
    return found
