"""A provider's node without any business on a real socket, and what is said to it, for tests."""

import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import MetaData

from protocol_specs.node.messages.actions import Passing
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings, RegistrySettings
from protocol_specs.wire import keys
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.parties import SubscriberType
from tests.support import peers
from tests.support.nodes import settings_of
from tests.support.peers import Clock, FakeDirectory, Peer, Said, signed_post

BAP = peers.bap()
REGISTRY = Peer("registry.example.org", SubscriberType.REGISTRY, "http://127.0.0.1:1")


def a_node(folder: Path, sock: socket.socket, *, clock: Clock | None = None, **more: Any) -> Node:
    """A provider's node that knows BAP, and itself as SUBSCRIBED."""
    registry = RegistrySettings(
        url=REGISTRY.url,
        subscriber_id=REGISTRY.subscriber_id,
        unique_key_id="k1",
        signing_public_key=keys.b64encode(REGISTRY.key.public),
        encryption_public_key=keys.b64encode(REGISTRY.encryption.public),
    )
    settings = settings_of(
        NodeSettings, folder, sock, subscriber_id="bpp.example.org", registry=registry, **more
    )
    return Node(
        settings,
        type=SubscriberType.BPP,
        metadata=MetaData(),
        clock=clock or Clock(),
        directory=FakeDirectory([BAP, peers.bpp("bpp.example.org")]),
    )


def directory_of(node: Node) -> FakeDirectory:
    held = node.keyring._directory
    assert isinstance(held, FakeDirectory)
    return held


async def get(node: Node, path: str) -> Said:
    url = f"http://127.0.0.1:{node.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return Said(response.status, response.headers.copy(), await response.read())


async def get_ops(node: Node, path: str) -> Said:
    url = f"http://127.0.0.1:{node.ops.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return Said(response.status, response.headers.copy(), await response.read())


async def send(node: Node, action: str, message: dict[str, Any], **changes: Any) -> Said:
    url = f"http://127.0.0.1:{node.port}"
    context = peers.context_of(action, sender=BAP, to_id="bpp.example.org", to_url=url, **changes)
    return await signed_post(url, BAP, {"context": context, "message": message})


async def search(node: Node, **changes: Any) -> Said:
    return await send(node, "search", {"intent": {}}, **changes)


async def confirm(node: Node) -> Said:
    order = {"provider": {"id": "p1"}, "items": [{"id": "i1"}]}
    return await send(node, "confirm", {"order": order})


def passing(handle: Callable[[Envelope], Awaitable[None]]) -> Passing:
    async def with_now(envelope: Envelope, now: int) -> None:
        await handle(envelope)

    return Passing("search", with_now)
