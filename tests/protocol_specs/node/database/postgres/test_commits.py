"""Whatever becomes of a COMMIT that units share, each caller hears of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from protocol_specs.node.database.postgres.engine import PostgresEngine
from protocol_specs.node.database.postgres.hearing import BYTES_MAX
from protocol_specs.node.store import Conflict, Session, Store, StoreAt
from protocol_specs.node.workers.workers import Share
from tests.protocol_specs.node.database.postgres.test_postgres import at, names, put, store

__all__ = ["at", "store"]

Unit = Callable[[Session], Any]
HEARD_S = 60.0


@pytest.fixture
async def worker(at: StoreAt) -> AsyncIterator[Store]:
    """One of two, who tells the other."""
    store = Store(PostgresEngine(at, share=Share(0, 2)), Share(0, 2))
    yield store
    store.close()


async def in_one_turn(store: Store, *units: Unit) -> list[Any]:
    """What each caller heard."""
    async with asyncio.timeout(HEARD_S):
        asked = (store.transact(unit, shares=True) for unit in units)
        return await asyncio.gather(*asked, return_exceptions=True)


def tells_too_much(session: Session) -> None:
    put(session, "long")
    session.notify("channel", "x" * (BYTES_MAX + 200))


async def test_what_cannot_be_told_is_the_error_of_whoever_told_it(worker: Store) -> None:
    before, guilty, after = await in_one_turn(
        worker, lambda s: put(s, "a") > 0, tells_too_much, lambda s: put(s, "b") > 0
    )
    assert (before, after) == (True, True)
    assert "payload string too long" in str(guilty)
    assert names(worker) == ["a", "b"]


@pytest.mark.parametrize("step", ["begin", "commit", "roll_back"])
async def test_an_error_nobody_thought_of_reaches_every_caller(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fails() -> None:
        raise KeyError(step)

    with monkeypatch.context() as broken:
        broken.setattr(store.engine, step, fails)
        heard = await in_one_turn(store, lambda s: put(s, "a"), lambda s: put(s, "b"))
    assert [type(each) for each in heard] == [KeyError, KeyError]


def swallows(session: Session) -> str:
    """A unit at fault: it takes the refusal for nothing, without a savepoint."""
    put(session, "taken")
    session.after_commit(lambda: pytest.fail("nothing of this unit was kept"))
    with suppress(Conflict):
        put(session, "taken")
    return "all is well"


def is_told_so(heard: object) -> bool:
    return isinstance(heard, RuntimeError) and "savepoint" in str(heard)


async def test_who_swallows_a_refusal_is_told_so_and_the_others_are_kept(store: Store) -> None:
    before, guilty, after = await in_one_turn(
        store, lambda s: put(s, "a") > 0, swallows, lambda s: put(s, "b") > 0
    )
    assert is_told_so(guilty)
    assert (before, after) == (True, True)
    assert names(store) == ["a", "b"]


@pytest.mark.parametrize("last", [False, True])
async def test_the_unit_before_or_behind_it_is_kept(store: Store, last: bool) -> None:
    units: list[Unit] = [swallows, lambda s: put(s, "a") > 0]
    heard = await in_one_turn(store, *(reversed(units) if last else units))
    assert is_told_so(heard[int(last)])
    assert heard[1 - int(last)] is True
    assert names(store) == ["a"]


async def test_who_swallows_a_refusal_alone_is_told_so(store: Store) -> None:
    (heard,) = await in_one_turn(store, swallows)
    assert is_told_so(heard)
    with pytest.raises(RuntimeError, match="savepoint"):
        store.transact_now(swallows)
    assert names(store) == []


async def test_who_also_swallows_what_comes_of_it_is_told_so(store: Store) -> None:
    def deaf(session: Session) -> None:
        swallows(session)
        for _ in range(2):  # a savepoint opened after the refusal heals nothing
            with suppress(RuntimeError), session.savepoint(), session.savepoint():
                put(session, "c")

    heard = await in_one_turn(store, deaf, lambda s: put(s, "a") > 0)
    assert is_told_so(heard[0])
    assert heard[1] is True
    assert names(store) == ["a"]


async def test_a_savepoint_whose_block_swallowed_is_undone_and_the_unit_goes_on(
    store: Store,
) -> None:
    told: list[str] = []

    def unit(session: Session) -> int:
        session.after_commit(lambda: told.append("the unit"))
        put(session, "a")
        with pytest.raises(RuntimeError, match="savepoint"), session.savepoint():
            swallows(session)
        with session.savepoint():
            return put(session, "b")

    heard = await in_one_turn(store, unit, lambda s: put(s, "c"))
    assert all(isinstance(each, int) for each in heard)
    assert names(store) == ["a", "b", "c"]
    assert told == ["the unit"]


async def test_a_refusal_in_a_savepoint_harms_nobody(store: Store) -> None:
    def careful(session: Session) -> int:
        first = put(session, "a")
        with suppress(Conflict), session.savepoint():
            put(session, "a")
        return first  # and nothing more: the savepoint's end is sent by the next unit

    heard = await in_one_turn(store, careful, lambda s: put(s, "b"))
    assert all(isinstance(each, int) for each in heard)
    assert names(store) == ["a", "b"]
