"""Times of our messages rise within a conversation, whatever the clock does."""

from bpp.orders.stamps import Stamps


def test_two_messages_of_one_conversation_never_bear_the_same_time() -> None:
    times = iter([5_000, 5_000, 4_990, 5_001, 6_000])
    stamps = Stamps(lambda: next(times))
    assert [stamps("t") for _ in range(5)] == [5_000, 5_001, 5_002, 5_003, 6_000]


def test_another_conversation_takes_the_clock_as_it_is() -> None:
    stamps = Stamps(lambda: 5_000)
    assert [stamps("t"), stamps("u")] == [5_000, 5_000]
