"""Loops that work until nothing is left, and live through what their work raises."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from protocol_specs.node.store import Session, Store, StoreUnavailable
from protocol_specs.node.telemetry.telemetry import Telemetry

POLL_S = 1.0  # waking is a hint that may be lost; the tables are the truth
BACKOFF_S_MAX = 30.0

T = TypeVar("T")
Next = Callable[[int], Awaitable[bool]]


async def run_loop(
    name: str,
    next: Next,
    *,
    wake: asyncio.Event,
    stopping: asyncio.Event,
    now: Callable[[], int],
    telemetry: Telemetry,
    poll_s: float | None = None,
) -> None:
    """Runs `next(now)` until it says that it did nothing, then waits for `wake` or `poll_s`, which
    is POLL_S when None.

    An exception is logged, counted and waited out; the loop goes on. Ends after the unit in hand
    when `stopping` is set: whoever sets it also sets `wake`.
    """
    failures = 0
    while not stopping.is_set():
        wake.clear()
        try:
            while not stopping.is_set() and await next(now()):
                failures = 0
            failures = 0
        except Exception as error:  # noqa: BLE001 - the loop outlives its work
            failures += 1
            telemetry.fault(f"loop {name}", error)
            await pause(stopping, backoff_s(failures, BACKOFF_S_MAX))
        else:
            await pause(wake, POLL_S if poll_s is None else poll_s)


def in_transactions(store: Store, next: Callable[[Session, int], bool]) -> Next:
    """A unit of database work as a loop's step."""
    return lambda now: store.transact(lambda session: next(session, now))


def attempt(session: Session, work: Callable[[], None]) -> Exception | None:
    """Does one message's work in a savepoint; undoes it and returns what it raised.

    StoreUnavailable passes through: then the whole unit is lost, and no message is at fault.
    """
    try:
        with session.savepoint():
            work()
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one message must not stop the others
        return error
    return None


async def outcome(work: Awaitable[T]) -> T | Exception:
    """What the work returned or raised, for work that must be recorded either way."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - the caller records it
        return error


def backoff_s(failures: int, most_s: float) -> float:
    """How long to wait after so many failures in a row: 1 s doubled each time, 20 % jitter."""
    return min(most_s, 2.0 ** min(failures - 1, 30)) * random.uniform(0.8, 1.0)  # noqa: S311


async def pause(event: asyncio.Event, timeout_s: float) -> None:
    """Waits for the event or the time, whichever comes first."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
