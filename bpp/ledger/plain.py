"""RFC 8785 bytes of our own documents, ten times faster than for any JSON value.

Ours have ASCII keys and hold text, whole numbers below 2**53, booleans, null, lists and such
documents: no fractions. For these, sorted compact JSON is RFC 8785 already; a test holds it to
`wire.canonical`, and whoever checks a slip uses that one.
"""

from typing import Any

import orjson


def plain_canonical(document: dict[str, Any]) -> bytes:
    """The same bytes as `wire.canonical.canonical(document)` for a document of that kind."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
