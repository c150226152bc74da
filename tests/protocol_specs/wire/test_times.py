"""Durations and timestamps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.wire import duration, timestamp
from protocol_specs.wire.errors import Malformed


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("PT30S", 30),
        ("PT1M", 60),
        ("P1M", 30 * 86400),
        ("PT1H30M", 5400),
        ("P1DT12H", 129600),
        ("P2D", 172800),
        ("P1W", 604800),
        ("P1Y", 365 * 86400),
        ("PT0.5S", 0),
        ("PT30.9S", 30),
        ("PT0S", 0),
        ("P120S", 120),
        ("PT2D", 172800),
        ("P1H", 3600),
    ],
)
def test_durations_are_read_as_seconds(text, expected_s):
    assert duration.seconds(text) == expected_s


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "P1D5S",
        "PT1W",
        "30",
        "PT30",
        "-PT30S",
        "PT-30S",
        "pt30s",
        " PT30S",
        "PT30S\n",
        "PT３０S",
        "PT1.5H",
        "PT" + "9" * 10 + "S",
        "PT1S1M",
        "P1D" * 30,
    ],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(Malformed, match="ISO 8601"):
        duration.seconds(text)


@given(st.integers(0, 10**8))
def test_durations_survive_the_wire(duration_s):
    assert duration.seconds(duration.text(duration_s)) == duration_s


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-02T03:04:05.678Z", 1767323045678),
        ("2026-01-02T03:04:05.6789999Z", 1767323045678),
        ("2026-01-02T03:04:05Z", 1767323045000),
        ("2026-01-02t03:04:05z", 1767323045000),
        ("2026-01-02 08:34:05+05:30", 1767323045000),
        ("2026-01-01T22:04:05.5-05:00", 1767323045500),
    ],
)
def test_times_are_read_as_milliseconds(text, expected_ms):
    assert timestamp.parse_ms(text) == expected_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-02T25:00:00Z",
        "2026-01-02T03:04:05Z\n",
        "20260102T030405Z",
        "2026-W01-5T00:00:00Z",
        "２０26-01-02T03:04:05Z",
        "2026-01-02T03:04:05+0530",
        "1767323045",
        "2026-01-02T03:04:05+99:00",
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(Malformed, match="RFC 3339"):
        timestamp.parse_ms(text)


@given(st.integers(0, 253402300799999))
def test_times_survive_the_wire(ms):
    assert timestamp.parse_ms(timestamp.rfc3339(ms)) == ms


def test_times_are_written_in_utc_with_milliseconds():
    assert timestamp.rfc3339(1767323045678) == "2026-01-02T03:04:05.678Z"
    assert timestamp.rfc3339(1767323045000) == "2026-01-02T03:04:05.000Z"


@pytest.mark.parametrize("text", ["0999-12-31T23:59:59.000Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_of_another_age_is_read_and_never_written_in_another_form(text: str) -> None:
    with pytest.raises(ValueError, match="four digits"):
        timestamp.rfc3339(timestamp.parse_ms(text))
    with pytest.raises(ValueError, match="four digits"):
        timestamp.rfc3339(timestamp.parse_ms("9999-12-31T23:59:59.999Z") + 1)
