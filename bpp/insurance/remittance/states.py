"""What happens to a remittance after its close: interest, sent, acknowledged, rejected.

docs/ledger.md: sent Dr 1250 / Cr 1110, after Dr 1110 / Cr 1100 of what the cooperative bears;
acknowledged Dr 2220 / Cr 1250; a line rejected Dr 1110 / Cr 1250 and Dr 2220 / Cr 2210.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam, func, insert, select

from bpp.declined import Declined
from bpp.insurance import due
from bpp.insurance.agents import commission, filing
from bpp.insurance.agents.filing import Filer
from bpp.insurance.agents.mandate import Action
from bpp.insurance.engine.shares import NONE, Split
from bpp.insurance.remittance import periods, reading
from bpp.insurance.remittance.tables import DeclaredPart, RemittanceEvent
from bpp.insurance.remittance.values import EventKind, Line, Remittance
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.ledger import balances, chart, journal
from bpp.ledger.chart import Account
from bpp.ledger.entry import Entry, Transfer, move
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import money

TEXT_MAX = 500
_FILED: dict[EventKind, Action] = {
    "sent": "send",
    "acknowledged": "acknowledge",
    "rejected": "reject",
}
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_event = RemittanceEvent.__table__
_part = DeclaredPart.__table__

_NEW_EVENT = Statement(insert(_event))
_LAST = Statement(
    select(func.coalesce(func.max(_event.c.n), 0)).where(
        _event.c.remittance == bindparam("remittance")
    )
)
_PARTS = Statement(
    select(_part).where(
        _part.c.remittance == bindparam("remittance"),
        _part.c.worker == bindparam("worker"),
        _part.c.kind == "declared",
        _part.c.remitted_minor > 0,
    )
)


@dataclass(frozen=True, slots=True)
class Step:
    """Who writes a step down, when it happened, and the bank's or institution's number of it.

    `by` is a short id, never a name; `file_sha256` (hex) says by which file it was sent or told.
    """

    by: str
    reference: str
    at: int
    text: str = ""
    file_sha256: str | None = None
    filer: Filer | None = None
    """For whom, under which mandate; None: this cooperative itself."""


def send(session: Session, id: str, step: Step) -> Remittance:
    """The money left for the institution: all of it that is not in transit yet, with interest.

    The cooperative's own share is put on the trust account first. Raises Declined, as where the
    trust account does not hold the workers' part.
    """
    found = _remittance(session, id, step)
    if found.state == "rejected":
        raise Declined(f"{id} was rejected already")
    declared, in_transit, trust = _accounts(found)
    stands = _balance(session, found)
    minor = stands(declared) - stands(in_transit)
    if minor <= 0 and found.state != "collected":
        raise Declined(f"{id} was sent already, and nothing came on top since")
    own = min(minor, _own_unsent_minor(session, found, minor))
    if stands(trust) < minor - own:
        raise Declined(
            f"the trust account of {found.scheme} holds {_shown(stands(trust), found)}, the "
            f"workers' part of {id} is {_shown(minor - own, found)}: wayfare ledger post "
            "trust-sweep first"
        )
    transfers = (*move(trust, chart.bank(), own), *move(in_transit, trust, minor))
    return _write(session, found, "sent", step, minor, transfers)


def acknowledge(
    session: Session, id: str, step: Step, amount_minor: int | None = None
) -> Remittance:
    """The institution says that it has it: all that is in transit. Raises Declined, as where it
    names another amount: that is to be reconciled, not acknowledged.
    """
    found = _remittance(session, id, step)
    declared, in_transit, _ = _accounts(found)
    minor = _balance(session, found)(in_transit)
    if found.state != "sent" and not minor:
        raise Declined(f"{id} is {found.state}: only what was sent can be acknowledged")
    if amount_minor is not None and amount_minor != minor:
        raise Declined(
            f"{id}: {_shown(minor, found)} was sent, the institution says "
            f"{_shown(amount_minor, found)}: find the difference first, then acknowledge or reject"
        )
    return _write(session, found, "acknowledged", step, minor, move(declared, in_transit, minor))


def reject(session: Session, id: str, step: Step, worker: str | None = None) -> Remittance:
    """The whole, or one worker's line (by the local id), came back: exactly that is due again, to
    be declared in the period that is open now. The cooperative's share goes back to its own bank.

    Raises Declined.
    """
    found = _remittance(session, id, step)
    if found.state not in ("collected", "sent"):
        raise Declined(
            f"{id} was {found.state} already"
            + (": what comes back now is an institution-refund" if found.events else "")
        )
    lines = [each for each in _lines(session, found, worker) if not each.is_rejected]
    if worker is not None and not lines:
        raise Declined(f"{id} has no line of {worker} above zero that still stands")
    declared, in_transit, trust = _accounts(found)
    opened = periods.declared_in(session, found.scheme, found.period)
    transfers: list[Transfer] = []
    entry = f"rejected/{id}/{_next(session, id)}"
    for line in lines:
        transfers += _reopen(session, found, line, opened, entry)
    minor = back = sum(line.amount_minor for line in lines)
    if worker is None:
        transfers += move(declared, chart.late_interest(), found.interest_minor)
        back = _balance(session, found)(in_transit)  # with what interest was sent
    if found.state == "sent":
        transfers += move(trust, in_transit, back)
        own = back - sum(line.worker_minor for line in lines)
        transfers += move(chart.bank(), trust, own)
    return _write(session, found, "rejected", step, minor, tuple(transfers), worker, opened)


def add_interest(
    session: Session,
    scheme: Scheme,
    id: str,
    step: Step,
    paid_on: date,
    amount_minor: int | None = None,
) -> Remittance:
    """Interest for being late until that day, less what was added before; `amount_minor` as the
    institution billed it. Never the workers'. Raises Declined: it is not late, or no rule is known.
    """
    found = _remittance(session, id, step)
    if found.state == "rejected":
        raise Declined(f"{id} was rejected already")
    minor = amount_minor
    if minor is None:
        minor = interest_minor(scheme, found, paid_on) - found.interest_minor
    if minor <= 0:
        raise Declined(f"{id} has no interest until {paid_on} beyond what stands")
    declared, _, _ = _accounts(found)
    return _write(
        session, found, "interest", step, minor, move(chart.late_interest(), declared, minor)
    )


def interest_minor(scheme: Scheme, found: Remittance, paid_on: date) -> int:
    """What being late costs by the scheme's rule. Raises Declined where no rule is known."""
    if found.due_day is None:
        raise Declined(f"{found.id}: the due day is not known; give the amount as it was billed")
    try:
        owed = found.amount_minor - found.rejected_minor
        return due.interest_minor(scheme, owed, found.due_day, paid_on)
    except NotInsurable as fault:
        raise Declined(f"{found.id}: {fault}; give the amount as it was billed") from None


def _reopen(
    session: Session, found: Remittance, line: Line, opened: str, entry: str
) -> list[Transfer]:
    """Dr 2220 / Cr 2210 of the very periods the line was made of."""
    transfers: list[Transfer] = []
    declared = chart.contribution_declared(found.id)
    for row in session.all(_PARTS, remittance=found.id, worker=line.worker):
        minor, by_worker = row["remitted_minor"], row["remitted_worker_minor"]
        again = chart.contribution_due(found.scheme, line.worker, row["origin"])
        transfers.append(Transfer(declared, again, minor))
        back = NONE - Split(by_worker, minor - by_worker)
        periods.touch(session, found.scheme, opened, line.worker, row["origin"])
        periods.add_part(
            session,
            "rejected",
            scheme=found.scheme,
            worker=line.worker,
            origin=row["origin"],
            entry=entry,
            amount=back,
            remitted=back,
            remittance=found.id,
        )
    return transfers


def _lines(session: Session, found: Remittance, worker: str | None) -> list[Line]:
    if worker is None:
        return [line for line in reading.lines(session, found.id) if line.amount_minor]
    line = reading.line_of(session, found.id, worker)
    return [line] if line is not None and line.amount_minor else []


def _own_unsent_minor(session: Session, found: Remittance, minor: int) -> int:
    """The cooperative's share of what is to be sent now: its part of the lines, all interest."""
    own = reading.own_minor(session, found.id)
    sent = sum(event.amount_minor for event in found.events if event.kind == "sent")
    return minor if sent else own + found.interest_minor


def _remittance(session: Session, id: str, step: Step) -> Remittance:
    for name, text in (("by", step.by), ("reference", step.reference)):
        if _ID.fullmatch(text) is None:
            raise Declined(f"{name}: up to 64 of A-Z a-z 0-9 . _ - (no name of a person)")
    if len(step.text) > TEXT_MAX:
        raise Declined(f"text: at most {TEXT_MAX} characters")
    found = reading.remittance(session, id)
    if found is None:
        raise Declined(f"there is no remittance {id}; wayfare remit list shows all")
    if step.at < found.at:
        raise Declined(f"{id} was declared later than that")
    return found


def _accounts(found: Remittance) -> tuple[Account, Account, Account]:
    """2220, 1250 and 1110 of it."""
    return (
        chart.contribution_declared(found.id),
        chart.remittance_in_transit(found.id),
        chart.contribution_trust_bank(found.scheme),
    )


def _balance(session: Session, found: Remittance) -> Callable[[Account], int]:
    return lambda account: balances.balance_minor(session, account, found.currency)


def _next(session: Session, id: str) -> int:
    row = session.one(_LAST, remittance=id)
    return 1 + (int(row[0]) if row else 0)


def _write(
    session: Session,
    found: Remittance,
    kind: EventKind,
    step: Step,
    minor: int,
    transfers: tuple[Transfer, ...],
    worker: str | None = None,
    declared_in: str | None = None,
) -> Remittance:
    if kind in _FILED:
        filing.note(
            session,
            found.scheme,
            action=_FILED[kind],
            subject=found.id,
            by=step.by,
            at=step.at,
            filer=step.filer,
        )
    n = _next(session, found.id)
    entry = Entry(
        id=f"{kind}/{found.id}/{n}",
        at=step.at,
        kind=kind,
        order_key=None,
        origin_period=None,
        declared_in=declared_in or found.period,
        currency=found.currency,
        transfers=transfers,
        by=step.by,
    )
    journal.post(session, entry)
    session.run(
        _NEW_EVENT,
        remittance=found.id,
        n=n,
        kind=kind,
        at=step.at,
        by=step.by,
        reference=step.reference,
        worker=worker,
        amount_minor=minor,
        file_sha256=step.file_sha256,
        text=step.text,
    )
    if kind in ("acknowledged", "rejected"):
        issuer = step.filer.principal if step.filer else ""
        commission.settle(session, found.id, issuer, step.at)
    after = reading.remittance(session, found.id)
    if after is None:
        raise Declined(f"there is no remittance {found.id}")
    return after


def _shown(minor: int, found: Remittance) -> str:
    return f"{money.amount(minor, found.currency)} {found.currency}"
