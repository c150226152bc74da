"""Books that do not balance any more are found while the node runs, and nothing is posted then."""

# ruff: noqa: S608 - the statements are the test's own, no input reaches them
import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bpp.ledger import chart, journal, watch
from bpp.ledger.entry import PostingStopped
from bpp.ledger.sealing import Sealer
from bpp.ledger.watch import EVERY_S, History, Watch
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Session, Statement, StoreUnavailable
from tests.bpp.ledger.support import NOW, Ledger, an_entry


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Two blocks, and one entry that waits for the next."""
    ledger = Ledger(tmp_path)
    ledger.seal(2)
    ledger.post(an_entry(99))
    return ledger


class Looking:
    """A watch whose minutes a test turns."""

    def __init__(self, ledger: Ledger) -> None:
        self.told: list[dict[str, Any]] = []
        self.ledger, self.now, self.steps = ledger, NOW, 0
        self.watch = Watch(ledger.store, self.told.append)

    async def minute(self) -> None:
        self.now += EVERY_S
        while await self.watch.look_next(self.now):
            self.steps += 1


def edit(ledger: Ledger, *statements: str) -> None:
    """An insider's hand in the file of the running node; what forbids it there does not stop it."""
    with sqlite3.connect(ledger.data / FILE_NAME) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for table in ("transfer", "entry", "sealed_leaf", "block"):
            connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_update")
            connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_delete")
        for statement in statements:
            assert connection.execute(statement).rowcount == 1, statement
    connection.close()


def of(n: int) -> str:
    return f"entry = 'my.scheme/order-{n}/1/1' AND n = 2"


async def test_books_that_balance_are_looked_at_each_minute_and_nothing_is_written(
    ledger: Ledger,
) -> None:
    looking = Looking(ledger)
    await looking.minute()
    assert looking.steps == 2  # what waits, and both blocks in one stretch
    assert not await looking.watch.look_next(looking.now + EVERY_S - 1)
    await looking.minute()
    assert looking.steps == 4
    assert (looking.told, looking.watch.unbalanced) == ([], 0)
    assert ledger.store.read(watch.standing) == []


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("what", "undone"),
    [
        ("credit = '4000:nobody'", "credit = '4000'"),
        ("debit = '1200:nobody'", "debit = '1200'"),
        ("amount_minor = 0", "amount_minor = 400"),
        ("amount_minor = -400", "amount_minor = 400"),
        ("debit = '4000'", "debit = '1200'"),
        ("currency = 'SGD'", "currency = 'MYR'"),
    ],
)
@pytest.mark.parametrize(("order", "block"), [(99, 0), (1, 1), (4, 2)])
async def test_what_does_not_balance_is_found_stops_every_posting_and_lets_it_go_on_once_mended(
    ledger: Ledger, order: int, block: int, what: str, undone: str
) -> None:
    assert chart.due_from_collector().id == "1200"
    looking = Looking(ledger)
    await looking.minute()
    edit(ledger, f"UPDATE transfer SET {what} WHERE {of(order)}")
    await looking.minute()
    await looking.minute()
    assert [(found["block"], found["faulty"]) for found in looking.told] == [(block, 1)]
    assert looking.watch.unbalanced == 1
    with pytest.raises(PostingStopped, match="the books do not balance"):
        ledger.post(an_entry(100))
    edit(ledger, f"UPDATE transfer SET {undone} WHERE {of(order)}")
    await looking.minute()
    assert looking.watch.unbalanced == 0
    ledger.post(an_entry(100))
    await looking.minute()
    assert ledger.store.read(watch.standing) == []


@pytest.mark.sqlite
async def test_an_entry_in_another_currency_than_its_transfers_is_found(ledger: Ledger) -> None:
    looking = Looking(ledger)
    edit(ledger, "UPDATE entry SET currency = 'SGD' WHERE id = 'my.scheme/order-4/1/1'")
    await looking.minute()
    assert [(found["currency"], found["faulty"]) for found in looking.told] == [("SGD", 2)]


@pytest.mark.sqlite
async def test_every_old_block_has_its_turn_however_many_there_are(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STRETCH", 4)  # two blocks of three
    monkeypatch.setattr(watch, "OLDER", 3)
    ledger.seal(16)  # and two before: three minutes
    looking = Looking(ledger)
    await looking.minute()
    edit(ledger, f"UPDATE transfer SET amount_minor = 0 WHERE {of(7 + 3 * 14)}")
    await looking.minute()
    assert looking.told == []
    await looking.minute()
    assert [found["block"] for found in looking.told] == [17]
    assert looking.steps == 3 * 4
    edit(ledger, f"UPDATE transfer SET amount_minor = 0 WHERE {of(1)}")
    await looking.minute()  # comes to the end
    await looking.minute()
    assert [found["block"] for found in looking.told] == [17, 1]


async def looked(history: History, now: int) -> int:
    """How many steps it took."""
    steps = 0
    while await history.look_next(now):
        steps += 1
    return steps


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE transfer SET amount_minor = amount_minor + 1 WHERE {of(4)}",
        "UPDATE entry SET kind = 'refunded' WHERE id = 'my.scheme/order-4/1/1'",
        "UPDATE sealed_leaf SET hash = x'00' WHERE entry = 'my.scheme/order-4/1/1'",
        "UPDATE block SET sealed_at = sealed_at + 1 WHERE number = 2",
        "DELETE FROM sealed_leaf WHERE entry = 'my.scheme/order-4/1/1'",
    ],
)
async def test_what_was_sealed_and_is_changed_is_told_in_its_turn_though_it_balances(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(watch, "STRETCH", 3)  # one block
    ledger.seal(2)
    told: list[int] = []
    history = History(ledger.store, ledger.key.public, lambda block, fault: told.append(block))
    for minute in range(5):
        assert await looked(history, NOW + EVERY_S * minute)
        assert not await looked(history, NOW + EVERY_S * minute + 1)
    assert (told, history.changed) == ([], 0)
    edit(ledger, change)
    for minute in range(5, 10):
        await looked(history, NOW + EVERY_S * minute)
    assert (set(told), history.changed) == ({2}, 1)


async def test_while_an_imbalance_stands_an_older_process_posts_nothing_either(
    ledger: Ledger,
) -> None:
    stand = (
        "INSERT INTO imbalance (block, currency, debit_minor, credit_minor, faulty, found_at) "
        "VALUES (1, 'MYR', 20, 0, 1, 5)"
    )
    ledger.store.transact_now(lambda session: session.run(Statement(text(stand))))
    with pytest.raises(PostingStopped, match="the books do not balance"):
        ledger.store.transact_now(lambda session: journal.post(session, an_entry(100)))
    looking = Looking(ledger)
    await looking.minute()
    ledger.post(an_entry(100))


class Breaking:
    """A store whose next writes, or next reads of what stands, end as if the database were away."""

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        for name in ("_STANDS", "_STAND"):
            self._guard(monkeypatch, getattr(watch, name))

    def _guard(self, monkeypatch: pytest.MonkeyPatch, guarded: Statement) -> None:
        for method in ("run", "all"):
            monkeypatch.setattr(Session, method, self._breaking(getattr(Session, method), guarded))

    def _breaking(self, real: Callable[..., Any], guarded: Statement) -> Callable[..., Any]:
        def called(session: Session, statement: Statement, /, *rest: Any, **values: Any) -> Any:
            if statement is guarded and self.left:
                self.left -= 1
                raise StoreUnavailable("away")
            return real(session, statement, *rest, **values)

        return called


@pytest.mark.sqlite
async def test_a_look_that_the_database_breaks_off_loses_nothing_of_what_it_found(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, breaking = Looking(ledger), Breaking(ledger, monkeypatch)
    await looking.minute()
    monkeypatch.setattr(watch, "OLDER", 0)  # only what is new, and what stands
    ledger.seal(1)
    edit(ledger, f"UPDATE transfer SET amount_minor = 0 WHERE {of(7)}")
    breaking.left = 3
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await looking.minute()
        assert looking.told == []
    await looking.minute()
    assert [found["block"] for found in looking.told] == [3]
    with pytest.raises(PostingStopped):
        ledger.post(an_entry(100))


@pytest.mark.sqlite
async def test_what_stands_is_not_over_because_it_could_not_be_read(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, breaking = Looking(ledger), Breaking(ledger, monkeypatch)
    edit(ledger, f"UPDATE transfer SET amount_minor = 0 WHERE {of(1)}")
    await looking.minute()
    breaking.left = 1
    with pytest.raises(StoreUnavailable):
        await looking.minute()
    while await looking.watch.look_next(looking.now + 1):
        assert len(ledger.store.read(watch.standing)) == 1
    assert (len(looking.told), looking.watch.unbalanced) == (1, 1)
    assert len(ledger.store.read(watch.standing)) == 1


class Turning:
    """Counts how often the loop turns meanwhile."""

    turns = 0

    async def __aenter__(self) -> "Turning":
        self._task = asyncio.ensure_future(self._turn())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _turn(self) -> None:
        while True:
            self.turns += 1
            await asyncio.sleep(0)


@pytest.mark.sqlite
async def test_between_two_stretches_the_loop_turns(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STRETCH", 3)
    ledger.seal(10)
    looking = Looking(ledger)
    async with Turning() as turning:
        await looking.minute()
    assert turning.turns >= looking.steps > 10


async def test_while_one_block_is_held_against_its_head_the_loop_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STEP", 5)
    ledger = Ledger(tmp_path)
    ledger.post(*(an_entry(n) for n in range(97)))
    ledger.seal(1)
    told: list[str] = []
    history = History(ledger.store, ledger.key.public, lambda block, fault: told.append(fault))
    async with Turning() as turning:
        steps = await looked(history, NOW)
    assert turning.turns >= steps == 1 + 100 // 5 + 1  # its head, its entries, and that no more are
    assert told == []


@pytest.mark.sqlite
@pytest.mark.parametrize("n", [0, 4, 5, 33, 39])
async def test_any_entry_of_a_long_block_is_held_against_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    monkeypatch.setattr(watch, "STEP", 5)
    ledger = Ledger(tmp_path)
    ledger.post(*(an_entry(n) for n in range(37)))
    ledger.seal(1)
    edit(ledger, f"UPDATE transfer SET amount_minor = amount_minor + 1 WHERE {of(n)}")
    told: list[str] = []
    history = History(ledger.store, ledger.key.public, lambda block, fault: told.append(fault))
    await looked(history, NOW)
    assert [fault.split()[1] for fault in told] == [f"my.scheme/order-{n}/1/1"]


@pytest.mark.sqlite
async def test_what_waits_is_looked_at_in_stretches_and_what_is_found_in_several_is_told_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STRETCH", 3)
    looking = Looking(ledger)
    await looking.minute()
    before = looking.steps
    ledger.post(*(an_entry(n) for n in range(100, 110)))
    await looking.minute()
    assert looking.steps - before >= 4 + 1  # eleven that wait; the blocks
    for n in (101, 108):
        edit(ledger, f"UPDATE transfer SET amount_minor = 0 WHERE {of(n)}")
    await looking.minute()
    assert [found["block"] for found in looking.told] == [0]
    assert looking.watch.unbalanced == 1
    for n in (101, 108):
        edit(ledger, f"UPDATE transfer SET amount_minor = 400 WHERE {of(n)}")
    await looking.minute()
    assert looking.watch.unbalanced == 0


@pytest.mark.sqlite
@pytest.mark.parametrize("minutes", [0, 2])
async def test_what_is_sealed_while_the_look_goes_on_is_not_missed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    monkeypatch.setattr(watch, "STRETCH", 3)
    monkeypatch.setattr(watch, "OLDER", 0)  # only what waits, and what was sealed since
    looking = Looking(ledger)
    for _ in range(minutes):
        await looking.minute()
    ledger.post(*(an_entry(n) for n in range(100, 110)))
    edit(ledger, f"UPDATE transfer SET amount_minor = 0 WHERE {of(108)}")
    looking.now += EVERY_S
    assert await looking.watch.look_next(looking.now)  # the first stretch of them
    sealer = Sealer(ledger.key)
    assert ledger.store.transact_now(lambda session: sealer.seal_next(session, NOW))
    while await looking.watch.look_next(looking.now):
        pass
    assert [found["block"] for found in looking.told] == [3]
