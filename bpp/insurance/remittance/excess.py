"""What a worker's deductions came to beyond the plan: held for them on 2240, theirs to decide.

By the worker's choice it goes to the period that is open, Dr 2240 / Cr 2210, or back to them,
Dr 2240 / Cr 2100.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, select

from bpp.declined import Declined
from bpp.insurance.engine.shares import Split
from bpp.insurance.remittance import periods
from bpp.insurance.scheme import Scheme
from bpp.ledger import balances, chart, journal
from bpp.ledger.entry import Entry, Transfer
from bpp.ledger.money_facts import is_id
from bpp.ledger.tables import AccountRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import money

Choice = Literal["next", "back"]
KINDS: dict[Choice, str] = {"next": "excess-carried", "back": "excess-returned"}

_account = AccountRow.__table__
_HOLDERS = Statement(
    select(_account.c.scheme, _account.c.worker, _account.c.currency)
    .where(_account.c.number == bindparam("number"))
    .order_by(_account.c.id)
)


@dataclass(frozen=True, slots=True)
class Held:
    """Money of a worker's that is held beside their contributions, minor units."""

    scheme: str
    worker: str
    currency: str
    amount_minor: int


def held(session: Session) -> list[Held]:
    """Who has excess held for them (2240)."""
    return list(_standing(session, 2240))


def credits(session: Session) -> list[Held]:
    """Who has credit at an institution (1260): what came back after it was declared."""
    return list(_standing(session, 1260))


def decide(
    session: Session,
    scheme: Scheme,
    worker: str,
    choice: Choice,
    *,
    reference: str,
    by: str,
    now: int,
    amount_minor: int | None = None,
) -> str:
    """Does what the worker chose with all of it, or that much; the entry's id. The same said again
    under its reference posts nothing; a reference stands for one choice. Raises Declined.
    """
    if not is_id(reference) or not is_id(by):
        raise Declined("reference and by: up to 64 of A-Z a-z 0-9 . _ - (no name of a person)")
    id = f"{KINDS[choice]}/{reference}"
    account = chart.excess_held(scheme.id, worker)
    stands = _posted(session, reference)
    if stands is not None:
        (posted,) = stands["transfers"]
        is_same = (stands["id"], posted["debit"]) == (id, account.id)
        if not is_same or amount_minor not in (None, posted["amount_minor"]):
            raise Declined(
                f"{reference} already stands for another choice ({stands['id']} of "
                f"{posted['debit']}): give this one a reference of its own"
            )
        return id
    most = balances.balance_minor(session, account, scheme.currency)
    minor = most if amount_minor is None else amount_minor
    if not 0 < minor <= most:
        asked, found = (money.amount(each, scheme.currency) for each in (minor, most))
        raise Declined(f"{asked} {scheme.currency} is not within the {found} held for {worker}")
    if choice == "back":
        to, opened = chart.worker_pay(worker), None
    else:
        opened = periods.declared_in(session, scheme.id, scheme.period_of(now))
        to = chart.contribution_due(scheme.id, worker, opened)
    _post(session, scheme, id, KINDS[choice], Transfer(account, to, minor), opened, by, now)
    if opened is not None:
        periods.touch(session, scheme.id, opened, worker, opened)
        back = Split(worker=-minor)
        periods.add_part(
            session,
            "carried",
            scheme=scheme.id,
            worker=worker,
            origin=opened,
            entry=id,
            amount=back,
        )
    return id


def _posted(session: Session, reference: str) -> dict[str, Any] | None:
    """The entry of the choice that was made under this reference."""
    found = (journal.document(session, f"{kind}/{reference}") for kind in KINDS.values())
    return next((each for each in found if each is not None), None)


def _post(
    session: Session,
    scheme: Scheme,
    id: str,
    kind: str,
    transfer: Transfer,
    opened: str | None,
    by: str,
    now: int,
) -> None:
    entry = Entry(
        id=id,
        at=now,
        kind=kind,
        order_key=None,
        origin_period=opened,
        declared_in=opened,
        currency=scheme.currency,
        transfers=(transfer,),
        by=by,
    )
    journal.post(session, entry)


def _standing(session: Session, number: int) -> Iterable[Held]:
    for row in session.all(_HOLDERS, number=number):
        account = chart.Account(number, scheme=row["scheme"], worker=row["worker"])
        minor = balances.balance_minor(session, account, row["currency"])
        if minor:
            yield Held(row["scheme"], row["worker"], row["currency"], minor)
