"""The hand-over file at the end of a mandate: all that the next one needs, signed, to be checked.

It holds the mandate that ended, who filed what, and each remittance with its lines and events,
under the local ids of the books: no names. docs/agents.md.
"""

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import bindparam, select

from bpp.declined import Declined
from bpp.insurance.agents import filing, mandates, signed
from bpp.insurance.agents.mandate import Mandate
from bpp.insurance.agents.signed import Signed
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.values import Remittance
from bpp.ledger import sealing
from bpp.ledger.tables import Block
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire.keys import SigningKey, b64encode

_block = Block.__table__
_HEAD = Statement(select(_block.c.head).where(_block.c.number == bindparam("number")))


class FiledLine(Signed):
    """One worker of a remittance, minor units."""

    worker: str
    amount_minor: int = Field(ge=0)
    is_rejected: bool


class Step(Signed):
    """What happened to a remittance after its close."""

    n: int
    kind: str
    at: int
    by: str
    reference: str
    worker: str | None
    amount_minor: int


class Filed(Signed):
    """One remittance, with everything that was said about it."""

    id: str
    scheme: str
    period: str
    currency: str
    state: str
    due_day: str | None
    amount_minor: int
    lines: tuple[FiledLine, ...] = Field(strict=False)
    events: tuple[Step, ...] = Field(strict=False)


class Act(Signed):
    """Who filed what, when, under which mandate."""

    subject: str
    n: int
    action: str
    scheme: str
    at: int
    by: str
    principal: str
    filer: str
    mandate: str | None


class Handover(Signed):
    """Everything of the ended mandate's schemes. `is_open`: remittances not yet acknowledged.

    `block` and `head` are the newest sealed block of the books and its signed head (base64).
    """

    format: Literal["wayfare handover"] = "wayfare handover"
    version: Literal[1] = 1
    at: int
    ended: Mandate
    last_day: str
    filings: tuple[Act, ...] = Field(strict=False)
    remittances: tuple[Filed, ...] = Field(strict=False)
    is_open: tuple[str, ...] = Field(strict=False)
    block: int
    head: str | None


class HandoverFile(Signed):
    """The hand-over and the principal's signature over it."""

    handover: Handover
    signature: str


def build(session: Session, id: str, now: int) -> Handover:
    """Of the books as they stand. Raises Declined: no such mandate."""
    held = mandates.one(session, id)
    number = sealing.last_number(session)
    head = session.one(_HEAD, number=number)
    found = [
        each for name in held.mandate.schemes for each in reading.remittances(session, scheme=name)
    ]
    filed = tuple(_filed(session, each) for each in found)
    return Handover(
        at=now,
        ended=held.mandate,
        last_day=held.last_day.isoformat(),
        filings=tuple(
            Act(**filing.shown(each))
            for each in filing.filings(session)
            if each.scheme in held.mandate.schemes
        ),
        remittances=filed,
        is_open=tuple(each.id for each in filed if each.state != "acknowledged"),
        block=number,
        head=b64encode(head["head"]) if head else None,
    )


def sign(handover: Handover, key: SigningKey) -> HandoverFile:
    """With the principal's key."""
    return HandoverFile(handover=handover, signature=b64encode(key.sign(signed.bytes_of(handover))))


def check(document: Any) -> Handover:
    """A hand-over file that holds in itself: signed by the principal of the mandate it ends, its
    lines add up. Raises Declined.
    """
    file = signed.parsed(document, HandoverFile, "no hand-over")
    found = file.handover
    signed.require(file.signature, signed.bytes_of(found), found.ended.principal.key, "principal")
    for each in found.remittances:
        total = sum(line.amount_minor for line in each.lines)
        if total != each.amount_minor:
            raise Declined(f"{each.id}: its lines come to {total}, it says {each.amount_minor}")
    still = tuple(each.id for each in found.remittances if each.state != "acknowledged")
    if still != found.is_open:
        raise Declined("the list of open remittances is not the one that their events say")
    return found


def check_here(session: Session, handover: Handover) -> None:
    """That these books say the same and no less, as they stood then. Raises Declined with the first
    difference.
    """
    now = build(session, handover.ended.id, handover.at)
    if (handover.ended, handover.last_day) != (now.ended, now.last_day):
        raise Declined("the hand-over ends another mandate, or on another day, than these books")
    told, later = handover.filings, now.filings[len(handover.filings) :]
    if told != now.filings[: len(told)]:
        raise Declined("the hand-over has other filings than these books")
    if any(each.at < handover.at for each in later):
        raise Declined("the hand-over lacks filings of these books: have it written anew")
    stands = {each.id: each for each in now.remittances}
    for each in handover.remittances:
        _check_remittance(each, stands.pop(each.id, None))
    for id in stands:
        found = reading.remittance(session, id)
        if found is not None and found.at < handover.at:
            raise Declined(f"the hand-over lacks the remittance {id}: have it written anew")


def _check_remittance(told: Filed, here: Filed | None) -> None:
    if here is None:
        raise Declined(f"the hand-over has the remittance {told.id}, these books do not")
    lines = [[(x.worker, x.amount_minor) for x in each.lines] for each in (told, here)]
    if lines[0] != lines[1]:
        raise Declined(f"{told.id}: the hand-over has other lines than these books")
    if told.events != here.events[: len(told.events)]:
        raise Declined(f"{told.id}: the hand-over has other events than these books")


def _filed(session: Session, found: Remittance) -> Filed:
    return Filed(
        id=found.id,
        scheme=found.scheme,
        period=found.period,
        currency=found.currency,
        state=found.state,
        due_day=found.due_day.isoformat() if found.due_day else None,
        amount_minor=found.amount_minor,
        lines=tuple(
            FiledLine(
                worker=line.worker, amount_minor=line.amount_minor, is_rejected=line.is_rejected
            )
            for line in reading.lines(session, found.id)
        ),
        events=tuple(
            Step(**{name: getattr(event, name) for name in Step.model_fields})
            for event in found.events
        ),
    )
