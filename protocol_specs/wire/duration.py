"""ISO 8601 durations as whole seconds."""

import re
from functools import lru_cache

from protocol_specs.wire.errors import Malformed

_FORM = re.compile(
    r"P(?=.)(?:([0-9]{1,6})Y)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})W)?(?:([0-9]{1,6})D)?"
    r"(?:T(?=.)(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:\.[0-9]{1,9})?S)?)?"
)
_SLIP = re.compile(r"PT?([0-9]{1,6})([DHS])")
_SLIP_UNITS_S = {"D": 86400, "H": 3600, "S": 1}
_UNITS_S = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)


@lru_cache(maxsize=256)  # a network's messages name a handful of them
def seconds(text: str) -> int:
    """Seconds in `text` ("PT30S"); raises Malformed.

    A month counts 30 days and a year 365: durations here bound how long something holds, nothing
    falls due by them. A fraction of a second is dropped. A T too many or too few, as in P120S and
    PT2D, is frequent in real traffic and leaves no doubt, so it is read as meant.
    """
    found = _FORM.fullmatch(text) if len(text) <= 64 else None
    if found is None:
        slip = _SLIP.fullmatch(text)
        if slip is not None:
            return int(slip[1]) * _SLIP_UNITS_S[slip[2]]
        raise Malformed(f"{text[:32]!r} is not an ISO 8601 duration such as PT30S or P1D.")
    pairs = zip(found.groups(), _UNITS_S, strict=True)
    return sum(int(count) * unit_s for count, unit_s in pairs if count)


def text(duration_s: int) -> str:
    """The duration as we write it: PT30S, PT600S."""
    return f"PT{duration_s}S"
