"""The traceparent header (W3C Trace Context): which trace a message belongs to, if its sender says.

Pure, and no part of any verdict: the signature does not cover it, and nothing is decided by it.
"""

import re
from collections.abc import Sequence

HEADER = "traceparent"
_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


def read(lines: Sequence[str]) -> str | None:
    """The header as it stood; None where there is none, more than one, or another form."""
    if len(lines) != 1 or _FORM.fullmatch(lines[0]) is None:
        return None
    return lines[0]


def parts(trace: str) -> tuple[int, int, int]:
    """Trace id, span id and flags of a header that was read."""
    _, trace_id, span_id, flags = trace.split("-")
    return int(trace_id, 16), int(span_id, 16), int(flags, 16)


def write(trace_id: int, span_id: int, flags: int) -> str:
    """The header of a span."""
    return f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}"
