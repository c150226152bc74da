"""Jobs booked ahead: what start may be asked for, and how they come up when their time is near."""

from __future__ import annotations

from dataclasses import dataclass, field

from bpp.orders import store
from bpp.orders.assign import free_again, give_to
from bpp.orders.choosing import driver_for
from bpp.orders.decision import Decision
from bpp.orders.office import Office
from bpp.orders.order import ACTIVE, NOT_READY, Order, in_state
from bpp.orders.store import Kept
from bpp.orders.walk import At, Walk
from bpp.orders.writing import write
from protocol_specs.node.store import Session
from protocol_specs.wire.values import replace


@dataclass(slots=True)
class ComingUp:
    """The step of a loop: one job each, again after a while if its driver is still busy or nobody
    was free for it. See Walk."""

    office: Office
    _walks: tuple[Walk, ...] = field(init=False)

    def __post_init__(self) -> None:
        looks_again = self.office.provider.assignment == "at_confirm"
        ahead, planned = Walk(self._ahead_after), Walk(_planned_after)
        self._walks = (ahead, planned) if looks_again else (ahead,)

    def come_up_next(self, session: Session, now: int) -> bool:
        """Looks at one job whose time is near: it may come up, or find its driver. False: none."""
        keys = (walk.next(session, now) for walk in self._walks)
        key = next((key for key in keys if key is not None), None)
        if key is None:
            return False
        kept = store.order_by_key(session, key)
        if kept is not None:
            self._move(session, kept, now)
        return True

    def _ahead_after(self, session: Session, after: At, now: int, at_most: int) -> list[At]:
        begins_by = now + self.office.provider.lead_s
        return store.ahead_after(session, after, at_most, begins_by=begins_by)

    def _move(self, session: Session, kept: Kept, now: int) -> None:
        order, provider = kept.order, self.office.provider
        if order.status != ACTIVE or not (order.is_ahead or order.is_open()):
            return  # it changed since its hand was read
        if order.agent_id is None:
            decision = _given(session, self.office, opened(order, now), now)
        elif not _may_still(session, self.office, order, now):
            decision = free_again(replace(order, is_ahead=False), provider, now)
        elif not store.is_busy(session, order.agent_id):
            decision = Decision(replace(order, is_ahead=False))
        elif now < (order.planned_start or 0) - provider.lead_s // 2:
            return  # the driver's job before it may still end in time
        else:
            decision = free_again(replace(order, is_ahead=False), provider, now)
        if decision is not None and decision.order != order:
            write(session, self.office, decision, now, revision=kept.revision)


def _planned_after(session: Session, after: At, now: int, at_most: int) -> list[At]:
    return store.planned_after(session, after, at_most)


def _may_still(session: Session, office: Office, order: Order, now: int) -> bool:
    """Whether who was given it days ago may and can do it now that its time is near."""
    worker = office.fleet.worker(order.agent_id or "")
    if worker is None or not worker.active or worker.vehicle.category != order.category:
        return False
    begins_at = max(now, order.planned_start or now)
    is_forbidden = office.standing.forbids(session, worker, begins_at) is not None
    return not is_forbidden and office.cannot(worker, office.terms_of(order)) is None


def opened(order: Order, now: int) -> Decision:
    """The job, waiting for a driver from now on."""
    up = replace(order, is_ahead=False)
    if up.state != NOT_READY:
        return Decision(up)
    return Decision(in_state(up, up.states.unassigned, now), (), ("on_status",))


def _given(session: Session, office: Office, decision: Decision, now: int) -> Decision:
    """With a driver, where drivers are assigned at once and one is free."""
    worker = driver_for(session, office, decision.order, now)
    return decision if worker is None else give_to(decision.order, worker, office.provider, now)
