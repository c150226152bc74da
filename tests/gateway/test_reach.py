"""How much one participant is sent at once: less while it hangs, more again once it answers."""

from gateway.reach import (
    DOWN_AFTER_FAILURES,
    TRY_AGAIN_S_MAX,
    WINDOW_AT_FIRST,
    WINDOW_MAX,
    WINDOW_OF_SLOW_ONES,
    Reach,
)
from tests.support.peers import NOW


def down(failures: int = DOWN_AFTER_FAILURES, now: int = NOW) -> Reach:
    reach = Reach()
    for _ in range(failures):
        reach.failed(now)
    return reach


def test_one_that_is_down_gets_one_probe_at_a_time_each_after_a_longer_while() -> None:
    for failures in range(DOWN_AFTER_FAILURES, 30):
        reach = down(failures)
        wait_s = min(TRY_AGAIN_S_MAX, 2 ** (failures - DOWN_AFTER_FAILURES))
        assert not reach.may_try(NOW + wait_s - 1)
        assert reach.may_try(NOW + wait_s)
        reach.in_flight = 1
        assert not reach.may_try(NOW + wait_s)


def test_a_clock_that_was_set_back_shuts_nobody_out() -> None:
    assert down(20).may_try(NOW - 3600)


def test_its_first_answer_heals_it_one_slot_at_a_time() -> None:
    reach = down(20)
    for slots in (2, 3, 4):
        reach.answered()
        assert not reach.is_down
        reach.in_flight = slots - 1
        assert reach.may_try(NOW)
        reach.in_flight = slots
        assert not reach.may_try(NOW)


def test_one_that_answers_probes_and_then_hangs_never_has_more_than_two_messages() -> None:
    """The worst it can do: answer each probe, and nothing else."""
    reach, now, most = down(), NOW, 0
    for _ in range(50):
        now += TRY_AGAIN_S_MAX
        assert reach.may_try(now)
        reach.answered()
        while reach.may_try(now):
            reach.in_flight += 1
        most = max(most, reach.in_flight)
        for _ in range(DOWN_AFTER_FAILURES):
            reach.late()
            reach.failed(now)
        reach.in_flight = 0
    assert most == 2


def test_one_that_is_only_slow_keeps_a_few_slots() -> None:
    reach = Reach()
    for _ in range(20):
        reach.late()
    assert reach.window == WINDOW_OF_SLOW_ONES
    assert not reach.is_down


def test_nobody_has_more_slots_than_the_bound_and_a_newcomer_has_few() -> None:
    reach = Reach()
    assert reach.window == WINDOW_AT_FIRST
    for _ in range(1000):
        reach.answered()
    assert reach.window == WINDOW_MAX
