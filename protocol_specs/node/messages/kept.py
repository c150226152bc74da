"""Verified messages as rows, and as messages again: after a restart, or at a sibling."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from protocol_specs.node.store import Row
from protocol_specs.wire import strict_json
from protocol_specs.wire.context import read_context
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.keys import b64encode, strict_b64decode
from protocol_specs.wire.parties import Subscriber, SubscriberType
from protocol_specs.wire.version import Dialects

_KEYS = ("signing_public_key", "encryption_public_key")


@lru_cache(maxsize=256)
def party_text(party: Subscriber) -> str:
    """The registry record that a message was verified with, as JSON."""
    record = {name: getattr(party, name) for name in Subscriber.__slots__}
    for name in _KEYS:
        record[name] = None if record[name] is None else b64encode(record[name])
    return orjson.dumps(record).decode()


@lru_cache(maxsize=256)
def party(text: str) -> Subscriber:
    """What `party_text` wrote."""
    record = orjson.loads(text)
    for name in _KEYS:
        record[name] = None if record[name] is None else strict_b64decode(record[name])
    record["type"] = SubscriberType(record["type"])
    record["cities"] = tuple(record["cities"])
    return Subscriber(**record)


def envelope(row: Row | Mapping[str, Any], dialects: Dialects) -> Envelope:
    """The message of a row of `received` joined with its body (`bytes`). Nothing is verified a
    second time: only what was verified is ever written."""
    body = bytes(row["bytes"])
    document = strict_json.parse(body)
    return Envelope(
        context=read_context(document),
        message=document.get("message"),
        error=document.get("error"),
        document=document,
        dialect=dialects.of(document),
        body=body,
        sender=party(row["sender"]),
        gateway=None if row["gateway"] is None else party(row["gateway"]),
        authorization=row["authorization"],
        received_at=row["received_at"],
        digest=row["digest"],
    )
