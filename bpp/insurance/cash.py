"""Fare cash with workers: the limit of what one may owe, the written notices, and paying in.

docs/ledger.md, cash: who owes as much as the limit gets no new cash jobs, and is told in writing;
netting against prepaid jobs or paying in brings the debt down, and that is told too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, insert, select

from bpp.insurance.tables import CashNotice
from bpp.ledger import balances, chart, money_facts
from bpp.ledger.money_facts import MoneyFact
from bpp.ledger.tables import AccountRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import money

NOTICES_MAX = 50

_account = AccountRow.__table__
_notice = CashNotice.__table__

_NEW_NOTICE = Statement(insert(_notice))
_of_worker = (
    select(_notice).where(_notice.c.worker == bindparam("worker")).order_by(_notice.c.n.desc())
)
_LAST_NOTICE = Statement(_of_worker.limit(1))
_NOTICES = Statement(_of_worker.limit(NOTICES_MAX))
_HOLDERS = Statement(
    select(_account.c.worker).where(
        _account.c.number == bindparam("number"), _account.c.currency == bindparam("currency")
    )
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a worker is told in writing: the limit is reached, or the debt is below it again."""

    worker: str
    n: int
    at: int
    state: Literal["reached", "below"]
    owed_minor: int
    limit_minor: int | None
    text: str


def _tell_nobody(_: Notice) -> None:
    """For books without a node around them."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The cooperative's limit, minor units; None: there is none. `tell` hears of each notice."""

    minor: int | None
    currency: str
    tell: Callable[[Notice], None] = _tell_nobody

    def shown(self, minor: int) -> str:
        """An amount as a person reads it: "200.00 MYR"."""
        return f"{money.amount(minor, self.currency)} {self.currency}"


def owed_minor(session: Session, limit: Limit, worker: str) -> int:
    """The fare cash a worker holds for the cooperative, after netting."""
    return balances.balance_minor(session, chart.fare_cash_with(worker), limit.currency)


def is_stopped(session: Session, worker: str) -> bool:
    """Whether the worker's newest notice says that the limit is reached."""
    last = session.one(_LAST_NOTICE, worker=worker)
    return last is not None and last["state"] == "reached"


def why_not(session: Session, limit: Limit, worker: str) -> str | None:
    """Why this worker gets no cash job now, where there is a limit; None: they do."""
    if not is_stopped(session, worker):
        return None
    return _stopped(limit, owed_minor(session, limit, worker))


def note_crossing(session: Session, limit: Limit, worker: str, at: int) -> None:
    """Writes a notice if the worker's debt crossed the limit since the last one, else nothing.

    Called in the commit that posts; the notice is told once that commit stands.
    """
    last = session.one(_LAST_NOTICE, worker=worker)
    was_reached = last is not None and last["state"] == "reached"
    if limit.minor is None and not was_reached:
        return
    owed = owed_minor(session, limit, worker)
    is_reached = limit.minor is not None and owed >= limit.minor
    if is_reached == was_reached:
        return
    notice = Notice(
        worker=worker,
        n=1 if last is None else last["n"] + 1,
        at=at,
        state="reached" if is_reached else "below",
        owed_minor=owed,
        limit_minor=limit.minor,
        text=_stopped(limit, owed) if is_reached else _open_again(limit, owed),
    )
    session.run(_NEW_NOTICE, **{name: getattr(notice, name) for name in Notice.__slots__})
    session.after_commit(lambda: limit.tell(notice))


def review(session: Session, limit: Limit, now: int) -> None:
    """At the start of a node: notices for whoever a changed limit now stops, or lets go on."""
    for row in session.all(_HOLDERS, number=1220, currency=limit.currency):
        note_crossing(session, limit, row["worker"], now)


def pay_in(
    session: Session, limit: Limit, worker: str, amount_minor: int, reference: str, now: int
) -> bool:
    """Dr 1100 / Cr 1220W at the desk, once per reference; says whether it was new.

    Raises NotPosted.
    """
    fact = MoneyFact(
        kind="pay-in",
        reference=reference,
        by="desk",
        currency=limit.currency,
        amount_minor=amount_minor,
        at=now,
        worker=worker,
    )
    return record(session, limit, fact, now)


def record(session: Session, limit: Limit, fact: MoneyFact, now: int) -> bool:
    """Writes a money fact, and the notice if it carries a worker's cash across the limit.

    Says whether it was new. Raises NotPosted.
    """
    is_new = money_facts.record(session, fact, currency=limit.currency, now=now)
    if is_new and fact.worker:
        note_crossing(session, limit, fact.worker, now)
    return is_new


def reverse(session: Session, limit: Limit, entry_id: str, *, by: str, now: int) -> bool:
    """Takes a money fact back, with the same notices. Raises NotPosted."""
    is_new = money_facts.reverse(session, entry_id, by=by, at=now)
    if is_new:
        review(session, limit, now)
    return is_new


def standing(session: Session, limit: Limit, worker: str | None) -> dict[str, Any]:
    """The limit and the newest notices of a worker, newest first, JSON-ready."""
    rows = session.all(_NOTICES, worker=worker) if worker else []
    return {
        "cash_limit_minor": limit.minor,
        "cash_jobs": not (worker and limit.minor is not None and is_stopped(session, worker)),
        "notices": [_shown(row) for row in rows],
    }


def _shown(row: Row) -> dict[str, Any]:
    return {key: row[key] for key in ("at", "state", "owed_minor", "limit_minor", "text")}


def _stopped(limit: Limit, owed: int) -> str:
    return (
        f"You owe {limit.shown(owed)} of fare cash; the limit is {limit.shown(limit.minor or 0)}. "
        "Until you owe less than that you get no new cash jobs. Pay in at your cooperative's desk; "
        "prepaid jobs go on, and what you owe is taken from their pay."
    )


def _open_again(limit: Limit, owed: int) -> str:
    if limit.minor is None:
        return f"You owe {limit.shown(owed)} of fare cash. No limit holds now: cash jobs go on."
    return (
        f"You owe {limit.shown(owed)} of fare cash, less than the limit of "
        f"{limit.shown(limit.minor)}: you get cash jobs again."
    )
