"""What a form came to, where the action awaits others: never begun twice, also after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from protocol_specs.node.store import Session, Store
from protocol_specs.web import tables
from protocol_specs.web.once import Once, Unfinished

WHO, FORM, NOW = "+60123456789", "f" * 22, 1_795_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    metadata = MetaData()
    tables.define(metadata)
    made = Store.open(tmp_path, metadata)
    yield made
    made.close()


class Action:
    """Counts how often it is begun; ends when told."""

    def __init__(self) -> None:
        self.begun, self.has_begun, self.may_end = 0, asyncio.Event(), asyncio.Event()

    async def __call__(self) -> str:
        self.begun += 1
        self.has_begun.set()
        await self.may_end.wait()
        return "/done"


async def test_a_second_sending_waits_for_the_first_and_gets_its_answer(store: Store) -> None:
    once, action = Once(store), Action()
    first = asyncio.ensure_future(once.act(WHO, FORM, action, NOW))
    second = asyncio.ensure_future(once.act(WHO, FORM, action, NOW))
    await asyncio.sleep(0)
    action.may_end.set()
    assert [await first, await second, await once.act(WHO, FORM, action, NOW)] == ["/done"] * 3
    assert action.begun == 1


async def test_a_browser_that_goes_away_does_not_stop_what_it_asked_for(store: Store) -> None:
    once, action = Once(store), Action()
    first = asyncio.ensure_future(once.act(WHO, FORM, action, NOW))
    await action.has_begun.wait()
    first.cancel()
    action.may_end.set()
    assert await once.act(WHO, FORM, action, NOW) == "/done"
    assert action.begun == 1


async def test_what_was_begun_before_the_node_died_is_not_begun_again(store: Store) -> None:
    action = Action()
    dying = asyncio.ensure_future(Once(store).act(WHO, FORM, action, NOW))
    await action.has_begun.wait()
    with pytest.raises(Unfinished):
        await Once(store).act(WHO, FORM, action, NOW)
    assert action.begun == 1
    action.may_end.set()
    await dying


async def test_what_failed_may_be_tried_again(store: Store) -> None:
    once = Once(store)

    async def fail() -> str:
        raise ValueError("no")

    async def succeed() -> str:
        return "/done"

    with pytest.raises(ValueError, match="no"):
        await once.act(WHO, FORM, fail, NOW)
    assert await once.act(WHO, FORM, succeed, NOW) == "/done"


async def test_what_a_refused_write_began_is_undone_with_its_mark(store: Store) -> None:
    once, done = Once(store), []

    def refuse(session: Session) -> str:
        raise ValueError("closed")

    def write(session: Session) -> str:
        done.append(1)
        return "/done"

    with pytest.raises(ValueError, match="closed"):
        await once.write(WHO, FORM, refuse, NOW)
    assert await once.write(WHO, FORM, write, NOW) == "/done"
    assert await once.write(WHO, FORM, write, NOW) == "/done"
    assert done == [1]
    assert await once.write("another", FORM, write, NOW) == "/done"
    assert done == [1, 1]
