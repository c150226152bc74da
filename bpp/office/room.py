"""What every page of the office needs of its node."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bpp.fleet.workers import Worker
from bpp.insurance.settings import InsuranceSettings
from bpp.insurance.wiring import Insured
from bpp.orders.office import Office
from protocol_specs.node.store import Session, Store
from protocol_specs.web.site import Site
from protocol_specs.web.visit import PageError, Visit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Room:
    """The site, the cooperative's office, and its books if it keeps any."""

    site: Site
    office: Office
    insured: Insured | None
    settings: InsuranceSettings | None

    @property
    def store(self) -> Store:
        """The node's."""
        return self.site.node.store

    @property
    def currency(self) -> str:
        """The cooperative's."""
        return self.office.provider.currency

    @property
    def city(self) -> str:
        """Where the map begins: the first of the node's cities that has one."""
        known = self.site.places.cities()
        return next((city for city in self.site.node.settings.cities if city in known), "")

    @property
    def books(self) -> Insured:
        """Raises PageError 404 where no books are kept."""
        if self.insured is None:
            raise PageError(404)
        return self.insured

    def money(self, visit: Visit, minor: int) -> str:
        """An amount of the cooperative's currency, as people write it."""
        return visit.speech.money(minor, self.currency)

    def worker(self, agent_id: str) -> Worker:
        """Raises PageError 404."""
        found = self.office.fleet.worker(agent_id)
        if found is None:
            raise PageError(404)
        return found

    def named(self, agent_id: str | None) -> str:
        """A driver as the office speaks of one; "" for nobody, the id for one who is not known."""
        found = self.office.fleet.worker(agent_id) if agent_id else None
        return f"{found.code} · {found.agent.name}" if found else agent_id or ""

    def workers(self) -> list[tuple[str, str]]:
        """For a field to choose from."""
        return [(each.agent_id, self.named(each.agent_id)) for each in self.office.fleet.workers()]


def read_aside(data_dir: Path, unit: Callable[[Session], T]) -> T:
    """A long read, for a thread of its own: nothing of the node waits for it."""
    store = Store.read_only(data_dir)
    try:
        return store.read(unit)
    finally:
        store.close()
