"""What every page of the office needs of its node."""

from dataclasses import dataclass
from typing import Any, TypeVar

from bpp.fleet.workers import Worker
from bpp.insurance.wiring import Insured
from bpp.office import words
from bpp.orders.office import Office
from bpp.orders.order import Order
from bpp.settings import BppSettings
from bpp.tariff.store import Reader
from bpp.work.standing import Standing
from protocol_specs.node.store import Store
from protocol_specs.web.site import Site
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire.order import Place

T = TypeVar("T")
NEAR_M = 1_500


@dataclass(frozen=True, slots=True)
class Room:
    """The site, the cooperative's office and its settings, its books if it keeps any; who reads
    dated fares into memory; the rules of papers and shifts."""

    site: Site
    office: Office
    settings: BppSettings
    insured: Insured | None
    tariffs: Reader
    standing: Standing

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

    def of_jobs(self, visit: Visit) -> dict[str, Any]:
        """What a page that shows jobs says of them."""
        return {
            "state": lambda name: words.word(visit, words.STATES, name),
            "kinds": words.STATUS_KINDS,
            "named": lambda place: self.place(visit, place),
            "is_late": lambda job: self.is_late(job, visit.now),
        }

    def is_late(self, job: Order, now: int) -> bool:
        """Whether its driver ought to be at the pickup by now."""
        since = job.awaited_since()
        return since is not None and now - since > self.settings.office.late_s

    def named(self, agent_id: str | None) -> str:
        """A driver as the office speaks of one; "" for nobody, the id for one who is not known."""
        found = self.office.fleet.worker(agent_id) if agent_id else None
        return f"{found.code} · {found.agent.name}" if found else agent_id or ""

    def place(self, visit: Visit, place: Place) -> str:
        """Its address; else what it is near; else where it is."""
        if place.address:
            return place.address
        near = self.site.places.nearest(place.lat, place.lon, NEAR_M)
        if near is not None:
            return visit._("near %(place)s", place=near.name)
        return f"{place.lat:.4f}, {place.lon:.4f}"

    def workers(self) -> list[tuple[str, str]]:
        """For a field to choose from."""
        return [(each.agent_id, self.named(each.agent_id)) for each in self.office.fleet.workers()]
