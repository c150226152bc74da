"""The people of the demonstration, each at an API of their own node: citizen, driver, desk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from examples.calls import Caller
from examples.process import DemoFault

WAIT_S = 60.0
Journey = dict[str, Any]


def wait_until(look: Callable[[], Any], what: str) -> Any:
    """What `look` gives once it gives something. Raises DemoFault naming `what` after a minute."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise DemoFault(f"waited {WAIT_S:.0f} s in vain for this: {what}")


@dataclass(slots=True)
class Citizen:
    """Somebody at the citizens' node. `journey` is the last that was seen of the journey."""

    url: str
    name: str
    phone: str
    journey: Journey = field(default_factory=dict)
    _caller: Caller = field(init=False)

    def search(self, kind: str, pickup: Journey, drop: Journey, **more: Any) -> Journey:
        """Begin a journey and wait for the first offer."""
        body = {"kind": kind, "pickup": pickup, "drop": drop, **more}
        told = Caller(self.url).post("/api/journeys", body, wait_s=15)
        self._caller = Caller(self.url, told["secret"])
        self.journey = told["journey"]
        return self.wait_for(lambda journey: journey["offers"], "an offer")

    def select(self, offer_id: str) -> Journey:
        """Ask the price of an offer."""
        return self._ask("select", {"offer_id": offer_id}, lambda journey: journey["quote"])

    def init(self, payment: Journey) -> Journey:
        """Say who books and how it will be paid; wait for the final terms."""
        body = {"customer": {"name": self.name, "phone": self.phone}, "payment": payment}
        return self._ask("init", body, lambda journey: journey["state"] == "ready")

    def confirm(self, **more: Any) -> Journey:
        """Agree to the quote as it was shown; wait for the order."""
        body = {"quote_hash": self.journey["quote"]["hash"], **more}
        return self._ask("confirm", body, lambda journey: journey["order"])

    def cancel(self, reason_id: str) -> Journey:
        """End the order at the fee that is shown; wait until it is cancelled."""
        fee = self.journey["cancellation"]["fee"]
        body = {"reason_id": reason_id, "fee_minor": 0 if fee is None else fee["minor"]}
        return self._ask("cancel", body, lambda journey: status_of(journey) == "CANCELLED")

    def track(self) -> Journey:
        """Where the vehicle is, freshly asked."""
        self.journey = self._caller.get(f"{self._path}/track", wait_s=15)
        self.wait_for(lambda journey: journey["tracking"], "a position")
        tracking: Journey = self.journey["tracking"]
        return tracking

    def wait_for_state(self, state: str) -> Journey:
        """The journey once its provider has told that state of the order."""
        return self.wait_for(lambda journey: state_of(journey) == state, f"the state {state}")

    def wait_for(self, look: Callable[[Journey], Any], what: str) -> Journey:
        """The journey once `look` finds what it looks for. Raises DemoFault after a minute."""

        def seen() -> Journey | None:
            if look(self.journey):
                return self.journey
            since = self.journey["version"]
            self.journey = self._caller.get(self._path, since=since, wait_s=5)
            return None

        try:
            wait_until(seen, what)
        except DemoFault as fault:
            error = self.journey.get("error")
            raise DemoFault(f"{fault}; the journey says {error}" if error else str(fault)) from None
        return self.journey

    @property
    def _path(self) -> str:
        return f"/api/journeys/{self.journey['journey_id']}"

    def _ask(self, verb: str, body: Journey, look: Callable[[Journey], Any]) -> Journey:
        self.journey = self._caller.post(f"{self._path}/{verb}", body, wait_s=15)
        return self.wait_for(look, f"the answer to {verb}")


def state_of(journey: Journey) -> str | None:
    """The state of the order's fulfillment, as the citizen was told it."""
    return journey["order"]["state"] if journey["order"] else None


def status_of(journey: Journey) -> str | None:
    """The status of the order, as the citizen was told it."""
    return journey["order"]["status"] if journey["order"] else None


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver or courier at the cooperative's node."""

    name: str
    at: Caller

    def go_online(self, lat: float, lon: float) -> None:
        """Ready for work, here."""
        self.at.post("/driver/online", {"online": True, "lat": lat, "lon": lon})

    def be_at(self, lat: float, lon: float) -> None:
        """Tell the node where the vehicle is."""
        self.at.post("/driver/position", {"lat": lat, "lon": lon})

    def read_notices(self, language: str) -> list[str]:
        """Read what is deducted and why, in one's own language, and agree where one is asked; the
        schemes of which there was a notice."""
        owed = self.at.get("/driver/insurance/notices", language=language)["notices"]
        read = [notice for notice in owed if notice["text"] is not None]
        for notice in read:
            told = {"scheme": notice["scheme"], "language": language, "version": notice["version"]}
            self.at.post("/driver/insurance/notices", told)
            if notice["asks_consent"]:
                self.at.post(
                    "/driver/insurance/consent", {"scheme": notice["scheme"], "agree": True}
                )
        return [notice["scheme"] for notice in read]

    def job(self) -> Any:
        """The job in hand, once there is one."""
        return wait_until(lambda: self.at.get("/driver/job")["job"], f"a job for {self.name}")

    def offer(self) -> Any:
        """An open job that can be accepted, once there is one."""
        found = wait_until(lambda: self.at.get("/driver/offers")["offers"], "a job on offer")
        return found[0]

    def step(self, order_id: str, step: str, **body: Any) -> Any:
        """One step of the job: accept, enroute, arrived, start, pickup, arrived-drop, end."""
        return self.at.post(f"/driver/jobs/{order_id}/{step}", body)["job"]


@dataclass(frozen=True, slots=True)
class Desk:
    """The cooperative's desk."""

    at: Caller

    def add_driver(
        self, *, code: str, name: str, phone: str, vehicle: str, language: str = "en"
    ) -> Driver:
        """Register a driver, who reads the notices; the token in the answer is shown this once."""
        body = {"code": code, "name": name, "phone": phone, "vehicle": vehicle}
        added = self.at.post("/desk/drivers", body)
        driver = Driver(name, Caller(self.at.url, added["token"]))
        status = {"category": "self_employed", "residency": "citizen", "source": "as they declared"}
        self.at.post("/desk/insurance/workers/category", {"worker": code, "by": "desk", **status})
        driver.read_notices(language)
        return driver

    def let_in(self, *, id: str, name: str, phone: str, roles: list[str]) -> None:
        """Let somebody into the office's pages, in these roles."""
        asked = {"id": id, "name": name, "phone": phone, "roles": roles}
        self.at.post("/desk/office/people", asked)

    def enrol(self, code: str, **facts: str) -> None:
        """Enrol a driver for insurance; the identity number is sealed as it is written down."""
        body = {"worker": code, "by": "desk", **facts}
        self.at.post("/desk/insurance/workers/enrol", body)
