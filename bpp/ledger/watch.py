"""Looks each minute whether the running books balance; while they do not, nothing is posted.

A transfer is a debit and a credit of one amount, so the journal cannot write what does not balance:
what is found here came past it. While a row stands in `imbalance`, a trigger refuses every entry.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bpp.ledger import sealing
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
OLDER = 16  # blocks of former times that are looked at again each minute: all, in their turn
UNSEALED = 0  # in the place of a block's number

_entry, _transfer = EntryRow.__table__, TransferRow.__table__
_leaf, _unsealed, _imbalance = SealedLeaf.__table__, Unsealed.__table__, Imbalance.__table__
_debited, _credited = (AccountRow.__table__.alias(name) for name in ("debited", "credited"))


def _of_account(account: Any, side: str) -> ColumnElement[bool]:
    same: ColumnElement[bool] = (account.c.id == _transfer.c[side]) & (
        account.c.currency == _transfer.c.currency
    )
    return same


def _sums(place: Table) -> Select[Any]:
    """By currency, what the entries of a place move on either side, and how many of their transfers
    are not what balances: an amount above zero between two accounts in the entry's currency."""
    amount = _transfer.c.amount_minor
    is_sound = (
        (_transfer.c.currency == _entry.c.currency)
        & (_transfer.c.debit != _transfer.c.credit)
        & (amount > 0)
    )
    debit, credit = is_sound & _debited.c.id.is_not(None), is_sound & _credited.c.id.is_not(None)
    return (
        select(
            _entry.c.currency,
            func.coalesce(func.sum(case((debit, amount))), 0).label("debit_minor"),
            func.coalesce(func.sum(case((credit, amount))), 0).label("credit_minor"),
            func.count().filter(~(debit & credit)).label("faulty"),
        )
        .select_from(place)
        .join(_entry, _entry.c.id == place.c.entry)
        .join(_transfer, _transfer.c.entry == _entry.c.id)
        .outerjoin(_debited, _of_account(_debited, "debit"))
        .outerjoin(_credited, _of_account(_credited, "credit"))
        .group_by(_entry.c.currency)
    )


_SAID = ("currency", "debit_minor", "credit_minor", "faulty")
_OF_BLOCK = Statement(_sums(_leaf).where(_leaf.c.block == bindparam("block")))
_OF_UNSEALED = Statement(_sums(_unsealed))
_STAND = Statement(select(_imbalance).order_by(_imbalance.c.block, _imbalance.c.currency))
_STANDS = Statement(upsert(_imbalance).on_conflict_do_nothing(index_elements=["block", "currency"]))
_OVER = Statement(
    delete(_imbalance).where(
        _imbalance.c.block == bindparam("of_block"), _imbalance.c.currency == bindparam("of")
    )
)


class Watch:
    """Looks at what waits for its block, at blocks sealed since, and at some of the older ones.

    `tell(row)` is called once for each imbalance that is found; `unbalanced` counts those that
    stand. One a node.
    """

    def __init__(self, store: Store, tell: Callable[[dict[str, Any]], None]) -> None:
        self.unbalanced = 0
        self._store, self._tell = store, tell
        self._next_at = self._sealed = self._older = 0
        self._blocks: deque[int] = deque()
        self._stood: set[tuple[int, str]] = set()
        self._found: set[tuple[int, str]] = set()
        self._is_looking = False

    async def look_next(self, now: int) -> bool:
        """One block a step, so that nobody waits for it; False once a minute's look is over."""
        if self._is_looking:
            await self._look(now)
        elif now >= self._next_at or now < self._next_at - EVERY_S:
            self._next_at = now + EVERY_S
            self._is_looking = True
            await self._note(UNSEALED, self._store.read(self._begin), now)
        return self._is_looking

    def _begin(self, session: Session) -> list[Row]:
        """What is to be looked at; and the sums of what waits, of the same instant: an entry is in
        one of these or the other."""
        last = sealing.last_number(session)
        self._found = set()
        self._stood = {(row["block"], row["currency"]) for row in session.all(_STAND)}
        since = range(self._sealed + 1 if self._sealed else last + 1, last + 1)
        older = ((self._older + n) % last + 1 for n in range(min(OLDER, last)))
        stood = (block for block, _ in self._stood if block != UNSEALED)
        self._blocks = deque(dict.fromkeys((*stood, *since, *older)))
        self._older = (self._older + OLDER) % last if last else 0
        self._sealed = last
        return session.all(_OF_UNSEALED)

    async def _look(self, now: int) -> None:
        if self._blocks:
            block = self._blocks[0]
            sums = self._store.read(lambda session: session.all(_OF_BLOCK, block=block))
            await self._note(block, sums, now)
            self._blocks.popleft()
            return
        over = self._stood - self._found
        if over:
            await self._store.transact(partial(_end, over=over))
        self.unbalanced = len(self._found)
        self._is_looking = False

    async def _note(self, block: int, sums: list[Row], now: int) -> None:
        for row in sums:
            if not row["faulty"] and row["debit_minor"] == row["credit_minor"]:
                continue
            found = {"block": block, **{key: row[key] for key in _SAID}, "found_at": now}
            key = (block, row["currency"])
            self._found.add(key)
            if key not in self._stood:
                await self._store.transact(partial(_stands, found=found))
                self._tell(found)
            self.unbalanced = max(self.unbalanced, len(self._found))


def standing(session: Session) -> list[Row]:
    """The imbalances for which nothing is posted: block (0: not sealed yet), currency, the two
    sums, how many transfers are faulty, and when it was found."""
    return session.all(_STAND)


def _stands(session: Session, found: dict[str, Any]) -> None:
    session.run(_STANDS, **found)


def _end(session: Session, over: set[tuple[int, str]]) -> None:
    for block, currency in over:
        session.run(_OVER, of_block=block, of=currency)
