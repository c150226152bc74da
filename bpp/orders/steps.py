"""What drivers and the desk do to orders: each a unit for one commit, ownership in the query."""

from dataclasses import dataclass

from bpp.fleet.dispatch import suitable
from bpp.fleet.workers import Worker
from bpp.orders import assign, progress, store
from bpp.orders.cancel import cancel_by_provider
from bpp.orders.extension import JobTerms
from bpp.orders.handlers import successor
from bpp.orders.office import Office
from bpp.orders.order import ACTIVE, Order
from bpp.orders.progress import Step, WrongCode
from bpp.orders.provider import PROVIDER_REASONS
from bpp.orders.status import unknown_order
from bpp.orders.store import Kept
from bpp.orders.writing import write
from protocol_specs.node.store import Conflict, Session
from protocol_specs.wire.errors import ActionNotApplicable, InvalidCancellationReason

# The passenger or sender is the cause: the order ends. Any other reason only frees the job.
ENDS_THE_ORDER = frozenset({"012", "014"})


@dataclass(frozen=True, slots=True)
class JobOffer:
    """An open job as a driver sees it, and how far away its pickup is."""

    order: Order
    distance_m: int


def offers_for(session: Session, office: Office, worker: Worker, now: int) -> list[JobOffer]:
    """Open jobs this driver could take now, nearest first; none while the driver has a job."""
    if store.is_busy(session, worker.agent_id):
        return []
    offers = [
        JobOffer(order, match.distance_m)
        for order in store.open_jobs(session)
        for match in suitable(
            (c for c in office.fleet.candidates() if c.worker.agent_id == worker.agent_id),
            order.view.fulfillment.route()[0],
            category=order.category,
            reach=office.provider.reach,
            now=now,
            passed_over=order.gave_up,
        )
        if office.objection(session, worker.agent_id, _terms(office, order)) is None
    ]
    return sorted(offers, key=lambda offer: (offer.distance_m, offer.order.id))


def accept(session: Session, office: Office, worker: Worker, order_id: str, now: int) -> Order:
    """The driver takes an open job, alone. Raises OrderNotFound, ActionNotApplicable."""
    kept = store.order_by_id(session, order_id)
    # Only open jobs and the driver's own exist for a driver.
    if kept is None or kept.order.agent_id not in (None, worker.agent_id):
        raise unknown_order() if kept is None else _taken()
    if kept.order.agent_id == worker.agent_id and kept.order.status == ACTIVE:
        return kept.order  # said twice, meant once
    decision = assign.accept(kept.order, worker, office.provider, now)
    if why := office.objection(session, worker.agent_id, _terms(office, kept.order)):
        raise ActionNotApplicable(why)
    try:
        return write(session, office, decision, now, revision=kept.revision)
    except Conflict:
        raise ActionNotApplicable("you have a job already; end it first") from None


def step(
    session: Session,
    office: Office,
    worker: Worker,
    order_id: str,
    which: Step,
    now: int,
    *,
    code: str = "",
    cash_collected: bool = True,
) -> Order | WrongCode:
    """The driver's next step on the driver's own job. Raises OrderNotFound, ActionNotApplicable.

    A wrong start code is a value, not an exception: that it was tried is kept.
    """
    kept = _own(session, worker, order_id)
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
    session: Session, office: Office, worker: Worker, order_id: str, reason_id: str, now: int
) -> Order:
    """The driver cannot do the job: it goes to the next driver, or, by some reasons, it ends.

    Raises OrderNotFound, InvalidCancellationReason, CancellationNotPossible, ActionNotApplicable.
    """
    _require_reason(reason_id)
    kept = _own(session, worker, order_id)
    if reason_id in ENDS_THE_ORDER:
        decision = cancel_by_provider(kept.order, reason_id, office.provider, now)
    else:
        passed_over = (*kept.order.gave_up, worker.agent_id)
        decision = assign.give_up(
            kept.order, _next(session, office, kept.order, passed_over, now), office.provider, now
        )
    return write(session, office, decision, now, revision=kept.revision)


def assign_by_desk(
    session: Session, office: Office, worker: Worker, order_id: str, now: int
) -> Order:
    """The desk gives an order to a driver. Raises OrderNotFound, ActionNotApplicable."""
    kept = _any(session, order_id)
    decision = assign.assign(kept.order, worker, office.provider, now)
    try:
        return write(session, office, decision, now, revision=kept.revision)
    except Conflict:
        raise ActionNotApplicable(f"{worker.code} has a job already") from None


def cancel_by_desk(
    session: Session, office: Office, order_id: str, reason_id: str, now: int
) -> Order:
    """The desk ends an order, free of charge. Raises as `give_up`."""
    _require_reason(reason_id)
    kept = _any(session, order_id)
    decision = cancel_by_provider(kept.order, reason_id, office.provider, now)
    return write(session, office, decision, now, revision=kept.revision)


def end_by_desk(
    session: Session, office: Office, order_id: str, now: int, *, cash_collected: bool
) -> Order:
    """The desk ends a begun job whose driver cannot: a lost phone, a driver no longer here.

    Raises OrderNotFound, ActionNotApplicable.
    """
    kept = _any(session, order_id)
    decision = progress.end(kept.order, office.provider, now, cash_collected=cash_collected)
    return write(session, office, decision, now, revision=kept.revision)


def _next(
    session: Session, office: Office, order: Order, passed_over: tuple[str, ...], now: int
) -> Worker | None:
    if office.provider.assignment != "at_confirm":
        return None
    return successor(session, office, order.view, _terms(office, order), now, passed_over)


def _terms(office: Office, order: Order) -> JobTerms:
    return office.terms(order.category, order.city, order.payment, order.planned_start)


def _own(session: Session, worker: Worker, order_id: str) -> Kept:
    kept = store.order_of_agent(session, worker.agent_id, order_id)
    if kept is None:
        raise unknown_order()
    return kept


def _any(session: Session, order_id: str) -> Kept:
    kept = store.order_by_id(session, order_id)
    if kept is None:
        raise unknown_order()
    return kept


def _require_reason(reason_id: str) -> None:
    if reason_id not in PROVIDER_REASONS:
        known = ", ".join(sorted(PROVIDER_REASONS))
        raise InvalidCancellationReason(f"reason {reason_id!r} is not one of {known}")


def _require_word(office: Office, which: Step) -> None:
    wanted = "start" if office.provider.sector == "ride" else "pickup"
    if which != wanted:
        raise ActionNotApplicable(f"here the step is called {wanted!r}")


def _taken() -> ActionNotApplicable:
    return ActionNotApplicable("another driver has taken this job")
