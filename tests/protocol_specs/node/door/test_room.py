"""Room: what a node takes follows from what it handles, and nobody crowds others out."""

from protocol_specs.node.door.room import LEAST, Room


class Work:
    """A node's work: what it handled so far."""

    def __init__(self, most: int = 100_000) -> None:
        self.handled = 0
        self.room = Room(most, lambda: self.handled)

    def second(self, *, waiting: int, handled: int = 0) -> None:
        """A second goes by in which so many were handled; so many are due then."""
        self.handled += handled
        self.room.counted(waiting, 1.0)

    def taken(self, peer_id: str, tried: int) -> int:
        """How many of so many tries of a peer were taken."""
        count = 0
        for _ in range(tried):
            if not self.room.is_full_for(peer_id):
                self.room.take(peer_id)
                count += 1
        return count


def test_as_much_may_wait_as_is_handled_in_three_seconds() -> None:
    work = Work()
    work.second(waiting=0, handled=600)
    assert work.taken("a", 5_000) == 1_800
    assert work.room.is_full
    work.handled += 10
    assert work.taken("a", 5_000) == 0, "one peer alone still has no more than may wait"
    assert work.taken("b", 5_000) == 10


def test_a_node_that_had_nothing_to_do_takes_a_burst() -> None:
    work = Work()
    assert work.taken("a", 5_000) == LEAST
    for _ in range(30):
        work.second(waiting=0)
    assert work.taken("a", 5_000) == LEAST


def test_a_node_that_keeps_up_takes_all_that_comes() -> None:
    work = Work()
    for _ in range(10 * LEAST):
        assert not work.room.is_full
        work.room.take("a")
        work.handled += 1


def test_a_node_never_takes_more_than_its_settings_say() -> None:
    work = Work(20)
    work.second(waiting=5, handled=1_000)
    assert work.taken("a", 5_000) == 15


def test_a_peer_that_floods_leaves_room_for_those_who_were_there_and_for_a_newcomer() -> None:
    work = Work()
    work.second(waiting=0, handled=600)
    work.taken("flood", 1_000)
    work.taken("modest", 5)
    work.second(waiting=1_500, handled=600)
    assert work.taken("flood", 10_000) == 300
    work.handled += 300
    assert work.taken("modest", 5) == 5
    assert work.taken("newcomer", 5) == 5


def test_what_nobody_proved_takes_no_room() -> None:
    room = Work().room
    assert not any(room.is_full_for("claimed") for _ in range(10_000))


def test_a_quick_peer_is_not_stopped_by_what_was_handled_meanwhile() -> None:
    handled = 0
    room = Room(100_000, lambda: handled)
    for _ in range(3 * LEAST):
        assert not room.is_full_for("bap.example")
        room.take("bap.example")
        handled += 1
