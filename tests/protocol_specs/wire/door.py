"""A small network for tests of claim and admit: a rider's app, a taxi co-operative, a gateway."""

import hashlib
from typing import Any

from multidict import CIMultiDict

from protocol_specs.wire import keys, signing, strict_json
from protocol_specs.wire.claims import Claim, claim
from protocol_specs.wire.context import new_context
from protocol_specs.wire.envelope import Envelope, admit
from protocol_specs.wire.errors import SchemaFault
from protocol_specs.wire.parties import Receiver, Subscriber, SubscriberType
from protocol_specs.wire.signing import KeyId
from protocol_specs.wire.values import replace

NOW = 1_790_000_000
DOMAIN = "nic2004:60221"
TTL_S = 60


def key_of(name: str) -> keys.SigningKey:
    """The same key for the same name in every run."""
    return keys.signing_key(keys.b64encode(hashlib.sha256(name.encode()).digest()))


def record(name: str, type: SubscriberType, **changes: Any) -> Subscriber:
    """A record that is in order, but for `changes`."""
    host = f"{name}.example.org"
    usual = Subscriber(
        subscriber_id=host,
        unique_key_id="k1",
        type=type,
        domain=DOMAIN,
        url=f"https://{host}/beckn",
        signing_public_key=key_of(name).public,
        encryption_public_key=None,
        cities=("std:03",),
        country="MYS",
        valid_from=NOW - 86400,
        valid_until=NOW + 86400,
        status="SUBSCRIBED",
    )
    return replace(usual, **changes)


APP = record("app", SubscriberType.BAP)
TAXI = record("taxi", SubscriberType.BPP)
GATE = record("gate", SubscriberType.BG)


def receiver_of(subscriber: Subscriber) -> Receiver:
    return Receiver(subscriber.subscriber_id, subscriber.type, subscriber.url, frozenset({DOMAIN}))


def key_id(subscriber: Subscriber) -> KeyId:
    return KeyId(subscriber.subscriber_id, subscriber.unique_key_id)


def table(*records: Subscriber) -> dict[KeyId, tuple[Subscriber, ...]]:
    """What a keyring would hand over: the records by key id."""
    found: dict[KeyId, tuple[Subscriber, ...]] = {}
    for given in records:
        found[key_id(given)] = (*found.get(key_id(given), ()), given)
    return found


USUAL_KEYS = table(APP, TAXI, GATE)


def context(action: str, /, **changes: Any) -> dict[str, Any]:
    """A context from APP to TAXI or back; a change to ... (Ellipsis) leaves the field out."""
    usual = new_context(
        action=action,
        domain=DOMAIN,
        version="1.1.1",
        city="std:03",
        country="MYS",
        bap_id=APP.subscriber_id,
        bap_uri=APP.url,
        bpp_id=TAXI.subscriber_id,
        bpp_uri=TAXI.url,
        transaction_id="5f6d5c0e-8a0b-4c8e-9f57-0d7a5a1f2b11",
        message_id="0b4a8a5e-6a43-4a5c-8a66-2a7f1f0b9c22",
        now_ms=NOW * 1000,
    )
    return {name: value for name, value in (usual | changes).items() if value is not ...}


def message(action: str, /, **changes: Any) -> bytes:
    return strict_json.dumps({"context": context(action, **changes), "message": {"order": {}}})


def signed(body: bytes, by: Subscriber, **changes: Any) -> str:
    """The header value `by` would send for `body`."""
    usual = {
        "key": key_of(by.subscriber_id.removesuffix(".example.org")),
        "key_id": key_id(by),
        "created": NOW,
        "expires": NOW + TTL_S,
    }
    return signing.sign(body, **{**usual, **changes})


class Shapes:
    """Stands for a dialect and its schemas: takes all, or refuses all when told to."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.refuse = refuse
        self.seen: list[str] = []

    def of(self, document: dict[str, Any]) -> "Shapes":
        return self

    def schemas(self, profile: str) -> "Shapes":
        return self

    def validate(self, action: str, document: dict[str, Any]) -> None:
        self.seen.append(action)
        if self.refuse:
            raise SchemaFault("not the shape", path="/message")


def claimed(
    body: bytes, *, by: Subscriber, at: Subscriber, now: int = NOW, gateway: str | None = None
) -> Claim:
    lines = CIMultiDict({"Authorization": signed(body, by)})
    if gateway is not None:
        lines.add("X-Gateway-Authorization", gateway)
    return claim(lines, body, now, receiver=receiver_of(at))


def admitted(
    body: bytes,
    *,
    action: str,
    by: Subscriber,
    at: Subscriber,
    keys: dict[KeyId, tuple[Subscriber, ...]] = USUAL_KEYS,
    now: int = NOW,
    gateway: str | None = None,
    schemas: Shapes | None = None,
) -> Envelope:
    """The message through both halves of the door of `at`."""
    return admit(
        claimed(body, by=by, at=at, gateway=gateway),
        keys,
        now,
        receiver=receiver_of(at),
        action=action,
        dialects=schemas or Shapes(),
    )
