"""Reading a field of a message: every dialect's readers are built from these.

A reader takes a value and returns it in our terms, or raises Malformed. The fault rises through
the readers above it, each putting its own key before the path, so that a JSON pointer costs
nothing until there is something to point at. `find` and `each` take a missing part for none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from protocol_specs.wire import timestamp
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.money import minor_units
from protocol_specs.wire.order import Place

T = TypeVar("T")
Json = Mapping[str, Any]

_GPS = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d{1,20})?)\s*,\s*([+-]?\d{1,3}(?:\.\d{1,20})?)\s*")
_WHOLE = re.compile(r"\d{1,15}")


def need(value: Json, key: str, read: Callable[[Any], T]) -> T:
    """The field read; missing or null is a fault."""
    part = value.get(key)
    if part is None:
        raise Malformed(f"{key} is missing", path=f"/{key}")
    try:
        return read(part)
    except Malformed as fault:
        raise _below(key, fault) from None


def find(value: Json, key: str, read: Callable[[Any], T]) -> T | None:
    """The field read; None when it is missing or null."""
    part = value.get(key)
    if part is None:
        return None
    try:
        return read(part)
    except Malformed as fault:
        raise _below(key, fault) from None


def each(value: Json, key: str, read: Callable[[Any], T]) -> tuple[T, ...]:
    """Every element of a list read; empty when it is missing or null."""
    part = value.get(key)
    if part is None:
        return ()
    try:
        return elements(part, read)
    except Malformed as fault:
        raise _below(key, fault) from None


def elements(value: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    """Every element read, each under its index."""
    if not isinstance(value, list):
        _refuse(value, "a list")
    found: list[T] = []
    try:
        for part in value:
            found.append(read(part))
    except Malformed as fault:
        raise _below(str(len(found)), fault) from None
    return tuple(found)


def _below(key: str, fault: Malformed) -> Malformed:
    pointed = key.replace("~", "~0").replace("/", "~1")
    return Malformed(fault.reason, path=f"/{pointed}{fault.path or ''}")


def under(path: str, read: Callable[[], T]) -> T:
    """What `read` returns; its faults get `path` put before theirs."""
    try:
        return read()
    except Malformed as fault:
        raise Malformed(fault.reason, path=f"{path}{fault.path or ''}") from None


def in_message(message: Any, key: str, read: Callable[[Any], T]) -> T:
    """One part of a message, read; a fault's path begins at /message."""
    return under("/message", lambda: need(an_object(message), key, read))


def an_object(value: Any) -> Json:
    """A JSON object."""
    if not isinstance(value, dict):
        _refuse(value, "an object")
    return value


def text(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        _refuse(value, "a string")
    return value


def name(value: Any) -> str:
    """A string that is not empty."""
    if text(value) == "":
        raise Malformed("this must not be empty")
    return str(value)


def loose_text(value: Any) -> str:
    """A string, or the number or truth value that many send in its place."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    return text(value)


def truth(value: Any) -> bool:
    """A JSON true or false, or either as a string."""
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        _refuse(value, "true or false")
    return bool(value == "true")


def whole(value: Any) -> int:
    """A whole number of zero or more, as a string or as a number."""
    digits = loose_text(value)
    if not _WHOLE.fullmatch(digits):
        raise Malformed(f"{digits[:40]!r} must be a whole number of zero or more")
    return int(digits)


def choice(*words: str) -> Callable[[Any], str]:
    """A reader of one of the words, in any case."""

    def read(value: Any) -> str:
        word = text(value).upper()
        if word not in words:
            raise Malformed(f"{value[:40]!r} is not one of {', '.join(words)}")
        return word

    return read


def at(value: Any) -> int:
    """An RFC 3339 time, in seconds UTC."""
    return timestamp.parse_ms(text(value)) // 1000


def minor(value: Any, currency: str) -> int:
    """A decimal string in minor units. A whole JSON number is exact and taken; a float is not."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return minor_units(text(value), currency)


def gps(value: Any) -> Place:
    """`"lat,lon"`, blanks allowed, both within the globe."""
    match = _GPS.fullmatch(text(value)[:100])
    if match is None:
        raise Malformed(f'{value[:40]!r} must be "latitude,longitude" in decimal degrees')
    place = Place(float(match[1]), float(match[2]))
    if abs(place.lat) > 90 or abs(place.lon) > 180:
        raise Malformed(f"{value[:40]!r} is not on the globe; latitude comes first")
    return place


def _refuse(value: Any, wanted: str) -> NoReturn:
    raise Malformed(f"this must be {wanted}, not {_KINDS.get(type(value), 'a number')}")


_KINDS = {
    str: "a string",
    dict: "an object",
    list: "a list",
    bool: "true or false",
    type(None): "null",
}
