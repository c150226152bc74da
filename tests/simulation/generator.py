"""What happens in a year, drawn from one seed: a list of moves in the order of their time."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from bpp.orders.events import EventKind, OrderEvent, Partner
from protocol_specs.wire.order import PaymentTerms, PriceLine
from tests.simulation.laws import Law

CARD, CASH = PaymentTerms("BAP", "PRE-ORDER"), PaymentTerms("BPP", "ON-FULFILLMENT")
AGENTS = (("ana", "ben", "chi", "dev"), ("chi", "dev", "eve", "fay"))  # chi and dev work for both
DAY_S, MINUTE_S = 86_400, 60


@dataclass(frozen=True, order=True)
class Move:
    """One thing that happens at one of the cooperatives (0 or 1). `what`: event, repeat (of an
    event already told), people, break, mend, or the end of a working day.
    """

    at: int
    n: int
    coop: int
    what: str
    event: OrderEvent | None = field(default=None, compare=False)
    more: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Size:
    """How big a year is: on which days of a month work is done, how many jobs a day and coop."""

    days: tuple[int, ...]
    jobs_a_day: int


class Year:
    """The moves of a year under one law; the same seed gives the same ones."""

    def __init__(self, law: Law, seed: int, size: Size) -> None:
        self.law, self.size, self.random = law, size, Random(f"{law.scheme} {seed}")
        self.moves: list[Move] = []
        self._draw()
        self.moves.sort()

    def _draw(self) -> None:
        for coop in (0, 1):
            self._people(coop)
        for year, month in self.law.months():
            for day in self._days(year, month):
                at = self._at(year, month, day)
                for coop in (0, 1):
                    for _ in range(self.size.jobs_a_day):
                        self._job(coop, at + self.random.randrange(7 * 3600, DAY_S - 30))
                    self._trouble(coop, at)
                    self._add(at + DAY_S + 15 * MINUTE_S, coop, "night", day=day)

    def _days(self, year: int, month: int) -> Iterator[int]:
        last = monthrange(year, month)[1]
        yield from sorted({min(day, last) for day in self.size.days})

    def _at(self, year: int, month: int, day: int) -> int:
        return int(datetime(year, month, day, tzinfo=ZoneInfo(self.law.zone)).timestamp())

    def _add(self, at: int, coop: int, what: str, event: Any = None, **more: Any) -> None:
        self.moves.append(Move(at, len(self.moves), coop, what, event, more))

    def _people(self, coop: int) -> None:
        """Most agree before they begin, one in the middle of the year, one takes it back."""
        first = self._at(*self.law.months()[0], 1) + MINUTE_S
        half = self._at(*self.law.months()[6], 1) + MINUTE_S
        for n, agent in enumerate(AGENTS[coop]):
            self._add(half if n == 1 else first, coop, "people", agent=agent, agree=True)
        self._add(half, coop, "people", agent=AGENTS[coop][2], agree=False)

    def _trouble(self, coop: int, day: int) -> None:
        """Now and then the extension fails for some hours."""
        if self.random.random() < 0.08:
            begins = day + self.random.randrange(8 * 3600, 20 * 3600)
            self._add(begins, coop, "break")
            self._add(begins + self.random.randrange(3600, 4 * 3600), coop, "mend")

    def _job(self, coop: int, at: int) -> None:
        """One order from confirm to its end, or not to its end."""
        story = _Story(self, coop, at)
        for event in story.told():
            self._add(event.at, coop, "event", event)
            if self.random.random() < 0.05:
                self._add(event.at + self.random.randrange(DAY_S), coop, "repeat", event)


class _Story:
    """One order as it goes; each call of `_tell` makes its next event."""

    def __init__(self, year: Year, coop: int, at: int) -> None:
        self.r, self.law, self.at, self.agents = year.random, year.law, at, AGENTS[coop]
        self.key = f"{coop}{year.random.getrandbits(60):015x}"
        self.n, self.agent, self.partners = 0, None, ()
        self.sector, self.vehicle = self.r.choice(self.law.vehicles)
        self.lines = {"BASE_FARE": self.r.randrange(150, 12_000)}
        self.payment = self.r.choice((CARD, CASH))
        self.planned = at + self.r.randrange(40 * DAY_S) if self._is(0.06) else None

    def _is(self, chance: float) -> bool:
        return self.r.random() < chance

    def told(self) -> Iterator[OrderEvent]:
        self._extras()
        is_late = self._is(0.25)
        self.agent = None if is_late else self._other()
        yield self._tell("confirmed")
        if is_late:
            if self._is(0.15):
                yield self._cancelled()
                return
            self.agent = self._other()
            yield self._tell("assigned")
        yield from self._changes()
        if self._is(0.14):
            yield self._cancelled()
            return
        self.at = max(self.at, self.planned or 0)
        if self._is(0.06):
            self.at += self.r.randrange(1, 35) * DAY_S  # not over when its month ends
        is_collected = self._is(0.95)
        if self.payment.collected_by == "BPP" and is_collected:
            self.payment = PaymentTerms("BPP", "ON-FULFILLMENT", status="PAID")
        yield self._tell("completed")
        if is_collected and self._is(0.12):
            yield self._refunded()

    def _extras(self) -> None:
        fare = self.lines["BASE_FARE"]
        extras = [
            (0.15, "BUYER_ADDITIONAL_AMOUNT", self.r.randrange(50, 500)),
            (0.10, "TOLL_CHARGES", self.r.randrange(100, 700)),
            (0.08, "DISCOUNT_BORNE_BY_WORKER", -self.r.randrange(1, fare)),
            (0.08, "DISCOUNT_BORNE_BY_COOPERATIVE", -self.r.randrange(1, fare)),
        ]
        for chance, code, minor in extras:
            if self._is(chance) and sum(self.lines.values()) + minor >= 0:
                self.lines[code] = minor

    def _changes(self) -> Iterator[OrderEvent]:
        if self._is(0.15):
            self.partners = (self._partner(),)
            yield self._tell("shared")
            if self._is(0.25):
                self.partners = (self._partner(),) if self._is(0.6) else ()
                yield self._tell("shared")
        if self._is(0.12):
            self.agent = self._other()
            yield self._tell("reassigned")
        if self._is(0.12):
            self.lines["BASE_FARE"] += self.r.randrange(1, 900)
            yield self._tell("fare_changed")

    def _partner(self) -> Partner:
        sector, vehicle = self.r.choice(self.law.vehicles)
        minor = self.r.randrange(1, self.lines["BASE_FARE"] + 1)
        return Partner(self._other(), minor, sector, vehicle)

    def _other(self) -> str:
        taken = {self.agent, *(partner.agent_id for partner in self.partners)}
        return self.r.choice([each for each in self.agents if each not in taken])

    def _cancelled(self) -> OrderEvent:
        fee = self.r.randrange(100, 900) if self._is(0.4) else 0
        return self._tell("cancelled", cancellation_fee_minor=fee)

    def _refunded(self) -> OrderEvent:
        self.at += self.r.choice((60, 5 * DAY_S, 45 * DAY_S))
        bearer = self.r.choice(("worker", "cooperative", "partner" if self.partners else "worker"))
        partner = self.partners[0] if bearer == "partner" else None
        most = partner.amount_minor if partner else self.lines["BASE_FARE"]
        return self._tell(
            "refunded",
            refund_minor=self.r.randrange(1, most + 1),
            refund_borne_by="cooperative" if bearer == "cooperative" else "worker",
            refund_agent_id=partner.agent_id if partner else None,
        )

    def _tell(self, kind: EventKind, **more: Any) -> OrderEvent:
        self.n, self.at = self.n + 1, self.at + self.r.randrange(1, 20 * MINUTE_S)
        return OrderEvent(
            kind=kind,
            order_key=self.key,
            n=self.n,
            at=self.at,
            planned_start=self.planned,
            currency=self.law.currency,
            lines=tuple(PriceLine(code, minor) for code, minor in self.lines.items()),
            payment=self.payment,
            agent_id=self.agent,
            previous_agent_id=None,
            vehicle_category=self.vehicle,
            sector=self.sector,
            domain="nic2004:60221",
            city="std:03",
            provider_id="coop",
            partners=self.partners,
            **more,
        )
