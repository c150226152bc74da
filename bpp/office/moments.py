"""A moment as a browser's field writes it."""

from datetime import UTC, datetime, tzinfo


def moment_of(typed: str, zone: tzinfo) -> int | None:
    """Seconds UTC of what was typed, by the clocks of this zone; None: it is no moment."""
    try:
        said = datetime.fromisoformat(typed)
        local = said.replace(tzinfo=zone) if said.tzinfo is None else said
        return int(local.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):  # the first and the last day that a date can say
        return None
