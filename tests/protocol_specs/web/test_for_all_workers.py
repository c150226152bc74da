"""What pages count and keep for all workers of a node together, asked at the same moment."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from protocol_specs.node.store import Session, Statement
from protocol_specs.web import codes, once, pacing
from protocol_specs.web.once import Once, Unfinished
from protocol_specs.web.pacing import Pace
from protocol_specs.web.tables import Paced
from tests.support.crowd import CROWD, Crowd, crowded

NOW = 1_795_000_000
WHO, FORM, PHONE, SECRET = "+60123456789", "f" * 22, "+60123456789", "s"
PACED = Statement(select(Paced.__table__))


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    with crowded(tmp_path, "bap.migrations") as made:
        yield made


def asked(crowd: Crowd) -> tuple[str, str]:
    """A code on its way: its id, and the six digits."""
    made: tuple[str, str] = crowd.now(
        lambda session: codes.ask(session, "c", PHONE, secret=SECRET, known=True, now=NOW)
    )
    return made


def judged(session: Session, code_id: str, code: str) -> tuple[str | None, int]:
    return codes.check(session, "c", code_id, code, secret=SECRET, now=NOW)


def test_a_code_takes_five_tries_in_all_and_not_five_at_each_worker(crowd: Crowd) -> None:
    code_id, code = asked(crowd)
    wrong = "000000" if code != "000000" else "111111"
    found = crowd.at_once(lambda session, n: judged(session, code_id, wrong))
    assert Counter(left for _, left in found) == {4: 1, 3: 1, 2: 1, 1: 1, 0: 4}
    assert crowd.at_once(lambda session, n: judged(session, code_id, code)) == [(None, 0)] * CROWD


def test_a_right_code_signs_in_once_however_often_it_is_sent(crowd: Crowd) -> None:
    code_id, code = asked(crowd)
    found = crowd.at_once(lambda session, n: judged(session, code_id, code))
    assert sorted(phone or "" for phone, _ in found) == [""] * (CROWD - 1) + [PHONE]


def test_a_pace_holds_for_all_workers_together_and_over_restarts(crowd: Crowd) -> None:
    def take(at: int) -> list[int]:
        pace = Pace("code to", every_s=60, burst=3)  # as after a restart: nothing in memory
        return crowd.at_once(lambda session, n: pace.take_of_all(session, PHONE, NOW + at))

    assert sorted(take(0)) == [0, 0, 0] + [60] * 5
    assert take(59) == [1] * CROWD
    assert sorted(take(60)) == [0] + [60] * 7
    assert sorted(take(600)) == [0, 0, 0] + [60] * 5
    other = Pace("code to", every_s=60, burst=3)
    assert crowd.now(lambda s: other.take_of_all(s, "another", NOW)) == 0


def test_a_clock_that_was_set_back_locks_nobody_out(crowd: Crowd) -> None:
    def take(now: int) -> int:
        pace = Pace("code to", every_s=60, burst=3)
        return crowd.now(lambda s: pace.take_of_all(s, PHONE, now))

    assert [take(NOW + 86_400) for _ in range(4)] == [0, 0, 0, 60]
    assert [take(NOW) for _ in range(4)] == [0, 0, 0, 60]


def test_who_may_do_it_as_ever_is_forgotten(crowd: Crowd) -> None:
    pace = Pace("code to", every_s=60, burst=3)
    store = crowd.stores[0]
    store.transact_now(lambda session: pace.take_of_all(session, PHONE, NOW))
    assert not store.transact_now(lambda session: pacing.forget(session, NOW + 60))
    assert store.transact_now(lambda session: pacing.forget(session, NOW + 61))
    assert store.read(lambda session: session.all(PACED)) == []


async def test_who_asks_one_worker_too_often_costs_no_transaction(crowd: Crowd) -> None:
    pace, store = Pace("code to", every_s=60, burst=3), crowd.stores[0]
    assert [await pace.take(store, PHONE, NOW) for _ in range(3)] == [0, 0, 0]
    store.close()  # a transaction would raise
    assert await pace.take(store, PHONE, NOW) == 60


def test_a_form_written_at_all_workers_at_once_is_written_once(crowd: Crowd) -> None:
    done: list[int] = []

    def write(session: Session, at: int) -> str:
        return once.write(session, WHO, FORM, lambda _: note(at), NOW)

    def note(at: int) -> str:
        done.append(at)
        return f"/done/{at}"

    assert crowd.at_once(write) == [f"/done/{done[0]}"] * CROWD
    assert len(done) == 1


@dataclass
class Two:
    """Two workers in one loop that hear each other."""

    here: Once
    there: Once


@pytest.fixture
async def two(crowd: Crowd) -> AsyncIterator[Two]:
    here, there = crowd.stores[:2]
    for store in (here, there):
        await store.hear_others().next(NOW)
    yield Two(Once(here), Once(there))
    for store in (here, there):
        store.close()


class Action:
    """Counts how often it is begun; ends as told."""

    def __init__(self) -> None:
        self.begun, self.has_begun = 0, asyncio.Event()
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun += 1
        self.has_begun.set()
        return await asyncio.shield(self.end)


async def begun(two: Two, action: Action) -> list[asyncio.Task[str]]:
    """The form was sent here, and again there, where it waits."""
    first = asyncio.ensure_future(two.here.act(WHO, FORM, action, NOW))
    await action.has_begun.wait()
    second = asyncio.ensure_future(two.there.act(WHO, FORM, action, NOW))
    await looked()
    return [first, second]


async def looked() -> None:
    """Until the second sending has looked once, and waits to be told."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_second_sending_at_another_worker_waits_for_the_first(two: Two) -> None:
    action = Action()
    sendings = await begun(two, action)
    action.end.set_result("/done")
    async with asyncio.timeout(60):
        assert await asyncio.gather(*sendings) == ["/done", "/done"]
    assert action.begun == 1


async def test_what_failed_at_one_worker_is_tried_anew_where_it_was_sent_again(two: Two) -> None:
    action, again = Action(), Action()
    first = asyncio.ensure_future(two.here.act(WHO, FORM, action, NOW))
    await action.has_begun.wait()
    second = asyncio.ensure_future(two.there.act(WHO, FORM, again, NOW))
    await looked()
    action.end.set_exception(ValueError("no"))
    again.end.set_result("/done")
    with pytest.raises(ValueError, match="no"):
        await first
    async with asyncio.timeout(60):
        assert await second == "/done"


async def test_what_a_worker_had_begun_when_it_died_is_not_begun_again(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocol_specs.web.once.WAIT_S", 0.05)
    action = Action()
    first, second = await begun(two, action)
    with pytest.raises(Unfinished):
        await second
    assert action.begun == 1
    action.end.set_result("/done")
    assert await first == "/done"
