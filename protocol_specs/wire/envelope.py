"""From received bytes to a verified message: claim, then keys, then admit; both pure, fail-closed.

`claim` (claims.py) reads what costs little: header lines, grammar, times, digest. It names the keys
that are needed. `admit` takes those keys and gives an Envelope or a refusal; there is no third
outcome, and no part of the message is to be had without it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from protocol_specs.wire import strict_json
from protocol_specs.wire.claims import SKEW_S, Claim, holders
from protocol_specs.wire.context import Context, read_context
from protocol_specs.wire.errors import (
    SIGNATURE_CODES,
    STALE_CODES,
    Malformed,
    Misaddressed,
    Stale,
    Unauthenticated,
    WrongParty,
)
from protocol_specs.wire.parties import (
    Keys,
    Receiver,
    Subscriber,
    SubscriberType,
    lies_under,
    speaker,
    ttl_binds,
)
from protocol_specs.wire.signing import SignatureHeader
from protocol_specs.wire.version import Dialect, Dialects


class Envelope(NamedTuple):
    """A verified message with its sender and its exact bytes. `received_at` in seconds."""

    context: Context
    message: dict[str, Any] | None
    error: dict[str, Any] | None
    document: dict[str, Any]
    dialect: Dialect
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


def admit(
    claim: Claim, keys: Keys, now: int, *, receiver: Receiver, action: str, dialects: Dialects
) -> Envelope:
    """The verified message; raises Refused.

    Checked in this order: signatures, the role of each signer, strict JSON, dialect, schema,
    context.action == `action`, the signer is the party that speaks, addressed to us, still fresh.
    `keys` must be what the registry says now; an id it lacks is unknown.
    """
    try:
        return _admit(claim, keys, now, receiver, action, dialects)
    except Unauthenticated as refused:
        refused.code = SIGNATURE_CODES[receiver.type]
        raise


def _admit(
    claim: Claim, keys: Keys, now: int, receiver: Receiver, action: str, dialects: Dialects
) -> Envelope:
    gateways = _gateways(claim.gateway, claim.digest, keys, now, receiver) if claim.gateway else ()
    party = speaker(action)
    senders = [
        record for record in holders(claim.sender, claim.digest, keys, now) if record.type == party
    ]
    if not senders:
        raise WrongParty(f"{action} is said by a {party}; {claim.sender.key_id} is not one.")
    document = strict_json.parse(claim.body)
    dialect = dialects.of(document)
    dialect.schemas("receive").validate(action, document)
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
    message, error = _part(document, "message"), _part(document, "error")
    # After this point nothing is refused.
    return Envelope(
        context=context,
        message=message,
        error=error,
        document=document,
        dialect=dialect,
        body=claim.body,
        sender=sender,
        gateway=gateway,
        authorization=claim.sender.raw,
        received_at=now,
        digest=claim.digest,
    )


def _gateways(
    header: SignatureHeader, body_digest: str, keys: Keys, now: int, receiver: Receiver
) -> Sequence[Subscriber]:
    """The usable BG records of the one who countersigned, once that signature is verified."""
    try:
        if header.key_id.subscriber_id == receiver.subscriber_id:
            raise WrongParty("This message has already passed through here: a loop.")
        records = holders(header, body_digest, keys, now)
        gateways = [record for record in records if record.type is SubscriberType.BG]
        if not gateways:
            raise WrongParty(f"{header.key_id} signs as a gateway but is not registered as a BG.")
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
