"""What drivers and the desk do to orders: each a unit for one commit, ownership in the query."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from bpp.dispatch import offers
from bpp.fleet.dispatch import Candidate, Position, suitable
from bpp.fleet.workers import Worker
from bpp.geo import distance_m
from bpp.orders import assign, money, progress, returning, sharing, store
from bpp.orders.cancel import cancel_by_provider
from bpp.orders.choosing import driver_for
from bpp.orders.events import Partner
from bpp.orders.office import Office
from bpp.orders.order import ACTIVE, COMPLETE, Order
from bpp.orders.pricing import require_priceable
from bpp.orders.progress import Step, WrongCode
from bpp.orders.provider import require_own_reason
from bpp.orders.status import unknown_order
from bpp.orders.store import Kept
from bpp.orders.writing import write
from protocol_specs.node.store import Conflict, Session
from protocol_specs.wire.errors import ActionNotApplicable
from protocol_specs.wire.values import replace

# The passenger or sender is the cause: the order ends. Any other reason only frees the job.
ENDS_THE_ORDER = frozenset({"012", "014"})


@dataclass(frozen=True, slots=True)
class JobOffer:
    """An open job as a driver sees it, and how far away its pickup is.

    `expires_at` says until when it is this driver's turn, where jobs are offered in turn.
    """

    order: Order
    distance_m: int
    expires_at: int | None = None


def offers_for(session: Session, office: Office, worker: Worker, now: int) -> list[JobOffer]:
    """Open jobs this driver could take now, nearest first; none while the driver has a job. In
    turn, the one that is offered to this driver.
    """
    position = office.fleet.position(worker.agent_id)
    if position is None or store.is_busy(session, worker.agent_id):
        return []
    if office.provider.assignment == "in_turn":
        return _turn_of(session, worker, position, now)
    found = [
        JobOffer(order, match.distance_m)
        for order in store.open_jobs(session)
        for match in suitable(
            [(inf, [Candidate(worker, position)])],
            order.view.fulfillment.route()[0],
            category=order.category,
            reach=office.provider.reach,
            now=now,
            passed_over=order.not_for,
        )
        if office.objection(session, worker, office.terms_of(order), now) is None
    ]
    return sorted(found, key=lambda offer: (offer.distance_m, offer.order.id))


def _turn_of(session: Session, worker: Worker, position: Position, now: int) -> list[JobOffer]:
    turn = offers.of_agent(session, worker.agent_id)
    kept = store.order_by_key(session, turn.order_key) if turn else None
    if turn is None or kept is None or turn.expires_at <= now or not kept.order.is_open():
        return []
    pickup, _ = kept.order.view.fulfillment.route()
    away_m = distance_m(position.lat, position.lon, pickup.lat, pickup.lon)
    return [JobOffer(kept.order, away_m, turn.expires_at)]


def accept(session: Session, office: Office, worker: Worker, job_id: str, now: int) -> Order:
    """The driver takes an open job, alone. Raises OrderNotFound, ActionNotApplicable."""
    kept = store.order_by_job_id(session, job_id)
    # Only open jobs and the driver's own exist for a driver.
    if kept is None or kept.order.agent_id not in (None, worker.agent_id):
        raise unknown_order() if kept is None else _taken()
    if kept.order.agent_id == worker.agent_id and kept.order.status == ACTIVE:
        return kept.order  # said twice, meant once
    decision = assign.accept(kept.order, worker, office.provider, now)
    if why := office.objection(session, worker, office.terms_of(kept.order), now):
        raise ActionNotApplicable(why)
    if office.provider.assignment == "in_turn":
        _take_turn(session, kept.order, worker, now)
    try:
        return write(session, office, decision, now, revision=kept.revision)
    except Conflict:
        raise ActionNotApplicable("you have a job already; end it first") from None


def _take_turn(session: Session, order: Order, worker: Worker, now: int) -> None:
    """The driver's open offer of this job is accepted. Raises ActionNotApplicable."""
    turn = offers.of_order(session, order.key)
    if turn is None or turn.agent_id != worker.agent_id or turn.expires_at <= now:
        raise ActionNotApplicable("this job is not offered to you now; its turn went to another")
    offers.end(session, order.key, "accepted", now)


def decline(session: Session, worker: Worker, job_id: str, now: int) -> Order:
    """The driver does not take the job that is offered: it goes to the next one at once.

    Raises OrderNotFound, ActionNotApplicable.
    """
    kept = any_order(session, job_id)
    turn = offers.of_order(session, kept.order.key)
    if turn is None or turn.agent_id != worker.agent_id:
        raise ActionNotApplicable("this job is not offered to you now")
    offers.end(session, kept.order.key, "declined", now)
    return kept.order


def step(
    session: Session,
    office: Office,
    worker: Worker,
    job_id: str,
    which: Step,
    now: int,
    *,
    code: str = "",
    cash_collected: bool = True,
) -> Order | WrongCode:
    """The driver's next step on the driver's own job. Raises OrderNotFound, ActionNotApplicable.

    A wrong start code is a value, not an exception: that it was tried is kept.
    """
    kept = _own(session, worker, job_id)
    if which == "end" and kept.order.status == COMPLETE:
        return kept.order  # said twice, meant once
    if which in ("start", "pickup"):
        _require_word(office, which)
        decision = progress.start(kept.order, code, office.provider, now)
    elif which == "end":
        decision = progress.end(kept.order, office.provider, now, cash_collected=cash_collected)
    else:
        decision = progress.advance(kept.order, which, now)
    if isinstance(decision, WrongCode):
        store.change_order(session, decision.order, kept.revision)
        return decision
    return write(session, office, decision, now, revision=kept.revision)


def give_up(
    session: Session, office: Office, worker: Worker, job_id: str, reason_id: str, now: int
) -> Order:
    """The driver cannot do the job: it goes to the next driver, or, by some reasons, it ends.

    Raises OrderNotFound, InvalidCancellationReason, CancellationNotPossible, ActionNotApplicable.
    """
    require_own_reason(office.provider, reason_id)
    kept = _own(session, worker, job_id)
    if reason_id in ENDS_THE_ORDER:
        decision = cancel_by_provider(kept.order, reason_id, office.provider, now)
    else:
        successor = None
        if not kept.order.is_ahead:
            successor = driver_for(session, office, kept.order, now, leaving=worker)
        decision = assign.give_up(kept.order, successor, office.provider, now)
    return write(session, office, decision, now, revision=kept.revision)


def assign_by_desk(
    session: Session, office: Office, worker: Worker, job_id: str, now: int
) -> Order:
    """The desk gives an order to a driver, in or out of a shift, but to nobody whose papers do not
    hold. Raises OrderNotFound, ActionNotApplicable.
    """
    kept = any_order(session, job_id)
    begins_at = max(now, kept.order.planned_start or now)
    if why := office.standing.forbids(session, worker, begins_at):
        raise ActionNotApplicable(f"{worker.code} is told: {why}")
    decision = assign.assign(kept.order, worker, office.provider, now)
    if why := office.cannot(worker, office.terms_of(kept.order)):
        raise ActionNotApplicable(f"{worker.code} is told: {why}")
    try:
        return write(session, office, decision, now, revision=kept.revision)
    except Conflict:
        raise ActionNotApplicable(f"{worker.code} has a job already") from None


def cancel_by_desk(
    session: Session, office: Office, job_id: str, reason_id: str, now: int
) -> Order:
    """The desk ends an order, free of charge. Raises as `give_up`."""
    require_own_reason(office.provider, reason_id)
    kept = any_order(session, job_id)
    decision = cancel_by_provider(kept.order, reason_id, office.provider, now)
    return write(session, office, decision, now, revision=kept.revision)


def bring_back(
    session: Session,
    office: Office,
    job_id: str,
    reason_id: str,
    now: int,
    *,
    worker: Worker | None = None,
) -> Order:
    """The parcel goes back to its sender; said by its driver, or by the desk (no `worker`).

    Raises OrderNotFound, ActionNotApplicable, InvalidCancellationReason.
    """
    kept = any_order(session, job_id) if worker is None else _own(session, worker, job_id)
    decision = returning.bring_back(kept.order, reason_id, office.provider, now)
    return write(session, office, decision, now, revision=kept.revision)


def brought_back(
    session: Session,
    office: Office,
    job_id: str,
    now: int,
    *,
    is_disposed: bool,
    cash_collected: bool,
    worker: Worker | None = None,
) -> Order:
    """The parcel is with its sender again, or disposed of. Raises as `bring_back`."""
    kept = any_order(session, job_id) if worker is None else _own(session, worker, job_id)
    leg = kept.order.view.fulfillment.return_leg
    if leg is not None and leg.ended_at is not None:
        return kept.order  # said twice, meant once
    decision = returning.brought_back(
        kept.order, office.provider, now, is_disposed=is_disposed, cash_collected=cash_collected
    )
    return write(session, office, decision, now, revision=kept.revision)


def end_by_desk(
    session: Session, office: Office, job_id: str, now: int, *, cash_collected: bool
) -> Order:
    """The desk ends a begun job whose driver cannot: a lost phone, a driver no longer here.

    Raises OrderNotFound, ActionNotApplicable.
    """
    kept = any_order(session, job_id)
    decision = progress.end(kept.order, office.provider, now, cash_collected=cash_collected)
    return write(session, office, decision, now, revision=kept.revision)


def paid_by_desk(session: Session, office: Office, job_id: str, now: int) -> Order:
    """The money of a job that ended unpaid came. Raises OrderNotFound, ActionNotApplicable."""
    kept = any_order(session, job_id)
    decision = money.confirm_paid(kept.order, now)
    return write(session, office, decision, now, revision=kept.revision)


def refund_by_desk(
    session: Session,
    office: Office,
    job_id: str,
    now: int,
    *,
    reference: str,
    amount_minor: int,
    borne_by: Literal["worker", "cooperative"],
    agent_id: str | None = None,
) -> Order:
    """Money back to the customer, once per reference. Raises OrderNotFound, ActionNotApplicable."""
    kept = any_order(session, job_id)
    decision = money.refund(
        kept.order,
        reference=reference,
        amount_minor=amount_minor,
        borne_by=borne_by,
        agent_id=agent_id,
        provider=office.provider,
        now=now,
    )
    if decision is None:
        return kept.order
    return write(session, office, decision, now, revision=kept.revision)


def share_by_desk(
    session: Session, office: Office, job_id: str, partners: tuple[Partner, ...], now: int
) -> Order:
    """These others, and nobody else, have a part in the order beside its driver.

    Raises OrderNotFound and ActionNotApplicable, also where an extension has no answer for
    somebody's part: an unlisted sector with that vehicle.
    """
    kept = any_order(session, job_id)
    decision = sharing.share(kept.order, partners, office.provider, now)
    if decision is None:
        return kept.order  # said twice, meant once
    terms, quote = office.terms_of(kept.order), kept.order.quote
    _, parts = sharing.divided(quote.lines, partners)
    for partner, lines in zip(partners, parts, strict=True):
        theirs = replace(terms, sector=partner.sector, vehicle_category=partner.vehicle_category)
        require_priceable(office.extensions, replace(quote, lines=lines), theirs, now)
    return write(session, office, decision, now, revision=kept.revision)


def _own(session: Session, worker: Worker, job_id: str) -> Kept:
    kept = store.order_of_agent(session, worker.agent_id, job_id)
    if kept is None:
        raise unknown_order()
    return kept


def any_order(session: Session, job_id: str) -> Kept:
    """The order, for the desk. Raises OrderNotFound."""
    kept = store.order_by_job_id(session, job_id)
    if kept is None:
        raise unknown_order()
    return kept


def _require_word(office: Office, which: Step) -> None:
    wanted = "start" if office.provider.sector == "ride" else "pickup"
    if which != wanted:
        raise ActionNotApplicable(f"here the step is called {wanted!r}")


def _taken() -> ActionNotApplicable:
    return ActionNotApplicable("another driver has taken this job")
