"""Claims: who says they signed these bytes, and whether the key they name bears them out.

A claim reads what costs little: header lines, grammar, times, digest. It names the keys that are
needed; with those keys its signatures are verified. Pure and fail-closed.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from protocol_specs.wire.errors import SIGNATURE_CODES, Unauthenticated
from protocol_specs.wire.keys import b64encode
from protocol_specs.wire.parties import Keys, Receiver, Subscriber
from protocol_specs.wire.signing import KeyId, SignatureHeader, digest, parse_header, verify_header

SKEW_S = 5
LIFETIME_S_MAX = 3600
LIFETIME_S_CEILING = 86400  # whatever a node is set to
GATEWAY_HEADERS = ("X-Gateway-Authorization", "Proxy-Authorization")


class Headers(Protocol):
    """HTTP headers that show repeated lines, such as multidict's."""

    def getall(self, key: str, default: tuple[str, ...]) -> Sequence[str]: ...


class Claim(NamedTuple):
    """A body and who says they signed it; nothing is verified yet but times and digest form."""

    body: bytes
    digest: str
    sender: SignatureHeader
    gateway: SignatureHeader | None

    @property
    def key_ids(self) -> tuple[KeyId, ...]:
        """The keys that `admit` needs, to be found in the registry."""
        if self.gateway is None:
            return (self.sender.key_id,)
        return (self.sender.key_id, self.gateway.key_id)


def claim(
    headers: Headers,
    body: bytes,
    now: int,
    *,
    receiver: Receiver,
    lifetime_s_max: int = LIFETIME_S_MAX,
) -> Claim:
    """Who says they signed `body`; raises Unauthenticated. Touches the body only to hash it.

    The gateway's line is X-Gateway-Authorization, or Proxy-Authorization where that is absent.
    """
    lifetime_s_max = min(lifetime_s_max, LIFETIME_S_CEILING)
    try:
        sender = _header(headers, "Authorization", now, lifetime_s_max)
        if sender is None:
            raise Unauthenticated("The Authorization header is missing; sign as BECKN-006 says.")
        gateway = _gateway_header(headers, now, lifetime_s_max)
        body_digest = digest(body)
        stated = headers.getall("Digest", ())
        if stated:
            _check_digest_lines(stated, body, body_digest)
        return Claim(body, body_digest, sender, gateway)
    except Unauthenticated as refused:
        refused.code = SIGNATURE_CODES[receiver.type]
        raise


def authenticate(claim: Claim, keys: Keys, now: int, *, receiver: Receiver) -> Sequence[Subscriber]:
    """The registry records of the one who signed, for calls without a Beckn context (lookup,
    subscribe). At least one; raises Unauthenticated."""
    try:
        return holders(claim.sender, claim.digest, keys, now)
    except Unauthenticated as refused:
        refused.code = SIGNATURE_CODES[receiver.type]
        raise


def _header(headers: Headers, name: str, now: int, lifetime_s_max: int) -> SignatureHeader | None:
    lines = headers.getall(name, ())
    if not lines:
        return None
    if len(lines) > 1:
        raise Unauthenticated(f"There are {len(lines)} {name} headers; send exactly one.")
    header = parse_header(lines[0])
    check_times(header, now, lifetime_s_max)
    return header


def _gateway_header(headers: Headers, now: int, lifetime_s_max: int) -> SignatureHeader | None:
    for name in GATEWAY_HEADERS:
        if headers.getall(name, ()):
            break
    else:
        return None
    try:
        return _header(headers, name, now, lifetime_s_max)
    except Unauthenticated as refused:
        refused.challenge = "Proxy-Authenticate"
        raise


def check_times(header: SignatureHeader, now: int, lifetime_s_max: int = LIFETIME_S_MAX) -> None:
    """Raises Unauthenticated, with all times, for a signature from the future, past or for ever."""
    if (
        header.created <= now + SKEW_S
        and now <= header.expires
        and 0 <= header.expires - header.created <= lifetime_s_max
    ):
        return
    if header.created > now + SKEW_S:
        fault = f"was created {header.created - now} s in the future, at most {SKEW_S} s is taken"
    elif header.expires < now:
        fault = f"expired {now - header.expires} s ago"
    else:
        fault = f"lives {header.expires - header.created} s, 0 to {lifetime_s_max} s is taken"
    raise Unauthenticated(
        f"The signature of {header.key_id} {fault} (created {header.created}, "
        f"expires {header.expires}, our time {now}). Check the sender's clock."
    )


def _check_digest_lines(lines: Sequence[str], body: bytes, body_digest: str) -> None:
    """An HTTP Digest, if somebody sends one, must be the body's in every algorithm it names."""
    for part in ",".join(lines).split(","):
        label, _, value = part.strip().partition("=")
        name = label.upper()
        if name == "BLAKE-512":
            expected = body_digest
        elif name in ("SHA-256", "SHA-512"):
            expected = b64encode(hashlib.new(name.replace("-", ""), body).digest())
        else:
            raise Unauthenticated("The Digest header names an algorithm that is not known here.")
        if value != expected:
            raise Unauthenticated(f"The Digest header's {name} is not that of the body received.")


def holders(
    header: SignatureHeader, body_digest: str, keys: Keys, now: int
) -> Sequence[Subscriber]:
    """The usable records of the key in `header`, once the signature is verified with it."""
    records = keys.get(header.key_id, ())
    usable = [
        record
        for record in records
        if record.status == "SUBSCRIBED"
        and record.valid_from <= now
        and header.expires <= record.valid_until
        and (record.subscriber_id, record.unique_key_id) == header.key_id
    ]
    if not usable:
        raise _unusable(header, records, now)
    public = usable[0].signing_public_key
    if any(record.signing_public_key != public for record in usable):
        raise Unauthenticated(f"The registry holds two different keys as {header.key_id}.")
    verify_header(header, body_digest, public)
    return usable


def _unusable(header: SignatureHeader, records: Sequence[Subscriber], now: int) -> Unauthenticated:
    if records:
        record = records[0]
        fault = (
            f"cannot be used: status {record.status}, valid from {record.valid_from} until "
            f"{record.valid_until}; the signature expires {header.expires}, our time is {now}"
        )
    else:
        fault = "is not in the registry"
    refused = Unauthenticated(
        f"Key {header.key_id} {fault}. Check keyId and the subscriber's registry record."
    )
    refused.doubted_key = header.key_id
    return refused
