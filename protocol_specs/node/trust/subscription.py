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
from typing import TYPE_CHECKING, Any, Protocol

from protocol_specs.node.client.client import Client
from protocol_specs.node.trust.pinned_registry import pinned
from protocol_specs.wire import challenge, claims, keys, strict_json, timestamp
from protocol_specs.wire.claims import Headers
from protocol_specs.wire.errors import Malformed, Misaddressed, Unauthenticated
from protocol_specs.wire.parties import Receiver, SubscriberType
from protocol_specs.wire.signing import KeyId

if TYPE_CHECKING:
    from protocol_specs.node.settings import NodeSettings, RegistrySettings

CHALLENGE_LIFETIME_S = 300
POLL_S = 0.5
DAY_S = 86_400


class Asks(Protocol):
    """The part of the pinned registry that joining needs."""

    async def look_up(self, question: dict[str, Any]) -> list[object]: ...


class OnSubscribe:
    """Answers the pinned registry's challenges, for the keys this node has and for those it will
    have next."""

    def __init__(self, *, registry: RegistrySettings, receiver: Receiver, own: OwnKeys) -> None:
        self._receiver = receiver
        self._registry_key = keys.encryption_public_key(registry.encryption_public_key)
        self._pinned = {KeyId(registry.subscriber_id, registry.unique_key_id): (pinned(registry),)}
        self._answered: dict[bytes, int] = {}
        self.expect(own)

    def expect(self, own: OwnKeys, next: OwnKeys | None = None) -> None:
        """Answer for these from now on. Who does not name a key is answered with the next one,
        while there is one that waits to be proven."""
        newest_first = [own] if next is None else [next, own]
        self._own = {keys.b64encode(pair.signing.public): pair for pair in newest_first}

    def answer(self, headers: Headers, body: bytes, now: int) -> bytes:
        """The body that answers one challenge. Raises Refused for anybody but the registry."""
        claim = claims.claim(
            headers, body, now, receiver=self._receiver, lifetime_s_max=CHALLENGE_LIFETIME_S
        )
        claims.authenticate(claim, self._pinned, now, receiver=self._receiver)
        self._once(claim, now)
        document = strict_json.parse(body)
        if document.get("subscriber_id") != self._receiver.subscriber_id:
            raise Misaddressed("this challenge is for another subscriber", path="/subscriber_id")
        own = self._named(document)
        question = document.get("challenge")
        if not isinstance(question, str):
            raise Malformed("challenge must be a base64 text", path="/challenge")
        plain = challenge.decrypt(question, own.encryption, self._registry_key)
        return strict_json.dumps({"answer": plain})

    def _named(self, document: Mapping[str, Any]) -> OwnKeys:
        """Our registry names the key that somebody wants to have registered as ours; others do
        not. Raises Misaddressed when it is not ours."""
        newest = next(iter(self._own))
        own = self._own.get(str(document.get("signing_public_key", newest)))
        if own is None:
            raise Misaddressed("this signing key is not ours", path="/signing_public_key")
        return own

    def _once(self, claim: claims.Claim, now: int) -> None:
        """A signature is good for one answer; it is remembered while it could be used again."""
        for signature in [s for s, expires in self._answered.items() if expires < now]:
            del self._answered[signature]
        if claim.sender.signature in self._answered:
            raise Unauthenticated("this challenge was answered before; send a fresh one")
        self._answered[claim.sender.signature] = claim.sender.expires


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The two key pairs of a node: one signs, the other reads challenges."""

    signing: keys.SigningKey
    encryption: keys.EncryptionKey


def application(
    settings: NodeSettings,
    own: OwnKeys,
    *,
    type: SubscriberType,
    now: int,
    valid_s: int,
    unique_key_id: str | None = None,
) -> dict[str, Any]:
    """The /subscribe body for this node, in both spellings of each field. `unique_key_id` is that
    of `own`, where it is not the one of the settings."""
    key_id = unique_key_id or settings.unique_key_id
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
        "key_id": key_id,
        "unique_key_id": key_id,
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
    """Send an application to the registry at `url`. Raises Undelivered with what it said.

    The answer is not believed: what counts is what a look-up shows afterwards.
    """
    answer = strict_json.parse(await client.call(url, "/subscribe", strict_json.dumps(body)))
    return Standing(str(answer.get("status", "UNKNOWN")))


async def standing(registry: Asks, body: Mapping[str, Any], *, url: str | None = None) -> Standing:
    """What /lookup says now of the application `body`: SUBSCRIBED with this very key in all of its
    domains (and at `url`, if one is given), or what it waits for. Raises Undelivered."""
    key = {name: body[name] for name in ("subscriber_id", "key_id", "unique_key_id")}
    found = _objects(await registry.look_up({**key, "status": "SUBSCRIBED"}))
    got = {
        record.get("domain")
        for record in found
        if record.get("status") == "SUBSCRIBED"
        and _is_of(record, body["signing_public_key"])
        and _is_at(record, url)
    }
    if got and got >= set(body["domains"]):
        return Standing("SUBSCRIBED")
    who = {"subscriber_id": body["subscriber_id"]}
    for record in _objects(await registry.look_up({**who, "status": "UNDER_SUBSCRIPTION"})):
        if record.get("status") == "SUBSCRIBED":
            continue  # of another key of ours: not every registry heeds the status asked for
        said = (record.get("waiting_for"), record.get("reason"))
        text = ": ".join(part for part in said if isinstance(part, str) and part)
        return Standing(str(record.get("status", "UNDER_SUBSCRIPTION")), text)
    return Standing("UNKNOWN", "the registry shows no application of this id")


async def wait_until_subscribed(
    registry: Asks, body: Mapping[str, Any], *, wait_s: float
) -> Standing:
    """Poll until SUBSCRIBED, refused, or `wait_s` have passed; the last standing seen."""
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_s
    while True:
        now_stands = await standing(registry, body, url=body.get("url"))
        refused = now_stands.says.startswith("refused")
        if now_stands.is_subscribed or refused or loop.time() >= end:
            return now_stands
        await asyncio.sleep(POLL_S)


def _is_of(record: Mapping[str, Any], public: str) -> bool:
    """Whether the record shows this key; registries spell one key in several ways."""
    try:
        return keys.public_key(str(record.get("signing_public_key"))) == keys.public_key(public)
    except keys.InvalidKey:
        return False


def _is_at(record: Mapping[str, Any], url: str | None) -> bool:
    """Whether the record leads to `url`; one that shows none, or none that we seek, may."""
    shown = record.get("url") or record.get("subscriber_url")
    return url is None or not isinstance(shown, str) or shown.rstrip("/") == url.rstrip("/")


def _objects(answer: list[object]) -> list[dict[str, Any]]:
    return [record for record in answer if isinstance(record, dict)]
