"""Who may sign in: the drivers of the roster, by the phone that the desk wrote down for them."""

from __future__ import annotations

from bpp.fleet.fleet import Fleet
from bpp.fleet.workers import Worker
from protocol_specs.node.store import Session
from protocol_specs.web.codes import phone_of
from protocol_specs.web.visit import Person

DRIVES = frozenset({"driver"})


class Drivers:
    """Phones and people of the face. Who left may still sign in, to read their money and slips."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def may_sign_in(self, session: Session, phone: str) -> bool:
        """Whether exactly one driver has this phone."""
        return self._whose(phone) is not None

    def who_of(self, session: Session, phone: str, now: int) -> str | None:
        """The driver's agent_id."""
        worker = self._whose(phone)
        return worker.agent_id if worker else None

    def person(self, session: Session, who: str) -> Person | None:
        """The driver with this agent_id; only an active one drives."""
        worker = self._fleet.worker(who)
        if worker is None:
            return None
        return Person(who, worker.agent.name, DRIVES if worker.active else frozenset())

    def _whose(self, phone: str) -> Worker | None:
        """A number without its country code could be anybody's, so it is nobody's; one that two
        drivers share opens neither's pages, but an active driver's goes before one who left."""
        found = [w for w in self._fleet.workers() if phone_of(w.agent.phone or "") == phone]
        active = [worker for worker in found if worker.active]
        candidates = active or found
        return candidates[0] if len(candidates) == 1 else None
