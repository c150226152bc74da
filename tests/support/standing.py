"""What stands in a provider's database of one confirm, read beside the node or after its death."""

import asyncio
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import bindparam, text

from bpp.ledger import verify, witness
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.wire.keys import signing_key
from protocol_specs.wire.values import replace
from tests.support.provider_process import Home
from tests.support.surroundings import Request

DEADLINE_S = 90


def _sql(query: str, *names: str) -> Statement:
    return Statement(text(query).bindparams(*(bindparam(name) for name in names)))


_ORDERS = _sql("SELECT key, status FROM orders WHERE transaction_id = :id", "id")
_EVENTS = _sql("SELECT kind FROM order_event WHERE order_key = :key ORDER BY n", "key")
_ENTRIES = _sql(
    "SELECT kind, debit, credit, amount_minor FROM entry JOIN transfer ON entry = entry.id"
    " WHERE order_key = :key ORDER BY entry.id, n",
    "key",
)
_CONTRIBUTIONS = _sql("SELECT status, amount_minor FROM contribution WHERE order_key = :key", "key")
_ALL_EVENTS = _sql("SELECT kind FROM order_event")
_ALL_ENTRIES = _sql("SELECT kind FROM entry")
_RECEIVED = _sql("SELECT state FROM received WHERE message_id = :id", "id")
_OWED = _sql("SELECT action, state FROM owed WHERE message_id = :id", "id")
_COUNTS = _sql(
    "SELECT (SELECT count(*) FROM block) AS blocks, (SELECT count(*) FROM unsealed) AS unsealed,"
    " (SELECT count(*) FROM pending) AS pending"
)


@dataclass(frozen=True)
class Standing:
    """Of the confirm's own transaction, but for the counts of all events and entries."""

    received: list[str]  # states of the confirm in the inbox
    orders: list[str]  # their statuses
    events: list[str]
    transfers: list[tuple[str, str, str, int]]  # kind of entry, debit, credit, amount_minor
    contributions: list[tuple[str, int]]
    owed: list[tuple[str, str]]  # what answers it: action, state
    all_events: int
    all_entries: int

    @property
    def is_answered(self) -> bool:
        return {state for _, state in self.owed} == {"sent"}


@dataclass(frozen=True)
class Seals:
    """How far the sealer came."""

    blocks: int
    unsealed: int
    witnessed: int

    @property
    def is_done(self) -> bool:
        return self.blocks > 0 and self.unsealed == 0 and self.witnessed == self.blocks


def standing(home: Home, request: Request) -> Standing:
    """All of it in one reading."""
    return Store.read_once(home.at, lambda session: _standing(session, request))


def seals(home: Home) -> Seals:
    """Blocks, entries that wait for one, and heads in the witness."""
    return Store.read_once(home.at, lambda session: _seals(session, home))


async def settled(home: Home, *requests: Request) -> None:
    """Returns once all that follows from the confirms was done; fails after a deadline."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    with closing(Store.read_only(home.at)) as store:
        for request in requests:
            while not (found := _found(store, request)).is_answered:
                assert asyncio.get_running_loop().time() < deadline, f"not settled: {found}"
                await asyncio.sleep(0.02)
        while not (sealed := store.read(lambda session: _seals(session, home))).is_done:
            assert asyncio.get_running_loop().time() < deadline, f"not sealed: {sealed}"
            await asyncio.sleep(0.05)


def verified(home: Home) -> verify.Report:
    """What `wayfare ledger verify --witness` finds."""
    public = signing_key((home.folder / "keys/ledger.key").read_text().strip()).public
    with closing(Store.read_only(home.at)) as store:
        return verify.verify(store, home.witness, public)


def own(stands: Standing) -> Standing:
    """Without the counts of all, and without the names of accounts: they hold the month, which may
    end meanwhile."""
    transfers = [(kind, "", "", amount) for kind, _, _, amount in stands.transfers]
    return replace(stands, transfers=transfers, all_events=0, all_entries=0)


def _found(store: Store, request: Request) -> Standing:
    return store.read(lambda session: _standing(session, request))


def _seals(session: Session, home: Home) -> Seals:
    lines = len(witness.read(home.witness)) if home.witness.exists() else 0
    counts = session.all(_COUNTS)[0]
    return Seals(counts["blocks"], counts["unsealed"], lines)


def _standing(session: Session, request: Request) -> Standing:
    orders = session.all(_ORDERS, id=request.transaction_id)
    keys = [row["key"] for row in orders]
    return Standing(
        received=[row[0] for row in session.all(_RECEIVED, id=request.message_id)],
        orders=[row["status"] for row in orders],
        events=[row[0] for key in keys for row in session.all(_EVENTS, key=key)],
        transfers=[tuple(row) for key in keys for row in session.all(_ENTRIES, key=key)],
        contributions=[tuple(row) for key in keys for row in session.all(_CONTRIBUTIONS, key=key)],
        owed=[tuple(row) for row in session.all(_OWED, id=request.message_id)],
        all_events=len(session.all(_ALL_EVENTS)),
        all_entries=len(session.all(_ALL_ENTRIES)),
    )
