"""The network around one measured node: a registry that answers look-ups, and its peers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from protocol_specs.wire import keys, signing, timestamp
from protocol_specs.wire.errors import ack

DAY_S = 86_400


@dataclass
class Party:
    """A subscriber that this process plays, or the measured node itself."""

    subscriber_id: str
    type: str
    domain: str
    url: str
    city: str = "*"
    country: str = "IND"
    unique_key_id: str = "k1"
    key: keys.SigningKey = field(default_factory=keys.generate_signing_key)
    encryption: keys.EncryptionKey = field(default_factory=keys.generate_encryption_key)

    @property
    def key_id(self) -> signing.KeyId:
        return signing.KeyId(self.subscriber_id, self.unique_key_id)

    def sign(self, body: bytes, *, lifetime_s: int = 3000) -> dict[str, str]:
        """Headers that carry this party's signature over `body`, good for the whole run."""
        now = int(time.time())
        header = signing.sign(
            body, key=self.key, key_id=self.key_id, created=now, expires=now + lifetime_s
        )
        return {"Authorization": header}

    def record(self) -> dict[str, Any]:
        """The registry's record of this party."""
        now = int(time.time())
        return {
            "subscriber_id": self.subscriber_id,
            "url": self.url,
            "type": self.type,
            "domain": self.domain,
            "city": self.city,
            "country": self.country,
            "key_id": self.unique_key_id,
            "signing_public_key": keys.b64encode(self.key.public),
            "encr_public_key": keys.b64encode(self.encryption.public),
            "valid_from": timestamp.rfc3339((now - DAY_S) * 1000),
            "valid_until": timestamp.rfc3339((now + DAY_S) * 1000),
            "status": "SUBSCRIBED",
            "created": timestamp.rfc3339((now - DAY_S) * 1000),
            "updated": timestamp.rfc3339((now - DAY_S) * 1000),
        }

    def write_keys(self, folder: Path) -> None:
        """The private keys as files only their owner may read."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, key in (("signing.key", self.key), ("encryption.key", self.encryption)):
            path = folder / name
            path.touch(mode=0o600)
            path.write_text(keys.b64encode(key.seed))


class Network:
    """Answers POST /lookup for the known parties, and hands each callback to `on_callback`."""

    def __init__(self, parties: list[Party], on_callback: Callable[[str, bytes], None]) -> None:
        self.parties = parties
        self.on_callback = on_callback
        self._ack = ack()

    def answer(self, path: str, body: bytes) -> bytes:
        """The listener's answer: records for a look-up, ACK for everything else."""
        if path != "/lookup":
            self.on_callback(path.rsplit("/", 1)[-1], body)
            return self._ack
        wanted = orjson.loads(body)
        return orjson.dumps(
            [
                party.record()
                for party in self.parties
                if wanted.get("subscriber_id", party.subscriber_id) == party.subscriber_id
                and wanted.get("type", party.type) == party.type
            ]
        )


def common_settings(node: Party, port: int, registry: Party) -> str:
    """The part of a settings file that every node has, as TOML."""
    return f"""
subscriber_id = "{node.subscriber_id}"
unique_key_id = "{node.unique_key_id}"
url = "{node.url}"
port = {port}
data_dir = "data"
signing_key = "signing.key"
encryption_key = "encryption.key"
network = "development"
domains = ["{node.domain}"]
cities = ["{node.city}"]
country = "{node.country}"
log_level = "error"
ops = {{ port = 0 }}

[registry]
url = "{registry.url}"
subscriber_id = "{registry.subscriber_id}"
unique_key_id = "{registry.unique_key_id}"
signing_public_key = "{keys.b64encode(registry.key.public)}"
encryption_public_key = "{keys.b64encode(registry.encryption.public)}"
signs_answers = false

[limits]
messages_per_peer_per_s = 1000000
"""
