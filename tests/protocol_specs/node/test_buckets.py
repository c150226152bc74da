"""Token buckets: what they let through, when one may come again, and whom they forget."""

from protocol_specs.node.buckets import Buckets


def test_a_bucket_says_in_how_many_seconds_there_is_a_token_again() -> None:
    buckets = Buckets(2 / 60, burst=2, keys_max=2)
    assert [buckets.take("a", 0) for _ in range(3)] == [0, 0, 30]
    assert buckets.take("a", 30) == 0
    assert buckets.take("b", 30) == 0
    assert buckets.take("c", 30) == 0
    assert [buckets.take("a", 30) for _ in range(2)] == [0, 0]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    buckets = Buckets(10, burst=3)
    buckets.take("a", 0)
    assert [buckets.take("a", 3600) for _ in range(4)] == [0, 0, 0, 1]


def test_a_clock_set_back_neither_fills_a_bucket_nor_holds_it_empty() -> None:
    buckets = Buckets(1, burst=1)
    assert buckets.take("a", 3600) == 0
    assert buckets.take("a", 0) == 1
    assert buckets.take("a", 1) == 0


def test_a_rate_below_one_still_lets_one_through() -> None:
    assert Buckets(0.1, burst=0.2).take("a", 0) == 0


def test_what_cost_more_is_paid_later_and_no_more_than_a_full_bucket_is_owed() -> None:
    buckets = Buckets(1, burst=2)
    buckets.charge("a", 3, 0)
    assert buckets.take("a", 0) == 2
    buckets.charge("a", 1_000, 0)
    assert buckets.take("a", 0) == 3
    assert buckets.take("a", 3) == 0
    assert buckets.take("b", 0) == 0
