"""Who is on the network: registry records, ourselves at a door, and which party says what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from protocol_specs.wire.signing import KeyId


class SubscriberType(StrEnum):
    """The part a subscriber plays (core 1.1.1 registry.yaml; REGISTRY for the registry itself)."""

    BAP = "BAP"
    BPP = "BPP"
    BG = "BG"
    REGISTRY = "REGISTRY"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One registry record: one per id, key, type and domain. Times in seconds, keys raw bytes."""

    subscriber_id: str
    unique_key_id: str
    type: SubscriberType
    domain: str
    url: str
    signing_public_key: bytes
    encryption_public_key: bytes | None
    cities: tuple[str, ...]
    country: str | None
    valid_from: int
    valid_until: int
    status: str


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who we are at this door; `url` is our registered base url."""

    subscriber_id: str
    type: SubscriberType
    url: str
    domains: frozenset[str]


Keys = Mapping[KeyId, Sequence[Subscriber]]

_SUBSCRIBER_ID = re.compile(
    r"(?=.{1,255}\Z)[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*"
)
_META_CALLBACKS = frozenset({"cancellation_reasons", "return_reasons", "rating_categories"})
_SAFE_REST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_PORTS = {"http": 80, "https": 443}


def speaker(action: str) -> SubscriberType:
    """The type of party that sends `action`: a BPP for callbacks, a BAP for all else."""
    is_callback = action.startswith("on_") or action in _META_CALLBACKS
    return SubscriberType.BPP if is_callback else SubscriberType.BAP


def callback_of(action: str) -> str:
    """The callback that answers a request: `on_` in front, but `get_` off the meta calls."""
    return action.removeprefix("get_") if action.startswith("get_") else f"on_{action}"


def request_of(callback: str) -> str:
    """The request that a callback answers: the inverse of `callback_of`."""
    return f"get_{callback}" if callback in _META_CALLBACKS else callback.removeprefix("on_")


def ttl_binds(action: str) -> bool:
    """Whether `action` is void after its ttl: requests and on_search are; order callbacks, which
    may report money and rides, are taken late."""
    return action == "on_search" or speaker(action) is SubscriberType.BAP


@lru_cache(maxsize=1024)  # each message names two, and they are few
def is_subscriber_id(text: str) -> bool:
    """Whether `text` is a bare lower-case ASCII host, perhaps with port and path; never a url."""
    return _SUBSCRIBER_ID.fullmatch(text) is not None


def lies_under(url: str, base: str) -> bool:
    """Whether `url` is `base` or a plain path below it: same scheme, host and port, no
    segment that begins with a dot, no escapes, query or user. Only the host's case and a default
    port may differ."""
    stem = base.rstrip("/")
    if url in (stem, base):
        return True
    if url.startswith(stem + "/"):
        return _is_plain(url[len(stem) :])
    given, registered = _split(url), _split(stem)
    if given is None or registered is None or _origin(given) != _origin(registered):
        return False
    path = registered.path
    return given.path in (path, path + "/") or (
        given.path.startswith(path + "/") and _is_plain(given.path[len(path) :])
    )


def _is_plain(rest: str) -> bool:
    return "/." not in rest and _SAFE_REST.fullmatch(rest) is not None


def _split(url: str) -> SplitResult | None:
    """The parts of an absolute http url without user, query or fragment, else None."""
    try:
        parts = urlsplit(url) if url.isascii() and url.isprintable() else None
        if parts is None or parts.scheme not in _PORTS or not parts.hostname or parts.port == 0:
            return None
    except ValueError:  # urlsplit refuses odd ports and brackets so
        return None
    return None if "@" in parts.netloc or "?" in url or "#" in url or "\\" in url else parts


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
