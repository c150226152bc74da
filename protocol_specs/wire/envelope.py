"""From received bytes to a verified message: claim, then keys, then admit; both pure, fail-closed.

`claim` reads what costs little: header lines, grammar, times, digest. It names the keys that are
needed. `admit` takes those keys and gives an Envelope or a refusal; there is no third outcome, and
no part of the message is to be had without it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from protocol_specs.wire import strict_json
from protocol_specs.wire.context import Context, new_context, read_context, reply_context
from protocol_specs.wire.errors import (
    SIGNATURE_CODES,
    STALE_CODES,
    Malformed,
    Misaddressed,
    Stale,
    Unauthenticated,
    WrongParty,
)
from protocol_specs.wire.keys import b64encode
from protocol_specs.wire.parties import (
    Keys,
    Receiver,
    Subscriber,
    SubscriberType,
    lies_under,
    speaker,
    ttl_binds,
)
from protocol_specs.wire.signing import (
    KeyId,
    SignatureHeader,
    digest,
    parse_header,
    verify_header,
)

__all__ = [
    "Claim",
    "Context",
    "Envelope",
    "KeyId",
    "Keys",
    "Receiver",
    "Subscriber",
    "SubscriberType",
    "admit",
    "authenticate",
    "claim",
    "new_context",
    "reply_context",
]

SKEW_S = 5
LIFETIME_S_MAX = 3600
LIFETIME_S_CEILING = 86400  # whatever a node is set to


class Headers(Protocol):
    """HTTP headers that show repeated lines, such as multidict's."""

    def getall(self, key: str, default: tuple[str, ...]) -> Sequence[str]: ...


class Validates(Protocol):
    """Schemas: raises SchemaFault if `document` is not the shape of `action`."""

    def validate(self, action: str, document: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Claim:
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


@dataclass(frozen=True, slots=True)
class Envelope:
    """A verified message with its sender and its exact bytes. `received_at` in seconds."""

    context: Context
    message: dict[str, Any] | None
    error: dict[str, Any] | None
    document: dict[str, Any]
    body: bytes
    sender: Subscriber
    gateway: Subscriber | None
    authorization: str
    received_at: int
    digest: str

    @property
    def action(self) -> str:
        """context.action."""
        return self.context.action

    @property
    def transaction_id(self) -> str:
        """context.transaction_id."""
        return self.context.transaction_id

    @property
    def message_id(self) -> str:
        """context.message_id."""
        return self.context.message_id

    @property
    def peer_id(self) -> str:
        """The subscriber_id of the verified sender."""
        return self.sender.subscriber_id


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
        return _holders(claim.sender, claim.digest, keys, now)
    except Unauthenticated as refused:
        refused.code = SIGNATURE_CODES[receiver.type]
        raise


def admit(
    claim: Claim, keys: Keys, now: int, *, receiver: Receiver, action: str, schemas: Validates
) -> Envelope:
    """The verified message; raises Refused. The order of checks is that of DESIGN section 3.

    Signatures, the role of each signer, strict JSON, schema, context.action == `action`, the signer
    is the party that speaks, addressed to us, still fresh. `keys` must be what the registry says
    now; an id it lacks is unknown.
    """
    try:
        return _admit(claim, keys, now, receiver, action, schemas)
    except Unauthenticated as refused:
        refused.code = SIGNATURE_CODES[receiver.type]
        raise


def _admit(
    claim: Claim, keys: Keys, now: int, receiver: Receiver, action: str, schemas: Validates
) -> Envelope:
    gateways = _gateway_holders(claim, keys, now, receiver) if claim.gateway else ()
    party = speaker(action)
    senders = [
        record for record in _holders(claim.sender, claim.digest, keys, now) if record.type == party
    ]
    if not senders:
        raise WrongParty(f"{action} is said by a {party}; {_name(claim.sender)} is not one.")
    document = strict_json.parse(claim.body)
    schemas.validate(action, document)
    context = read_context(document)
    if context.action != action:
        raise Misaddressed(
            f"context.action is {context.action}, but this path is for {action}.",
            path="/context/action",
        )
    sender = _speaking(senders, context, party)
    gateway = _serving(gateways, context) if claim.gateway else None
    _check_addressed(context, receiver, party)
    if ttl_binds(action):
        _check_fresh(context, now, receiver)
    # After this point nothing is refused.
    return Envelope(
        context=context,
        message=_part(document, "message"),
        error=_part(document, "error"),
        document=document,
        body=claim.body,
        sender=sender,
        gateway=gateway,
        authorization=claim.sender.raw,
        received_at=now,
        digest=claim.digest,
    )


def _header(headers: Headers, name: str, now: int, lifetime_s_max: int) -> SignatureHeader | None:
    lines = headers.getall(name, ())
    if not lines:
        return None
    if len(lines) > 1:
        raise Unauthenticated(f"There are {len(lines)} {name} headers; send exactly one.")
    header = parse_header(lines[0])
    _check_times(header, now, lifetime_s_max)
    return header


def _gateway_header(headers: Headers, now: int, lifetime_s_max: int) -> SignatureHeader | None:
    try:
        return _header(headers, "X-Gateway-Authorization", now, lifetime_s_max) or _header(
            headers, "Proxy-Authorization", now, lifetime_s_max
        )
    except Unauthenticated as refused:
        refused.challenge = "Proxy-Authenticate"
        raise


def _check_times(header: SignatureHeader, now: int, lifetime_s_max: int) -> None:
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
        f"The signature of {_name(header)} {fault} (created {header.created}, "
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


def _holders(
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
        raise Unauthenticated(f"The registry holds two different keys as {_name(header)}.")
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
        f"Key {_name(header)} {fault}. Check keyId and the subscriber's registry record."
    )
    refused.doubted_key = header.key_id
    return refused


def _gateway_holders(
    claim: Claim, keys: Keys, now: int, receiver: Receiver
) -> Sequence[Subscriber]:
    header = claim.gateway
    try:
        if header is None or header.key_id.subscriber_id == receiver.subscriber_id:
            raise WrongParty("This message has already passed through here: a loop.")
        records = _holders(header, claim.digest, keys, now)
        gateways = [record for record in records if record.type is SubscriberType.BG]
        if not gateways:
            raise WrongParty(f"{_name(header)} signs as a gateway but is not registered as a BG.")
    except Unauthenticated as refused:
        refused.challenge = "Proxy-Authenticate"
        raise
    return gateways


def _speaking(senders: Sequence[Subscriber], context: Context, party: SubscriberType) -> Subscriber:
    """The sender's record for this domain and url; its id must be the one the context names."""
    is_bap = party is SubscriberType.BAP
    named, uri = (context.bap_id, context.bap_uri) if is_bap else (context.bpp_id, context.bpp_uri)
    field = "bap" if is_bap else "bpp"
    signer = senders[0].subscriber_id
    if named != signer:
        raise WrongParty(
            f"The message is signed by {signer} but context.{field}_id is {named}.",
            path=f"/context/{field}_id",
        )
    in_domain = [record for record in senders if record.domain == context.domain]
    if not in_domain:
        raise WrongParty(
            f"{signer} is not registered as a {party} in domain {context.domain}.",
            path="/context/domain",
        )
    for record in in_domain:
        if uri is not None and lies_under(uri, record.url):
            return record
    raise Misaddressed(
        f"context.{field}_uri does not lie under {in_domain[0].url}, where {signer} is registered.",
        path=f"/context/{field}_uri",
    )


def _serving(gateways: Sequence[Subscriber], context: Context) -> Subscriber:
    for record in gateways:
        if record.domain == context.domain:
            return record
    refused = WrongParty(
        f"{gateways[0].subscriber_id} is not registered as a BG in domain {context.domain}.",
        path="/context/domain",
    )
    refused.challenge = "Proxy-Authenticate"
    raise refused


def _check_addressed(context: Context, receiver: Receiver, party: SubscriberType) -> None:
    """The message is for this node: its domain, and its id and url at the hearing end.

    A gateway is no party: it takes what a BAP or BPP sends to another, never what names itself.
    """
    if context.domain not in receiver.domains:
        raise Misaddressed(
            f"{receiver.subscriber_id} does not serve domain {context.domain}.",
            path="/context/domain",
        )
    if receiver.type is SubscriberType.BG:
        if receiver.subscriber_id in (context.bap_id, context.bpp_id):
            raise Misaddressed("A gateway is no party to a message.", path="/context")
        return
    if party is SubscriberType.BAP:
        _check_ours(receiver, SubscriberType.BPP, context.bpp_id, context.bpp_uri)
    else:
        _check_ours(receiver, SubscriberType.BAP, context.bap_id, context.bap_uri)


def _check_ours(
    receiver: Receiver, hearer: SubscriberType, named: str | None, uri: str | None
) -> None:
    """None stands for a search to everybody, which read_context lets no other action leave out."""
    field = hearer.lower()
    if receiver.type is not hearer or named not in (None, receiver.subscriber_id):
        raise Misaddressed(
            f"This message is for the {hearer} {named or '(any)'}, this is the {receiver.type} "
            f"{receiver.subscriber_id}.",
            path=f"/context/{field}_id",
        )
    if uri is not None and not lies_under(uri, receiver.url):
        raise Misaddressed(
            f"context.{field}_uri does not lie under {receiver.url}.", path=f"/context/{field}_uri"
        )


def _check_fresh(context: Context, now: int, receiver: Receiver) -> None:
    """`now` is whole seconds, so the sender has the benefit of the running second."""
    now_ms = now * 1000
    if context.timestamp <= now_ms + SKEW_S * 1000 + 999 and now_ms <= context.expires_ms:
        return
    raise Stale(
        f"The message is of {context.timestamp} ms with ttl {context.ttl_s} s, our time is "
        f"{now_ms} ms. Send it anew with a fresh timestamp and message_id, and check the clock.",
        path="/context/timestamp",
        code=STALE_CODES[receiver.type],
    )


def _part(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    part = document.get(name)
    if part is None or type(part) is dict:
        return part
    raise Malformed(f"{name} must be an object.", path=f"/{name}")


def _name(header: SignatureHeader) -> str:
    return f"{header.key_id.subscriber_id}|{header.key_id.unique_key_id}"
