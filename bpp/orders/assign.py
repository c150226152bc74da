"""Who carries an order out: assigning, reassigning, giving up."""

from bpp.fleet.workers import Worker
from bpp.orders.decision import Decision
from bpp.orders.events import EventKind
from bpp.orders.order import ACTIVE, NOT_READY, Order, in_state, record
from bpp.orders.provider import Provider
from protocol_specs.wire.errors import ActionNotApplicable
from protocol_specs.wire.order import Vehicle
from protocol_specs.wire.values import replace


def accept(order: Order, worker: Worker, provider: Provider, now: int) -> Decision:
    """A driver takes an open job. Raises ActionNotApplicable if it is gone or not theirs."""
    _require_open(order)
    if order.agent_id is not None:
        raise ActionNotApplicable("another driver has taken this job")
    if order.is_ahead:
        raise ActionNotApplicable("this job is for later; it is offered when its time is near")
    if order.state == NOT_READY:
        raise ActionNotApplicable("the parcel is not ready yet")
    _require_no_partner(order, worker)
    if worker.agent_id in order.gave_up:
        raise ActionNotApplicable("you gave this job up before; ask the desk to assign it to you")
    if worker.vehicle.category != order.category:
        raise ActionNotApplicable(f"this job asks for a vehicle of category {order.category}")
    return give_to(order, worker, provider, now)


def assign(order: Order, worker: Worker, provider: Provider, now: int) -> Decision:
    """The desk gives the order to a driver, in place of another if there was one."""
    _require_open(order)
    if order.agent_id == worker.agent_id:
        raise ActionNotApplicable(f"{worker.code} already has this job")
    _require_no_partner(order, worker)
    if not worker.active:
        raise ActionNotApplicable(f"{worker.code} is not active")
    if worker.vehicle.category != order.category:
        raise ActionNotApplicable(f"{worker.code} has no vehicle of category {order.category}")
    return give_to(order, worker, provider, now)


def give_up(order: Order, successor: Worker | None, provider: Provider, now: int) -> Decision:
    """The driver gives the job back; `successor` takes it at once, or it is open again."""
    _require_open(order)
    previous = order.agent_id
    if previous is None:
        raise ActionNotApplicable("nobody has this job")
    noted = replace(order, gave_up=(*order.gave_up, previous))
    if successor is not None:
        return give_to(noted, successor, provider, now)
    return free_again(noted, provider, now)


def free_again(order: Order, provider: Provider, now: int) -> Decision:
    """The job without its driver, open again."""
    vehicle = Vehicle(category=order.category)
    freed = replace(order, agent_id=None)
    freed = in_state(freed, order.states.unassigned, now, agent=None, vehicle=vehicle)
    freed, event = record(freed, "reassigned", provider, now, previous_agent_id=order.agent_id)
    return Decision(freed, (event,), ("on_update", "on_status"))


def give_to(order: Order, worker: Worker, provider: Provider, now: int) -> Decision:
    """The order with this agent and vehicle: `assigned`, or `reassigned` if another had it."""
    previous = order.agent_id
    given = replace(order, agent_id=worker.agent_id)
    given = in_state(given, order.states.assigned, now, agent=worker.agent, vehicle=worker.vehicle)
    kind: EventKind = "assigned" if previous is None else "reassigned"
    given, event = record(given, kind, provider, now, previous_agent_id=previous)
    return Decision(given, (event,), ("on_update", "on_status"))


def _require_no_partner(order: Order, worker: Worker) -> None:
    if any(partner.agent_id == worker.agent_id for partner in order.partners):
        raise ActionNotApplicable(f"{worker.code} has another part in this job; end that first")


def _require_open(order: Order) -> None:
    if order.status != ACTIVE:
        raise ActionNotApplicable(f"the order is {order.status}")
    if order.has_begun():
        raise ActionNotApplicable(f"the job has begun ({order.state}); its driver stays")
