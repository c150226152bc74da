"""A participant of its own making: keys, and an endpoint that answers a real registry."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from protocol_specs.node.database import sqlite
from protocol_specs.node.server import Node
from protocol_specs.node.settings import read_secret
from protocol_specs.wire import challenge, keys, signing, strict_json
from protocol_specs.wire.keys import b64encode
from protocol_specs.wire.signing import KeyId
from protocol_specs.wire.timestamp import rfc3339
from registry.app import assemble
from registry.settings import Policy, RegistryNodeSettings
from tests.registry.world import until
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import DELIVERIES, NOW, RIDES, Clock, Said, post

DAY_S = 86_400


@dataclass
class Pair:
    """A key id with its two key pairs."""

    key_id: str
    signing: keys.SigningKey = field(default_factory=keys.generate_signing_key)
    encryption: keys.EncryptionKey = field(default_factory=keys.generate_encryption_key)


@dataclass
class Desk:
    """A running registry, and its operator."""

    node: Node
    settings: RegistryNodeSettings
    clock: Clock

    @property
    def url(self) -> str:
        return self.settings.url

    @property
    def public(self) -> bytes:
        return keys.signing_key(read_secret(self.settings.signing_key, key="signing_key")).public

    @property
    def token(self) -> str:
        return read_secret(self.settings.data_dir / "operator.token", key="data_dir")

    @property
    def database(self) -> Path:
        return self.settings.data_dir / sqlite.FILE_NAME

    async def get(self, path: str, **headers: str) -> Said:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + path, headers=headers) as response,
        ):
            return Said(response.status, response.headers.copy(), await response.read())

    async def post(self, path: str, document: Any, **headers: str) -> Said:
        return await post(self.url + path, strict_json.dumps(document), headers)

    async def lookup(self, **filters: Any) -> list[dict[str, Any]]:
        said = await self.post("/lookup", filters)
        assert said.status == 200, said.body
        return rows(said)

    async def decide(self, who: str, verb: str, *, token: str | None = None, **body: Any) -> Said:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return await self.post(f"/operator/participants/{who}/{verb}", body, **headers)

    async def log(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("/changes")).json["changes"]
        return found


def rows(said: Said) -> list[dict[str, Any]]:
    """The records of a look-up's answer."""
    records: list[dict[str, Any]] = strict_json.parse(b'{"r":' + said.body + b"}")["r"]
    return records


@asynccontextmanager
async def desk(tmp_path: Path, *, policy: Policy | None = None, **more: Any) -> AsyncIterator[Desk]:
    """A registry that admits BAPs and BPPs by itself, unless `policy` says otherwise."""
    sock, clock = listening_socket(), Clock()
    settings = settings_of(
        RegistryNodeSettings,
        tmp_path / "registry",
        sock,
        subscriber_id="registry.example.org",
        policy=policy or Policy(automatic=("BAP", "BPP")),
        **{"domains": (RIDES, DELIVERIES), **more},
    )
    node = assemble(settings, clock=clock)
    async with running(node, sock):
        yield Desk(node, settings, clock)


@dataclass
class Participant:
    """A BPP with an endpoint. `pairs` are the keys that its endpoint answers for."""

    desk: Desk
    url: str
    pairs: dict[str, Pair]
    subscriber_id: str = "taxi.example.org"
    kind: str = "BPP"
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, question: dict[str, Any]) -> str:
        """The plain text of a challenge about one of our keys, else nonsense."""
        self.asked.append(question)
        registry = self.desk.settings
        own = keys.encryption_key(read_secret(registry.encryption_key, key="encryption_key"))
        for pair in self.pairs.values():
            if b64encode(pair.signing.public) == question["signing_public_key"]:
                return challenge.decrypt(question["challenge"], pair.encryption, own.public)
        return "this key is not ours"

    def body(self, key_id: str, **changes: Any) -> dict[str, Any]:
        """An application that brings the key `key_id`; None takes a field away."""
        pair = self.pairs[key_id]
        now = int(self.desk.clock())
        fields = {
            "subscriber_id": self.subscriber_id,
            "url": self.url,
            "type": self.kind,
            "domain": RIDES,
            "city": "std:03,std:04",
            "country": "MYS",
            "key_id": key_id,
            "signing_public_key": b64encode(pair.signing.public),
            "encr_public_key": b64encode(pair.encryption.public),
            "valid_from": rfc3339((now - DAY_S) * 1000),
            "valid_until": rfc3339((now + 30 * DAY_S) * 1000),
            "nonce": str(uuid.uuid4()),
        }
        return {name: value for name, value in (fields | changes).items() if value is not None}

    def sign(self, body: bytes, key_id: str, *, lives_s: int = 60) -> dict[str, str]:
        now = int(self.desk.clock())
        name = KeyId(self.subscriber_id, key_id)
        key = self.pairs[key_id].signing
        header = signing.sign(body, key=key, key_id=name, created=now, expires=now + lives_s)
        return {"Authorization": header}

    async def say(self, path: str, document: Any, *, signed_with: str) -> Said:
        """Post it signed; a change says in its body which one it is."""
        if path in ("/retire", "/unsubscribe"):
            document = {"action": path[1:], **document}
        body = strict_json.dumps(document)
        return await post(self.desk.url + path, body, self.sign(body, signed_with))

    async def apply(self, key_id: str, *, signed_with: str | None = None, **changes: Any) -> Said:
        return await self.say(
            "/subscribe", self.body(key_id, **changes), signed_with=signed_with or key_id
        )

    async def records(self, **filters: Any) -> list[dict[str, Any]]:
        return await self.desk.lookup(subscriber_id=self.subscriber_id, **filters)

    async def waits_for(self) -> str | None:
        found = await self.records(status="UNDER_SUBSCRIPTION")
        return found[0]["waiting_for"] if found else None


@asynccontextmanager
async def participant(desk: Desk, *key_ids: str, **more: Any) -> AsyncIterator[Participant]:
    """One whose endpoint listens; nothing is applied for yet."""
    sock = listening_socket()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    who = Participant(desk, url, {key_id: Pair(key_id) for key_id in key_ids or ("k1",)}, **more)

    async def on_subscribe(request: web.Request) -> web.Response:
        return web.json_response({"answer": who.answer(await request.json())})

    app = web.Application()
    app.router.add_post("/on_subscribe", on_subscribe)
    app.router.add_post("/{below}/on_subscribe", on_subscribe)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    try:
        yield who
    finally:
        await runner.cleanup()


@asynccontextmanager
async def subscribed(tmp_path: Path, *key_ids: str, **more: Any) -> AsyncIterator[Participant]:
    """One that takes part with the first of its keys."""
    async with desk(tmp_path, **more) as registry, participant(registry, *key_ids) as who:
        said = await who.apply(next(iter(who.pairs)))
        assert said.status == 200, said.body
        await until(who.records)
        yield who


__all__ = ["NOW", "Desk", "Pair", "Participant", "desk", "participant", "rows", "subscribed"]
