"""A registry on a real socket that says what a test lets it say, signed as a test wants it."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from protocol_specs.node.settings import RegistrySettings
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.answers import HEADER
from protocol_specs.wire.parties import Subscriber, SubscriberType
from protocol_specs.wire.timestamp import rfc3339
from protocol_specs.wire.values import replace
from tests.support.nodes import listening_socket, url_of
from tests.support.peers import Peer

REGISTRY_ID = "registry.example.org"


def record(of: Subscriber) -> dict[str, Any]:
    """A record as looked up."""
    return {
        "subscriber_id": of.subscriber_id,
        "url": of.url,
        "type": of.type.value,
        "domain": of.domain,
        "city": ",".join(of.cities),
        "country": of.country,
        "location": {"city": {"code": "".join(of.cities[:1])}, "country": {"code": of.country}},
        "key_id": of.unique_key_id,
        "signing_public_key": keys.b64encode(of.signing_public_key),
        "encr_public_key": keys.b64encode(of.encryption_public_key or b""),
        "valid_from": rfc3339(of.valid_from * 1000),
        "valid_until": rfc3339(of.valid_until * 1000),
        "status": of.status,
    }


@dataclass
class StandIn:
    """What it holds and how it answers. `asked` has the path of each question, with what was in
    If-None-Match; `is_down` makes it answer 503; `page` records are in a look-up at most."""

    peer: Peer
    clock: Callable[[], float]
    held: list[Subscriber] = field(default_factory=list)
    sequence: int = 1
    max_age_s: int = 300
    signs: Peer | None = None
    signed_s_ago: int = 0
    alter: Callable[[bytes], bytes] = bytes
    alter_tag: Callable[[str], str] = str
    is_down: bool = False
    snapshot_status: int | None = None  # instead of a snapshot
    page: int = 10_000
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.signs = self.peer

    @property
    def settings(self) -> RegistrySettings:
        """What a node is told of it."""
        return RegistrySettings(
            url=self.peer.url,
            subscriber_id=self.peer.subscriber_id,
            unique_key_id=self.peer.unique_key_id,
            signing_public_key=keys.b64encode(self.peer.key.public),
            encryption_public_key=keys.b64encode(self.peer.encryption.public),
        )

    def put(self, *peers: Peer) -> None:
        """From now on it vouches for these, too."""
        self.held += [record for peer in peers for record in peer.records()]
        self.sequence += 1

    def drop(self, peer: Peer) -> None:
        """It does not vouch for `peer` any more."""
        self.held = [r for r in self.held if r.subscriber_id != peer.subscriber_id]
        self.sequence += 1

    def forger(self) -> Peer:
        """One who signs in its name with another key."""
        return replace(self.peer, key=keys.generate_signing_key())

    def paths(self) -> list[str]:
        """Which paths were asked for."""
        return [path for path, _ in self.asked]

    async def look_up(self, request: web.Request) -> web.Response:
        """POST /lookup, by key, type or id."""
        self.asked.append(("/lookup", None))
        if self.is_down:
            return web.Response(status=503)
        wanted = strict_json.parse(await request.read())
        if any("," in said for said in wanted.values()):  # as our registry does
            return web.Response(status=400)
        names = {"subscriber_id", "key_id", "type", "domain"} & wanted.keys()
        found = [
            said
            for said in (record(of) for of in self.held)
            if all(said[name] == wanted[name] for name in names)
        ]
        body = strict_json.dumps(found[: self.page])
        return self._answer(200, self.alter(body), body)

    async def snapshot(self, request: web.Request) -> web.Response:
        """GET /snapshot."""
        held_tag = request.headers.get("If-None-Match")
        self.asked.append(("/snapshot", held_tag))
        if self.is_down or self.snapshot_status is not None:
            return web.Response(status=self.snapshot_status or 503)
        domains = request.query.getall("domain", [])
        found = [record(of) for of in self.held if not domains or of.domain in domains]
        records = strict_json.dumps(found)
        stated = hashlib.sha256(b"%d" % self.max_age_s + records).hexdigest()
        tag = self.alter_tag(f'"{stated[:40]}"')
        if held_tag == tag:
            return self._answer(304, b"", tag.encode(), tag)
        head = strict_json.dumps(
            {
                "registry": self.peer.subscriber_id,
                "sequence": self.sequence,
                "issued_at": rfc3339(int(self.clock()) * 1000),
                "max_age_s": self.max_age_s,
            }
        )
        body = head[:-1] + b',"records":' + records + b"}"
        return self._answer(200, self.alter(body), body, tag)

    def _answer(
        self, status: int, body: bytes, signed: bytes, tag: str | None = None
    ) -> web.Response:
        headers = {"Content-Type": "application/json"} | ({} if tag is None else {"ETag": tag})
        if self.signs is not None:
            created = int(self.clock()) - self.signed_s_ago
            headers[HEADER] = self.signs.authorization(signed, created=created)
        return web.Response(status=status, body=body, headers=headers)


@asynccontextmanager
async def standin(clock: Callable[[], float]) -> AsyncIterator[StandIn]:
    """A stand-in that listens."""
    sock = listening_socket()
    registry = StandIn(Peer(REGISTRY_ID, SubscriberType.REGISTRY, url_of(sock)), clock)
    app = web.Application()
    app.router.add_post("/lookup", registry.look_up)
    app.router.add_get("/snapshot", registry.snapshot)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    try:
        yield registry
    finally:
        await runner.cleanup()
