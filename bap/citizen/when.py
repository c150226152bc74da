"""A day and a time as the forms of a browser send them, in the zone of the city that is meant."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}")


class NoSuchTime(ValueError):
    """A day and time that no clock there shows: the clocks are put forward over it."""


def moment_of(day: str, clock: str, zone: tzinfo) -> int | None:
    """The instant, seconds UTC; of an hour that comes twice, the first. None: not a day and a time.

    Raises NoSuchTime.
    """
    if not _DAY.fullmatch(day) or not _CLOCK.fullmatch(clock):
        return None
    try:
        local = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock))
        there = local.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if there.astimezone(zone).replace(tzinfo=None) != local:
        raise NoSuchTime(f"{day} {clock}")
    return int(there.timestamp())


def days_from(now: int, ahead_s: int, zone: tzinfo) -> tuple[str, str]:
    """The first and the last day that can be chosen there."""
    here = datetime.fromtimestamp(now, UTC).astimezone(zone)
    last = (here.astimezone(UTC) + timedelta(seconds=ahead_s)).astimezone(zone)
    return here.date().isoformat(), last.date().isoformat()
