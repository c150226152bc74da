"""Sealing: committed entries become leaves of signed Merkle blocks; a slip proves its entry in one.

One sealer a node. It takes what waits, never a range of ids: on a database with several writers
commits are not in the order of ids.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from bpp.ledger import head, journal, merkle
from bpp.ledger.entry import LedgerError
from bpp.ledger.plain import plain_canonical
from bpp.ledger.tables import Block, EntryRow, LeafSalt, SealedLeaf, TransferRow, Unsealed
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import strict_json
from protocol_specs.wire.keys import SigningKey, b64encode

LEAVES_MAX = 512
SALT_BYTES = 16

_block = Block.__table__
_entry = EntryRow.__table__
_leaf = SealedLeaf.__table__
_salt = LeafSalt.__table__
_transfer = TransferRow.__table__
_unsealed = Unsealed.__table__

_waiting = select(_unsealed.c.entry).order_by(_unsealed.c.entry).limit(LEAVES_MAX)
_WAITING = Statement(select(_entry).where(_entry.c.id.in_(_waiting)).order_by(_entry.c.id))
_TRANSFERS = Statement(
    select(_transfer)
    .where(_transfer.c.entry.in_(_waiting))
    .order_by(_transfer.c.entry, _transfer.c.n)
)
_LAST_BLOCK = Statement(select(_block).order_by(_block.c.number.desc()).limit(1))
_BLOCK = Statement(select(_block).where(_block.c.number == bindparam("number")))
_BLOCKS_AFTER = Statement(
    select(_block).where(_block.c.number > bindparam("after")).order_by(_block.c.number).limit(1000)
)
_LEAF_OF = Statement(select(_leaf).where(_leaf.c.entry == bindparam("entry")))
_HASHES = Statement(
    select(_leaf.c.hash).where(_leaf.c.block == bindparam("block")).order_by(_leaf.c.position)
)
_SALT = Statement(select(_salt.c.salt).where(_salt.c.entry == bindparam("entry")))
_INSERT_BLOCK = Statement(insert(_block))
_INSERT_LEAF = Statement(insert(_leaf))
_INSERT_SALT = Statement(insert(_salt))
_SEALED = Statement(
    delete(_unsealed).where(
        _unsealed.c.entry.in_(select(_leaf.c.entry).where(_leaf.c.block == bindparam("sealed")))
    )
)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals with the node's ledger key. `salt` makes the 16 random bytes of a leaf."""

    key: SigningKey
    salt: Callable[[], bytes] = lambda: secrets.token_bytes(SALT_BYTES)

    def seal_next(self, session: Session, now: int) -> bool:
        """Seals one block of what waits, in the caller's transaction; False: nothing waited."""
        waiting = session.all(_WAITING)
        if not waiting:
            return False
        transfers = grouped(session.all(_TRANSFERS))
        salts = [self.salt() for _ in waiting]
        hashes = [
            leaf(journal.document_of(row, transfers.get(row["id"], ())), salt)
            for row, salt in zip(waiting, salts, strict=True)
        ]
        last = session.one(_LAST_BLOCK)
        new = head.make(
            self.key,
            number=last["number"] + 1 if last else 1,
            previous=head_of(last).hash() if last else head.GENESIS,
            leaf_count=len(hashes),
            root=merkle.root(hashes),
            now=now,
        )
        _write(session, new, self.key.sign(new.bytes()))
        entries = [row["id"] for row in waiting]
        session.run_many(
            _INSERT_LEAF,
            (
                {"block": new.number, "position": position, "entry": entry, "hash": hash}
                for position, (entry, hash) in enumerate(zip(entries, hashes, strict=True))
            ),
        )
        session.run_many(
            _INSERT_SALT,
            ({"entry": entry, "salt": salt} for entry, salt in zip(entries, salts, strict=True)),
        )
        session.run(_SEALED, sealed=new.number)
        return True


def grouped(transfers: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each entry, in their order."""
    found: dict[str, list[Row]] = {}
    for row in transfers:
        found.setdefault(row["entry"], []).append(row)
    return found


def leaf(document: dict[str, Any], salt: bytes) -> bytes:
    """The leaf hash of an entry: its salt, then its RFC 8785 bytes."""
    return merkle.leaf_hash(salt + plain_canonical(document))


def head_of(row: Row) -> head.Head:
    """The head in a row of `block`; raises head.BadHead when its bytes are none."""
    return head.read_head(strict_json.parse(row["head"]))


def blocks_after(session: Session, number: int) -> list[Row]:
    """Up to 1000 blocks with a higher number, in order."""
    return session.all(_BLOCKS_AFTER, after=number)


def block_of(session: Session, number: int) -> Row | None:
    """The block of this number; None: there is none."""
    return session.one(_BLOCK, number=number)


def last_number(session: Session) -> int:
    """The number of the newest block; 0: nothing was sealed yet."""
    last = session.one(_LAST_BLOCK)
    return int(last["number"]) if last else 0


def proof(session: Session, entry_id: str) -> dict[str, Any] | None:
    """The inclusion proof of an entry, JSON-ready; None: it waits for a block, or its salt is gone.

    Made when asked for, from the sealed leaves: it exists as soon as the block does.
    """
    found, salt = session.one(_LEAF_OF, entry=entry_id), session.one(_SALT, entry=entry_id)
    if found is None or salt is None:
        return None
    block = session.one(_BLOCK, number=found["block"])
    if block is None:
        raise LedgerError(f"block {found['block']} is missing")
    hashes = [row["hash"] for row in session.all(_HASHES, block=found["block"])]
    path = merkle.path(hashes, found["position"])
    return {
        "salt": salt["salt"].hex(),
        "position": found["position"],
        "path": [step.hex() for step in path],
        "head": head_of(block).document(),
        "head_signature": b64encode(block["signature"]),
    }


def _write(session: Session, new: head.Head, signature: bytes) -> None:
    session.run(
        _INSERT_BLOCK,
        number=new.number,
        leaf_count=new.leaf_count,
        sealed_at=new.sealed_at,
        head=new.bytes(),
        signature=signature,
    )
