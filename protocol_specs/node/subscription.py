"""Joining a network: our own /subscribe call, and the answer to the registry's challenge.

The challenge is AES-ECB without authentication, so whoever may ask us to decrypt holds an oracle:
only the registry whose key is pinned in the settings is answered, each of its calls once, and the
encryption key serves for nothing else.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocol_specs.node.client import Client, Undelivered
from protocol_specs.wire import challenge, envelope, keys, strict_json, timestamp
from protocol_specs.wire.claims import Headers
from protocol_specs.wire.envelope import Receiver, Subscriber, SubscriberType
from protocol_specs.wire.errors import Malformed, Misaddressed, Unauthenticated
from protocol_specs.wire.signing import KeyId

if TYPE_CHECKING:
    from protocol_specs.node.settings import NodeSettings, RegistrySettings

CHALLENGE_LIFETIME_S = 300
POLL_S = 0.5
DAY_S = 86_400


class OnSubscribe:
    """Answers the pinned registry's challenges."""

    def __init__(self, *, registry: RegistrySettings, receiver: Receiver, own: OwnKeys) -> None:
        self._receiver, self._key = receiver, own.encryption
        self._signing_public_key = keys.b64encode(own.signing.public)
        self._registry_key = keys.encryption_public_key(registry.encryption_public_key)
        self._pinned = {KeyId(registry.subscriber_id, registry.unique_key_id): (pinned(registry),)}
        self._answered: dict[bytes, int] = {}

    def answer(self, headers: Headers, body: bytes, now: int) -> bytes:
        """The body that answers one challenge. Raises Refused for anybody but the registry."""
        claim = envelope.claim(
            headers, body, now, receiver=self._receiver, lifetime_s_max=CHALLENGE_LIFETIME_S
        )
        envelope.authenticate(claim, self._pinned, now, receiver=self._receiver)
        self._once(claim, now)
        document = strict_json.parse(body)
        if document.get("subscriber_id") != self._receiver.subscriber_id:
            raise Misaddressed("this challenge is for another subscriber", path="/subscriber_id")
        # Our registry names the key that somebody wants to have registered as ours; others do not.
        if document.get("signing_public_key", self._signing_public_key) != self._signing_public_key:
            raise Misaddressed("this signing key is not ours", path="/signing_public_key")
        question = document.get("challenge")
        if not isinstance(question, str):
            raise Malformed("challenge must be a base64 text", path="/challenge")
        plain = challenge.decrypt(question, self._key, self._registry_key)
        return strict_json.dumps({"answer": plain})

    def _once(self, claim: envelope.Claim, now: int) -> None:
        """A signature is good for one answer; it is remembered while it could be used again."""
        for signature in [s for s, expires in self._answered.items() if expires < now]:
            del self._answered[signature]
        if claim.sender.signature in self._answered:
            raise Unauthenticated("this challenge was answered before; send a fresh one")
        self._answered[claim.sender.signature] = claim.sender.expires


def pinned(registry: RegistrySettings) -> Subscriber:
    """The registry's own record, as our settings vouch for it. Raises ValueError for a bad key."""
    return Subscriber(
        subscriber_id=registry.subscriber_id,
        unique_key_id=registry.unique_key_id,
        type=SubscriberType.REGISTRY,
        domain="",
        url=registry.url,
        signing_public_key=keys.public_key(registry.signing_public_key),
        encryption_public_key=keys.encryption_public_key(registry.encryption_public_key),
        cities=(),
        country=None,
        valid_from=0,
        valid_until=2**40,
        status="SUBSCRIBED",
    )


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The two key pairs of a node: one signs, the other reads challenges."""

    signing: keys.SigningKey
    encryption: keys.EncryptionKey


def application(
    settings: NodeSettings, own: OwnKeys, *, type: SubscriberType, now: int, valid_s: int
) -> dict[str, Any]:
    """The /subscribe body for this node, in both spellings of each field."""
    location: dict[str, Any] = {"country": {"code": settings.country}}
    if settings.cities:
        location["city"] = {"code": settings.cities[0]}
    return {
        "subscriber_id": settings.subscriber_id,
        "url": settings.url,
        "subscriber_url": settings.url,
        "type": type.value,
        "domain": settings.domains[0] if settings.domains else "",
        "domains": list(settings.domains),
        "city": ",".join(settings.cities),
        "country": settings.country,
        "location": location,
        "key_id": settings.unique_key_id,
        "unique_key_id": settings.unique_key_id,
        "signing_public_key": keys.b64encode(own.signing.public),
        "encr_public_key": keys.b64encode(own.encryption.public),
        "valid_from": timestamp.rfc3339(now * 1000),
        "valid_until": timestamp.rfc3339((now + valid_s) * 1000),
        "nonce": str(uuid.uuid4()),
    }


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an application stands: the registry's status, and its words on what is missing."""

    status: str
    says: str = ""

    @property
    def is_subscribed(self) -> bool:
        """Whether peers can find and trust us now."""
        return self.status == "SUBSCRIBED"


async def subscribe(client: Client, url: str, body: Mapping[str, Any]) -> Standing:
    """Send an application to the registry at `url`. Raises Undelivered with what it said."""
    answer = strict_json.parse(await client.call(url, "/subscribe", strict_json.dumps(body)))
    return Standing(str(answer.get("status", "UNKNOWN")))


async def standing(client: Client, url: str, body: Mapping[str, Any]) -> Standing:
    """What /lookup says now of the application `body`: SUBSCRIBED, or what it waits for."""
    key = {name: body[name] for name in ("subscriber_id", "key_id", "unique_key_id")}
    wanted = set(body["domains"])
    found = await _look_up(client, url, {**key, "status": "SUBSCRIBED"})
    got = {record.get("domain") for record in found if record.get("status") == "SUBSCRIBED"}
    if found and wanted <= got:
        return Standing("SUBSCRIBED")
    who = {"subscriber_id": body["subscriber_id"]}
    for record in await _look_up(client, url, {**who, "status": "UNDER_SUBSCRIPTION"}):
        said = (record.get("waiting_for"), record.get("reason"))
        text = ": ".join(part for part in said if isinstance(part, str) and part)
        return Standing(str(record.get("status", "UNDER_SUBSCRIPTION")), text)
    return Standing("UNKNOWN", "the registry shows no application of this id")


async def wait_until_subscribed(
    client: Client, url: str, body: Mapping[str, Any], *, wait_s: float
) -> Standing:
    """Poll until SUBSCRIBED, refused, or `wait_s` have passed; the last standing seen."""
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_s
    while True:
        now_stands = await standing(client, url, body)
        refused = now_stands.says.startswith("refused")
        if now_stands.is_subscribed or refused or loop.time() >= end:
            return now_stands
        await asyncio.sleep(POLL_S)


async def _look_up(client: Client, url: str, question: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = await client.call(url, "/lookup", strict_json.dumps(question))
    try:
        records = strict_json.parse(b'{"records":' + answer + b"}")["records"]
    except Malformed as malformed:
        raise Undelivered(f"the registry's answer cannot be read: {malformed}", True) from None
    if not isinstance(records, list):
        raise Undelivered("the registry's answer is not an array", True)
    return [record for record in records if isinstance(record, dict)]
