"""Signed answers: what a registry said, and that it was this registry which said it just now.

An answer carries its signature in the response header `Signature`, in the grammar and with the
three-line signing string of a request (BECKN-006), over the body of the answer. A 304 has no body:
there the bytes of its entity tag, quotes included, are signed.
"""

from collections.abc import Sequence

from protocol_specs.wire.errors import Unauthenticated
from protocol_specs.wire.parties import Subscriber
from protocol_specs.wire.signing import KeyId, SignatureHeader, parse_header, verify_header

HEADER = "Signature"
SKEW_S = 5
LIFETIME_S_MAX = 300


def verify_answer(
    lines: Sequence[str], body_digest: str, signer: Subscriber, now: int
) -> SignatureHeader:
    """The signature of `signer` over an answer with this digest, made just now.

    `lines` are all `Signature` headers of the answer. Raises Unauthenticated for an answer that is
    unsigned, signed by another key, or not of this time (docs/operator.md, "Keys and rotation").
    """
    if len(lines) != 1:
        raise Unauthenticated(f"The answer has {len(lines)} {HEADER} headers; one is taken.")
    header = verify_kept(lines[0], body_digest, signer)
    lives_s = header.expires - header.created
    if header.created > now + SKEW_S or header.expires < now or not 0 <= lives_s <= LIFETIME_S_MAX:
        raise Unauthenticated(
            f"The answer's signature is not of this time: created {header.created}, expires "
            f"{header.expires}, our time {now}. Check both clocks."
        )
    return header


def verify_kept(line: str, body_digest: str, signer: Subscriber) -> SignatureHeader:
    """The same for an answer that was kept: whose it is, whatever the time. Raises
    Unauthenticated; how old it may be is the caller's to judge by `created`."""
    header = parse_header(line)
    pinned = KeyId(signer.subscriber_id, signer.unique_key_id)
    if header.key_id != pinned:
        raise Unauthenticated(f"The answer is signed by {header.key_id}; our registry is {pinned}.")
    verify_header(header, body_digest, signer.signing_public_key)
    return header
