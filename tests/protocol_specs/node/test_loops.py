"""Loops: they work until nothing is left, wake when told, and outlive what their work raises."""

import asyncio
from pathlib import Path

import pytest

from protocol_specs.node.loops import attempt, backoff_s, in_transactions, outcome
from protocol_specs.node.store import Session, StoreUnavailable
from tests.support.peers import NOW
from tests.support.queues import looping, open_store, owe_one, until


class Work:
    """Units left to do; `raises` once for each error in it."""

    def __init__(self, units: int, *errors: Exception) -> None:
        self.units, self.errors, self.calls = units, list(errors), 0

    async def __call__(self, now: int) -> bool:
        self.calls += 1
        if self.errors:
            raise self.errors.pop()
        self.units -= self.units > 0
        return self.units > 0


async def test_a_loop_works_until_nothing_is_left_and_then_rests() -> None:
    work = Work(5)
    async with looping(work, asyncio.Event(), poll_s=60):
        await until(lambda: work.units == 0, "units left")
        calls = work.calls
        for _ in range(20):
            await asyncio.sleep(0)
        assert work.calls == calls == 5


async def test_a_loop_wakes_when_told() -> None:
    work, wake = Work(1), asyncio.Event()
    async with looping(work, wake, poll_s=60):
        await until(lambda: work.units == 0, "units left")
        work.units = 3
        wake.set()
        await until(lambda: work.units == 0, "slept on")


async def test_a_loop_looks_by_itself_when_nobody_wakes_it() -> None:
    work = Work(1)
    async with looping(work, asyncio.Event(), poll_s=0.01):
        await until(lambda: work.units == 0, "units left")
        work.units = 3
        await until(lambda: work.units == 0, "slept on")


async def test_a_loop_outlives_what_its_work_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol_specs.node.loops.backoff_s", lambda failures, most: 0.001)
    work = Work(3, RuntimeError("one"), StoreUnavailable("two"), ValueError("three"))
    async with looping(work, asyncio.Event(), poll_s=60):
        await until(lambda: work.units == 0, "the loop died")


async def test_a_loop_that_waits_out_a_failure_can_still_be_stopped() -> None:
    work = Work(3, *[RuntimeError()] * 100)
    async with looping(work, asyncio.Event(), poll_s=60):
        await until(lambda: work.calls == 1, "never called")


async def test_a_unit_of_database_work_is_a_step(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def unit(session: Session, now: int) -> bool:
        owe_one(session, now=now)
        return True

    assert await in_transactions(store, unit)(NOW)
    store.close()


def test_an_attempt_undoes_what_failed_and_says_what_it_was(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def unit(session: Session) -> Exception | None:
        def work() -> None:
            owe_one(session)
            raise KeyError("k")

        return attempt(session, work)

    assert isinstance(store.transact_now(unit), KeyError)
    store.close()


def test_an_attempt_does_not_take_the_database_s_failure_for_the_message_s(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path)

    def fails() -> None:
        raise StoreUnavailable("full")

    with pytest.raises(StoreUnavailable):
        store.transact_now(lambda session: attempt(session, fails))
    store.close()


async def test_an_outcome_is_a_value_either_way() -> None:
    async def gives(value: int | Exception) -> int:
        if isinstance(value, Exception):
            raise value
        return value

    assert await outcome(gives(1)) == 1
    assert isinstance(await outcome(gives(KeyError())), KeyError)


def test_waits_double_to_a_limit_and_never_exceed_it() -> None:
    for failures in range(1, 200):
        wait_s = backoff_s(failures, 900.0)
        assert 0.8 * min(900.0, 2.0 ** min(failures - 1, 30)) <= wait_s <= 900.0
