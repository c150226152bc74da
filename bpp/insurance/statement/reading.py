"""Builds a worker's statement out of the books, in one read: rows in, one frozen value out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from bpp.declined import Declined
from bpp.insurance import books
from bpp.insurance.coverage import keeping
from bpp.insurance.engine import calendar
from bpp.insurance.job import fold
from bpp.insurance.people.tables import NoticeText, WorkerFact
from bpp.insurance.remittance import reading as remittances
from bpp.insurance.remittance.values import Remittance
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from bpp.insurance.slip_shape import SlipShown
from bpp.insurance.statement import missing
from bpp.insurance.statement.values import (
    ACCOUNTS,
    Account,
    AccountName,
    Contribution,
    CoverAnswer,
    Figures,
    Held,
    Job,
    Month,
    Movement,
    Notice,
    Place,
    SchemePeriod,
    Statement,
    Step,
)
from bpp.insurance.tables import CashNotice, ContributionRow, LocalWorker, Pending, SlipRow
from bpp.ledger import chart
from bpp.ledger.balances import balance_minor
from bpp.ledger.tables import AccountRow, EntryRow, TransferRow
from bpp.orders.tables import OrderEventRow
from protocol_specs.node.store import Row, Session
from protocol_specs.node.store import Statement as Query
from protocol_specs.wire.keys import b64encode

_NUMBERS: dict[int, AccountName] = {
    2100: "pay",
    2110: "tips",
    1220: "cash_owed",
    1240: "other_owed",
}

_account = AccountRow.__table__
_contribution = ContributionRow.__table__
_entry = EntryRow.__table__
_event = OrderEventRow.__table__
_local = LocalWorker.__table__
_notice = CashNotice.__table__
_pending = Pending.__table__
_slip = SlipRow.__table__
_transfer = TransferRow.__table__
_fact = WorkerFact.__table__
_text = NoticeText.__table__

_own = select(_account.c.id).where(
    _account.c.worker == bindparam("worker"), _account.c.number.in_(_NUMBERS)
)
_touched = select(_transfer.c.entry).where(
    _transfer.c.debit.in_(_own) | _transfer.c.credit.in_(_own)
)
_MOVED = Query(
    select(_transfer, _entry.c.at, _entry.c.kind, _entry.c.order_key, _entry.c.by)
    .join(_entry, _entry.c.id == _transfer.c.entry)
    .where(_transfer.c.entry.in_(_touched), _transfer.c.currency == bindparam("currency"))
    .order_by(_entry.c.at, _transfer.c.entry, _transfer.c.n)
)
_CONTRIBUTIONS = Query(
    select(_contribution, _slip.c.id.label("slip"), _slip.c.document)
    .outerjoin(_slip, _slip.c.entry == _contribution.c.entry)
    .where(_contribution.c.worker == bindparam("worker"))
    .order_by(_contribution.c.order_key, _contribution.c.scheme, _contribution.c.n)
)
_AGENT = Query(select(_local.c.agent_id).where(_local.c.worker == bindparam("worker")))
_NOTICES = Query(
    select(_notice).where(_notice.c.worker == bindparam("worker")).order_by(_notice.c.n)
)
_SHOWN = Query(
    select(_fact.c.at, _text.c.text)
    .join(_text, _text.c.sha256 == _fact.c.value)
    .where(_fact.c.worker == bindparam("worker"), _fact.c.kind == "notice")
    .order_by(_fact.c.n)
)
_WAITING = Query(
    select(_event.c.order_key)
    .where(
        _event.c.order_key.in_(select(_pending.c.order_key)),
        _event.c.agent_id == bindparam("agent_id"),
    )
    .distinct()
    .order_by(_event.c.order_key)
)
_HELD = Query(
    select(_account.c.scheme)
    .where(
        _account.c.worker == bindparam("worker"),
        _account.c.number.in_((1260, 2240)),
        _account.c.currency == bindparam("currency"),
    )
    .distinct()
    .order_by(_account.c.scheme)
)


@dataclass(frozen=True, slots=True)
class Book:
    """Whose books they are and how they are read: `scheme` gives the pack of an id, `keys` are the
    institutions', by scheme, which alone say who is covered.
    """

    issuer: str
    ledger_key: str
    currency: str
    zone: str
    scheme: Callable[[str], Scheme]
    keys: Mapping[str, str]

    @classmethod
    def of(
        cls,
        schemes: Sequence[Scheme],
        issuer: str,
        public: bytes,
        currency: str,
        keys: Mapping[str, str] | None = None,
    ) -> "Book":
        """The books of a cooperative with these schemes; days are those of the first one's zone.

        A scheme that it ran before is read from its shipped file.
        """
        own = {scheme.id: scheme for scheme in schemes}

        def find(name: str) -> Scheme:
            return own.get(name) or load(name)

        zone = schemes[0].zone if schemes else "UTC"
        return cls(issuer, b64encode(public), currency, zone, find, keys or {})


def statement(
    session: Session,
    book: Book,
    asked: str,
    now: int,
    *,
    first_month: str | None = None,
    last_month: str | None = None,
) -> Statement:
    """The statement of `asked` (agent_id, or the local id of the books) from a month to a month.

    Without months: from the first one of which anything stands to that of `now`. Raises Declined:
    nothing stands in the books for that worker, or a month is none.
    """
    worker = books.find_worker(session, asked) or asked
    moved = session.all(_MOVED, worker=worker, currency=book.currency)
    rows = session.all(_CONTRIBUTIONS, worker=worker)
    if worker == chart.UNASSIGNED or not (moved or rows):
        raise Declined(f"nothing stands in the books for the worker {asked}")
    jobs = _jobs(session, worker, moved, rows)
    days = [job.at for job in jobs] + [row["at"] for row in moved]
    this = _month(now, book.zone)
    first = _checked(first_month) or min(_month(min(days), book.zone), this)
    last = _checked(last_month) or max(this, first)
    if first > last:
        raise Declined(
            f"a statement goes from an earlier month to a later: {first} is after {last}"
        )
    periods = tuple(_periods(session, book, worker, rows, first, last))
    waiting = [row["order_key"] for row in session.all(_WAITING, agent_id=_agent(session, worker))]
    return Statement(
        issuer=book.issuer,
        ledger_key=book.ledger_key,
        worker=worker,
        currency=book.currency,
        zone=book.zone,
        made_at=now,
        first_month=first,
        last_month=last,
        months=_months(session, book, worker, jobs, moved, first, last),
        periods=periods,
        held=tuple(_held(session, book, worker)),
        answers=tuple(_answers(session, book, worker)),
        missing=missing.found(
            [job for job in jobs if first <= _month(job.at, book.zone) <= last],
            periods,
            waiting,
            calendar.local(now, book.zone).date(),
        ),
    )


def _agent(session: Session, worker: str) -> str:
    """Whose local id that is; empty where the person was erased."""
    row = session.one(_AGENT, worker=worker)
    return str(row["agent_id"]) if row else ""


def _is_of_job(row: Row) -> bool:
    """Whether an event of an order posted it, and nobody by hand."""
    return row["order_key"] is not None and row["by"] is None


def _month(at: int, zone: str) -> str:
    return calendar.period_name(calendar.local(at, zone).date(), "month")


def _checked(month: str | None) -> str | None:
    if month is None:
        return None
    try:
        calendar.first_day(month)
        if len(month) != len("2026-07"):
            raise ValueError
    except ValueError:
        raise Declined(f"{month!r} is no month; write it like 2026-07") from None
    return month


def _between(first: str, last: str) -> Iterable[str]:
    month = first
    while month <= last:
        yield month
        month = calendar.period_name(calendar.month_after(calendar.first_day(month), 1), "month")


def _jobs(session: Session, worker: str, moved: Sequence[Row], rows: Sequence[Row]) -> list[Job]:
    """Every job of the worker, by when it was to begin."""
    of_job: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_job[row["order_key"]].append(row)
    fares: dict[str, list[Row]] = defaultdict(list)
    for row in moved:
        if _is_of_job(row):
            fares[row["order_key"]].append(row)
    keys = of_job.keys() | fares.keys()
    found = [_job(session, worker, key, fares.get(key, []), of_job.get(key, [])) for key in keys]
    return sorted(found, key=lambda job: (job.at, job.order_key))


def _job(session: Session, worker: str, key: str, moved: Sequence[Row], rows: Sequence[Row]) -> Job:
    posted = books.last_projected(session, key)
    job = fold(books.events_before(session, key, posted + 1))
    slots = {row["slot"] for row in rows}
    fare = [row for row in moved if row["entry"].startswith("fare/")]
    mine = [row for row in fare if not slots or int(row["entry"].split("/")[-2]) in slots]
    pay, tips = chart.worker_pay(worker).id, chart.tips(worker).id
    refund = sum(-_signed(row, pay) for row in fare if row["kind"] == "refunded")
    earned = sum(_signed(row, pay) for row in fare) + refund
    commission = sum(_signed(row, chart.commission().id) for row in mine)
    newest = {(row["scheme"], row["slot"]): row for row in rows}
    left = bool(slots) and job is not None and job.agent_id is not None and not _is_with(job, slots)
    return Job(
        order_key=key,
        at=moved[0]["at"] if job is None else job.origin_at,
        state="left" if left else "completed" if job is None else job.status,
        is_cash=job is not None and not left and job.is_in_hand,
        fare_minor=earned + commission,
        commission_minor=commission,
        refund_minor=refund,
        tip_minor=sum(_signed(row, tips) for row in fare),
        contributions=tuple(_contribution_of(row) for row in newest.values()),
    )


def _is_with(job: Any, slots: set[int]) -> bool:
    """Whether the order is still with one of these slots: the main one, or one who joined."""
    return bool({job.slot, *(each.slot for each in getattr(job, "joined", ()))} & slots)


def _signed(row: Row, account: str) -> int:
    """Credits less debits."""
    minor: int = row["amount_minor"]
    return minor * (int(row["credit"] == account) - int(row["debit"] == account))


def _contribution_of(row: Row) -> Contribution:
    slip = None if row["document"] is None else SlipShown.model_validate_json(row["document"])
    return Contribution(
        scheme=row["scheme"],
        period=row["period"],
        amount_minor=row["amount_minor"],
        worker_minor=row["amount_worker_minor"],
        is_due=bool(row["is_due"]),
        slip_id=row["slip"],
        money_is=slip.money_is if slip else None,
        figures=figures(slip) if slip else None,
    )


def figures(slip: SlipShown) -> Figures:
    """What a slip says of how its amount comes about."""
    return Figures(
        earned_minor=sum(line.amount_minor for line in slip.base.lines),
        commission_minor=slip.base.commission_minor,
        refund_minor=slip.base.refund_minor,
        base_minor=slip.base.base_minor,
        what=slip.rate.what,
        value=slip.rate.value,
        exact=slip.exact,
        cap_minor=slip.job_cap.amount_minor if slip.job_cap else None,
        verified=slip.rate.verified,
        reason=slip.reason,
    )


def _months(
    session: Session,
    book: Book,
    worker: str,
    jobs: Sequence[Job],
    moved: Sequence[Row],
    first: str,
    last: str,
) -> tuple[Month, ...]:
    ids = {chart.Account(number, worker=worker).id: name for number, name in _NUMBERS.items()}
    by_month: dict[str, list[Row]] = defaultdict(list)
    for row in moved:
        by_month[_month(row["at"], book.zone)].append(row)
    notices = _notices(session, worker)
    stands = dict.fromkeys(ACCOUNTS, 0)
    for name in sorted(month for month in by_month if month < first):
        for row in by_month[name]:
            _add(stands, row, ids)
    found = []
    for name in _between(first, last):
        accounts, stands = _accounts(stands, by_month.get(name, []), ids)
        month = Month(
            name=name,
            jobs=tuple(job for job in jobs if _month(job.at, book.zone) == name),
            accounts=accounts,
            movements=_movements(by_month.get(name, []), ids),
            notices=tuple(each for each in notices if _month(each.at, book.zone) == name),
        )
        found.append(month)
    return tuple(found)


def _notices(session: Session, worker: str) -> list[Notice]:
    """What the worker was told in writing: of fare cash, and of each scheme as it was shown."""
    rows = (*session.all(_NOTICES, worker=worker), *session.all(_SHOWN, worker=worker))
    return sorted((Notice(row["at"], row["text"]) for row in rows), key=lambda each: each.at)


def _add(stands: dict[AccountName, int], row: Row, ids: dict[str, AccountName]) -> None:
    """What is owed to the worker grows by credits, what the worker owes by debits."""
    for side, sign in (("credit", 1), ("debit", -1)):
        name = ids.get(row[side])
        if name is not None:
            stands[name] += (sign if name in ("pay", "tips") else -sign) * row["amount_minor"]


def _accounts(
    opening: dict[AccountName, int], rows: Iterable[Row], ids: dict[str, AccountName]
) -> tuple[tuple[Account, ...], dict[AccountName, int]]:
    of_jobs, others = dict.fromkeys(ACCOUNTS, 0), dict.fromkeys(ACCOUNTS, 0)
    for row in rows:
        _add(of_jobs if _is_of_job(row) else others, row, ids)
    accounts = tuple(Account(name, opening[name], of_jobs[name], others[name]) for name in ACCOUNTS)
    return accounts, {each.name: each.closing_minor for each in accounts}


def _movements(rows: Iterable[Row], ids: dict[str, AccountName]) -> tuple[Movement, ...]:
    """What no event of an order posted, one line an entry, in time."""
    entries: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not _is_of_job(row):
            entries[row["entry"]].append(row)
    found = []
    for id, lines in entries.items():
        changes = dict.fromkeys(ACCOUNTS, 0)
        for row in lines:
            _add(changes, row, ids)
        amounts = {f"{name}_minor": minor for name, minor in changes.items()}
        at, kind = lines[0]["at"], lines[0]["kind"]
        found.append(Movement(at, kind, id.partition("/")[2], **amounts))
    return tuple(found)


def _periods(
    session: Session, book: Book, worker: str, rows: Sequence[Row], first: str, last: str
) -> Iterable[SchemePeriod]:
    """The periods that any day of the statement's months lies in."""
    begins, ends = calendar.first_day(first), calendar.last_day(last)
    for name, period in sorted({(row["scheme"], row["period"]) for row in rows}):
        if calendar.first_day(period) <= ends and calendar.last_day(period) >= begins:
            yield _period(session, book.scheme(name), worker, period)


def _period(session: Session, scheme: Scheme, worker: str, period: str) -> SchemePeriod:
    stands, _ = books.period(session, scheme.id, worker, period)
    shares = remittances.status_of(session, scheme.id, worker, period)
    ids = sorted({share.remittance for share in shares if share.remittance})
    steps: list[Step] = []
    for id in ids:
        found = remittances.remittance(session, id)
        steps += _steps(found, worker) if found else ()
    return SchemePeriod(
        scheme=scheme.id,
        title=scheme.title,
        institution=scheme.institution,
        kind=scheme.kind,
        borne_by=scheme.borne_by,
        verified=not scheme.unverified(),
        period=period,
        due_day=missing.due_day(scheme, period),
        orders_minor=stands.all.order_minor,
        period_line_minor=stands.all.period_minor,
        worker_minor=stands.all.posted.worker,
        places=tuple(
            Place(s.stands, s.amount_minor, s.worker_minor, s.remittance, s.declared_in)
            for s in shares
        ),
        steps=tuple(steps),
    )


def _steps(remittance: Remittance, worker: str) -> Iterable[Step]:
    """What happened to it as far as it is this worker's: nobody else's line, no interest."""
    yield Step(remittance.id, "declared", remittance.at, "")
    for event in remittance.events:
        if event.worker in (None, worker) and event.kind != "interest":
            yield Step(remittance.id, event.kind, event.at, event.reference)


def _answers(session: Session, book: Book, worker: str) -> Iterable[CoverAnswer]:
    for cover, revoked_from in keeping.of_worker(session, book.keys, worker):
        yield CoverAnswer(
            id=cover.id,
            scheme=cover.scheme,
            institution=book.scheme(cover.scheme).institution,
            plan=cover.plan,
            valid_from=cover.valid_from,
            valid_until=cover.valid_until,
            revoked_from=revoked_from,
        )


def _held(session: Session, book: Book, worker: str) -> Iterable[Held]:
    for row in session.all(_HELD, worker=worker, currency=book.currency):
        name = row["scheme"]
        yield Held(
            scheme=name,
            institution=book.scheme(name).institution,
            excess_minor=balance_minor(session, chart.excess_held(name, worker), book.currency),
            credit_minor=balance_minor(
                session, chart.credit_at_institution(name, worker), book.currency
            ),
        )
