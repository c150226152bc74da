"""The strict JSON door: one reading of the bytes that no two parsers can disagree about.

Measured with jiter 0.19: it refuses duplicate keys (also escaped ones), NaN and Infinity, byte
order marks, UTF-16 and UTF-32, lone surrogates, raw control characters, bad UTF-8, comments,
trailing commas and trailing bytes. It lets pass, and this module refuses: 1e400 read as infinity,
integers of up to 4300 digits, digits lost in a float, nesting up to 200, NUL as an escape, and a
top level that is no object.
"""

import re
from typing import Any

import jiter
import jsonschema_rs
import orjson

from protocol_specs.wire.errors import Malformed

DEPTH_MAX = 32
INTEGER_MAX = 2**53
DIGITS_MAX = 17


def _bounded(depth: int) -> dict[str, Any]:
    """A schema: numbers within 2**53, objects and lists in each other at most `depth` deep."""
    simple = [
        {"type": "string"},  # first, for most values are
        {"type": "number", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX},
        {"type": ["boolean", "null"]},
    ]
    levels: dict[str, Any] = {"level-0": {"anyOf": simple}}
    for level in range(1, depth + 1):
        below = {"$ref": f"#/$defs/level-{level - 1}"}
        objects = {"type": "object", "additionalProperties": below}
        lists = {"type": "array", "items": below}
        levels[f"level-{level}"] = {"anyOf": [simple[0], objects, lists, *simple[1:]]}
    return {"$ref": f"#/$defs/level-{depth}", "$defs": levels}


_BOUNDED = jsonschema_rs.Draft202012Validator(_bounded(DEPTH_MAX))

# Every digit becomes "0"; dots go, so that the digits of one number stand together.
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_RUN = b"0" * (DIGITS_MAX + 1)
_STRING_OR_NUMBER = re.compile(rb'"(?:[^"\\]++|\\.)*+"|([0-9]+)(?:\.([0-9]+))?', re.DOTALL)


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; raises Malformed with what is wrong and where."""
    document = _plain(body)
    if document is None:
        document = _by_the_letter(body)
    if b"\\" in body and b"\\u0000" in body:  # the first is found, or not, eight times as fast
        _refuse_nul(document)
    return document


def _plain(body: bytes) -> dict[str, Any] | None:
    """The object in `body` if writing it again gives these very bytes and it is bounded, else None.

    Then no key stands twice, no digit was lost and nothing but JSON was there: half the cost of
    looking for each of these. Most peers write compact JSON; the others are read by the letter.
    """
    try:
        document = orjson.loads(body)
        if (
            type(document) is dict
            and orjson.dumps(document) == body
            and _BOUNDED.is_valid(document)  # a third of the cost of walking through it here
        ):
            return document
    except (ValueError, TypeError):  # not JSON, or too deep to be written
        pass  # the other parser says what is wrong
    return None


def _by_the_letter(body: bytes) -> dict[str, Any]:
    """The same for any spelling of JSON; raises Malformed."""
    try:
        document = jiter.from_json(
            body, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys"
        )
    except ValueError as fault:
        raise Malformed(f"The body is not strict JSON: {str(fault)[:200]}.") from None
    if type(document) is not dict:
        raise Malformed("The body must be one JSON object with context and message.")
    if _LONG_RUN in body.translate(_DIGITS, b"."):
        _refuse_long_numbers(body)
    _refuse_deep_or_huge(document)
    return document


def dumps(value: object) -> bytes:
    """`value` as compact UTF-8 JSON: the bytes that are signed, kept and sent."""
    return orjson.dumps(value)


def _refuse_deep_or_huge(document: dict[str, Any]) -> None:
    """Level by level: one loop, no recursion, and the number of levels is the depth."""
    level: list[Any] = [document]
    for _ in range(DEPTH_MAX):
        below: list[Any] = []
        for node in level:
            for value in node.values() if type(node) is dict else node:
                kind = type(value)
                if kind is str:
                    continue
                if kind is dict or kind is list:
                    below.append(value)
                elif (kind is int or kind is float) and not -INTEGER_MAX <= value <= INTEGER_MAX:
                    raise Malformed("A number in the body is beyond 2**53; send it as a string.")
        if not below:
            return
        level = below
    raise Malformed(f"The body is nested deeper than {DEPTH_MAX} levels.")


def _refuse_long_numbers(body: bytes) -> None:
    """Digit runs are mostly ids inside strings; only a number with too many is refused."""
    for token in _STRING_OR_NUMBER.finditer(body):
        whole, fraction = token.groups(b"")
        if len((whole + fraction).lstrip(b"0")) > DIGITS_MAX:
            raise Malformed(
                f"A number in the body has more than {DIGITS_MAX} digits; send it as a string."
            )


def _refuse_nul(document: dict[str, Any]) -> None:
    """An escaped backslash before u0000 is innocent, so look at the text that was read."""
    if b"\\u0000" in orjson.dumps(document).replace(b"\\\\", b""):
        raise Malformed("A text in the body holds a NUL character (\\u0000).")
