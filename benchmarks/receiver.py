"""A node with one durable and one passing action and no business: what receiving alone costs."""

import sys
from pathlib import Path

from sqlmodel import MetaData

from protocol_specs.node.messages.actions import Durable, Passing
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings, load
from protocol_specs.node.store import Session
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.parties import SubscriberType


def taken(session: Session, envelope: Envelope, now: int) -> None:
    """Nothing is decided here: the message was written, and is now marked as handled."""


async def heard(envelope: Envelope, now: int) -> None:
    """Nor here: the message waited in memory, and is gone."""


def build(config: Path) -> Node:
    """A BAP that takes on_confirm, and on_select in passing."""
    settings = load(config, NodeSettings)
    node = Node(settings, type=SubscriberType.BAP, metadata=MetaData())
    node.serve_action(Durable("on_confirm", taken))
    node.serve_action(Passing("on_select", heard))
    return node


if __name__ == "__main__":
    build(Path(sys.argv[1])).run()
