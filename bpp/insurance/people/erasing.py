"""Erasing a person: the row, the link and what was told go; no posting does. docs/people.md"""

from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, func, select

from bpp.declined import Declined
from bpp.fleet.tables import DriverRow
from bpp.insurance.engine import calendar
from bpp.insurance.people.asked import About
from bpp.insurance.people.tables import MemberNumber, PersonRow, WorkerFact
from bpp.insurance.people.writing import People, find_worker
from bpp.insurance.scheme_file import load
from bpp.insurance.tables import ContributionRow, LocalWorker
from bpp.ledger import balances, chart
from bpp.ledger.tables import AccountRow, EntryRow
from bpp.orders.forgetting import forget_agent
from protocol_specs.node.store import Session, Statement

NOT_THEIRS = (1260,)
"""The cooperative's own claim on an institution: the worker had that money at once."""

_contribution, _entry = ContributionRow.__table__, EntryRow.__table__
_driver, _worker = DriverRow.__table__, LocalWorker.__table__
_account = AccountRow.__table__

_LAST_USE = Statement(
    select(_contribution.c.scheme, func.max(_entry.c.at).label("at"))
    .join(_entry, _entry.c.id == _contribution.c.entry)
    .where(_contribution.c.worker == bindparam("worker"))
    .group_by(_contribution.c.scheme)
)
_STILL_DRIVES = Statement(
    select(_driver.c.code)
    .join(_worker, _worker.c.agent_id == _driver.c.agent_id)
    .where(_worker.c.worker == bindparam("worker"), _driver.c.active == 1)
)
_ACCOUNTS = Statement(
    select(_account.c.id, _account.c.currency)
    .where(_account.c.worker == bindparam("worker"), _account.c.number.not_in(NOT_THEIRS))
    .order_by(_account.c.id)
)
_ORDERS = Statement(
    select(_contribution.c.order_key)
    .where(_contribution.c.worker == bindparam("worker"))
    .distinct()
)
_AGENT = Statement(select(_worker.c.agent_id).where(_worker.c.worker == bindparam("worker")))
_DELETE_DRIVER = Statement(delete(_driver).where(_driver.c.agent_id == bindparam("agent")))
_DELETE = tuple(
    Statement(delete(table).where(table.c.worker == bindparam("worker")))
    for table in (
        PersonRow.__table__,
        MemberNumber.__table__,
        LocalWorker.__table__,  # the link: the facts below can go only after it
        WorkerFact.__table__,
    )
)


def erase(session: Session, people: People, body: About, now: int) -> dict[str, Any]:
    """Deletes the enrolment, the driver, numbers, the link and what was told and agreed, and takes
    name, phone and plate out of their orders.

    Entries, slips and contributions stay under a random id that leads to nobody any more. Raises
    Declined: they still drive here, money is open, or a scheme must keep the record longer.
    """
    worker = find_worker(session, body.worker)
    if session.one(_STILL_DRIVES, worker=worker) is not None:
        raise Declined("they still drive here; the desk takes them off the roster first")
    for row in session.all(_ACCOUNTS, worker=worker):
        _require_settled(session, chart.account(row["id"]), row["currency"])
    for row in session.all(_LAST_USE, worker=worker):
        _require_ended(row["scheme"], row["at"], people.today(now))
    for row in session.all(_AGENT, worker=worker):
        orders = (each["order_key"] for each in session.all(_ORDERS, worker=worker))
        forget_agent(session, row["agent_id"], orders)
        session.run(_DELETE_DRIVER, agent=row["agent_id"])
    for statement in _DELETE:
        session.run(statement, worker=worker)
    return {"worker": worker, "is_new": True}


def _require_settled(session: Session, account: chart.Account, currency: str) -> None:
    if balances.balance_minor(session, account, currency):
        raise Declined(
            f"{account.id} ({chart.TITLES[account.number]}) is not at zero yet: pay it out, settle "
            "it or remit it first"
        )


def _require_ended(scheme_id: str, last_at: int, today: date) -> None:
    """A scheme keeps the record for its months after the month of the last posting."""
    scheme = load(scheme_id)
    rule = scheme.on(scheme.retention, today, "term to keep records")
    until = calendar.month_after(scheme.day(last_at), rule.months + 1)
    if today < until:
        raise Declined(f"{scheme_id} must keep this record until {until}; nothing was erased")
