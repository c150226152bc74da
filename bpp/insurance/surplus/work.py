"""How much work each worker did in some days, as the books have it."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select

from bpp.ledger.tables import AccountRow, EntryRow, TransferRow
from protocol_specs.node.store import Session, Statement

Rule = Literal["fares", "jobs"]
"""fares: what jobs brought the worker, less commission and refunds they bore; jobs: how many."""
PAY = 2100

_A, _E, _T = AccountRow.__table__, EntryRow.__table__, TransferRow.__table__
_IN_TIME = (
    _E.c.at >= bindparam("since"),
    _E.c.at < bindparam("until"),
    _E.c.id.like("fare/%"),
    _E.c.currency == bindparam("currency"),
    _A.c.number == PAY,
)


def _moved(side: str) -> Statement:
    """What the fares of jobs moved on one side of each worker's pay."""
    to_account = (_A.c.id == _T.c[side]) & (_A.c.currency == _T.c.currency)
    return Statement(
        select(_A.c.worker, func.sum(_T.c.amount_minor).label("done"))
        .select_from(_E)
        .join(_T, _T.c.entry == _E.c.id)
        .join(_A, to_account)
        .where(*_IN_TIME)
        .group_by(_A.c.worker)
    )


_CREDITS, _DEBITS = _moved("credit"), _moved("debit")
_JOBS = Statement(
    select(_A.c.worker, func.count(_E.c.order_key.distinct()).label("done"))
    .select_from(_E)
    .join(_T, _T.c.entry == _E.c.id)
    .join(_A, (_A.c.id == _T.c.credit) & (_A.c.currency == _T.c.currency))
    .where(*_IN_TIME, _E.c.kind == "completed")
    .group_by(_A.c.worker)
)


def done(
    session: Session, rule: Rule, currency: str, first: date, last: date, zone: str
) -> dict[str, int]:
    """By worker, what the rule counts in these days, the last one included; nobody with nothing.

    A fare that changed later counts on the day of its change: as the books have it.
    """
    asked = {
        "since": _midnight(first, zone),
        "until": _midnight(last + timedelta(days=1), zone),
        "currency": currency,
    }
    found: Counter[str] = Counter()
    if rule == "jobs":
        found.update({row["worker"]: row["done"] for row in session.all(_JOBS, **asked)})
    else:
        found.update({row["worker"]: row["done"] for row in session.all(_CREDITS, **asked)})
        found.subtract({row["worker"]: row["done"] for row in session.all(_DEBITS, **asked)})
    return {worker: each for worker, each in sorted(found.items()) if each > 0}


def _midnight(day: date, zone: str) -> int:
    """When a day begins there, seconds UTC."""
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())
