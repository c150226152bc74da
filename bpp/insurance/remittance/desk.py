"""What the desk may ask to be written: a shape and a unit each, for the API and the commands."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from bpp.declined import Declined
from bpp.insurance import books
from bpp.insurance.agents.filing import Filer
from bpp.insurance.remittance import closing, excess, reading, states
from bpp.insurance.remittance.declaring import Known
from bpp.insurance.remittance.shown import remittance_shown
from bpp.insurance.remittance.states import Step
from bpp.insurance.remittance.values import Remittance
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import SchemeError
from protocol_specs.node.asked import SHORT_ID, StrictBody
from protocol_specs.node.store import Session
from protocol_specs.wire import money

PATH = "/desk/insurance/remittance"


class CloseAsked(StrictBody):
    """Which period of which scheme to close, and by whom (a short id, never a name).

    `leave_open`: jobs of it that are not over are declared later. Asked again, it tells how far the
    close is. `mandate`: under which an agent closes for us.
    """

    scheme: str = Field(max_length=64)
    period: str = Field(max_length=16)
    by: str = Field(pattern=SHORT_ID)
    leave_open: bool = False
    mandate: str | None = Field(default=None, max_length=64)


class StepAsked(StrictBody):
    """What happened to a remittance, the bank's or institution's number of it, and by whom.

    `at` None: now. `worker` (local id or agent_id) with `rejected` alone: one line; `amount`: what
    was acknowledged, or interest as it was billed; `paid_on` the day interest is counted to.
    """

    remittance: str = Field(max_length=128)
    kind: Literal["sent", "acknowledged", "rejected", "interest"]
    reference: str = Field(pattern=SHORT_ID)
    by: str = Field(pattern=SHORT_ID)
    at: int | None = Field(default=None, ge=0)
    text: str = Field(default="", max_length=500)
    worker: str | None = Field(default=None, max_length=128)
    amount: str | None = Field(default=None, max_length=32)
    paid_on: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\d$")
    file_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    mandate: str | None = Field(default=None, max_length=64)


class ExcessAsked(StrictBody):
    """What a worker chose for the money held beyond their plan: the next period, or back."""

    scheme: str = Field(max_length=64)
    worker: str = Field(max_length=128)
    choice: Literal["next", "back"]
    reference: str = Field(pattern=SHORT_ID)
    by: str = Field(pattern=SHORT_ID)
    amount: str | None = Field(default=None, max_length=32)


def close(
    session: Session, known: Known, asked: CloseAsked, *, issuer: str, now: int
) -> dict[str, Any]:
    """Begins the close, or tells how far it is. Raises Declined."""
    scheme = scheme_of(known, asked.scheme)
    filer = Filer(principal=issuer, now=now, mandate=asked.mandate)
    id = closing.begin(
        session,
        scheme,
        asked.period,
        by=asked.by,
        now=now,
        leave_open=asked.leave_open,
        filer=filer,
    )
    found = reading.remittance(session, id)
    if found is not None:
        return remittance_shown(found)
    return {"id": id, "scheme": scheme.id, "period": asked.period, "state": "closing"}


def step(
    session: Session, known: Known, asked: StepAsked, *, issuer: str, now: int
) -> dict[str, Any]:
    """Writes the step down. Raises Declined, Malformed for an amount that is none."""
    if asked.worker is not None and asked.kind != "rejected":
        raise Declined("a worker is named only where one line was rejected")
    if asked.amount is not None and asked.kind not in ("acknowledged", "interest"):
        raise Declined("an amount is said of interest or an acknowledgement; all of the rest moves")
    if asked.paid_on is not None and asked.kind != "interest":
        raise Declined("paid_on is said of interest alone; at says when it happened")
    at = now if asked.at is None else asked.at
    if at > now:
        raise Declined("what has not happened yet cannot be written down")
    how = Step(
        by=asked.by,
        reference=asked.reference,
        at=at,
        text=asked.text,
        file_sha256=asked.file_sha256,
        filer=Filer(principal=issuer, now=now, mandate=asked.mandate),
    )
    return remittance_shown(_step(session, known, asked, how))


def _step(session: Session, known: Known, asked: StepAsked, how: Step) -> Remittance:
    id = asked.remittance
    scheme = scheme_of(known, id.partition("/")[0])
    minor = _minor(asked.amount, scheme)
    if asked.kind == "sent":
        return states.send(session, id, how)
    if asked.kind == "acknowledged":
        return states.acknowledge(session, id, how, minor)
    if asked.kind == "rejected":
        worker = asked.worker and (books.find_worker(session, asked.worker) or asked.worker)
        return states.reject(session, id, how, worker)
    try:
        paid_on = date.fromisoformat(asked.paid_on) if asked.paid_on else scheme.day(how.at)
    except ValueError:
        raise Declined(f"{asked.paid_on} is no day") from None
    return states.add_interest(session, scheme, id, how, paid_on, minor)


def decide_excess(
    session: Session, known: Known, asked: ExcessAsked, *, now: int
) -> dict[str, Any]:
    """Does what the worker chose. Raises Declined, Malformed."""
    scheme = scheme_of(known, asked.scheme)
    worker = books.find_worker(session, asked.worker) or asked.worker
    entry = excess.decide(
        session,
        scheme,
        worker,
        asked.choice,
        reference=asked.reference,
        by=asked.by,
        now=now,
        amount_minor=_minor(asked.amount, scheme),
    )
    return {"entry": entry}


def _minor(amount: str | None, scheme: Scheme) -> int | None:
    return None if amount is None else money.minor_units(amount, scheme.currency)


def scheme_of(known: Known, name: str) -> Scheme:
    """The scheme of that name. Raises Declined for one that is neither settled nor shipped."""
    try:
        return known.scheme(name)
    except (SchemeError, OSError, ValueError) as fault:
        raise Declined(f"there is no scheme {name!r}: {fault}") from None
