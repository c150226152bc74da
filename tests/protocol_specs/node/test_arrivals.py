"""Passing messages that came in: bounded memory, and each in its time."""

import pytest

from protocol_specs.node.actions import Passing
from protocol_specs.node.arrivals import REMEMBER_S, TTL_S, Arrivals, deadline
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import ChangedDuplicate, Overloaded
from tests.support import peers
from tests.support.peers import NOW
from tests.support.queues import envelope_of

BAP = peers.bap()


async def ignore(envelope: Envelope, now: int) -> None:
    return None


SEARCH = Passing("search", ignore)


def a_search(text: str = "x", **context: str) -> Envelope:
    return envelope_of(BAP, "search", text=text, **context)


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
    large = [a_search("x" * 1000) for _ in range(3)]
    arrivals = Arrivals(waiting_max=100, memory_max=100, bytes_max=2 * len(large[0].body) + 10)
    for envelope in large[:2]:
        assert arrivals.offer(SEARCH, envelope, NOW)
    with pytest.raises(Overloaded):
        arrivals.offer(SEARCH, large[2], NOW)
    await arrivals.take()
    assert arrivals.offer(SEARCH, large[2], NOW)


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
