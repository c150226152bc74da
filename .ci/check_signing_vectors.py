#!/usr/bin/env python3
"""Holds our signatures, keys and challenge against published vectors.

Usage: check_signing_vectors.py FOLDER, where FOLDER/signing_vectors.json is. Prints each mismatch
and a count; exits 1 if anything differs, 2 if the file cannot be read.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from multidict import CIMultiDict

from protocol_specs.wire import challenge, claims, envelope, keys, parties, signing
from protocol_specs.wire.errors import Refused

Check = tuple[str, Callable[[], object], object]  # name, what we get, what must come out
THREE_LINES = "(created) (expires) digest"


class AnyShape:
    """Edge cases are about the header, not about the message's dialect and shape."""

    def of(self, document: dict[str, Any]) -> "AnyShape":
        """Every message is of this dialect."""
        return self

    def schemas(self, profile: str) -> "AnyShape":
        """And of this shape."""
        return self

    def validate(self, action: str, document: dict[str, Any]) -> None:
        """Takes every document."""


def main(folder: str) -> int:
    try:
        vectors = json.loads((Path(folder) / "signing_vectors.json").read_bytes())
    except (OSError, ValueError) as fault:
        print(f"{folder}/signing_vectors.json cannot be read: {fault}", file=sys.stderr)
        return 2
    checks = [
        *three_line_checks(vectors),
        *edge_checks(vectors),
        *key_checks(vectors),
        *challenge_checks(vectors["on_subscribe_challenge"]),
    ]
    wrong = 0
    for name, get, expected in checks:
        got = get()
        if got != expected:
            wrong += 1
            print(f"MISMATCH {name}: expected {expected!r}, got {got!r}")
    print(f"signing vectors: {len(checks) - wrong} of {len(checks)} checks hold")
    return 1 if wrong else 0


def three_line_checks(vectors: dict[str, Any]) -> Iterator[Check]:
    """Digest, signing string, header and signature, byte for byte, and our own verdict on them."""
    for vector in vectors["vectors"]:
        if f'headers="{THREE_LINES}"' not in vector["header_value"]:
            continue  # signatures of the 2.0 line have more than three lines
        name, signer = vector["name"], vector["signer"]
        body = keys.strict_b64decode(vector["body_b64"])
        key = keys.signing_key(vectors["keys"][signer]["private_raw32_b64"])
        key_id = signing.KeyId(**vectors["ids"][signer])
        times = {"created": vector["created"], "expires": vector["expires"]}
        expected = vector["signature_b64"]
        signed = signing.signing_string(**times, digest=vector["digest_b64"])
        header = signing.parse_header(vector["header_value"])
        yield f"{name} digest", lambda b=body: signing.digest(b), vector["digest_b64"]
        yield f"{name} string", lambda s=signed: s.decode(), vector["signing_string"]
        yield f"{name} signature", lambda k=key, s=signed: keys.b64encode(k.sign(s)), expected
        yield (
            f"{name} header",
            lambda b=body, k=key, i=key_id, t=times: signing.sign(b, key=k, key_id=i, **t),
            vector["header_value"],
        )
        yield (
            f"{name} verifies",
            lambda h=header, b=body, k=key: signing.verify_header(h, signing.digest(b), k.public),
            None,
        )


def edge_checks(vectors: dict[str, Any]) -> Iterator[Check]:
    """Each edge case's verdict from claim and admit, as a provider's door would give it."""
    known = {record.subscriber_id: record for record in subscribers(vectors)}
    table = {
        signing.KeyId(record.subscriber_id, record.unique_key_id): (record,)
        for record in known.values()
    }
    bpp = known[vectors["ids"]["bpp"]["subscriber_id"]]
    us = parties.Receiver(bpp.subscriber_id, bpp.type, bpp.url, frozenset({bpp.domain}))
    for case in vectors["negative"]:
        yield f"edge {case['name']}", lambda c=case: verdict(c, table, us), case["expect"]


def subscribers(vectors: dict[str, Any]) -> Iterator[parties.Subscriber]:
    """A registry with the vectors' keys, their only domain, valid at any time they use."""
    for name, ids in vectors["ids"].items():
        yield parties.Subscriber(
            **ids,
            type=parties.SubscriberType(name.upper()),
            domain="mobility",
            url=f"https://{ids['subscriber_id']}/beckn",
            signing_public_key=keys.public_key(vectors["keys"][name]["public_raw32_b64"]),
            encryption_public_key=None,
            cities=(),
            country=None,
            valid_from=0,
            valid_until=2**40,
            status="SUBSCRIBED",
        )


def verdict(case: dict[str, Any], table: parties.Keys, us: parties.Receiver) -> int:
    headers = CIMultiDict({"Authorization": case["header_value"]})
    body, now = keys.strict_b64decode(case["body_b64"]), case["now"]
    try:
        claim = claims.claim(headers, body, now, receiver=us)
        envelope.admit(claim, table, now, receiver=us, action="search", dialects=AnyShape())
    except Refused as refused:
        return refused.status
    return 200


def key_checks(vectors: dict[str, Any]) -> Iterator[Check]:
    """Every form of one key is the same key."""
    for name, forms in vectors["keys"].items():
        public = keys.strict_b64decode(forms["public_raw32_b64"])
        for form in ("private_raw32_b64", "private_raw64_b64", "private_pkcs8_der_b64"):
            yield f"{name} {form}", lambda t=forms[form]: keys.signing_key(t).public, public
        for form in ("public_raw32_b64", "public_spki_der_b64"):
            yield f"{name} {form}", lambda t=forms[form]: keys.public_key(t), public


def challenge_checks(given: dict[str, Any]) -> Iterator[Check]:
    """The registry's challenge, made and read, from every form of both keys."""
    registry = keys.encryption_key(given["registry_private_raw_b64"])
    plain, sealed = given["challenge_plain"], given["challenge_b64"]
    for form in ("participant_private_raw_b64", "participant_private_pkcs8_der_b64"):
        own = keys.encryption_key(given[form])
        yield (
            f"challenge public of {form}",
            lambda k=own: keys.b64encode(k.public),
            given["participant_public_raw_b64"],
        )
        for public in ("registry_public_raw_b64", "registry_public_spki_der_b64"):
            peer = keys.encryption_public_key(given[public])
            yield (
                f"challenge read with {form}, {public}",
                lambda k=own, p=peer: challenge.decrypt(sealed, k, p),
                plain,
            )
    for public in ("participant_public_raw_b64", "participant_public_spki_der_b64"):
        peer = keys.encryption_public_key(given[public])
        made = challenge.encrypt(plain, registry, peer)
        yield f"challenge made for {public}", lambda m=made: m, sealed
    secret = keys.strict_b64decode(given["shared_secret_b64"])
    yield "shared secret", lambda: registry.shared_secret(peer), secret


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check_signing_vectors.py FOLDER")
    sys.exit(main(sys.argv[1]))
