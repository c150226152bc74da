"""What the handlers of all actions share: the provider, the fleet, extensions, ways to answer."""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bpp.fleet.abilities import lack
from bpp.fleet.dispatch import Match, free, suitable
from bpp.fleet.fleet import Fleet
from bpp.fleet.routing import Routing
from bpp.fleet.workers import Worker
from bpp.orders import live
from bpp.orders.extension import Extension, JobTerms
from bpp.orders.items import NOTHING
from bpp.orders.order import Order
from bpp.orders.provider import Provider
from bpp.orders.stamps import Stamps
from protocol_specs.node.store import Session, StoreUnavailable
from protocol_specs.wire.order import Parcel, PaymentTerms, Place, VehicleNeeds


def _start_code() -> str:
    return f"{secrets.randbelow(10_000):04d}"


def _new_id() -> str:
    return str(uuid.uuid4())


def keys(clock: Callable[[], float]) -> Callable[[], str]:
    """Makes keys of orders: UUIDs of version 7 (RFC 9562, 5.7), 74 random bits behind the time.

    Rows of one hour lie beside each other then; with keys drawn at random each order would be
    written all over the tables, and the more so the more orders there are.
    """

    def new() -> str:
        drawn = int(clock() * 1000) << 80 | secrets.randbits(80)
        versioned = drawn & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62
        return str(uuid.UUID(int=versioned))

    return new


_new_key = keys(time.time)


class Standing(Protocol):
    """Whether a driver may work now, whatever the job: papers that hold, a shift."""

    def off_duty(self, worker: Worker, now: int) -> str | None:
        """Why this driver may not go online now, in words; None: they may."""
        ...

    def forbids(self, session: Session, worker: Worker, at: int) -> str | None:
        """Why nobody may give this driver work at that moment, in words; None: they may."""
        ...

    def passes_over(self, session: Session, worker: Worker, now: int, begins_at: int) -> str | None:
        """Why no job that begins then is offered to this driver now, in words; None: it is."""
        ...


class AllMay:
    """Where nothing is asked of drivers."""

    def off_duty(self, worker: Worker, now: int) -> str | None:
        """None."""
        return None

    def forbids(self, session: Session, worker: Worker, at: int) -> str | None:
        """None."""
        return None

    def passes_over(self, session: Session, worker: Worker, now: int, begins_at: int) -> str | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The cooperative's office. Randomness is a part of it, so that a test can say what is drawn.

    `bpp_id` and `bpp_uri` are what we call ourselves in a context; `stamps` date our messages.
    """

    provider: Provider
    fleet: Fleet
    extensions: Sequence[Extension] = ()
    standing: Standing = field(default_factory=AllMay)
    bpp_id: str
    bpp_uri: str
    new_id: Callable[[], str] = _new_id
    new_key: Callable[[], str] = _new_key
    start_code: Callable[[], str] = _start_code
    stamps: Stamps = field(default_factory=Stamps)
    live_secret: bytes = b""  # seals the urls under which vehicles are followed
    routing: Routing = field(default_factory=Routing)

    def terms(
        self,
        *,
        category: str,
        domain: str,
        city: str,
        payment: PaymentTerms,
        planned_start: int | None = None,
        needs: VehicleNeeds = NOTHING,
        parcel: Parcel | None = None,
    ) -> JobTerms:
        """A job of this cooperative as extensions are told of it."""
        return JobTerms(
            sector=self.provider.sector,
            vehicle_category=category,
            domain=domain,
            city=city,
            provider_id=self.provider.id,
            payment=payment,
            planned_start=planned_start,
            needs=needs,
            parcel=parcel,
        )

    def terms_of(self, order: Order) -> JobTerms:
        """The same of an order that stands."""
        return self.terms(
            category=order.category,
            domain=order.peer.domain,
            city=order.city,
            payment=order.payment,
            planned_start=order.planned_start,
            needs=order.needs,
            parcel=order.view.fulfillment.parcel,
        )

    def live_url(self, order: Order) -> str | None:
        """Where the order's vehicle can be followed."""
        return self.bpp_uri + live.path_of(self.live_secret, order) if self.live_secret else None

    def cannot(self, worker: Worker, terms: JobTerms) -> str | None:
        """Why this driver's vehicle cannot do such a job, in words for them; None: it can."""
        has = self.fleet.abilities(worker.vehicle.registration)
        return lack(has, terms.needs, terms.parcel)

    def objection(self, session: Session, worker: Worker, terms: JobTerms, now: int) -> str | None:
        """Why this driver is passed over for such a job, in words for them; None: they are not."""
        if (why := self.cannot(worker, terms)) is not None:
            return why
        begins_at = max(now, terms.planned_start or now)
        if (why := self.standing.passes_over(session, worker, now, begins_at)) is not None:
            return why
        agent_id = worker.agent_id
        said = (_objection(session, each, agent_id, terms) for each in self.extensions)
        return next((why for why in said if why is not None), None)

    def nearest(
        self,
        pickup: Place,
        is_busy: Callable[[str], bool],
        *,
        category: str,
        now: int,
    ) -> Iterator[Match]:
        """Suitable drivers without a job, nearest first; asks only as far as the caller reads."""
        matches = suitable(
            self.fleet.near(pickup, self.provider.reach.radius_m),
            pickup,
            category=category,
            reach=self.provider.reach,
            now=now,
        )
        return free(matches, is_busy)


def _objection(
    session: Session, extension: Extension, agent_id: str, terms: JobTerms
) -> str | None:
    try:
        return extension.passes_over(session, agent_id, terms)
    except StoreUnavailable:
        raise
    except Exception:  # noqa: BLE001 - the seam: a ride goes on whatever an extension does
        return None
