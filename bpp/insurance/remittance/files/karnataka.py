"""Karnataka's quarterly statement of the welfare fee, transaction by transaction, out of the books.

Karnataka Platform Based Gig Workers (Social Security and Welfare) Act 2025, section 20 and rule 17:
each transaction is told with its payout, less tips and incentives, and its fee. A job is told in
the quarter in which it is declared; what changed after that quarter was closed is a line of the
later one, with the difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy import bindparam, func, select

from bpp.declined import Declined
from bpp.insurance import books, table
from bpp.insurance.engine import assess as engine
from bpp.insurance.engine import calendar
from bpp.insurance.engine.assess import Assessment
from bpp.insurance.job import Job, as_each_has_it, fold, work
from bpp.insurance.people import identity
from bpp.insurance.people import reading as people
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.files.remittance_csv import OURS
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from bpp.insurance.tables import ContributionRow
from bpp.ledger.tables import EntryRow, TransferRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import money

SCHEME = "in.karnataka.pbgw2025"
COLUMNS = (
    "board_id", "uan", "transaction", "date", "category", "vehicle_class", "payout", "cap", "fee",
    "currency",
)  # fmt: skip

_contribution = ContributionRow.__table__
_entry = EntryRow.__table__
_transfer = TransferRow.__table__
ORDERS_AT_ONCE = 200
_KEYS = Statement(
    select(_contribution.c.order_key)
    .distinct()
    .join(_entry, _entry.c.id == _contribution.c.entry)
    .where(
        _contribution.c.scheme == bindparam("scheme"),
        _contribution.c.order_key > bindparam("after"),
        _contribution.c.is_due == 1,
        _entry.c.declared_in == bindparam("period"),
    )
    .order_by(_contribution.c.order_key)
    .limit(bindparam("at_once"))
)
_ROWS = Statement(
    select(_contribution, _entry.c.declared_in)
    .join(_entry, _entry.c.id == _contribution.c.entry)
    .where(
        _contribution.c.scheme == bindparam("scheme"),
        _contribution.c.order_key >= bindparam("from_key"),
        _contribution.c.order_key <= bindparam("to_key"),
        _entry.c.declared_in <= bindparam("period"),
    )
    .order_by(_contribution.c.order_key, _contribution.c.slot, _contribution.c.n)
)


def _due(side: str) -> Statement:
    """What the contributions of a declaration moved on one side of 2210; and of 1260, where what
    was declared before came back.
    """
    return Statement(
        select(func.coalesce(func.sum(_transfer.c.amount_minor), 0))
        .join(_entry, _entry.c.id == _transfer.c.entry)
        .join(_contribution, _contribution.c.entry == _entry.c.id)
        .where(
            _contribution.c.scheme == bindparam("scheme"),
            _entry.c.declared_in == bindparam("period"),
            _transfer.c[side].like("2210:%") | _transfer.c[side].like("1260:%"),
        )
    )


_DEBITS, _CREDITS = _due("debit"), _due("credit")


@dataclass(frozen=True, slots=True)
class _Told:
    """One transaction, or what changed of it: payout and fee in minor units."""

    worker: str
    order_key: str
    day: date
    sector: str
    vehicle_class: str
    payout_minor: int
    cap_minor: int | None
    fee_minor: int


def write(session: Session, period: str, identity_key: bytes | None = None) -> bytes:
    """The whole file: see `parts`."""
    return b"".join(parts(session, period, identity_key))


def parts(session: Session, period: str, identity_key: bytes | None = None) -> Iterator[bytes]:
    """The file of a quarter ("FY2026-27Q2"), some rows at a time. Without the office's private key
    (32 bytes) the column uan is empty, and the file says so. Raises Declined: no quarter; and at
    the end, where its sums are not the books': then nothing of it is a file.
    """
    scheme = load(SCHEME)
    quarter(period)
    moved = _sum(session, _CREDITS, period) - _sum(session, _DEBITS, period)
    rows = _rows(session, scheme, period, identity_key, moved)
    return table.parts(COLUMNS, rows, _notes(session, scheme, period, moved, identity_key))


def _rows(
    session: Session, scheme: Scheme, period: str, identity_key: bytes | None, moved: int
) -> Iterator[tuple[object, ...]]:
    numbers = people.member_numbers(session, SCHEME)
    uans: dict[str, str | None] = {}
    count = payouts = fees = 0
    for each in _transactions(session, scheme, period):
        if each.worker not in uans:
            uans[each.worker] = _uan(session, each.worker, identity_key)
        count, payouts, fees = count + 1, payouts + each.payout_minor, fees + each.fee_minor
        yield _row(scheme, each, numbers, uans[each.worker])
    if fees != moved:
        raise Declined(
            f"{period}: the transactions come to {fees}, the ledger to {moved}: nothing was "
            "written, see wayfare ledger verify"
        )
    yield ("TOTAL", None, count, None, None, None, *_ends(scheme, payouts, None, fees))


def _transactions(session: Session, scheme: Scheme, period: str) -> Iterator[_Told]:
    """In the order of their keys; some orders at a time."""
    asked, after = {"scheme": scheme.id, "period": period}, ""
    while keys := [
        row[0] for row in session.all(_KEYS, after=after, at_once=ORDERS_AT_ONCE, **asked)
    ]:
        wanted, after = set(keys), keys[-1]
        rows = session.all(_ROWS, from_key=keys[0], to_key=after, **asked)
        mine = (row for row in rows if row["order_key"] in wanted)
        for (key, slot), some in groupby(mine, lambda row: (row["order_key"], row["slot"])):
            told = _one(session, scheme, period, key, slot, list(some))
            if told is not None and (told.payout_minor or told.fee_minor):
                yield told


def _one(
    session: Session, scheme: Scheme, period: str, key: str, slot: int, rows: list[Row]
) -> _Told | None:
    """One worker's part of a job: what it came to, less what was told in earlier quarters."""
    now = rows[-1]
    before = next((row for row in reversed(rows) if row["declared_in"] < period), None)
    if not now["is_due"] or now["declared_in"] != period:
        return None
    job, found = _assessed(session, scheme, key, slot, now)
    payout, fee = found.base_minor, int(now["amount_minor"])
    if before is not None and before["is_due"]:
        payout -= _assessed(session, scheme, key, slot, before)[1].base_minor
        fee -= before["amount_minor"]
    return _Told(
        worker=now["worker"],
        order_key=key,
        day=scheme.day(job.origin_at),
        sector=job.sector,
        vehicle_class=scheme.vehicle_class(job.vehicle_category) or job.vehicle_category,
        payout_minor=payout,
        cap_minor=found.cap_minor,
        fee_minor=fee,
    )


def _assessed(
    session: Session, scheme: Scheme, key: str, slot: int, row: Row
) -> tuple[Job, Assessment]:
    """The job as this worker had it after that event, computed again from what was recorded."""
    whole = fold(books.events_before(session, key, row["n"] + 1))
    terms = books.terms_of(session, key)
    if whole is None or terms is None:
        raise Declined(f"{key}: its events or terms are gone, so its payout cannot be told")
    job = next((each for each in as_each_has_it(whole) if each.slot == slot), whole)
    found = engine.assess(scheme, work(job, terms.commission_rate))
    if row["amount_minor"] == 0 and found.amount_minor != 0:
        found = engine.nothing(found)  # the order left this worker, or ended without pay
    if found.amount_minor != row["amount_minor"]:
        raise Declined(
            f"{key}: its fee comes to {found.amount_minor}, the books say {row['amount_minor']}: "
            "nothing was written, see wayfare ledger verify"
        )
    return job, found


def _row(
    scheme: Scheme, each: _Told, numbers: dict[str, str], uan: str | None
) -> tuple[object, ...]:
    return (
        numbers.get(each.worker, each.worker),
        uan,
        each.order_key,
        each.day.isoformat(),
        each.sector,
        each.vehicle_class,
        *_ends(scheme, each.payout_minor, each.cap_minor, each.fee_minor),
    )


def _ends(scheme: Scheme, payout: int, cap: int | None, fee: int) -> tuple[object, ...]:
    amounts = (None if m is None else money.amount(m, scheme.currency) for m in (payout, cap, fee))
    return (*amounts, scheme.currency)


def _uan(session: Session, worker: str, key: bytes | None) -> str | None:
    sealed = None if key is None else people.sealed_identity(session, worker)
    if sealed is None or key is None:
        return None
    found = identity.unseal(sealed, key)
    return found.number if found.kind == "uan" else None


def _notes(
    session: Session, scheme: Scheme, period: str, fees: int, key: bytes | None
) -> Iterator[str]:
    yield OURS
    yield f"{scheme.title}, {period}; a fee, no cover"
    found = [each for each in reading.remittances(session, SCHEME) if each.period == period]
    for each in found:
        yield f"remittance {each.id}: {money.amount(each.amount_minor, each.currency)}"
        other = each.amount_minor - fees
        if other:
            yield (
                f"{money.amount(other, each.currency)} beside these transactions: declared again "
                "after a rejection, carried, or credit used"
            )
    if not found:
        yield "the quarter is not closed yet"
    if key is None:
        yield "uan is left empty: only the office's private key opens it (--identity-key)"


def quarter(period: str) -> str:
    """The same, if it is a quarter's name. Raises Declined."""
    try:
        calendar.first_day(period)
    except ValueError:
        raise Declined(f"{period!r} is no quarter; write one such as FY2026-27Q2") from None
    if calendar.kind_of(period) != "indian_quarter":
        raise Declined(f"{period!r} is no quarter; write one such as FY2026-27Q2")
    return period


def _sum(session: Session, statement: Statement, period: str) -> int:
    row = session.one(statement, scheme=SCHEME, period=period)
    return int(row[0]) if row else 0
