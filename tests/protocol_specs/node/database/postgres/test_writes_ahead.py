"""Writes that nobody waits for: no round trip of their own, and refused where they stand."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from protocol_specs.node.database.postgres.engine import PostgresEngine
from protocol_specs.node.database.postgres.link import NUMBERS_AT_ONCE, Link
from protocol_specs.node.store import Conflict, Session, Store, StoreAt
from protocol_specs.node.workers.workers import Share
from tests.protocol_specs.node.database.postgres.test_commits import in_one_turn
from tests.protocol_specs.node.database.postgres.test_postgres import (
    ALL,
    PUT,
    SUM,
    at,
    names,
    put,
    store,
)

__all__ = ["at", "store"]


def write(session: Session, name: str, amount_minor: int = 1) -> None:
    session.write(PUT, name=name, amount_minor=amount_minor, blob=None)


def number(session: Session, name: str) -> int:
    return session.numbered(PUT, name=name, amount_minor=1, blob=None)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The last statement of each round trip from here on."""
    asked: list[str] = []
    real: Callable[..., Any] = Link._round

    def counted(link: Link, sql: str, sets: Any) -> Any:
        asked.append(sql)
        return real(link, sql, sets)

    monkeypatch.setattr(Link, "_round", counted)
    return asked


def test_writes_travel_with_the_commit(store: Store, rounds: list[str]) -> None:
    def unit(session: Session) -> None:
        write(session, "a")
        with session.savepoint():
            write(session, "b")
            with session.savepoint():
                write(session, "c")

    store.transact_now(unit)
    assert rounds == ["COMMIT"]
    assert names(store) == ["a", "b", "c"]


def test_what_is_read_after_a_write_holds_it(store: Store, rounds: list[str]) -> None:
    def unit(session: Session) -> tuple[int, int]:
        write(session, "a", 3)
        write(session, "b", 4)
        row = session.one(SUM)
        assert row is not None
        return row["sum"], row["n"]

    assert store.transact_now(unit) == (7, 2)
    assert len(rounds) == 2, "the question with all before it, and the COMMIT"


def test_who_only_asked_waits_for_no_commit(store: Store, rounds: list[str]) -> None:
    for _ in range(2):
        assert store.transact_now(lambda s: s.all(ALL)) == []
    assert "COMMIT" not in rounds
    store.transact_now(lambda s: put(s, "a"))
    assert rounds[-1] == "COMMIT"
    store.transact_now(lambda s: None)
    assert rounds[-2:] == ["COMMIT", "COMMIT"], "whoever asks nothing asks if the store works"
    assert names(store) == ["a"]


async def test_a_refused_write_is_a_conflict_where_it_stands(store: Store) -> None:
    def careful(session: Session) -> str:
        write(session, "a")
        try:
            with session.savepoint():
                write(session, "a")
        except Conflict:
            write(session, "instead")
            return "refused"
        return "kept"

    heard = await in_one_turn(store, lambda s: put(s, "x") > 0, careful, lambda s: write(s, "y"))
    assert heard == [True, "refused", None]
    assert names(store) == ["a", "instead", "x", "y"]


async def test_one_refused_with_the_commit_is_its_callers_alone(store: Store) -> None:
    before, guilty, after = await in_one_turn(
        store, lambda s: write(s, "a"), lambda s: write(s, "a"), lambda s: write(s, "b")
    )
    assert (before, after) == (None, None)
    assert isinstance(guilty, Conflict)
    assert names(store) == ["a", "b"]


async def test_after_a_refusal_writes_are_awaited_and_later_no_more(
    store: Store, rounds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocol_specs.node.database.postgres.link.AWAITED_AFTER_A_GUESS", 3)
    store.transact_now(lambda s: write(s, "a"))
    for _ in range(2):
        with pytest.raises(Conflict):
            store.transact_now(lambda s: write(s, "a", 2))
    rounds.clear()
    store.transact_now(lambda s: write(s, "b"))
    assert len(rounds) == 1


async def test_who_swallows_a_refused_write_is_told_so(store: Store) -> None:
    def swallows(session: Session) -> str:
        write(session, "taken")
        with suppress(Conflict):
            write(session, "taken")
        return "all is well"

    guilty, other = await in_one_turn(store, swallows, lambda s: write(s, "a"))
    assert isinstance(guilty, RuntimeError)
    assert "savepoint" in str(guilty)
    assert other is None
    assert names(store) == ["a"]


@pytest.mark.parametrize("asks", [False, True])
def test_a_block_that_raises_leaves_nothing_of_it_whether_it_was_sent_or_not(
    store: Store, asks: bool
) -> None:
    def unit(session: Session) -> None:
        write(session, "before")
        with session.savepoint():
            with suppress(ZeroDivisionError), session.savepoint():  # begins where the outer does
                write(session, "undone")
                if asks:
                    session.one(SUM)
                raise ZeroDivisionError
            write(session, "inner")
            with suppress(ZeroDivisionError), session.savepoint():
                write(session, "undone too")
                with session.savepoint():
                    write(session, "and this")
                if asks:
                    session.one(SUM)
                raise ZeroDivisionError
        with suppress(ZeroDivisionError), session.savepoint(), session.savepoint():
            write(session, "all of it")
            raise ZeroDivisionError
        write(session, "behind")

    store.transact_now(unit)
    assert names(store) == ["before", "behind", "inner"]


def test_numbers_are_drawn_many_at_once_and_are_the_rows_own(
    store: Store, rounds: list[str]
) -> None:
    asked = {f"n{at}" for at in range(NUMBERS_AT_ONCE)}
    given = store.transact_now(lambda s: {number(s, name): name for name in asked})
    assert len(rounds) == 2, "the draw, and the COMMIT with all rows"
    rows = store.read(lambda s: s.all(ALL))
    assert {row["id"]: row["name"] for row in rows} == given


def test_no_number_is_given_twice(at: StoreAt) -> None:
    shares = [Share(slot, 2) for slot in range(2)]
    both = [Store(PostgresEngine(at, share=share), share) for share in shares]
    given = [
        each.transact_now(lambda s, name=f"{turn}-{slot}": number(s, name))
        for turn in range(3)
        for slot, each in enumerate(both)
    ]
    given += [both[0].transact_now(lambda s: put(s, "its own"))]
    assert len(set(given)) == 7
    for each in both:
        each.close()


def test_a_read_may_not_write_ahead_either(store: Store) -> None:
    with pytest.raises(RuntimeError, match="a read may not write"):
        store.read(lambda s: write(s, "a"))
    assert names(store) == []
