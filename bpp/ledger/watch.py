"""Looks each minute whether the running books balance, and whether what was sealed is as it was.

A transfer is a debit and a credit of one amount, so the journal cannot write what does not balance:
what is found here came past it. While a row stands in `imbalance`, a trigger refuses every entry.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from bpp.ledger import sealing, verify
from bpp.ledger.tables import (
    AccountRow,
    EntryRow,
    Imbalance,
    SealedLeaf,
    TransferRow,
    Unsealed,
)
from protocol_specs.node.store import Row, Session, Statement, Store

EVERY_S = 60
STRETCH = 512  # about so many entries are added up in one step, in whole blocks
STEP = 32  # so many are held against their leaf in one: hashing costs more than adding up
OLDER = 16  # stretches of former times that are looked at again each minute: all, in their turn
FAULTS_TOLD = 5  # of one block
UNSEALED = 0  # in the place of a block's number

_entry, _transfer = EntryRow.__table__, TransferRow.__table__
_leaf, _unsealed, _imbalance = SealedLeaf.__table__, Unsealed.__table__, Imbalance.__table__
_debited, _credited = (AccountRow.__table__.alias(name) for name in ("debited", "credited"))


def _of_account(account: Any, side: str) -> ColumnElement[bool]:
    same: ColumnElement[bool] = (account.c.id == _transfer.c[side]) & (
        account.c.currency == _transfer.c.currency
    )
    return same


_NONE: ColumnElement[int] = literal_column(str(UNSEALED))


def _sums(place: Table, block: ColumnElement[int]) -> Select[Any]:
    """By block and currency, what the entries of a place move on either side, and how many of their
    transfers are not what balances: an amount above zero between two accounts in the entry's
    currency."""
    amount = _transfer.c.amount_minor
    is_sound = (
        (_transfer.c.currency == _entry.c.currency)
        & (_transfer.c.debit != _transfer.c.credit)
        & (amount > 0)
    )
    debit, credit = is_sound & _debited.c.id.is_not(None), is_sound & _credited.c.id.is_not(None)
    return (
        select(
            block.label("block"),
            _entry.c.currency,
            func.coalesce(func.sum(case((debit, amount))), 0).label("debit_minor"),
            func.coalesce(func.sum(case((credit, amount))), 0).label("credit_minor"),
            func.count().filter(~(debit & credit)).label("faulty"),
        )
        .select_from(place)
        # From the place on, never from all transfers: nobody looks a place up by its entry.
        .join(_entry, _entry.c.id == func.unindexed(place.c.entry))
        .join(_transfer, _transfer.c.entry == _entry.c.id)
        .outerjoin(_debited, _of_account(_debited, "debit"))
        .outerjoin(_credited, _of_account(_credited, "credit"))
        .group_by(*(() if block is _NONE else (block,)), _entry.c.currency)
    )


_SAID = ("block", "currency", "debit_minor", "credit_minor", "faulty")
_OF_BLOCKS = Statement(
    _sums(_leaf, _leaf.c.block).where(
        _leaf.c.block > bindparam("after"), _leaf.c.block <= bindparam("until")
    )
)
_beyond = _sums(_unsealed, _NONE).where(_unsealed.c.entry > bindparam("after"))
_OF_UNSEALED = Statement(_beyond.where(_unsealed.c.entry <= bindparam("until")))
_OF_LAST_UNSEALED = Statement(_beyond)
_UNTIL_UNSEALED = Statement(
    select(_unsealed.c.entry)
    .where(_unsealed.c.entry > bindparam("after"))
    .order_by(_unsealed.c.entry)
    .offset(bindparam("stretch"))
    .limit(1)
)
_UNTIL = Statement(
    select(_leaf.c.block)
    .where(_leaf.c.block > bindparam("after"))
    .order_by(_leaf.c.block, _leaf.c.position)
    .offset(bindparam("stretch"))
    .limit(1)
)
_STAND = Statement(select(_imbalance).order_by(_imbalance.c.block, _imbalance.c.currency))
_STANDS = Statement(upsert(_imbalance).on_conflict_do_nothing(index_elements=["block", "currency"]))
_OVER = Statement(
    delete(_imbalance).where(
        _imbalance.c.block == bindparam("of_block"), _imbalance.c.currency == bindparam("of")
    )
)


@dataclass(slots=True)
class _Walk:
    """Blocks beyond `after`, up to `to`, of which `steps` stretches are looked at."""

    after: int
    to: int
    steps: int


class Watch:
    """Looks at what waits for its block, at blocks sealed since, and at some of the older ones.

    `tell(row)` is called once for each imbalance that is found; `unbalanced` counts those that
    stand. One a node.
    """

    def __init__(self, store: Store, tell: Callable[[dict[str, Any]], None]) -> None:
        self.unbalanced = 0
        self._store, self._tell = store, tell
        self._next_at = self._older = 0
        self._sealed: int | None = None  # the last block there was at the last look
        self._waiting: str | None = None  # those that wait are looked at up to this one; None: all
        self._walks: tuple[_Walk, ...] | None = None
        self._stood: set[tuple[int, str]] = set()
        self._found: set[tuple[int, str]] = set()
        self._is_looking = False

    async def look_next(self, now: int) -> bool:
        """One stretch a step, so that nobody waits for it; False once a minute's look is over.

        A step that the database broke off is done again: nothing is forgotten of what it found.
        """
        if self._is_looking:
            await asyncio.sleep(0)  # no other step of it lets the loop turn
        elif now >= self._next_at or now < self._next_at - EVERY_S:
            self._begin(now)
        else:
            return False
        await self._look(now)
        return self._is_looking

    def _begin(self, now: int) -> None:
        last, stand = self._store.read(_at_first)
        self._found = set()
        self._stood = {(row["block"], row["currency"]) for row in stand}
        self._sealed = last if self._sealed is None else self._sealed
        self._waiting, self._walks = "", None
        self._next_at, self._is_looking = now + EVERY_S, True

    async def _look(self, now: int) -> None:
        if self._waiting is not None:
            entry, sums = self._store.read(partial(_of_waiting, after=self._waiting))
            await self._note(sums, now)
            self._waiting = entry
            return
        if self._walks is None:
            self._walks = self._of_blocks(self._store.read(sealing.last_number))
        for walk in self._walks:
            if walk.after < walk.to and walk.steps:
                until, sums = self._store.read(partial(_stretch, walk=walk))
                await self._note(sums, now)
                walk.after, walk.steps = until, walk.steps - 1
                return
        await self._finish(self._walks[-1])

    def _of_blocks(self, last: int) -> tuple[_Walk, ...]:
        """Where something stood, what was sealed since the last look, and some of the older ones.
        Asked once all that waits was looked at: an entry that is sealed meanwhile is looked at
        twice, and none is missed."""
        stood = (_Walk(block - 1, block, 1) for block, _ in self._stood if block != UNSEALED)
        since = _Walk(last if self._sealed is None else self._sealed, last, last)
        return (*stood, since, _Walk(self._older, last, OLDER))

    async def _finish(self, older: _Walk) -> None:
        over = self._stood - self._found
        if over:
            await self._store.transact(partial(_end, over=over))
        self._older = older.after if older.after < older.to else 0
        self._sealed = older.to
        self.unbalanced = len(self._found)
        self._is_looking = False

    async def _note(self, sums: list[Row], now: int) -> None:
        for row in sums:
            if not row["faulty"] and row["debit_minor"] == row["credit_minor"]:
                continue
            found = {**{key: row[key] for key in _SAID}, "found_at": now}
            key = (row["block"], row["currency"])
            self._found.add(key)
            if key not in self._stood:
                await self._store.transact(partial(_stands, found=found))
                self._tell(found)
                self._stood.add(key)  # of those that wait, several stretches may say it
            self.unbalanced = max(self.unbalanced, len(self._found))


def _at_first(session: Session) -> tuple[int, list[Row]]:
    """The last block and what stands."""
    return sealing.last_number(session), session.all(_STAND)


def _of_waiting(session: Session, after: str) -> tuple[str | None, list[Row]]:
    """The last of the next entries that wait, and their sums; None where there are no more."""
    row = session.one(_UNTIL_UNSEALED, after=after, stretch=STRETCH - 1)
    if row is None:
        return None, session.all(_OF_LAST_UNSEALED, after=after)
    return row["entry"], session.all(_OF_UNSEALED, after=after, until=row["entry"])


def _stretch(session: Session, walk: _Walk) -> tuple[int, list[Row]]:
    """The last of the next blocks of the walk, and their sums."""
    until = _until(session, walk)
    return until, session.all(_OF_BLOCKS, after=walk.after, until=until)


def _until(session: Session, walk: _Walk) -> int:
    row = session.one(_UNTIL, after=walk.after, stretch=STRETCH - 1)
    return walk.to if row is None else min(row["block"], walk.to)


class History:
    """Holds some hundred sealed entries a minute against their signed blocks, all in their turn.

    `tell(block, fault)` is called for each fault that is found; `changed` counts the blocks that
    were at fault when they were last looked at. Posting goes on: it is for people to judge.
    """

    def __init__(self, store: Store, public: bytes, tell: Callable[[int, str], None]) -> None:
        self._store, self._public, self._tell = store, public, tell
        self._next_at = self._block = 0
        self._steps: Iterator[None] = iter(())
        self._changed: set[int] = set()

    @property
    def changed(self) -> int:
        """How many blocks are not what was sealed."""
        return len(self._changed)

    async def look_next(self, now: int) -> bool:
        """Once a minute, as many blocks as have STRETCH entries together, at least one; some of
        their entries a step, so that nobody waits for it. False once a minute's look is over: one
        that the database broke off is over too, the next begins with the same block."""
        if not self._next_at - EVERY_S <= now < self._next_at:
            self._next_at = now + EVERY_S
            self._steps = self._look()
        for _ in self._steps:
            await asyncio.sleep(0)  # no step of it lets the loop turn
            return True
        return False

    def _look(self) -> Iterator[None]:
        blocks = self._store.read(self._next_blocks)
        for number in blocks:
            read = partial(verify.faults_of, number=number, public=self._public)
            found = self._store.read(read)
            yield
            after: int | None = -1
            while after is not None:
                within = partial(verify.faults_within, number=number, after=after, count=STEP)
                after, faults = self._store.read(within)
                found += faults
                yield
            self._judge(number, found)
            self._block = number

    def _next_blocks(self, session: Session) -> range:
        last = sealing.last_number(session)
        if self._block >= last:
            self._block = 0
        return range(self._block + 1, _until(session, _Walk(self._block, last, 1)) + 1)

    def _judge(self, number: int, found: list[str]) -> None:
        if found and number not in self._changed:
            for fault in found[:FAULTS_TOLD]:
                self._tell(number, fault)
        (self._changed.add if found else self._changed.discard)(number)


def standing(session: Session) -> list[Row]:
    """The imbalances for which nothing is posted: block (0: not sealed yet), currency, the two
    sums, how many transfers are faulty, and when it was found."""
    return session.all(_STAND)


def _stands(session: Session, found: dict[str, Any]) -> None:
    session.run(_STANDS, **found)


def _end(session: Session, over: set[tuple[int, str]]) -> None:
    for block, currency in over:
        session.run(_OVER, of_block=block, of=currency)
