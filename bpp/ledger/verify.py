"""Checks a whole ledger against its signed heads, and those against a witness."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, cast, func, literal, select

from bpp.ledger import balances, head, journal, merkle, sealing, witness
from bpp.ledger.tables import (
    AccountRow,
    Block,
    EntryRow,
    LeafSalt,
    SealedLeaf,
    TransferRow,
    Unsealed,
)
from protocol_specs.node.store import Row, Session, Statement, Store
from protocol_specs.wire.errors import Malformed

WITNESSED_WITHIN_S = 60  # a head follows its block by a second; on a busy machine by more
FAULTS_MAX = 1000  # of one kind

_account = AccountRow.__table__
_block = Block.__table__
_entry = EntryRow.__table__
_leaf = SealedLeaf.__table__
_salt = LeafSalt.__table__
_transfer = TransferRow.__table__
_unsealed = Unsealed.__table__

_LEAVES = Statement(
    select(
        _leaf.c.position,
        _leaf.c.entry.label("leaf"),
        _leaf.c.hash,
        _salt.c.salt,
        *_entry.columns,
    )
    .outerjoin(_salt, _salt.c.entry == _leaf.c.entry)
    .outerjoin(_entry, _entry.c.id == _leaf.c.entry)
    .where(_leaf.c.block == bindparam("block"), _leaf.c.position > bindparam("after"))
    .order_by(_leaf.c.position)
    .limit(bindparam("count"))
)
_TRANSFERS = Statement(
    select(_transfer)
    .join(_leaf, _leaf.c.entry == _transfer.c.entry)
    .where(
        _leaf.c.block == bindparam("block"),
        _leaf.c.position > bindparam("after"),
        _leaf.c.position <= bindparam("until"),
    )
    .order_by(_transfer.c.entry, _transfer.c.n)
)
_PLACES = Statement(
    select(_leaf.c.position, _leaf.c.hash)
    .where(_leaf.c.block == bindparam("block"))
    .order_by(_leaf.c.position)
)
_ORPHAN_LEAVES = Statement(
    select(_leaf.c.entry, _leaf.c.block)
    .where(_leaf.c.block.not_in(select(_block.c.number)))
    .limit(FAULTS_MAX)
)
_NEITHER_SEALED_NOR_WAITING = Statement(
    select(_entry.c.id)
    .where(_entry.c.id.not_in(select(_leaf.c.entry)), _entry.c.id.not_in(select(_unsealed.c.entry)))
    .limit(FAULTS_MAX)
)
_SEALED_AND_WAITING = Statement(
    select(_unsealed.c.entry)
    .where(
        _unsealed.c.entry.in_(select(_leaf.c.entry)) | _unsealed.c.entry.not_in(select(_entry.c.id))
    )
    .limit(FAULTS_MAX)
)
_STRAY_SALTS = Statement(
    select(_salt.c.entry).where(_salt.c.entry.not_in(select(_leaf.c.entry))).limit(FAULTS_MAX)
)
_WAITING = Statement(select(func.count()).select_from(_unsealed))
_ENTRIES = Statement(select(func.count()).select_from(_entry))
_LOST_TRANSFERS = Statement(
    select(_transfer.c.entry, _transfer.c.n)
    .outerjoin(
        _entry,
        (_entry.c.id == _transfer.c.entry) & (_entry.c.currency == _transfer.c.currency),
    )
    .where(_entry.c.id.is_(None))
    .limit(FAULTS_MAX)
)
_BAD_SHAPE = Statement(
    select(_transfer.c.entry, _transfer.c.n)
    .where((_transfer.c.amount_minor <= 0) | (_transfer.c.debit == _transfer.c.credit))
    .limit(FAULTS_MAX)
)


def _no_account(side: str) -> ColumnElement[bool]:
    same = (_account.c.id == _transfer.c[side]) & (_account.c.currency == _transfer.c.currency)
    return ~select(_account.c.id).where(same).exists()


_NO_ACCOUNT = Statement(
    select(_transfer.c.entry, _transfer.c.n)
    .where(_no_account("debit") | _no_account("credit"))
    .limit(FAULTS_MAX)
)
_keys = (_account.c.scheme, _account.c.worker, _account.c.period, _account.c.remittance)
_said: ColumnElement[str] = cast(_account.c.number, String)
for _key in _keys:  # as Account.id joins them
    _said = _said + func.coalesce(literal(":") + _key, "")
_EDITED_ACCOUNTS = Statement(
    select(_account.c.id, _said.label("said")).where(_account.c.id != _said).limit(FAULTS_MAX)
)


def _never(side: str) -> ColumnElement[bool]:
    same = (_transfer.c[side] == _account.c.id) & (_transfer.c.currency == _account.c.currency)
    return ~select(_transfer.c.entry).where(same).exists()


_NEVER_POSTED_TO = Statement(
    select(_account.c.id, _account.c.currency)
    .where(_never("debit"), _never("credit"))
    .limit(FAULTS_MAX)
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and what was found; `notes` say what was not checked, and why."""

    entries: int
    blocks: int
    waiting: int
    balanced: bool
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found; read `notes` for what was not looked at."""
        return not self.faults


def verify(
    store: Store, witness_path: Path | None, public: bytes, now: int | None = None
) -> Report:
    """Checks every row against the sealed blocks, and the blocks against the witness.

    `public` is the ledger key's public half, from outside the database. Before the first block
    there need be no witness file, and for a minute after it no head in it, where `now` is given.
    Raises OSError and witness.BadWitness when it cannot be read.
    """
    return store.read(lambda session: report(session, witness_path, public, now))


def report(
    session: Session, witness_path: Path | None, public: bytes, now: int | None = None
) -> Report:
    """The same within a unit."""
    faults = [*_shape(session), *_first(_chain(session, public)), *_strays(session)]
    notes = []
    waiting, blocks = _count(session, _WAITING), sealing.last_number(session)
    if waiting:
        notes.append(f"{waiting} entries wait for their block: nothing vouches for them yet")
    if witness_path is None:
        notes.append("no witness was given: a cut tail and a restored backup were NOT checked")
    elif not blocks and not witness_path.exists():
        notes.append("nothing was sealed yet, so there is no witness: nothing to compare with it")
    elif _is_ahead_of(session, witness_path, now):
        notes.append("the first block was sealed just now, and no head is witnessed yet: ask again")
    else:
        faults += _first(_against(session, witness_path, public))
        notes += _beyond(session, witness_path)
    return Report(
        entries=_count(session, _ENTRIES),
        blocks=blocks,
        waiting=waiting,
        balanced=all(debit == credit for debit, credit in balances.sums(session).values()),
        faults=tuple(faults),
        notes=tuple(notes),
    )


def _chain(session: Session, public: bytes) -> Iterator[str]:
    """Blocks in order: numbers, links, signatures, and every leaf below each root."""
    number, previous = 0, head.GENESIS
    while blocks := sealing.blocks_after(session, number):
        for block in blocks:
            for missing in range(number + 1, block["number"]):
                yield f"block {missing} is missing"
            number = block["number"]
            try:
                found = sealing.head_of(block)
            except (head.BadHead, Malformed) as error:
                yield f"block {number}: its head cannot be read: {error}"
                continue
            yield from _head_faults(block, found, previous, public)
            yield from _leaf_faults(session, number, found)
            yield from _all_within(session, number)
            previous = found.hash()


def faults_of(session: Session, number: int, public: bytes) -> list[str]:
    """What is wrong with one block but its entries: its head, its link to the one before, its
    leaves."""
    block, before = sealing.block_of(session, number), sealing.block_of(session, number - 1)
    if block is None:
        return [f"block {number} is missing"]
    try:
        found = sealing.head_of(block)
        previous = sealing.head_of(before).hash() if before else head.GENESIS
    except (head.BadHead, Malformed) as error:
        return [f"block {number}: its head or that before it cannot be read: {error}"]
    return [*_head_faults(block, found, previous, public), *_leaf_faults(session, number, found)]


def faults_within(
    session: Session, number: int, *, after: int, count: int
) -> tuple[int | None, list[str]]:
    """What is wrong with `count` entries of a block beyond the position `after`; with the last of
    these, None once there are no more."""
    leaves = session.all(_LEAVES, block=number, after=after, count=count)
    if not leaves:
        return None, []
    until = leaves[-1]["position"]
    transfers = sealing.grouped(session.all(_TRANSFERS, block=number, after=after, until=until))
    found = (_entry_faults(number, row, transfers.get(row["leaf"], ())) for row in leaves)
    return until if len(leaves) == count else None, [fault for each in found for fault in each]


def _all_within(session: Session, number: int) -> Iterator[str]:
    """One block at a time is in memory: a block has 512 leaves at most."""
    after: int | None = -1
    while after is not None:
        after, faults = faults_within(session, number, after=after, count=sealing.LEAVES_MAX)
        yield from faults


def _head_faults(block: Row, found: head.Head, previous: str, public: bytes) -> Iterator[str]:
    number = block["number"]
    try:
        head.check(found, block["signature"], public)
    except head.BadHead as error:
        yield f"block {number}: {error}"
    if found.previous != previous:
        yield f"block {number} does not follow the block before it: the chain was changed"
    for key in ("number", "leaf_count", "sealed_at"):
        if block[key] != getattr(found, key):
            yield f"block {number}: {key} is {block[key]}, its head says {getattr(found, key)}"
    if bytes(block["head"]) != found.bytes():
        yield f"block {number}: its head is not in canonical form"


def _leaf_faults(session: Session, number: int, found: head.Head) -> Iterator[str]:
    leaves = session.all(_PLACES, block=number)
    hashes = [row["hash"] for row in leaves]
    positions = [row["position"] for row in leaves]
    if positions != list(range(found.leaf_count)):
        yield (
            f"block {number} has {len(leaves)} leaves at {_short(positions)}, its head says "
            f"{found.leaf_count}: a leaf was added, removed or moved"
        )
    elif merkle.root(hashes).hex() != found.root:
        yield f"block {number}: its leaves do not give its root: they were edited or re-ordered"


def _entry_faults(number: int, row: Row, transfers: Sequence[Row]) -> Iterator[str]:
    if row["id"] is None:
        yield f"entry {row['leaf']} of block {number} was removed"
    elif row["salt"] is None:
        yield f"entry {row['leaf']} of block {number}: its salt is gone, so it cannot be checked"
    elif sealing.leaf(journal.document_of(row, transfers), row["salt"]) != row["hash"]:
        yield (
            f"entry {row['leaf']} of block {number} is not what was sealed: it or its transfers "
            "were edited, added or removed"
        )


def _strays(session: Session) -> Iterator[str]:
    for row in session.all(_ORPHAN_LEAVES):
        yield f"entry {row['entry']} says it is in block {row['block']}, which is missing"
    for row in session.all(_NEITHER_SEALED_NOR_WAITING):
        yield (
            f"entry {row['id']} is in no block and waits for none: it was added past the journal, "
            "or its leaf was removed"
        )
    for row in session.all(_SEALED_AND_WAITING):
        yield f"entry {row['entry']} is said to wait for a block, but is sealed or not there"
    for row in session.all(_STRAY_SALTS):
        yield f"entry {row['entry']} has a salt, though it is in no block: the salt was added"


def _shape(session: Session) -> Iterator[str]:
    for row in session.all(_LOST_TRANSFERS):
        yield f"transfer {row['n']} of {row['entry']}: there is no such entry in its currency"
    for row in session.all(_BAD_SHAPE):
        yield f"transfer {row['n']} of {row['entry']} is not an amount between two accounts"
    for row in session.all(_NO_ACCOUNT):
        yield f"transfer {row['n']} of {row['entry']}: one of its accounts is missing"
    yield from _account_faults(session)


def _account_faults(session: Session) -> Iterator[str]:
    """Accounts are in no leaf; but their id is, and it says all the rest of them."""
    for row in session.all(_EDITED_ACCOUNTS):
        yield f"account {row['id']} says it is {row['said']}: it was edited"
    for row in session.all(_NEVER_POSTED_TO):
        yield f"account {row['id']} in {row['currency']} was never posted to: it was added"


def _against(session: Session, path: Path, public: bytes) -> Iterator[str]:
    for line in witness.heads(path):
        try:
            head.check(line.head, line.signature, public)
        except head.BadHead as error:
            yield f"witness {path.name}: {error}"
    yield from witness.compare(session, witness.heads(path))


def _is_ahead_of(session: Session, path: Path, now: int | None) -> bool:
    """Whether the node may be about to write its first head into the witness."""
    first = sealing.block_of(session, 1)
    if first is None or now is None or not 0 <= now - first["sealed_at"] <= WITNESSED_WITHIN_S:
        return False
    return not path.exists() or not any(witness.heads(path))


def _beyond(session: Session, path: Path) -> Iterator[str]:
    """What the witness cannot vouch for. Raises BadWitness when that is every block."""
    blocks = sealing.last_number(session)
    last = max((line.head.number for line in witness.heads(path)), default=0)
    if blocks and not last:
        raise witness.BadWitness(
            f"{path}: the witness holds no head, though blocks were sealed; name a copy of it"
        )
    if last < blocks:
        yield f"the witness ends at block {last}: nothing outside vouches for {blocks - last} since"


def _first(faults: Iterator[str]) -> Iterator[str]:
    """As many as a person reads; whoever changed more has changed everything."""
    yield from islice(faults, FAULTS_MAX)
    if next(faults, None) is not None:
        yield f"and more: only the first {FAULTS_MAX} of this kind are named"


def _count(session: Session, statement: Statement) -> int:
    row = session.one(statement)
    return int(row[0]) if row else 0


def _short(values: list[Any]) -> str:
    return str(values) if len(values) <= 8 else f"{values[:4]} ... {values[-2:]}"
