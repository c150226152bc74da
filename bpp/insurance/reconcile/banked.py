"""The bank's statement of the trust account, summed up by remittance."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from bpp.ledger import bank
from bpp.ledger.bank import BankStatement, Matching
from bpp.ledger.tables import TransferRow
from protocol_specs.node.store import Session, Statement

_transfer = TransferRow.__table__
_IN_TRANSIT = Statement(
    select(_transfer.c.debit, _transfer.c.credit).where(
        _transfer.c.entry == bindparam("entry"),
        _transfer.c.debit.like("1250:%") | _transfer.c.credit.like("1250:%"),
    )
)


@dataclass(frozen=True, slots=True)
class Summed:
    """What moved for one remittance (None: sweeps, returns and whatever is no remittance's), minor
    units with their sign: below zero, money went out. `open_lines` counts what has no other half.
    """

    remittance: str | None
    books_minor: int
    bank_minor: int
    open_lines: int


def reconcile(
    session: Session, account: str, statement: BankStatement
) -> tuple[Matching, list[Summed]]:
    """The matching of `wayfare ledger match`, and its sums by remittance."""
    postings = bank.postings(session, statement)
    found = bank.match(statement, account, postings)
    books: dict[str | None, int] = defaultdict(int)
    at_bank: dict[str | None, int] = defaultdict(int)
    unmatched: dict[str | None, int] = defaultdict(int)
    for pair in (*found.matched, *found.differing):
        remittance = _remittance_of(session, pair.posting.entry)
        books[remittance] += pair.posting.minor
        at_bank[remittance] += pair.line.minor
    for pair in found.differing:
        unmatched[_remittance_of(session, pair.posting.entry)] += 1
    for posting in found.missing_in_bank:
        remittance = _remittance_of(session, posting.entry)
        books[remittance] += posting.minor
        unmatched[remittance] += 1
    odd = (
        *found.missing_in_books,
        *(line for line, _ in found.for_another_account),
        *(line for line, _ in found.duplicates),
    )
    for line in odd:
        at_bank[None] += line.minor
        unmatched[None] += 1
    names = sorted({*books, *at_bank, *unmatched}, key=lambda name: name or "")
    return found, [Summed(name, books[name], at_bank[name], unmatched[name]) for name in names]


def _remittance_of(session: Session, entry: str) -> str | None:
    row = session.one(_IN_TRANSIT, entry=entry)
    if row is None:
        return None
    account = row["debit"] if row["debit"].startswith("1250:") else row["credit"]
    return str(account).partition(":")[2]
