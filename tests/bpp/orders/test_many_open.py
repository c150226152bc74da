"""However many orders wait, a look at them costs what there is to do, and each has its turn."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from bpp.orders import expiry, offering, store
from bpp.orders.ahead import ComingUp
from bpp.orders.choosing import Listed
from bpp.orders.offering import Offering
from bpp.orders.tables import TRIGGERS, OrderRow
from bpp.orders.walk import HAND, LOOK_AGAIN_S, At, Walk
from bpp.tables import METADATA
from protocol_specs.node.database.sqlite_engine import SqliteEngine
from protocol_specs.node.loops import in_transactions
from protocol_specs.node.store import Session, Statement, Store
from tests.bpp.factories import NOW, an_order, office, ride_provider

FEW, MANY = 2 * HAND, 5_000
DAY_S = 86_400
NAMES = ("key", "transaction_id", "order_id", "job_id")
_ORDER = OrderRow.__table__
_ALL = Statement(select(_ORDER))
_DROP = Statement(delete(_ORDER))
_COPY = Statement(insert(_ORDER))

Step = Callable[[int], Awaitable[bool]]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path, METADATA, triggers=TRIGGERS)
    yield opened
    opened.close()


def fill(books: Store, many: int, **changes: Any) -> None:
    """That many orders which nobody has taken, one a second until NOW."""

    def copy(session: Session) -> None:
        store.add_order(session, an_order(office()))
        row = {**dict(session.all(_ALL)[0]), **changes}
        session.run(_DROP)
        for n in range(many):
            named = {name: f"{name[:3]}-{n:05}" for name in NAMES}
            session.run(_COPY, **{**row, **named, "created_at": NOW - many + n})

    books.transact_now(copy)


async def work(books: Store, step: Step, now: int) -> int:
    """How many instructions SQLite runs for what is to be done now, at most three steps of it."""
    engine, ran = books.engine, 0
    assert isinstance(engine, SqliteEngine)
    assert engine.writer is not None

    def count() -> int:
        nonlocal ran
        ran += 1
        return 0

    for connection in (engine.reader, engine.writer):
        connection.set_progress_handler(count, 1)
    for _ in range(3):
        await step(now)
    for connection in (engine.reader, engine.writer):
        connection.set_progress_handler(None, 1)
    return ran


def offering_in_turn(books: Store) -> Step:
    return Offering(office(ride_provider(assignment="in_turn")), books).offer_next


def coming_up(books: Store) -> Step:
    return in_transactions(books, ComingUp(office()).come_up_next)


def ending(books: Store) -> Step:
    return in_transactions(books, partial(expiry.end_waiting_next, office()))


BOOKED = {"is_ahead": 1, "begins_at": NOW + DAY_S, "waits_since": NOW + DAY_S}
NEAR = {"begins_at": NOW + 600, "waits_since": NOW + 600}


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("loop", "what", "at"),
    [
        (offering_in_turn, {}, NOW),
        (offering_in_turn, BOOKED, NOW),
        (coming_up, {}, NOW),
        (coming_up, NEAR, NOW),
        (coming_up, BOOKED, NOW),
        (coming_up, {**BOOKED, "agent_id": "w1"}, NOW + DAY_S - 1700),
        (ending, {}, NOW),
        (ending, BOOKED, NOW + 1_000),
    ],
)
async def test_a_look_costs_what_there_is_to_do_and_not_what_waits(
    tmp_path: Path, loop: Callable[[Store], Step], what: dict[str, Any], at: int
) -> None:
    ran = {}
    for many in (FEW, MANY):
        books = Store.open(tmp_path / str(many), METADATA, triggers=TRIGGERS)
        fill(books, many, **what)
        ran[many] = await work(books, loop(books), at)
        books.close()
    assert ran[MANY] < 1.3 * ran[FEW] + 100, ran


async def test_each_open_order_has_its_turn_and_again_and_a_changed_one_at_once(
    books: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    many, looked = 2 * HAND + 50, []

    def nobody(session: Session, where: Any, order: Any, now: int) -> Listed:
        return Listed((), (), (), 0)

    def known(session: Session, key: str) -> Any:
        looked.append(key)
        return was(session, key)

    was = offering._known
    monkeypatch.setattr(offering, "_known", known)
    monkeypatch.setattr(offering, "_listed", nobody)
    fill(books, many)
    step = Offering(office(ride_provider(assignment="in_turn")), books)

    async def done(now: int) -> list[str]:
        looked.clear()
        while await step.offer_next(now):
            pass
        return list(looked)

    hands = [await done(NOW + n) for n in range(LOOK_AGAIN_S)]
    assert [len(hand) for hand in hands[:4]] == [HAND, HAND, 50, 0]
    seen = [key for hand in hands for key in hand]
    assert len(seen) == len(set(seen)) == many
    step.hear("key-00100")
    assert await done(NOW + LOOK_AGAIN_S - 1) == ["key-00100"]
    assert await done(NOW + LOOK_AGAIN_S) == hands[0]


# The walk


def walk_over(rows: list[At]) -> Walk:
    def read(session: Session, after: At, now: int, at_most: int) -> list[At]:
        return sorted(row for row in rows if row > after)[:at_most]

    return Walk(read)


def hand(books: Store, walk: Walk, now: int) -> list[str]:
    """All that is to be looked at now."""
    return list(iter(lambda: books.read(lambda session: walk.next(session, now)), None))


def test_what_no_word_named_is_found_behind_the_last(books: Store) -> None:
    rows = [(1, "a"), (2, "b")]
    walk = walk_over(rows)
    assert hand(books, walk, NOW) == ["a", "b"]
    rows.append((3, "c"))
    assert hand(books, walk, NOW + 1) == ["c"]
    rows.append((0, "before"))
    assert hand(books, walk, NOW + LOOK_AGAIN_S) == ["before", "a", "b", "c"]


def test_names_without_end_keep_nobody_from_their_turn(books: Store) -> None:
    walk = walk_over([(1, "waits")])
    for n in range(HAND // 2):
        walk.name(f"named-{n}")
    found = []
    for n in range(HAND):
        walk.name(f"more-{n}")
        found.append(books.read(lambda session: walk.next(session, NOW)))
    assert "waits" in found


def test_as_many_names_a_second_as_a_hand_has_stop_no_walk(books: Store) -> None:
    rows = [(n, f"waits-{n}") for n in range(2 * HAND)]
    walk, found = walk_over(rows), set()
    for second in range(4 * LOOK_AGAIN_S):
        for n in range(HAND):
            walk.name(f"named-{second}-{n}")
        for _ in range(2 * HAND):
            found.add(books.read(lambda session, at=NOW + second: walk.next(session, at)))
        if second % (2 * LOOK_AGAIN_S) == 2 * LOOK_AGAIN_S - 1:
            assert {key for _, key in rows} <= found
            found.clear()


def test_a_clock_that_is_set_back_stops_no_walk(books: Store) -> None:
    walk = walk_over([(1, "a")])
    assert hand(books, walk, NOW) == ["a"]
    assert hand(books, walk, NOW - DAY_S) == ["a"]
