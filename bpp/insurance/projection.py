"""Projects one event of an order: from the facts to entries, standings and slips."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from bpp.insurance import books, cash, slip
from bpp.insurance.books import SchemeTerms, Terms
from bpp.insurance.engine import assess as engine
from bpp.insurance.engine.assess import Assessment
from bpp.insurance.engine.facts import UNKNOWN, Person
from bpp.insurance.engine.shares import NONE, Split
from bpp.insurance.engine.standing import (
    Period,
    PeriodRule,
    Posting,
    Reason,
    Standing,
    is_kept,
    post,
)
from bpp.insurance.entries import Change, Contribution, entries, entry_id
from bpp.insurance.gate import OPEN, Gate
from bpp.insurance.job import Job, after, as_each_has_it, fare, first, fold, work
from bpp.insurance.remittance import closing, periods
from bpp.insurance.scheme import Scheme
from bpp.ledger import balances, chart, journal
from bpp.ledger.entry import Entry
from bpp.ledger.plain import plain_canonical
from bpp.orders.events import OrderEvent
from protocol_specs.node.store import Session
from protocol_specs.wire.keys import SigningKey, b64encode
from protocol_specs.wire.values import replace


def nobody_known(session: Session, worker: str, period: str) -> Person:
    """Where no worker is enrolled: nothing is known of anybody."""
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class Bookkeeper:
    """What projecting needs beside the facts. `terms` are those of a new order.

    `person` tells what is known of a worker (by the id of the books) for a period, `gate` of whom
    nothing is deducted.
    """

    issuer: str
    key: SigningKey
    terms: Terms
    scheme: Callable[[str], Scheme]
    new_worker_id: Callable[[], str]
    cash_limit: cash.Limit | None = None
    person: Callable[[Session, str, str], Person] = nobody_known
    gate: Gate = OPEN


class _Place(Struct, frozen=True):
    """A worker slot that an event touches, and the job as that worker has it, or had it."""

    job: Job
    worker: str
    is_left: bool = False  # the order went from this slot to another, or they are out of it
    is_first: bool = False  # the order's first event: nothing stands yet


class _Slot(Struct, frozen=True):
    """One scheme for one worker slot, before and after the event."""

    scheme: Scheme
    place: _Place
    before_entry: str | None
    withheld: Reason | None
    now: Standing
    assessment: Assessment
    contribution: Contribution
    period: Period
    rule: PeriodRule
    is_waiting: bool  # the scheme does not know enough of this worker yet
    is_kept: bool  # more stands than the job comes to: it was declared, and nothing comes back
    seq: int | None


def project(
    session: Session, keeper: Bookkeeper, event: OrderEvent, terms: Terms | None
) -> tuple[books.Stands, ...]:
    """Posts everything of one event; what then stands for the slots that it touched. The events
    before it must have been posted.

    `terms` are those kept with the order; None: it has none yet, and gets today's. Raises
    LedgerError, NotInsurable and Conflict; the caller's savepoint then undoes it all.
    """
    before = fold(books.events_before(session, event.order_key, event.n))
    job = first(event) if before is None else after(before, event)
    if terms is None:  # a first event has some if it failed before
        terms = keeper.terms
        books.keep_terms(session, event.order_key, terms)
    worker, joined = _workers(session, keeper, job)
    places = _places(session, keeper, before, job, {job.slot: worker, **joined})
    slots = tuple(
        _slot(session, keeper, keeper.scheme(name), terms, place, event.at)
        for name in sorted(terms.schemes)
        for place in places
    )
    change = Change(
        event=event,
        job=job,
        worker=worker,
        fare_before=fare(before, terms.commission_rate, terms.finder_fee_rate),
        fare=fare(job, terms.commission_rate, terms.finder_fee_rate),
        joined=joined,
    )
    posted = entries(
        change,
        tuple(slot.contribution for slot in slots),
        lambda account: balances.balance_minor(session, account, event.currency),
    )
    for entry in posted:
        journal.post(session, entry)
    by_id = {entry.id: entry for entry in posted}
    stands = tuple(
        _keep(
            session,
            keeper,
            terms.schemes[slot.scheme.id],
            event,
            slot,
            by_id[_entry_of(slot, event)],
        )
        for slot in slots
    )
    if keeper.cash_limit is not None:
        for each in (worker, *joined.values()):
            _note_cash(session, keeper.cash_limit, event, each, posted)
    books.note_projected(session, event.order_key, event.n)
    return stands


def _entry_of(slot: _Slot, event: OrderEvent) -> str:
    return entry_id(slot.scheme.id, event.order_key, slot.place.job.slot, event.n)


def _note_cash(
    session: Session,
    limit: cash.Limit,
    event: OrderEvent,
    worker: str,
    posted: tuple[Entry, ...],
) -> None:
    """Tells the worker in writing if what was posted took their fare cash across the limit."""
    held = chart.fare_cash_with(worker)
    if any(held in (t.debit, t.credit) for entry in posted for t in entry.transfers):
        cash.note_crossing(session, limit, worker, event.at)


def _workers(session: Session, keeper: Bookkeeper, job: Job) -> tuple[str, dict[int, str]]:
    """Who has the job, by the ids of the books, and who joined it, by slot."""
    return _who(session, keeper, job.key, job.slot, job.agent_id), {
        each.slot: _who(session, keeper, job.key, each.slot, each.partner.agent_id)
        for each in job.joined
    }


def _who(session: Session, keeper: Bookkeeper, key: str, slot: int, agent_id: str | None) -> str:
    """The agent's id in the books; of one who was erased, the id that the slot was posted under."""
    if agent_id is None:
        return chart.UNASSIGNED
    known = books.find_worker(session, agent_id) or books.worker_of_slot(session, key, slot)
    return known or books.worker_of(session, agent_id, keeper.new_worker_id)


def _places(
    session: Session, keeper: Bookkeeper, before: Job | None, job: Job, workers: dict[int, str]
) -> tuple[_Place, ...]:
    """The worker slots this event touches: those just left, that of the assigned worker, and those
    of whoever joined and has it otherwise than before."""
    had = {each.slot: each for each in as_each_has_it(before)} if before else {}
    left = tuple(
        _Place(each, _who(session, keeper, each.key, slot, each.agent_id), is_left=True)
        for slot, each in had.items()
        if slot not in workers
    )
    touched = (
        each
        for each in as_each_has_it(job)
        if each.is_assigned or had.get(each.slot) != replace(each, n=before.n if before else 0)
    )
    is_first = before is None
    return (*left, *(_Place(each, workers[each.slot], is_first=is_first) for each in touched))


def _slot(
    session: Session,
    keeper: Bookkeeper,
    scheme: Scheme,
    terms: Terms,
    place: _Place,
    at: int,
) -> _Slot:
    job, worker = place.job, place.worker
    day, name = scheme.day(job.origin_at), scheme.period_of(job.origin_at)
    nothing = books.Stood()
    stood = nothing if place.is_first else books.stood(session, job.key, scheme.id, job.slot)
    is_known = slip.is_for(worker)
    withheld = stood.withheld
    if is_known and stood.entry is None:
        withheld = keeper.gate.withheld(session, scheme, worker, at=at, origin_at=job.origin_at)
    declared_in, declared = _declared(session, keeper, scheme, worker, name)
    period, last = books.period(session, scheme.id, worker, name) if is_known else (Period(), 0)
    options = terms.schemes[scheme.id].options
    is_asked = is_known and engine.needs_person(scheme, options)  # of the whole period's rule
    person = keeper.person(session, worker, name) if is_asked else UNKNOWN
    found = engine.assess(scheme, work(job, terms.commission_rate), person, options)
    stands = not place.is_left and (is_known or not scheme.needs_worker) and withheld is None
    assessment = found if stands else engine.nothing(found)
    now = Standing(assessment.exact, assessment.amount, job.is_over)
    rule = engine.period_rule(scheme, day, person, options)
    if not is_known:
        rule = replace(rule, rounding="transaction")  # nobody's period yet
    is_final = scheme.after_remittance == "none" and declared != NONE
    posting, after_ = post(period, stood.standing, now, rule, declared if is_final else None)
    returned = (declared - after_.due.posted).above_zero()
    held_minor, given_minor = _beyond_plan(session, scheme, worker, name, returned)
    if given_minor:
        returned -= Split(worker=given_minor)
        floor = after_.due.posted + Split(worker=given_minor)
        posting, after_ = post(period, stood.standing, now, rule, floor)
    return _Slot(
        scheme=scheme,
        place=place,
        before_entry=stood.entry,
        withheld=withheld,
        now=now,
        assessment=assessment,
        contribution=Contribution(
            scheme=scheme.id,
            slot=job.slot,
            worker=worker,
            origin_period=name,
            declared_in=declared_in,
            bearers=scheme.bearers,
            posting=posting,
            returned=returned,
            held_minor=held_minor,
        ),
        period=after_,
        rule=rule,
        is_waiting=withheld is not None
        or (scheme.needs_worker and not (is_known and engine.knows_enough(scheme, person))),
        is_kept=is_known and is_kept(after_, rule),
        seq=last + 1 if is_known else None,
    )


def _declared(
    session: Session, keeper: Bookkeeper, scheme: Scheme, worker: str, origin: str
) -> tuple[str, Split]:
    """The period in which what happens now is declared, and what was of a closed one already.

    Where a close has yet to reach this worker, the worker's line is written first.
    """
    declared_in = periods.declared_in(session, scheme.id, origin)
    if declared_in == origin:
        return origin, NONE
    closing.declare_first(session, keeper, scheme, worker)
    return declared_in, periods.declared(session, scheme.id, worker, origin)[0]


def _beyond_plan(
    session: Session, scheme: Scheme, worker: str, origin: str, returned: Split
) -> tuple[int, int]:
    """How much of what comes back to the worker was beyond the plan, and so never at the
    institution: what is still held for them, and what they had or carried on already."""
    if not returned.worker or not scheme.plan:
        return 0, 0
    beyond = min(returned.worker, periods.excess_minor(session, scheme.id, worker, origin))
    account = chart.excess_held(scheme.id, worker)
    held = min(beyond, max(0, balances.balance_minor(session, account, scheme.currency)))
    return held, beyond - held


def _keep(
    session: Session,
    keeper: Bookkeeper,
    terms: SchemeTerms,
    event: OrderEvent,
    slot: _Slot,
    entry: Entry,
) -> books.Stands:
    """The row of what now stands, what a close has to look at, and the worker's slip."""
    job, worker, status = slot.place.job, slot.place.worker, _status(slot)
    stands: dict[str, Any] = {
        "scheme": slot.scheme.id,
        "status": status,
        "amount_minor": slot.now.amount_minor,
        "amount_worker_minor": slot.now.amount.worker,
        "slip": None,
    }
    _note_declared(session, slot.contribution, entry)
    books.keep_contribution(
        session,
        event,
        slot.contribution,
        entry=entry.id,
        seq=slot.seq,
        status=status,
        withheld=slot.withheld,
        now=slot.now,
        after=slot.period,
    )
    if not slip.is_for(worker):
        return stands
    if slot.withheld is not None and slot.before_entry is None:
        keeper.gate.given(session, slot.scheme, worker, slot.withheld)
    supersedes = books.slip_of_entry(session, slot.before_entry)
    facts = slip.Facts(
        scheme=slot.scheme,
        job=job,
        assessment=slot.assessment,
        posting=slot.contribution.posting,
        period=slot.period,
        rule=slot.rule,
        is_over=job.is_over or slot.place.is_left,
        is_due=slot.now.is_due,
        is_paid_in=job.is_in_hand and _owes_no_cash(session, worker, entry.currency),
        reason=_reason(slot),
        issuer=keeper.issuer,
        ledger_key=b64encode(keeper.key.public),
        liable_party=terms.liable_party,
        liable_source=terms.liable_source,
        mandate=terms.mandate,
        funded_by=terms.funded_by,
        supersedes=supersedes,
    )
    written = slip.document(facts, entry, worker, slot.contribution.origin_period)
    document = plain_canonical(written)
    stands["slip"] = slip.slip_id(entry.id)
    books.keep_slip(
        session,
        id=stands["slip"],
        entry=entry.id,
        worker=worker,
        issued_at=entry.at,
        supersedes=supersedes,
        document=document,
        signature=keeper.key.sign(document),
    )
    return stands


def _note_declared(session: Session, posted: Contribution, entry: Entry) -> None:
    """That a close has to look at this worker, and what came back although it was declared."""
    scheme, worker, origin = posted.scheme, posted.worker, posted.origin_period
    if posted.posting.due_order != NONE or posted.posting.due_period != NONE:
        periods.touch(session, scheme, posted.declared_in, worker, origin)
    if posted.returned != NONE:
        periods.add_part(
            session,
            "returned",
            scheme=scheme,
            worker=worker,
            origin=origin,
            entry=entry.id,
            amount=NONE - posted.returned,
            excess_minor=-posted.held_minor,
        )


def _owes_no_cash(session: Session, worker: str, currency: str) -> bool:
    """Whether no fare cash is left with this worker, all of this event being posted."""
    return balances.balance_minor(session, chart.fare_cash_with(worker), currency) <= 0


def _status(slot: _Slot) -> str:
    """The word of the contribution on the wire; whoever left it is not spoken of there."""
    job = slot.place.job
    if slot.place.is_left:
        return "left"
    if job.status == "cancelled" and not slot.now.amount_minor:
        return "reversed"
    if slot.is_waiting:
        return "awaiting_worker"
    return "due" if job.is_over else "set_aside"


def _reason(slot: _Slot) -> Reason | None:
    """Why nothing was posted, or nothing stands; None when something does and was."""
    job, posting = slot.place.job, slot.contribution.posting
    if slot.is_kept:
        return "remitted"
    if slot.place.is_left:
        return "reassigned"
    if job.status == "cancelled" and not slot.now.amount_minor:
        return "cancelled"
    if posting.total_minor or posting.due_order_minor + posting.due_period_minor:
        return None
    if slot.withheld is not None:
        return slot.withheld
    if slot.is_waiting:
        return "awaiting_worker"
    if slot.assessment.exact == 0:
        return "below_floor"
    if posting == Posting() and slot.now.amount_minor:
        return "unchanged"
    return _why_nothing(slot)


def _why_nothing(slot: _Slot) -> Reason:
    """The job counts, and yet the period is to stand where it stood."""
    rule, stands = slot.rule, slot.period.all.posted_minor
    if rule.shares is not None and stands == 0:
        return "below_floor"
    if rule.cap_minor is not None and stands == max(0, rule.cap_minor - rule.offset_minor):
        return "cap"
    return "prepaid" if rule.offset_minor and stands == 0 else "rounding"
