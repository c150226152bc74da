"""A lane: how much goes to one receiver at once, and when it is probed. No clock, no I/O."""

from protocol_specs.node.messages.lanes import BACKOFF_S_MAX, WINDOW_AT_FIRST, WINDOW_MAX, Lane
from tests.support.peers import NOW


def down_lane() -> Lane[int]:
    lane: Lane[int] = Lane("bap.example.org")
    for _ in range(3):
        lane.failed(NOW, began_in_round=0)
    return lane


def test_a_new_receiver_gets_little_and_one_that_answers_gets_more() -> None:
    lane: Lane[int] = Lane("bap.example.org")
    lane.in_flight = WINDOW_AT_FIRST
    assert not lane.has_room(NOW)
    for _ in range(100):
        assert not lane.answered()
    lane.in_flight = WINDOW_MAX - 1
    assert lane.has_room(NOW)
    lane.in_flight = WINDOW_MAX
    assert not lane.has_room(NOW)


def test_three_failures_in_a_row_leave_one_probe_at_a_time() -> None:
    lane = down_lane()
    assert not lane.has_room(NOW)
    assert lane.has_room(NOW + 1)
    lane.in_flight = 1
    assert not lane.has_room(NOW + 1)


def test_an_answer_between_failures_keeps_it_up() -> None:
    lane: Lane[int] = Lane("bap.example.org")
    for _ in range(20):
        lane.failed(NOW, began_in_round=0)
        lane.failed(NOW, began_in_round=0)
        assert not lane.answered()
    assert lane.has_room(NOW)


def test_sends_that_began_together_count_as_one_round() -> None:
    lane = down_lane()
    for _ in range(30):
        lane.failed(NOW, began_in_round=0)
    assert lane.rounds == 1
    assert lane.retry_at <= NOW + 1


def test_probes_come_ever_rarer_but_at_least_every_quarter_of_an_hour() -> None:
    lane, now, waits = down_lane(), NOW, []
    for _ in range(30):
        waits.append(lane.retry_at - now)
        now = lane.retry_at
        lane.failed(now, began_in_round=lane.rounds)
    assert waits[:3] == [1, 2, waits[2]]
    assert max(waits) <= BACKOFF_S_MAX == 900
    assert min(waits[-10:]) >= 0.8 * 900


def test_one_answer_brings_it_back() -> None:
    lane = down_lane()
    assert lane.answered()
    assert lane.has_room(NOW)
    assert not lane.answered()
