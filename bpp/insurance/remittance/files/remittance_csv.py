"""A remittance worker by worker as CSV, for the institution that is told it: built from the ledger.

The format is ours: no institution's own was published to us. docs/remittance-files.md says what
each column is.
"""

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import bindparam, select

from bpp.declined import Declined
from bpp.insurance import table
from bpp.insurance.engine import calendar
from bpp.insurance.people import reading as people
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.values import Line, Remittance
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from bpp.ledger import chart
from bpp.ledger.tables import EntryRow, TransferRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import money

OURS = "our format: the institution's own was not published to us"
_BASES = {"percent": "earnings", "shares": "net_earnings"}

_entry = EntryRow.__table__
_transfer = TransferRow.__table__
_of_declaration = (
    select(_transfer.c.entry, _transfer.c.debit, _transfer.c.credit, _transfer.c.amount_minor)
    .join(_entry, _entry.c.id == _transfer.c.entry)
    .where(
        _entry.c.kind.in_(("declared", "own-credit")),
        (_transfer.c.debit == bindparam("account")) | (_transfer.c.credit == bindparam("account")),
    )
)
_DECLARED = Statement(_of_declaration)


def write(session: Session, id: str) -> bytes:
    """The file. Raises Declined: unknown, or a line or sum that is not what the ledger holds."""
    found = reading.remittance(session, id)
    if found is None:
        raise Declined(f"there is no remittance {id}; wayfare remit list shows all")
    scheme = load(found.scheme)
    lines = [line for line in reading.lines(session, id) if line.amount_minor]
    _check(session, found, lines)
    base = _BASES.get(scheme.form)
    columns = ("number", "category", *([base] if base else []), "orders", "amount")
    columns += ("borne_by_worker", "borne_by_cooperative", "currency", "state")
    rows = list(_rows(session, scheme, found, lines))
    rows.append(_totals(found, lines, with_base=base is not None))
    notes = (OURS, f"{found.id}, {scheme.title}, {scheme.institution}")
    return table.write(columns, rows, notes)


def _rows(
    session: Session, scheme: Scheme, found: Remittance, lines: list[Line]
) -> Iterator[tuple[object, ...]]:
    numbers = people.member_numbers(session, found.scheme)
    last = calendar.last_day(found.period)
    for line in lines:
        yield (
            numbers.get(line.worker, line.worker),
            people.category_on(session, line.worker, last),
            *([_base(scheme, found, line)] if scheme.form in _BASES else []),
            line.orders,
            *_amounts(line.amount_minor, line.worker_minor, found.currency),
            found.currency,
            "rejected" if line.is_rejected else found.state,
        )


def _totals(found: Remittance, lines: list[Line], *, with_base: bool) -> tuple[object, ...]:
    return (
        "TOTAL",
        len(lines),
        *([None] if with_base else []),
        sum(line.orders for line in lines),
        *_amounts(found.amount_minor, found.worker_minor, found.currency),
        found.currency,
        found.state,
    )


def _amounts(minor: int, worker_minor: int, currency: str) -> tuple[str, ...]:
    return tuple(
        money.amount(each, currency) for each in (minor, worker_minor, minor - worker_minor)
    )


def _base(scheme: Scheme, found: Remittance, line: Line) -> str | None:
    """The earnings of the period behind the line; None where its rate changed within it."""
    exact = Decimal(line.exact)
    if scheme.form == "percent":
        days = (calendar.first_day(found.period), calendar.last_day(found.period))
        rates = {scheme.on(scheme.rate, day, "rate").rate for day in days}
        if len(rates) > 1:
            return None
        (rate,) = rates
        if (exact / rate) * rate != exact:
            return None
        exact = exact / rate
    places = money.exponent(found.currency)
    return f"{exact.scaleb(-places):.{places}f}" if exact == exact.to_integral() else None


def _check(session: Session, found: Remittance, lines: list[Line]) -> None:
    """Each line and every sum against the transfers on 2220."""
    account = chart.contribution_declared(found.id).id
    held: dict[str, int] = {}
    for row in session.all(_DECLARED, account=account):
        worker = row["entry"].rpartition("/")[2]
        held[worker] = held.get(worker, 0) + _signed(row, account)
    ours = {line.worker: line.amount_minor for line in lines}
    for worker in sorted(held.keys() | ours.keys()):
        if held.get(worker, 0) != ours.get(worker, 0):
            raise Declined(
                f"{found.id}: the line of {worker} says {ours.get(worker, 0)}, the ledger "
                f"{held.get(worker, 0)}: nothing was written, see wayfare ledger verify"
            )
    sums = (len(lines), sum(ours.values()), sum(line.worker_minor for line in lines))
    if sums != (found.workers, found.amount_minor, found.worker_minor):
        raise Declined(f"{found.id}: its lines do not come to its sums, see wayfare ledger verify")


def _signed(row: Row, account: str) -> int:
    sign = 1 if row["credit"] == account else -1
    return sign * int(row["amount_minor"])
