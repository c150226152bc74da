"""A registry, a gateway that wants to join it, and patience: for tests of the registry."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.app import assemble as assemble_gateway
from gateway.settings import GatewaySettings
from protocol_specs.node.settings import NodeSettings, RegistrySettings, read_secret
from protocol_specs.node.trust.subscription import OwnKeys, application, subscribe
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.parties import SubscriberType
from registry import pending
from registry.app import assemble
from registry.settings import Policy, RegistryNodeSettings
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import NOW, Clock, Said, post

JoinBody = dict[str, Any]


def own_keys(settings: NodeSettings) -> OwnKeys:
    return OwnKeys(
        keys.signing_key(read_secret(settings.signing_key, key="signing_key")),
        keys.encryption_key(read_secret(settings.encryption_key, key="encryption_key")),
    )


def pins(settings: RegistryNodeSettings) -> RegistrySettings:
    own = own_keys(settings)
    return RegistrySettings(
        url=settings.url,
        subscriber_id=settings.subscriber_id,
        unique_key_id=settings.unique_key_id,
        signing_public_key=keys.b64encode(own.signing.public),
        encryption_public_key=keys.b64encode(own.encryption.public),
    )


class World:
    """A registry, and a gateway that is running and wants to join."""

    def __init__(self, tmp_path: Path, clock: Clock, **policy: Any) -> None:
        self.clock = clock
        self.sock = listening_socket()
        self.settings = settings_of(
            RegistryNodeSettings,
            tmp_path / "registry",
            self.sock,
            subscriber_id="registry.example.org",
            policy=Policy(**policy),
        )
        self.registry = assemble(self.settings, clock=clock)
        self.gateway_sock = listening_socket()
        self.gateway_settings = settings_of(
            GatewaySettings,
            tmp_path / "gateway",
            self.gateway_sock,
            subscriber_id="bg.example.org",
            registry=pins(self.settings),
        )
        self.gateway = assemble_gateway(self.gateway_settings, clock=clock)

    @property
    def url(self) -> str:
        return self.settings.url

    def body(self, **changes: Any) -> JoinBody:
        own = own_keys(self.gateway_settings)
        document = application(
            self.gateway_settings, own, type=SubscriberType.BG, now=NOW, valid_s=86_400
        )
        return document | changes

    async def join(self, **changes: Any) -> str:
        return (await subscribe(self.gateway.client, self.url, self.body(**changes))).status

    async def lookup(self, **filters: str) -> list[dict[str, Any]]:
        said = await post(f"{self.url}/lookup", strict_json.dumps(filters))
        assert said.status == 200
        records: list[dict[str, Any]] = strict_json.parse(b'{"r":' + said.body + b"}")["r"]
        return records

    async def waiting(self) -> list[dict[str, Any]]:
        return await self.lookup(subscriber_id="bg.example.org", status="UNDER_SUBSCRIPTION")

    async def operate(
        self, path: str, *, token: str | None = None, who: str = "bg.example.org", **body: str
    ) -> Said:
        if token is None:
            token = read_secret(self.settings.data_dir / "operator.token", key="data_dir")
        url = f"{self.url}/operator/participants/{who}/{path}"
        return await post(url, strict_json.dumps(body), {"Authorization": f"Bearer {token}"})

    def stored(self) -> int:
        return self.registry.store.read(lambda session: len(session.all(pending.OPEN, most=500)))


@asynccontextmanager
async def world(tmp_path: Path, **policy: Any) -> AsyncIterator[World]:
    made = World(tmp_path, Clock(), **policy)
    async with running(made.registry, made.sock), running(made.gateway, made.gateway_sock):
        yield made


async def until(condition: Callable[[], Any]) -> Any:
    """Wait for an awaitable condition to hold; fails after a minute."""
    async with asyncio.timeout(60):
        while not (result := await condition()):  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(0.01)
    return result
