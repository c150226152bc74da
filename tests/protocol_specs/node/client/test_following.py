"""Events out of the pieces in which a stream comes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.client.following import EVENT_BYTES_MAX, BadStream, EventReader, Following

STREAM = b": hello\n\nid: 1\nevent: position\ndata: {}\n\ndata: a\r\ndata: b\r\n\r\nevent: x\n\n"
EVENTS = [("position", b"{}"), ("message", b"a\nb")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_the_same_events_come_of_any_pieces(cuts: list[int]) -> None:
    reader, edges = EventReader(), [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


@pytest.mark.parametrize("endless", [b"x" * 1_024, b"data: 1234567\n", b"data:\n"])
def test_an_event_that_never_ends_is_refused_before_it_fills_the_memory(endless: bytes) -> None:
    reader = EventReader()
    reader.feed(endless * (EVENT_BYTES_MAX // len(endless) // 2))
    with pytest.raises(BadStream):
        reader.feed(endless * EVENT_BYTES_MAX)


@pytest.mark.parametrize("field", [b"data", b"event"])
def test_an_event_that_is_too_large_is_refused_in_one_piece_as_well(field: bytes) -> None:
    with pytest.raises(BadStream):
        EventReader().feed(field + b": " + b"x" * (EVENT_BYTES_MAX + 1) + b"\ndata: 1\n\n")


@pytest.mark.parametrize(
    "url", ["http://example.org/live", "https://127.0.0.1/live", "https://169.254.169.254/x"]
)
async def test_in_production_nothing_private_is_followed(url: str) -> None:
    following = Following("production", each_max=1, all_max=1)
    with pytest.raises(Undelivered) as caught:
        async with following.events(url):
            raise AssertionError("it was called")
    assert not caught.value.transient
    await following.close()
