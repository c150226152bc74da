"""Jobs booked ahead: what start may be asked for, and how they come up when their time is near."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bpp.dispatch import rounds
from bpp.orders import store
from bpp.orders.assign import free_again, give_to
from bpp.orders.choosing import GAVE_IT_UP, choose
from bpp.orders.decision import Decision
from bpp.orders.handlers import terms_of
from bpp.orders.office import Office
from bpp.orders.order import NOT_READY, Order, in_state
from bpp.orders.store import Kept
from bpp.orders.writing import write
from protocol_specs.node.store import Session

LOOK_AGAIN_S = 10  # at a job whose driver is still busy, or for which nobody was free


@dataclass(slots=True)
class ComingUp:
    """The step of a loop. `_later` says when to look again at a job: a hint that may be lost."""

    office: Office
    _later: dict[str, int] = field(default_factory=dict)

    def come_up_next(self, session: Session, now: int) -> bool:
        """Lets one job come up whose time is near, or finds its driver; False: none is due."""
        lead_s = self.office.provider.lead_s
        due = store.keys_ahead(session, begins_by=now + lead_s)
        if self.office.provider.assignment == "at_confirm":
            due += store.open_planned_keys(session)
        self._later = {key: at for key in due if (at := self._later.get(key, 0)) > now}
        for key in due:
            kept = None if key in self._later else store.order_by_key(session, key)
            if kept is not None and self._moved(session, kept, now):
                return True
            self._later.setdefault(key, now + LOOK_AGAIN_S)
        return False

    def _moved(self, session: Session, kept: Kept, now: int) -> bool:
        order, provider = kept.order, self.office.provider
        if order.agent_id is None:
            decision = _given(session, self.office, opened(order, now), now)
        elif not _may_still(session, self.office, order, now):
            decision = free_again(replace(order, is_ahead=False), provider, now)
        elif not store.is_busy(session, order.agent_id):
            decision = Decision(replace(order, is_ahead=False))
        elif now < (order.planned_start or 0) - provider.lead_s // 2:
            return False  # the driver's job before it may still end in time
        else:
            decision = free_again(replace(order, is_ahead=False), provider, now)
        if decision is None or decision.order == order:
            return False
        write(session, self.office, decision, now, revision=kept.revision)
        return True


def _may_still(session: Session, office: Office, order: Order, now: int) -> bool:
    """Whether who was given it days ago may and can do it now that its time is near."""
    worker = office.fleet.worker(order.agent_id or "")
    if worker is None or not worker.active or worker.vehicle.category != order.category:
        return False
    begins_at = max(now, order.planned_start or now)
    is_forbidden = office.standing.forbids(session, worker, begins_at) is not None
    return not is_forbidden and office.cannot(worker, terms_of(office, order)) is None


def opened(order: Order, now: int) -> Decision:
    """The job, waiting for a driver from now on."""
    up = replace(order, is_ahead=False)
    if up.state != NOT_READY:
        return Decision(up)
    return Decision(in_state(up, up.states.unassigned, now), (), ("on_status",))


def _given(session: Session, office: Office, decision: Decision, now: int) -> Decision:
    """With a driver, where drivers are assigned at once and one is free."""
    order = decision.order
    if office.provider.assignment != "at_confirm":
        return decision
    choice = choose(
        session,
        office,
        order.view,
        terms_of(office, order),
        now,
        dict.fromkeys(order.not_for, GAVE_IT_UP),
    )
    if choice is None:
        return decision
    rounds.keep(session, order.key, choice.round)
    return give_to(order, choice.worker, office.provider, now)
