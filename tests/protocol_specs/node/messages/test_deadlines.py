"""Deadlines kept by one look over all: who waits too long is ended, and nobody else."""

import asyncio

import pytest

from protocol_specs.node.messages.deadlines import Deadlines


async def test_who_waits_too_long_is_ended_and_others_go_on() -> None:
    deadlines, over = Deadlines(), asyncio.Event()

    async def waiting(lasts_s: float) -> str:
        with deadlines.within(lasts_s):
            await over.wait()
        return "done"

    late, early = asyncio.create_task(waiting(0.01)), asyncio.create_task(waiting(60))
    with pytest.raises(TimeoutError):
        await late
    assert late.cancelling() == 0  # whoever catches it goes on as after asyncio.timeout
    over.set()
    assert await early == "done"


async def test_what_does_not_wait_is_never_ended() -> None:
    deadlines = Deadlines()
    for _ in range(3):
        with deadlines.within(-1):
            pass
    await asyncio.sleep(0)


async def test_a_deadline_is_kept_again_after_a_pause() -> None:
    deadlines = Deadlines()
    for _ in range(2):
        with pytest.raises(TimeoutError), deadlines.within(0.01):
            await asyncio.Event().wait()


async def test_who_is_cancelled_from_outside_is_cancelled_also_when_it_is_late() -> None:
    deadlines = Deadlines()
    begun = asyncio.Event()

    async def waiting() -> None:
        with deadlines.within(0.01):
            try:
                begun.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                task.cancel()  # the node stops at this very moment
                raise

    task = asyncio.create_task(waiting())
    await begun.wait()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_the_block_raises_is_raised_also_when_it_is_late() -> None:
    deadlines = Deadlines()

    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise KeyError from None

    with pytest.raises(KeyError), deadlines.within(0.01):
        await failing()
