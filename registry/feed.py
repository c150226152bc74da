"""Tells the network over NATS that the directory changed, where `[feed]` names a server."""

from protocol_specs.node.server import Node
from registry import changes


def add(node: Node) -> None:
    """From here on each change is told once it is committed, by whichever process hears of it."""
    feed = node.buses.feed_teller(lambda: node.store.read(changes.last))
    if feed is None:
        return

    def told(payload: str) -> None:
        position, _, subscriber_id = payload.partition(" ")
        feed.say(int(position), subscriber_id)

    node.store.listen(changes.CHANNEL, told)
    node.add_loop("feed", feed.next, wake=feed.wake, everywhere=True)
