"""The context of a Beckn message: read without guessing, written for requests and callbacks.

Core 1.1 requires nothing formally; what is required here is what every peer needs in practice
(domain, place, action, version, both ends, both ids, time). Core 0.9 has the same members but for
three: city and country are flat texts, and the version is called core_version.
"""

from typing import Any, NamedTuple

from protocol_specs.wire import duration, timestamp
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.parties import is_subscriber_id

TTL_S_DEFAULT = 30
TEXT_CHARS_MAX = 255
URI_CHARS_MAX = 2048


class Context(NamedTuple):
    """Addressing and identity of one message. `timestamp` in ms since 1970; bpp_id and bpp_uri are
    None only in a search to everybody; `is_flat` is the shape of core 0.9."""

    domain: str
    action: str
    version: str
    city: str
    country: str
    bap_id: str
    bap_uri: str
    bpp_id: str | None
    bpp_uri: str | None
    transaction_id: str
    message_id: str
    timestamp: int
    ttl_s: int | None
    is_flat: bool = False

    @property
    def expires_ms(self) -> int:
        """The last ms at which the message is fresh; PT30S where the sender said nothing."""
        return self.timestamp + 1000 * (TTL_S_DEFAULT if self.ttl_s is None else self.ttl_s)


def read_context(document: dict[str, Any]) -> Context:
    """The context of a parsed message; raises Malformed with the path of the first fault."""
    given = document.get("context")
    if type(given) is not dict:
        raise Malformed("The message needs a context object.", path="/context")
    action = _text(given, "action")
    is_flat = is_flat_context(given)
    place = _text if is_flat else _place
    # Only a search may leave the provider open; null is a value and is refused.
    has_bpp_id = action != "search" or "bpp_id" in given
    has_bpp_uri = action != "search" or "bpp_uri" in given
    return Context(
        domain=_text(given, "domain"),
        action=action,
        version=_text(given, "core_version" if is_flat else "version"),
        city=place(given, "city"),
        country=place(given, "country"),
        bap_id=_subscriber_id(given, "bap_id"),
        bap_uri=_text(given, "bap_uri", URI_CHARS_MAX),
        bpp_id=_subscriber_id(given, "bpp_id") if has_bpp_id else None,
        bpp_uri=_text(given, "bpp_uri", URI_CHARS_MAX) if has_bpp_uri else None,
        transaction_id=_text(given, "transaction_id"),
        message_id=_text(given, "message_id"),
        timestamp=_timestamp_ms(given),
        ttl_s=_ttl_s(given),
        is_flat=is_flat,
    )


def is_flat_context(context: dict[str, Any]) -> bool:
    """Whether this is the context of core 0.9, known by its core_version."""
    return "core_version" in context


def new_context(
    *,
    action: str,
    domain: str,
    version: str,
    city: str,
    country: str,
    bap_id: str,
    bap_uri: str,
    bpp_id: str | None = None,
    bpp_uri: str | None = None,
    transaction_id: str,
    message_id: str,
    now_ms: int,
    ttl: str | None = "PT30S",
    is_flat: bool = False,
) -> dict[str, Any]:
    """A JSON-ready context, of core 0.9 if `is_flat`; what is None is left out."""
    place: dict[str, Any] = {"country": country, "city": city}
    if not is_flat:
        place = {"location": {"city": {"code": city}, "country": {"code": country}}}
    context = {
        "domain": domain,
        **place,
        "action": action,
        "core_version" if is_flat else "version": version,
        "bap_id": bap_id,
        "bap_uri": bap_uri,
        "bpp_id": bpp_id,
        "bpp_uri": bpp_uri,
        "transaction_id": transaction_id,
        "message_id": message_id,
        "timestamp": timestamp.rfc3339(now_ms),
        "ttl": ttl,
    }
    return {name: value for name, value in context.items() if value is not None}


def reply_context(
    context: Context,
    *,
    action: str,
    now_ms: int,
    ttl: str | None,
    bpp_id: str | None = None,
    bpp_uri: str | None = None,
    message_id: str | None = None,
) -> dict[str, Any]:
    """The context of a callback to `context`; a new `message_id` only for an unsolicited one.

    Raises ValueError if neither the request nor the caller names the provider.
    """
    bpp_id, bpp_uri = bpp_id or context.bpp_id, bpp_uri or context.bpp_uri
    if bpp_id is None or bpp_uri is None:
        raise ValueError(f"{action} needs bpp_id and bpp_uri: the request named no provider")
    return new_context(
        action=action,
        domain=context.domain,
        version=context.version,
        city=context.city,
        country=context.country,
        bap_id=context.bap_id,
        bap_uri=context.bap_uri,
        bpp_id=bpp_id,
        bpp_uri=bpp_uri,
        transaction_id=context.transaction_id,
        message_id=message_id or context.message_id,
        now_ms=now_ms,
        ttl=ttl,
        is_flat=context.is_flat,
    )


def _text(given: dict[str, Any], name: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    value = given.get(name)
    if type(value) is str and 0 < len(value) <= chars_max and value.isprintable():
        return value
    raise Malformed(
        f"context.{name} must be a text of 1 to {chars_max} printable characters.",
        path=f"/context/{name}",
    )


def _subscriber_id(given: dict[str, Any], name: str) -> str:
    value = _text(given, name)
    if not is_subscriber_id(value):
        raise Malformed(
            f"context.{name} must be a bare subscriber id such as bap.example.org: "
            "a lower-case ASCII host, no scheme.",
            path=f"/context/{name}",
        )
    return value


def _place(given: dict[str, Any], name: str) -> str:
    location = given.get("location")
    place = location.get(name) if type(location) is dict else None
    code = place.get("code") if type(place) is dict else None
    if type(code) is str and 0 < len(code) <= TEXT_CHARS_MAX and code.isprintable():
        return code
    raise Malformed(
        f"context.location.{name}.code is missing or no text.",
        path=f"/context/location/{name}/code",
    )


def _timestamp_ms(given: dict[str, Any]) -> int:
    try:
        return timestamp.parse_ms(_text(given, "timestamp"))
    except Malformed as refused:
        raise Malformed(refused.reason, path="/context/timestamp") from None


def _ttl_s(given: dict[str, Any]) -> int | None:
    if "ttl" not in given:
        return None
    try:
        return duration.seconds(_text(given, "ttl"))
    except Malformed as refused:
        raise Malformed(refused.reason, path="/context/ttl") from None
