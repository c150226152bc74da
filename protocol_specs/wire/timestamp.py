"""RFC 3339 times as milliseconds since 1970, UTC."""

import re
from datetime import UTC, datetime, timedelta

from protocol_specs.wire.errors import Malformed

_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime(1000, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


def parse_ms(text: str) -> int:
    """Milliseconds since 1970 of a time with an offset; raises Malformed, finer parts are cut."""
    try:
        if _FORM.fullmatch(text):
            return (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND
    except ValueError:
        pass  # the form is right, the day or hour is not: said below
    raise Malformed(f"{text[:40]!r} is not an RFC 3339 time such as 2026-01-02T03:04:05.678Z.")


def rfc3339(ms: int) -> str:
    """The time as we write it: UTC, milliseconds, Z. Raises ValueError for a year that has not
    four digits."""
    if not _FIRST_MS <= ms <= _LAST_MS:
        raise ValueError(f"{ms} ms since 1970 is not in a year of four digits")
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
