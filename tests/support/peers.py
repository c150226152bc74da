"""Participants with keys of their own, and the registry's word about them, for tests."""

import io
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from multidict import CIMultiDict

from protocol_specs.node.client.client import Undelivered
from protocol_specs.wire import keys, signing, strict_json
from protocol_specs.wire.context import new_context
from protocol_specs.wire.parties import Subscriber, SubscriberType
from protocol_specs.wire.signing import KeyId

NOW = 1_790_000_000  # seconds UTC; the moment at which tests take place
RIDES = "nic2004:60221"
DELIVERIES = "nic2004:60232"
CITY, COUNTRY = "std:03", "MYS"


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    at: float = NOW

    def __call__(self) -> float:
        return self.at


@dataclass(frozen=True)
class Peer:
    """One participant: its name, its part, its keys."""

    subscriber_id: str
    type: SubscriberType
    url: str
    domains: tuple[str, ...] = (RIDES,)
    unique_key_id: str = "k1"
    key: keys.SigningKey = field(default_factory=keys.generate_signing_key)
    encryption: keys.EncryptionKey = field(default_factory=keys.generate_encryption_key)
    cities: tuple[str, ...] = (CITY,)

    @property
    def key_id(self) -> KeyId:
        return KeyId(self.subscriber_id, self.unique_key_id)

    def records(
        self,
        *,
        status: str = "SUBSCRIBED",
        valid_from: int = NOW - 86_400,
        valid_until: int = NOW + 86_400,
    ) -> list[Subscriber]:
        """What the registry says of this peer, a record for each domain."""
        return [
            Subscriber(
                subscriber_id=self.subscriber_id,
                unique_key_id=self.unique_key_id,
                type=self.type,
                domain=domain,
                url=self.url,
                signing_public_key=self.key.public,
                encryption_public_key=self.encryption.public,
                cities=self.cities,
                country=COUNTRY,
                valid_from=valid_from,
                valid_until=valid_until,
                status=status,
            )
            for domain in self.domains
        ]

    def authorization(self, body: bytes, *, created: int = NOW, lives_s: int = 60) -> str:
        """A header of this peer over `body`."""
        return signing.sign(
            body, key=self.key, key_id=self.key_id, created=created, expires=created + lives_s
        )


def bap(name: str = "bap.example.org", **more: Any) -> Peer:
    """A consumer platform."""
    return Peer(name, SubscriberType.BAP, f"https://{name}", **more)


def bpp(name: str = "bpp.example.org", **more: Any) -> Peer:
    """A provider platform."""
    return Peer(name, SubscriberType.BPP, f"https://{name}", **more)


def gateway(name: str = "bg.example.org", **more: Any) -> Peer:
    """A gateway."""
    return Peer(name, SubscriberType.BG, f"https://{name}", **more)


class FakeDirectory:
    """A registry in memory: give it to `Node(directory=...)` or `Keyring(...)`.

    `asked` keeps every question; `is_down` makes it unreachable.
    """

    def __init__(self, peers: Iterable[Peer] = ()) -> None:
        self.held: list[Subscriber] = [record for peer in peers for record in peer.records()]
        self.asked: list[dict[str, str]] = []
        self.is_down = False

    async def __call__(self, question: dict[str, str]) -> list[Subscriber]:
        self.asked.append(dict(question))
        if self.is_down:
            raise Undelivered("the registry is down", True)
        return [record for record in self.held if _matches(record, question)]

    def forget(self, peer: Peer) -> None:
        """The registry no longer knows `peer`."""
        self.held = [r for r in self.held if r.subscriber_id != peer.subscriber_id]


def _matches(record: Subscriber, question: Mapping[str, str]) -> bool:
    facts = {
        "subscriber_id": record.subscriber_id,
        "key_id": record.unique_key_id,
        "type": record.type.value,
        "domain": record.domain,
        "status": record.status,
    }
    return all(facts[name] == value for name, value in question.items() if name in facts)


def context_of(
    action: str, *, sender: Peer, to_id: str | None, to_url: str | None, **changes: Any
) -> dict[str, Any]:
    """A context said by `sender` at NOW; `changes` replace or, when None, remove fields."""
    is_bap = sender.type is SubscriberType.BAP
    consumer = (sender.subscriber_id, sender.url) if is_bap else (to_id, to_url)
    provider = (to_id, to_url) if is_bap else (sender.subscriber_id, sender.url)
    context = new_context(
        action=action,
        domain=sender.domains[0],
        version="1.1.1",
        city=CITY,
        country=COUNTRY,
        bap_id=str(consumer[0]),
        bap_uri=str(consumer[1]),
        bpp_id=provider[0],
        bpp_uri=provider[1],
        transaction_id=str(uuid.uuid4()),
        message_id=str(uuid.uuid4()),
        now_ms=NOW * 1000,
    )
    context.update(changes)
    return {name: value for name, value in context.items() if value is not None}


@dataclass(frozen=True)
class Said:
    """What a door answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The answer's JSON."""
        return strict_json.parse(self.body)

    @property
    def is_ack(self) -> bool:
        """Whether it is a plain ACK."""
        return self.status == 200 and self.json == {"message": {"ack": {"status": "ACK"}}}

    @property
    def code(self) -> str:
        """The code of its NACK."""
        assert self.json["message"]["ack"]["status"] == "NACK"
        code: str = self.json["error"]["code"]
        return code


async def post(url: str, body: bytes, headers: Any = ()) -> Said:
    """POST exactly this; `headers` may be pairs, so that one can stand twice."""
    lines: CIMultiDict[str] = CIMultiDict(headers)
    lines.setdefault("Content-Type", "application/json")
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=_data(body), headers=lines, allow_redirects=False) as response,
    ):
        return Said(response.status, response.headers.copy(), await response.read())


def _data(body: Any) -> Any:
    """aiohttp warns of large bytes; a file of the same bytes it takes."""
    return io.BytesIO(body) if isinstance(body, bytes) and len(body) > 1_000_000 else body


async def signed_post(
    base_url: str,
    sender: Peer,
    document: Mapping[str, Any] | bytes,
    *,
    action: str | None = None,
    headers: Mapping[str, str] | None = None,
    created: int = NOW,
) -> Said:
    """POST `document`, signed by `sender` at `created`, to `base_url`/`action` (its own action)."""
    body = document if isinstance(document, bytes) else strict_json.dumps(document)
    path = action or strict_json.parse(body)["context"]["action"]
    signed = {"Authorization": sender.authorization(body, created=created), **(headers or {})}
    return await post(f"{base_url}/{path}", body, signed)
