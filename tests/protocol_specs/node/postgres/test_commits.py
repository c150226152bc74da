"""Whatever becomes of a COMMIT that units share, each caller hears of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from protocol_specs.node.postgres.engine import PostgresEngine
from protocol_specs.node.postgres.hearing import BYTES_MAX
from protocol_specs.node.store import Session, Store, StoreAt
from protocol_specs.node.workers import Share
from tests.protocol_specs.node.postgres.test_postgres import at, names, put, store

__all__ = ["at", "store"]

Unit = Callable[[Session], Any]
HEARD_S = 6.0


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
