"""The append-only book of entries: posting, and what its rows say."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bpp.ledger.chart import Account
from bpp.ledger.entry import Entry, LedgerError, PostingStopped
from bpp.ledger.tables import STOPPED, AccountRow, EntryRow, TransferRow
from protocol_specs.node.store import Conflict, Row, Session, Statement

_WRITTEN = ("id", "currency", "at", "kind", "order_key", "origin_period", "declared_in")

_account = AccountRow.__table__
_entry = EntryRow.__table__
_transfer = TransferRow.__table__

_ENTRY = Statement(select(_entry).where(_entry.c.id == bindparam("id")))
_TRANSFERS = Statement(
    select(_transfer).where(_transfer.c.entry == bindparam("id")).order_by(_transfer.c.n)
)
# Whichever of its two keys another process was first with: PostgreSQL lets nothing but a named one
# pass, and two that insert at once may meet at the other.
_INSERT_ENTRY = Statement(upsert(_entry).on_conflict_do_nothing())
_INSERT_TRANSFER = Statement(insert(_transfer))
_AT_ONCE = 8  # accounts asked for in one query: an entry seldom has more
_NAMES = tuple(f"a{n}" for n in range(_AT_ONCE))
_HELD = [  # by how many are asked for
    Statement(
        select(_account.c.id).where(
            _account.c.id.in_([bindparam(name) for name in _NAMES[:count]]),
            _account.c.currency == bindparam("currency"),
        )
    )
    for count in range(_AT_ONCE + 1)
]
_INSERT_ACCOUNT = Statement(  # another process may have opened it since we looked
    upsert(_account).on_conflict_do_nothing(index_elements=["id", "currency"])
)


def post(session: Session, entry: Entry) -> bool:
    """Writes the entry in the caller's transaction; says whether it was new.

    The same id with the same transfers changes nothing; with others it raises LedgerError, which
    names the entry: what was first posted stands, and is corrected by a new entry. Raises
    PostingStopped while the books do not balance.
    """
    if not _insert(session, entry):
        _compare(session, entry)
        return False
    _open(session, {a.id: a for t in entry.transfers for a in (t.debit, t.credit)}, entry.currency)
    for n, t in enumerate(entry.transfers, 1):
        session.write(
            _INSERT_TRANSFER,
            entry=entry.id,
            n=n,
            currency=entry.currency,
            debit=t.debit.id,
            credit=t.credit.id,
            amount_minor=t.amount_minor,
        )
    return True


def _insert(session: Session, entry: Entry) -> int:
    try:
        return session.run(
            _INSERT_ENTRY,
            id=entry.id,
            currency=entry.currency,
            at=entry.at,
            kind=entry.kind,
            order_key=entry.order_key,
            origin_period=entry.origin_period,
            declared_in=entry.declared_in,
            by=entry.by,
        )
    except Conflict as refused:
        if STOPPED not in str(refused):
            raise
        raise PostingStopped(str(refused)) from None


def document(session: Session, entry_id: str) -> dict[str, Any] | None:
    """The entry as its rows say it, JSON-ready: what a leaf hashes. None: no such entry."""
    row = session.one(_ENTRY, id=entry_id)
    return None if row is None else document_of(row, session.all(_TRANSFERS, id=entry_id))


def document_of(entry: Row, transfers: Sequence[Row]) -> dict[str, Any]:
    """The same from rows at hand, the transfers by `n`. Without `by` where nobody wrote by hand."""
    found = {key: entry[key] for key in _WRITTEN}
    if entry["by"] is not None:
        found["by"] = entry["by"]
    found["transfers"] = [
        {"n": t["n"], "debit": t["debit"], "credit": t["credit"], "amount_minor": t["amount_minor"]}
        for t in transfers
    ]
    return found


def written(entry: Entry) -> dict[str, Any]:
    """The same document of an entry about to be posted: equal to `document` once it is."""
    found: dict[str, Any] = {key: getattr(entry, key) for key in _WRITTEN}
    if entry.by is not None:
        found["by"] = entry.by
    found["transfers"] = [
        {"n": n, "debit": t.debit.id, "credit": t.credit.id, "amount_minor": t.amount_minor}
        for n, t in enumerate(entry.transfers, 1)
    ]
    return found


def _compare(session: Session, entry: Entry) -> None:
    stands, asked = document(session, entry.id), written(entry)
    for key in ("currency", "transfers"):
        if stands is None or stands[key] != asked[key]:
            raise LedgerError(
                f"entry {entry.id} is already posted with other {key}; what was first posted "
                "stands, post a correction under a new id"
            )


def _open(session: Session, accounts: Mapping[str, Account], currency: str) -> None:
    """Writes those that were never posted to in this currency. An account stands for ever."""
    ids = [id for id in accounts if ("account", id, currency) not in session.seen]
    for at in range(0, len(ids), _AT_ONCE):
        some = ids[at : at + _AT_ONCE]
        asked = dict(zip(_NAMES, some, strict=False))
        held = {row[0] for row in session.all(_HELD[len(some)], currency=currency, **asked)}
        for id in some:
            if id not in held:
                _new(session, id, accounts[id], currency)
        session.remember([("account", id, currency) for id in some])


def _new(session: Session, id: str, account: Account, currency: str) -> None:
    session.run(
        _INSERT_ACCOUNT,
        id=id,
        currency=currency,
        number=account.number,
        worker=account.worker,
        scheme=account.scheme,
        period=account.period,
        remittance=account.remittance,
    )
