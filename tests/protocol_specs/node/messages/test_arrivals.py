"""Passing messages that came in: bounded memory, and each in its time."""

from contextlib import suppress

import pytest

from protocol_specs.node.messages.actions import Passing
from protocol_specs.node.messages.arrivals import REMEMBER_S, TTL_S, Arrivals, deadline
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import ChangedDuplicate, Overloaded
from tests.support import peers
from tests.support.peers import NOW, Peer
from tests.support.queues import envelope_of

BAP = peers.bap()


async def ignore(envelope: Envelope, now: int) -> None:
    return None


SEARCH = Passing("search", ignore)


def a_search(text: str = "x", sender: Peer = BAP, **context: str) -> Envelope:
    return envelope_of(sender, "search", text=text, **context)


def test_a_repeat_has_no_effect_and_other_bytes_are_refused() -> None:
    arrivals = Arrivals(waiting_max=10, memory_max=10)
    first = a_search(message_id="m1", transaction_id="t1")
    assert arrivals.offer(SEARCH, first, NOW)
    assert not arrivals.offer(SEARCH, first, NOW)
    with pytest.raises(ChangedDuplicate):
        arrivals.offer(SEARCH, a_search("y", message_id="m1", transaction_id="t1"), NOW)


def test_several_answers_may_share_a_message_id() -> None:
    arrivals = Arrivals(waiting_max=10, memory_max=10)
    answers = [
        envelope_of(peers.bpp(), "on_search", text=text, message_id="m1", transaction_id="t1")
        for text in ("one", "two")
    ]
    assert [arrivals.offer(SEARCH, answer, NOW) for answer in answers] == [True, True]
    assert not arrivals.offer(SEARCH, answers[0], NOW)


def test_what_is_shed_is_not_remembered_as_taken() -> None:
    arrivals = Arrivals(waiting_max=1, memory_max=10)
    assert arrivals.offer(SEARCH, a_search(), NOW)
    shed = a_search()
    for _ in range(2):
        with pytest.raises(Overloaded):
            arrivals.offer(SEARCH, shed, NOW)


async def test_a_few_large_messages_fill_the_queue_as_many_small_ones_do() -> None:
    large = [a_search("x" * 1000, peers.bap(f"{name}.example.org")) for name in "abc"]
    arrivals = Arrivals(waiting_max=100, memory_max=100, bytes_max=2 * len(large[0].body) + 10)
    for envelope in large[:2]:
        assert arrivals.offer(SEARCH, envelope, NOW)
    with pytest.raises(Overloaded):
        arrivals.offer(SEARCH, large[2], NOW)
    arrivals.take()
    assert arrivals.offer(SEARCH, large[2], NOW)


async def test_what_waits_of_one_peer_leaves_room_for_the_next() -> None:
    one, two, three = (peers.bap(f"{name}.example.org") for name in ("one", "two", "three"))
    arrivals = Arrivals(waiting_max=12, memory_max=100)
    assert _until_shed(arrivals, one) == 6
    assert _until_shed(arrivals, two) == 4
    assert _until_shed(arrivals, three) == 2
    assert arrivals.is_full
    for _ in range(6):
        arrivals.take()
    assert _until_shed(arrivals, one) == 3
    assert not arrivals.is_full


def test_large_messages_of_one_peer_leave_room_for_the_next() -> None:
    size = len(a_search("x" * 1000).body)
    arrivals = Arrivals(waiting_max=100, memory_max=100, bytes_max=6 * size)
    assert _until_shed(arrivals, BAP, "x" * 1000) == 3
    assert arrivals.offer(SEARCH, a_search("x" * 1000, peers.bap("two.example.org")), NOW)


def _until_shed(arrivals: Arrivals, sender: Peer, text: str = "x") -> int:
    """How many searches of this sender are taken before one is not."""
    taken = 0
    with suppress(Overloaded):
        while arrivals.offer(SEARCH, a_search(text, sender), NOW):
            taken += 1
    return taken


def test_memory_is_bounded_and_the_oldest_is_forgotten_first() -> None:
    arrivals = Arrivals(waiting_max=10, memory_max=2)
    one, two, three = a_search(), a_search(), a_search()
    for envelope in (one, two, three):
        arrivals.offer(SEARCH, envelope, NOW)
    assert not arrivals.offer(SEARCH, three, NOW)
    assert not arrivals.offer(SEARCH, two, NOW)
    assert arrivals.offer(SEARCH, one, NOW)


def test_a_repeat_is_known_as_long_as_a_signature_can_live() -> None:
    arrivals = Arrivals(waiting_max=10, memory_max=10)
    envelope = a_search()
    arrivals.offer(SEARCH, envelope, NOW)
    assert not arrivals.offer(SEARCH, envelope, NOW + REMEMBER_S)


@pytest.mark.parametrize(("ttl", "seconds"), [("PT5S", 5), ("PT2M", 120), (None, TTL_S)])
def test_a_message_is_worth_something_until_its_ttl(ttl: str | None, seconds: int) -> None:
    envelope = envelope_of(BAP, "search", ttl=ttl)
    assert deadline(envelope, NOW) == NOW + seconds


def test_a_late_answer_still_gets_its_moment() -> None:
    assert deadline(a_search(ttl="PT5S"), NOW + 100) == NOW + 101
