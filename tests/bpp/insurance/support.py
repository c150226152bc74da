"""A cooperative's books in a fresh folder, and events to put into them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from bpp.insurance import tables as insurance_tables
from bpp.insurance.books import SchemeTerms, Terms
from bpp.insurance.cash import Limit
from bpp.insurance.extension import Insurance
from bpp.insurance.projection import nobody_known
from bpp.insurance.remittance import tables as remittance_tables
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from bpp.ledger import balances, chart
from bpp.ledger import tables as ledger_tables
from bpp.orders import tables as orders_tables
from bpp.orders.events import EventKind, OrderEvent, Partner, event_document
from bpp.tables import METADATA
from protocol_specs.node.store import Statement, Store
from protocol_specs.wire.keys import SigningKey, generate_signing_key
from protocol_specs.wire.order import PaymentTerms, PriceLine
from protocol_specs.wire.values import replace

MY, KA = "my.act872.gig", "in.karnataka.pbgw2025"
NOON = 1_783_000_000  # 2 July 2026, 21:46:40 in Kuala Lumpur
CASH = PaymentTerms("BPP", "ON-FULFILLMENT")
CARD = PaymentTerms("BAP", "PRE-ORDER")

ADD_EVENT = Statement(insert(orders_tables.OrderEventRow.__table__))


def terms_for(
    schemes: Sequence[Scheme], commission_rate: str = "0.20", options: Any = None
) -> Terms:
    mandate = "the members' mandates, file 7"
    each = SchemeTerms("bpp", "the law", "commission", mandate, options or {})
    return Terms(Decimal(commission_rate), Decimal(0), {scheme.id: each for scheme in schemes})


@dataclass
class Coop:
    """The books, and the extension over them, driven as orders drive it."""

    folder: Path
    schemes: tuple[Scheme, ...]
    commission_rate: str = "0.20"
    key: SigningKey = field(default_factory=generate_signing_key)
    cash_limit: Limit | None = None
    person: Any = nobody_known
    options: Any = None

    def __post_init__(self) -> None:
        self.store = Store.open(
            self.folder,
            METADATA,
            triggers=(
                *ledger_tables.TRIGGERS,
                *insurance_tables.TRIGGERS,
                *remittance_tables.TRIGGERS,
            ),
        )
        terms = terms_for(self.schemes, self.commission_rate, self.options)
        self.insurance = Insurance.with_schemes(
            self.schemes, terms, self.key, "coop.example", self.cash_limit, person=self.person
        )

    def record(self, event: OrderEvent) -> None:
        """Only the fact, as if the extension had not been there."""
        self.store.transact_now(
            lambda session: session.run(
                ADD_EVENT,
                order_key=event.order_key,
                n=event.n,
                kind=event.kind,
                at=event.at,
                agent_id=event.agent_id,
                document=event_document(event),
            )
        )

    def happen(self, *events: OrderEvent) -> tuple[dict[str, Any], ...]:
        """Records the facts and projects each; returns the last one's tags."""
        tags: tuple[dict[str, Any], ...] = ()
        for event in events:
            self.record(event)
            tags = self.project(event)
        return tags

    def project(self, event: OrderEvent) -> tuple[dict[str, Any], ...]:
        return self.store.transact_now(lambda session: self.insurance.on_event(session, event))

    def balances(self) -> dict[str, int]:
        """What stands on each account that is not at zero, in minor units."""
        every = self.store.read(balances.balances)
        return {line.account: line.balance_minor for line in every if line.balance_minor}

    def count(self, table: str) -> int:
        counting = Statement(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own names
        row = self.store.read(lambda session: session.one(counting))
        return int(row[0]) if row else 0

    def local(self, agent_id: str) -> str:
        """The agent's id in the books."""
        from bpp.insurance import books

        worker = self.store.read(lambda session: books.find_worker(session, agent_id))
        assert worker is not None
        return worker


def my_coop(folder: Path, **more: Any) -> Coop:
    return Coop(folder, (load(MY),), **more)


def ka_coop(folder: Path, **more: Any) -> Coop:
    return Coop(folder, (load(KA),), **more)


def fare_of(minor: int) -> tuple[PriceLine, ...]:
    return (PriceLine("BASE_FARE", minor),)


@dataclass
class Story:
    """One order's events in turn, each with the next number."""

    key: str = "order-1"
    agent_id: str | None = None
    lines: tuple[PriceLine, ...] = fare_of(2000)
    payment: PaymentTerms = CARD
    currency: str = "MYR"
    sector: Any = "ride"
    vehicle_category: str = "CAB"
    at: int = NOON
    planned_start: int | None = None
    n: int = 0
    partners: tuple[Partner, ...] = ()

    def event(self, kind: EventKind, **more: Any) -> OrderEvent:
        self.n += 1
        self.at = more.pop("at", self.at + 60)
        self.lines = more.pop("lines", self.lines)
        previous = self.agent_id
        self.agent_id = more.pop("agent_id", self.agent_id)
        self.partners = more.pop("partners", self.partners)
        is_paid = kind == "completed" and more.pop("cash_collected", True)
        if is_paid and self.payment.collected_by == "BPP":
            self.payment = replace(self.payment, status="PAID")
        return OrderEvent(
            kind=kind,
            order_key=self.key,
            n=self.n,
            at=self.at,
            planned_start=self.planned_start,
            currency=self.currency,
            lines=self.lines,
            payment=self.payment,
            agent_id=self.agent_id,
            previous_agent_id=previous if kind == "reassigned" else None,
            vehicle_category=self.vehicle_category,
            sector=self.sector,
            domain="nic2004:60221",
            city="std:03",
            provider_id="coop",
            partners=self.partners,
            **more,
        )


def ka_story(**more: Any) -> Story:
    given = {"currency": "INR", "sector": "ride", "vehicle_category": "CAB", **more}
    return Story(**given)


UNASSIGNED = chart.UNASSIGNED
__all__ = ["replace"]
