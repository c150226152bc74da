"""What the transfers add up to: balances of all accounts, of one, and a worker's statement.

Always derived from the transfers, never stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Subquery, bindparam, func, select

from bpp.ledger.chart import Account, is_debit_normal
from bpp.ledger.tables import AccountRow, EntryRow, TransferRow
from protocol_specs.node.store import Row, Session, Statement

_account = AccountRow.__table__
_entry = EntryRow.__table__
_transfer = TransferRow.__table__


def _summed(side: ColumnElement[str], *, until: bool) -> Subquery:
    """What moved on one side of each account, summed along the index of that side; or, `until` an
    instant, of the entries up to it."""
    amount = func.sum(_transfer.c.amount_minor).label("minor")
    by_account = select(side.label("account"), _transfer.c.currency, amount)
    if until:
        by_account = by_account.join(_entry, _entry.c.id == _transfer.c.entry)
        by_account = by_account.where(_entry.c.at <= bindparam("at"))
    return by_account.group_by(side, _transfer.c.currency).subquery()


def _every(*, until: bool) -> Statement:
    debits = _summed(_transfer.c.debit, until=until)
    credits = _summed(_transfer.c.credit, until=until)
    every = select(
        _account.c.id,
        _account.c.currency,
        _account.c.number,
        func.coalesce(debits.c.minor, 0).label("debit_minor"),
        func.coalesce(credits.c.minor, 0).label("credit_minor"),
    )
    for sums in (debits, credits):
        same = (sums.c.account == _account.c.id) & (sums.c.currency == _account.c.currency)
        every = every.outerjoin(sums, same)
    return Statement(every.order_by(_account.c.currency, _account.c.number, _account.c.id))


_ALL, _ALL_UNTIL = _every(until=False), _every(until=True)
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
_lines = select(
    _entry.c.at,
    _entry.c.kind,
    _entry.c.order_key,
    _entry.c.by,
    _transfer.c.entry,
    _transfer.c.currency,
    _transfer.c.debit,
    _transfer.c.credit,
    _transfer.c.amount_minor,
).join(_entry, _entry.c.id == _transfer.c.entry)
_in_time = (_entry.c.at, _transfer.c.entry, _transfer.c.n)
_STATEMENT = Statement(
    _lines.where(_transfer.c.debit.in_(_own) | _transfer.c.credit.in_(_own)).order_by(*_in_time)
)
_named = select(_account.c.id).where(
    (_account.c.id == bindparam("name")) | (_account.c.number == bindparam("number"))
)
_OF_ACCOUNTS = Statement(
    _lines.where(_transfer.c.debit.in_(_named) | _transfer.c.credit.in_(_named)).order_by(*_in_time)
)
_OF_ACCOUNTS_OF_WORKER = Statement(
    _lines.where(
        _transfer.c.debit.in_(_named.where(_account.c.worker == bindparam("worker")))
        | _transfer.c.credit.in_(_named.where(_account.c.worker == bindparam("worker")))
    ).order_by(*_in_time)
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
    """One transfer that touched an account asked about; `by` None: an event of an order did."""

    at: int
    kind: str
    entry: str
    order_key: str | None
    by: str | None
    currency: str
    debit: str
    credit: str
    amount_minor: int


def balances(session: Session, at: int | None = None) -> list[Balance]:
    """Every account, by currency and number; `at` a time, counting the entries up to it."""
    rows = session.all(_ALL) if at is None else session.all(_ALL_UNTIL, at=at)
    return [Balance(*row) for row in rows]


def balance_minor(session: Session, account: Account, currency: str) -> int:
    """What stands on one account, 0 if nothing was ever posted to it."""
    debits = session.one(_DEBITS, account=account.id, currency=currency)
    credits = session.one(_CREDITS, account=account.id, currency=currency)
    difference = int(debits[0] if debits else 0) - int(credits[0] if credits else 0)
    return difference if is_debit_normal(account.number) else -difference


def sums(session: Session) -> dict[str, tuple[int, int]]:
    """All debits and all credits by currency: the two are equal, or the books are broken."""
    return totals(balances(session))


def totals(lines: Iterable[Balance]) -> dict[str, tuple[int, int]]:
    """The same of balances at hand."""
    totals: dict[str, tuple[int, int]] = {}
    for line in lines:
        debit, credit = totals.get(line.currency, (0, 0))
        totals[line.currency] = (debit + line.debit_minor, credit + line.credit_minor)
    return totals


def statement(session: Session, worker: str) -> list[StatementLine]:
    """Every transfer that touched an account of this worker (the local id), oldest first."""
    return _statement_lines(session.all(_STATEMENT, worker=worker))


def of_accounts(session: Session, name: str, worker: str | None = None) -> list[StatementLine]:
    """The same of one account by its id, or of all of a number (of this worker), oldest first."""
    number = int(name) if name.isdecimal() and name.isascii() else -1
    if worker is None:
        return _statement_lines(session.all(_OF_ACCOUNTS, name=name, number=number))
    return _statement_lines(
        session.all(_OF_ACCOUNTS_OF_WORKER, name=name, number=number, worker=worker)
    )


def _statement_lines(rows: Iterable[Row]) -> list[StatementLine]:
    return [StatementLine(**{key: row[key] for key in StatementLine.__slots__}) for row in rows]
