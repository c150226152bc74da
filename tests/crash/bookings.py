"""Parcels booked and cancelled without end, and the proof that each ended alike for both sides."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

from sqlalchemy import text

from bpp.ledger import balances, verify
from examples.calls import Caller, CallFailed
from examples.network import Network
from examples.play import KORAMANGALA, MG_ROAD, NEAR_MG_ROAD, PREPAID
from protocol_specs.node.store import Statement, Store
from protocol_specs.wire.keys import strict_b64decode
from tests.examples.test_keys import desk

AT_ONCE = 3
WITHIN_S = 180  # a booking ends in this time, whatever goes wrong meanwhile
ANSWERED_S = 15  # a search that nobody answered by then was lost, and is asked anew
PACE_S = 0.1
COURIER = {"code": "R1", "name": "R", "phone": "+919811122233", "vehicle": "KA 05 HX 2291"}
PARCEL = {"weight_grams": 1800, "description": "two books"}
CUSTOMER = {"name": "Mei Ling", "phone": "+60123456789"}

Journey = dict[str, Any]
_EVENTS = Statement(
    text(
        "SELECT transaction_id, status, kind FROM orders JOIN order_event ON order_key = key "
        "ORDER BY key, n"
    )
)
_SET_ASIDE = Statement(
    text("SELECT order_key, sum(amount_minor) AS minor FROM contribution GROUP BY order_key")
)  # what stood after each event: once as set aside, and nothing after the cancellation


class Booking:
    """A parcel that is booked and cancelled by somebody who asks again until it is so."""

    def __init__(self, url: str) -> None:
        self._desk, self._until = Caller(url), time.monotonic() + WITHIN_S
        self.journey: Journey = {}
        self._asked_at = -ANSWERED_S

    def play(self) -> "Booking":
        """From search to the cancellation."""
        while not self.journey.get("offers"):
            is_lost = time.monotonic() > self._asked_at + ANSWERED_S
            self._tried(self._search if is_lost else self._look)
        offer = self.journey["offers"][0]["offer_id"]
        self._goes("select", lambda now: {"offer_id": offer}, lambda now: now["quote"])
        wanted = {"customer": CUSTOMER, "payment": PREPAID}
        self._goes("init", lambda now: wanted, lambda now: now["state"] == "ready")
        self._goes("confirm", _agreed, lambda now: now["order"])
        self._goes("cancel", _cancelled, lambda now: now["order"]["status"] == "CANCELLED")
        return self

    def _search(self) -> None:
        body = {"kind": "delivery", "pickup": MG_ROAD, "drop": KORAMANGALA, "parcel": PARCEL}
        told = self._desk.post("/api/journeys", body, wait_s=2)
        self._own = Caller(self._desk.url, told["secret"])
        self.journey, self._asked_at = told["journey"], time.monotonic()

    def _look(self) -> None:
        self.journey = self._own.get(f"/api/journeys/{self.journey['journey_id']}")

    def _goes(
        self, verb: str, body: Callable[[Journey], Journey], look: Callable[[Journey], Any]
    ) -> None:
        path = f"/api/journeys/{self.journey['journey_id']}"

        def step() -> None:
            self.journey = self._own.get(path)
            if not look(self.journey):
                self._own.post(f"{path}/{verb}", body(self.journey), wait_s=2)
                self.journey = self._own.get(path)

        while not look(self.journey):
            self._tried(step)

    def _tried(self, step: Callable[[], None]) -> None:
        assert time.monotonic() < self._until, f"it never ended: {self.journey}"
        with suppress(CallFailed):
            step()
        time.sleep(PACE_S)


def _agreed(now: Journey) -> Journey:
    return {"quote_hash": now["quote"]["hash"], "payment_reference": "PAID-1"}


def _cancelled(now: Journey) -> Journey:
    fee = now["cancellation"]["fee"]
    return {"reason_id": "005", "fee_minor": 0 if fee is None else fee["minor"]}


class Bookings:
    """Several at once, one after the other; `done` are those that came to their end."""

    def __init__(self) -> None:
        self.done: list[Booking] = []
        self._ends = threading.Event()
        self._work: list[Future[None]] = []

    @contextmanager
    def going_on(self, plan: Network) -> Iterator[None]:
        """While inside. Raises what ended one otherwise than it should."""
        desk(plan, "couriers").add_driver(**COURIER).go_online(*NEAR_MG_ROAD)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self._work = [pool.submit(self._book, plan) for _ in range(AT_ONCE)]
            try:
                yield
            finally:
                self._ends.set()
            for one in self._work:
                one.result()

    def one_more(self) -> None:
        """Until one more is done, or none goes on."""
        before = len(self.done)
        while len(self.done) == before and not any(one.done() for one in self._work):
            time.sleep(PACE_S)

    def _book(self, plan: Network) -> None:
        while not self._ends.is_set():
            self.done.append(Booking(plan.url("bap")).play())

    def ended_alike(self, plan: Network) -> None:
        """Each is an order, confirmed and cancelled once; set aside once, and nothing is left."""
        with closing(Store.read_only(plan.folder("couriers") / "data")) as store:
            orders: dict[str, list[tuple[str, str]]] = {}
            for row in store.read(lambda session: session.all(_EVENTS)):
                orders.setdefault(row[0], []).append((row[1], row[2]))
            set_aside = store.read(lambda session: session.all(_SET_ASIDE))
            left = store.read(balances.balances)
            public = strict_b64decode(plan.ledger_public_key("couriers"))
            report = verify.verify(store, plan.witness("couriers"), public)
        assert sorted(orders) == sorted(one.journey["transaction_id"] for one in self.done)
        ended = [("CANCELLED", "confirmed"), ("CANCELLED", "cancelled")]
        assert all(found == ended for found in orders.values()), orders
        assert (len(set_aside), len({row["minor"] for row in set_aside})) == (len(self.done), 1)
        assert {each.balance_minor for each in left} == {0}, "something of a cancelled job stands"
        assert (report.is_sound, report.balanced) == (True, True), report
