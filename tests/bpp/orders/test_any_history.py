"""Random histories of a cooperative, legal and illegal moves mixed: what must hold after each."""

import tempfile
from collections import Counter
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from bpp.fleet import roster
from bpp.fleet.fleet import Fleet
from bpp.fleet.workers import DriverEntry, VehicleEntry, Worker
from bpp.orders import steps, store
from bpp.orders.cancel import cancel
from bpp.orders.confirm import confirm
from bpp.orders.decision import Decision
from bpp.orders.events import OrderEvent, read_event
from bpp.orders.expiry import end_waiting_next
from bpp.orders.init import init
from bpp.orders.order import ACTIVE, Order, read_order
from bpp.orders.progress import Step
from bpp.orders.tables import TRIGGERS, OrderEventRow, OrderRow
from bpp.orders.update import update
from bpp.orders.writing import write
from bpp.tables import METADATA
from protocol_specs.node.messages import tables as node_tables
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.order import (
    CancelRequest,
    Fulfillment,
    Kind,
    Place,
    PriceLine,
    UpdateRequest,
)
from protocol_specs.wire.values import replace
from tests.bpp.factories import (
    CASH,
    CODE,
    NOW,
    PEER,
    PREPAID,
    accepting,
    asked,
    delivery_provider,
    office,
    ride_provider,
)

DRIVERS = 3
ORDERS = Statement(select(OrderRow.__table__))
EVENTS = Statement(
    select(OrderEventRow.__table__).order_by(
        OrderEventRow.__table__.c.order_key, OrderEventRow.__table__.c.n
    )
)
RIDE_STEPS: tuple[Step, ...] = ("enroute", "arrived", "start", "end")
PARCEL_STEPS: tuple[Step, ...] = ("arrived", "pickup", "enroute", "arrived-drop", "end")
EVERY_STEP = tuple(dict.fromkeys((*RIDE_STEPS, *PARCEL_STEPS)))
TIP = "BUYER_ADDITIONAL_AMOUNT"
places = st.builds(
    lambda north, east: Place(3.139 + north / 1000, 101.6869 + east / 1000),
    st.integers(-250, 250),
    st.integers(-250, 250),
)


class Histories(RuleBasedStateMachine):
    """Three drivers, any number of orders, and everybody does as they please."""

    provider = ride_provider()
    steps = RIDE_STEPS

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        node_tables.define(METADATA)
        self.store = Store.open(Path(self.folder.name), METADATA, triggers=TRIGGERS)
        self.now, self.fleet, self.numbers = NOW, Fleet(), count(1)
        self.store.transact_now(self._hire)
        self.store.read(self.fleet.load)
        self.office = office(self.provider, fleet=self.fleet)
        self.ended: dict[str, bytes] = {}

    def _hire(self, session: Session) -> None:
        for n in range(DRIVERS):
            category = self.provider.categories[0]
            roster.put_vehicle(session, VehicleEntry(f"W {n}", category))
            roster.put_driver(session, DriverEntry(f"D{n}", f"N{n}", "60123456789", f"W {n}"))

    def worker(self, n: int) -> Worker:
        return self.fleet.workers()[n]

    def orders(self) -> list[Order]:
        rows = self.store.read(lambda session: session.all(ORDERS))
        return sorted((read_order(row["document"]) for row in rows), key=lambda o: o.peer.bap_id)

    def events(self) -> list[OrderEvent]:
        rows = self.store.read(lambda session: session.all(EVENTS))
        return [read_event(row["document"]) for row in rows]

    def attempt(self, unit: Any) -> None:
        """Do it, or be refused; a refusal changes nothing at all."""
        self.now += 30
        before = self.rows()
        try:
            self.store.transact_now(unit)
        except Refused:
            assert self.rows() == before

    def rows(self) -> list[tuple[Any, ...]]:
        statements = (ORDERS, EVENTS)
        return [tuple(r) for s in statements for r in self.store.read(lambda x, s=s: x.all(s))]

    @rule(
        prepaid=st.booleans(),
        driver=st.none() | st.integers(0, DRIVERS - 1),
        ready=st.sampled_from([None, True, False]),
    )
    def book(self, prepaid: bool, driver: int | None, ready: bool | None) -> None:
        number = f"{next(self.numbers):03}"
        peer = replace(PEER, bap_id=f"bap{number}.example.org", transaction_id=f"t{number}")
        payment = PREPAID if prepaid else CASH
        quote = init(self.office, asked(self.office, payments=(payment,)), peer, self.now)

        def unit(session: Session) -> None:
            free = driver is not None and not store.is_busy(session, self.worker(driver).agent_id)
            chosen = self.worker(driver) if free and driver is not None else None
            view = accepting(self.office, quote)
            if self.provider.kind is Kind.DELIVERY:
                fulfillment = replace(view.fulfillment, ready_to_ship=ready)
                view = replace(view, fulfillment=fulfillment)
            decision = confirm(
                self.office,
                view,
                peer,
                self.now,
                stored=quote,
                existing=None,
                worker=chosen,
            )
            write(session, self.office, replace(decision, callbacks=()), self.now)

        self.attempt(unit)

    @precondition(lambda self: self.orders())
    @rule(order=st.integers(0, 99), driver=st.integers(0, DRIVERS - 1))
    def accept(self, order: int, driver: int) -> None:
        order_id, who = self.pick(order).id, self.worker(driver)
        self.attempt(lambda s: steps.accept(s, self.office, who, order_id, self.now))

    @precondition(lambda self: self.orders())
    @rule(
        order=st.integers(0, 99),
        driver=st.integers(0, DRIVERS - 1),
        step=st.sampled_from(EVERY_STEP),
        knows=st.booleans(),
        waits_s=st.integers(0, 3_600),
    )
    def step(self, order: int, driver: int, step: Step, knows: bool, waits_s: int) -> None:
        self.now += waits_s
        order_id, who = self.pick(order).id, self.worker(driver)
        code = CODE if knows else "9999"
        self.attempt(lambda s: steps.step(s, self.office, who, order_id, step, self.now, code=code))

    @precondition(lambda self: any(order.agent_id for order in self.orders()))
    @rule(order=st.integers(0, 99))
    def drive_on(self, order: int) -> None:
        """Whoever has a job does its next step, so that histories reach their ends."""
        jobs = [o for o in self.orders() if o.status == ACTIVE and o.agent_id]
        if not jobs:
            return
        job = jobs[order % len(jobs)]
        who = self.fleet.worker(job.agent_id or "")
        assert who is not None
        for step in self.steps:
            self.attempt(
                lambda s, step=step: steps.step(
                    s, self.office, who, job.id, step, self.now, code=CODE
                )
            )

    @precondition(lambda self: self.orders())
    @rule(
        order=st.integers(0, 99),
        driver=st.integers(0, DRIVERS - 1),
        reason=st.sampled_from(["012", "013", "7"]),
    )
    def give_up(self, order: int, driver: int, reason: str) -> None:
        order_id, who = self.pick(order).id, self.worker(driver)
        self.attempt(lambda s: steps.give_up(s, self.office, who, order_id, reason, self.now))

    @precondition(lambda self: self.orders())
    @rule(order=st.integers(0, 99), driver=st.integers(0, DRIVERS - 1))
    def assign(self, order: int, driver: int) -> None:
        order_id, who = self.pick(order).id, self.worker(driver)
        self.attempt(lambda s: steps.assign_by_desk(s, self.office, who, order_id, self.now))

    @precondition(lambda self: self.orders())
    @rule(order=st.integers(0, 99), reason=st.sampled_from(["001", "004", "999"]))
    def cancel(self, order: int, reason: str) -> None:
        target = self.pick(order)

        def unit(session: Session) -> None:
            kept = store.order_of_bap(session, target.peer.bap_id, target.id)
            assert kept is not None
            wish = CancelRequest(target.id, reason)
            decision = cancel(kept.order, wish, self.office.provider, self.now)
            assert isinstance(decision, Decision)
            write(session, self.office, decision, self.now, revision=kept.revision)

        self.attempt(unit)

    @precondition(lambda self: self.orders())
    @rule(
        order=st.integers(0, 99),
        drop=st.none() | places,
        tip_minor=st.none() | st.integers(-100, 5_000),
        prepaid=st.sampled_from([None, True, False]),
        soft=st.booleans(),
        ready=st.booleans(),
    )
    def update(
        self,
        order: int,
        drop: Place | None,
        tip_minor: int | None,
        prepaid: bool | None,
        soft: bool,
        ready: bool,
    ) -> None:
        target = self.pick(order)
        kind = self.provider.kind
        tips = () if tip_minor is None else (PriceLine(TIP, tip_minor),)
        ways = () if prepaid is None else ((PREPAID if prepaid else CASH),)
        wish = UpdateRequest(
            order_id=target.id,
            targets=("fulfillments", "payments", *(("quote.breakup",) if tips else ())),
            soft=soft,
            fulfillment=Fulfillment(id="", kind=kind, drop=drop, ready_to_ship=ready or None),
            payments=ways,
            lines=tips,
        )
        before = self.rows()

        def unit(session: Session) -> None:
            kept = store.order_of_bap(session, target.peer.bap_id, target.id)
            assert kept is not None
            decision = update(self.office, kept.order, wish, self.now)
            if isinstance(decision, Decision):
                write(session, self.office, decision, self.now, revision=kept.revision)

        self.attempt(unit)
        if soft:
            assert self.rows() == before

    @precondition(lambda self: self.orders())
    @rule(order=st.integers(0, 99), driver=st.integers(0, DRIVERS - 1), is_over=st.booleans())
    def bring_back(self, order: int, driver: int, is_over: bool) -> None:
        job_id, who = self.pick(order).job_id, self.worker(driver)
        self.attempt(
            lambda s: steps.bring_back(s, self.office, job_id, "013", self.now, worker=who)
        )
        if is_over:
            self.attempt(
                lambda s: steps.brought_back(
                    s, self.office, job_id, self.now, is_disposed=False, cash_collected=True
                )
            )

    @rule(waits_s=st.integers(0, 1_000))
    def time_goes_by(self, waits_s: int) -> None:
        """Orders that nobody takes end by themselves."""
        self.now += waits_s
        self.store.transact_now(lambda s: end_waiting_next(self.office, s, self.now))

    def pick(self, n: int) -> Order:
        orders = self.orders()
        return orders[n % len(orders)]

    @invariant()
    def nobody_has_two_jobs(self) -> None:
        busy = Counter(o.agent_id for o in self.orders() if o.agent_id and o.status == ACTIVE)
        assert all(jobs == 1 for jobs in busy.values())

    @invariant()
    def facts_are_numbered_without_gaps_and_the_last_one_states_the_order(self) -> None:
        facts = self.events()
        for order in self.orders():
            own = [event for event in facts if event.order_key == order.key]
            assert [event.n for event in own] == list(range(1, order.events + 1))
            assert own[0].kind == "confirmed"
            assert own[-1].lines == order.quote.lines
            assert own[-1].agent_id == order.agent_id
            assert own[-1].payment == order.payment

    @invariant()
    def every_order_ends_once_and_never_changes_again(self) -> None:
        ends = Counter(e.order_key for e in self.events() if e.kind in ("completed", "cancelled"))
        rows = self.store.read(lambda session: session.all(ORDERS))
        for row in rows:
            assert ends[row["key"]] == (row["status"] != ACTIVE)
            if row["status"] != ACTIVE:
                assert self.ended.setdefault(row["key"], row["document"]) == row["document"]

    @invariant()
    def assignments_say_who_had_the_job_before(self) -> None:
        had: dict[str, str | None] = {}
        for event in self.events():
            if event.kind in ("assigned", "reassigned"):
                assert event.previous_agent_id == had.get(event.order_key)
                assert (event.kind == "reassigned") == (event.previous_agent_id is not None)
                had[event.order_key] = event.agent_id

    @invariant()
    def money_adds_up(self) -> None:
        for event in self.events():
            if event.kind == "cancelled":
                assert event.total_minor == event.cancellation_fee_minor
                assert event.refund_minor >= 0
        for order in self.orders():
            assert order.payment.amount_minor == order.quote.total_minor
            assert order.tip_minor >= 0
            if order.view.fulfillment.return_leg is None and order.status != "CANCELLED":
                assert order.fare_minor > 0

    @invariant()
    def what_was_cancelled_comes_to_the_fee_alone(self) -> None:
        cancelled = {event.order_key for event in self.events() if event.kind == "cancelled"}
        for order in self.orders():
            if order.key in cancelled:
                fees = [
                    x.amount_minor for x in order.quote.lines if x.code == "CANCELLATION_CHARGES"
                ]
                assert sum(fees) == order.quote.total_minor

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


class Parcels(Histories):
    """The same of parcels, which come back when nobody takes them."""

    provider = delivery_provider(return_percentage=Decimal(50))
    steps = PARCEL_STEPS


for machine in (Histories, Parcels):
    machine.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestAnyHistory = Histories.TestCase
TestAnyHistoryOfParcels = Parcels.TestCase
