"""A real node records what is proven and nothing else, and goes on when it cannot record."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData

from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.parties import SubscriberType
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of, url_of
from tests.support.peers import Clock, FakeDirectory, Said, signed_post

BAP = peers.bap()
STRANGER = peers.bap("stranger.example.org")


def a_node(folder: Path, sock: socket.socket, **more: Any) -> Node:
    """A provider's node that knows BAP, takes confirm, and records below `folder`."""
    settings = settings_of(NodeSettings, folder, sock, subscriber_id="bpp.example.org", **more)
    directory = FakeDirectory([BAP, peers.bpp("bpp.example.org")])
    node = Node(
        settings,
        type=SubscriberType.BPP,
        metadata=MetaData(),
        clock=Clock(),
        directory=directory,
    )

    def handle(session: Any, envelope: Envelope, now: int) -> None:
        return None

    node.serve_action(Durable("confirm", handle))
    return node


async def confirm(node: Node, sender: peers.Peer = BAP, **order: Any) -> Said:
    url = f"http://127.0.0.1:{node.port}"
    context = peers.context_of("confirm", sender=sender, to_id="bpp.example.org", to_url=url)
    message = {"order": {"provider": {"id": "p1"}, "items": [{"id": "i1"}], **order}}
    return await signed_post(url, sender, {"context": context, "message": message})


def recorded(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.json"))


async def test_what_is_received_and_what_is_sent_is_recorded(tmp_path: Path) -> None:
    sock, other = listening_socket(), listening_socket()
    node = a_node(tmp_path / "bpp", sock, record=tmp_path / "recording")
    peer = a_node(tmp_path / "other", other, record=tmp_path / "theirs")
    async with running(node, sock), running(peer, other):
        assert (await confirm(node)).is_ack
        body = b'{"context": {"transaction_id": "t1", "action": "confirm"}, "message": {}}'
        await node.client.send(url=url_of(other), action="confirm", body=body)
    assert recorded(tmp_path / "recording") == ["01_confirm.json", "01_confirm.json"]
    assert recorded(tmp_path / "theirs") == []  # refused there: signed by nobody known


async def test_what_is_refused_at_the_door_is_not_recorded(tmp_path: Path) -> None:
    sock = listening_socket()
    async with running(a_node(tmp_path, sock, record=tmp_path / "recording"), sock) as node:
        assert (await confirm(node, STRANGER)).status == 401
        assert not (await confirm(node, items="none")).is_ack
    assert recorded(tmp_path / "recording") == []


async def test_a_node_that_cannot_record_takes_messages_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "recording").write_text("a file where the folder should be")
    sock = listening_socket()
    async with running(a_node(tmp_path, sock, record=tmp_path / "recording"), sock) as node:
        assert (await confirm(node)).is_ack
        assert (await confirm(node)).is_ack


async def test_without_the_setting_nothing_is_recorded(tmp_path: Path) -> None:
    sock = listening_socket()
    async with running(a_node(tmp_path, sock), sock) as node:
        assert (await confirm(node)).is_ack
        assert node.recording is None
