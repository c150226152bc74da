"""What the transfers add up to: balances of all accounts, of one, and a worker's statement.

Always derived from the transfers, never stored.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Subquery, bindparam, func, select

from bpp.ledger.chart import Account, is_debit_normal
from bpp.ledger.tables import AccountRow, EntryRow, TransferRow
from protocol_specs.node.store import Session, Statement

_account = AccountRow.__table__
_entry = EntryRow.__table__
_transfer = TransferRow.__table__


def _summed(side: ColumnElement[str]) -> Subquery:
    """What moved on one side of each account, summed along the index of that side."""
    amount = func.sum(_transfer.c.amount_minor).label("minor")
    by_account = select(side.label("account"), _transfer.c.currency, amount)
    return by_account.group_by(side, _transfer.c.currency).subquery()


_debits, _credits = _summed(_transfer.c.debit), _summed(_transfer.c.credit)
_ALL = Statement(
    select(
        _account.c.id,
        _account.c.currency,
        _account.c.number,
        func.coalesce(_debits.c.minor, 0).label("debit_minor"),
        func.coalesce(_credits.c.minor, 0).label("credit_minor"),
    )
    .outerjoin(
        _debits, (_debits.c.account == _account.c.id) & (_debits.c.currency == _account.c.currency)
    )
    .outerjoin(
        _credits,
        (_credits.c.account == _account.c.id) & (_credits.c.currency == _account.c.currency),
    )
    .order_by(_account.c.currency, _account.c.number, _account.c.id)
)
_DEBITS = Statement(
    select(func.coalesce(func.sum(_transfer.c.amount_minor), 0)).where(
        _transfer.c.debit == bindparam("account"), _transfer.c.currency == bindparam("currency")
    )
)
_CREDITS = Statement(
    select(func.coalesce(func.sum(_transfer.c.amount_minor), 0)).where(
        _transfer.c.credit == bindparam("account"), _transfer.c.currency == bindparam("currency")
    )
)
_own = select(_account.c.id).where(_account.c.worker == bindparam("worker"))
_STATEMENT = Statement(
    select(
        _entry.c.at,
        _entry.c.kind,
        _entry.c.order_key,
        _transfer.c.entry,
        _transfer.c.currency,
        _transfer.c.debit,
        _transfer.c.credit,
        _transfer.c.amount_minor,
    )
    .join(_entry, _entry.c.id == _transfer.c.entry)
    .where(_transfer.c.debit.in_(_own) | _transfer.c.credit.in_(_own))
    .order_by(_entry.c.at, _transfer.c.entry, _transfer.c.n)
)


@dataclass(frozen=True, slots=True)
class Balance:
    """What stands on one account, minor units; positive on the side on which it grows."""

    account: str
    currency: str
    number: int
    debit_minor: int
    credit_minor: int

    @property
    def balance_minor(self) -> int:
        """Debits less credits for assets and costs, credits less debits for the others."""
        difference = self.debit_minor - self.credit_minor
        return difference if is_debit_normal(self.number) else -difference


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transfer that touched an account of a worker."""

    at: int
    kind: str
    entry: str
    order_key: str | None
    currency: str
    debit: str
    credit: str
    amount_minor: int


def balances(session: Session) -> list[Balance]:
    """Every account, by currency and number."""
    return [Balance(*row) for row in session.all(_ALL)]


def balance_minor(session: Session, account: Account, currency: str) -> int:
    """What stands on one account, 0 if nothing was ever posted to it."""
    debits = session.one(_DEBITS, account=account.id, currency=currency)
    credits = session.one(_CREDITS, account=account.id, currency=currency)
    difference = int(debits[0] if debits else 0) - int(credits[0] if credits else 0)
    return difference if is_debit_normal(account.number) else -difference


def sums(session: Session) -> dict[str, tuple[int, int]]:
    """All debits and all credits by currency: the two are equal, or the books are broken."""
    totals: dict[str, tuple[int, int]] = {}
    for line in balances(session):
        debit, credit = totals.get(line.currency, (0, 0))
        totals[line.currency] = (debit + line.debit_minor, credit + line.credit_minor)
    return totals


def statement(session: Session, worker: str) -> list[StatementLine]:
    """Every transfer that touched an account of this worker (the local id), oldest first."""
    return [
        StatementLine(**{key: row[key] for key in StatementLine.__slots__})
        for row in session.all(_STATEMENT, worker=worker)
    ]
