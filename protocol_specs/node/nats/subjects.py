"""The subjects of all that goes by NATS, and who needs which. No id stands in one: `token`."""

from functools import lru_cache
from hashlib import sha256

Rights = dict[str, list[str]]


@lru_cache(maxsize=20_000)
def token(name: str) -> str:
    """A name as part of a subject: ids hold dots, and may hold what NATS reads as a wildcard."""
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def hints(subscriber_id: str) -> str:
    """What the subjects of a node's hints to itself begin with."""
    return f"wayfare.hints.{token(subscriber_id)}"


def siblings(subscriber_id: str) -> str:
    """What the subjects of a node's questions to itself begin with."""
    return f"wayfare.siblings.{token(subscriber_id)}"


def feed(registry_id: str) -> str:
    """Where a registry tells its network that something changed."""
    return f"wayfare.registry.{token(registry_id)}"


def stream(registry_id: str) -> str:
    """Where JetStream keeps the last word of that."""
    return f"WAYFARE_REGISTRY_{token(registry_id)}"


def make_stream(registry_id: str) -> str:
    """Where JetStream is asked to keep it."""
    return f"$JS.API.STREAM.CREATE.{stream(registry_id)}"


def last_word(registry_id: str) -> str:
    """Where JetStream is asked for it."""
    return f"$JS.API.DIRECT.GET.{stream(registry_id)}.{feed(registry_id)}"


def inbox(subscriber_id: str) -> str:
    """Below which answers come to that node."""
    return f"_INBOX.{token(subscriber_id)}"


def own_rights(subscriber_id: str) -> Rights:
    """What a node needs where its own processes meet."""
    below = [f"{make(subscriber_id)}.>" for make in (hints, siblings, inbox)]
    return {"publish": below, "subscribe": below}


def feed_rights(subscriber_id: str, registry_id: str, *, tells: bool) -> Rights:
    """What a node needs to hear the feed, or the registry to tell it."""
    answers = f"{inbox(subscriber_id)}.>"
    if tells:
        return {"publish": [feed(registry_id), make_stream(registry_id)], "subscribe": [answers]}
    return {"publish": [last_word(registry_id)], "subscribe": [feed(registry_id), answers]}
