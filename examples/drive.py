"""The demonstration's drivers after the story: they serve whatever a visitor books."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.calls import Caller, CallFailed
from examples.people import Driver
from examples.play import Say, money

LOOK_S = 1.0
SEEN_S = 60.0  # how often an idle driver says where they are
POSTS_PER_LEG = 6
LEG_SHARE, PAUSE_SHARE = 0.4, 0.1  # of the time a whole ride takes: two legs, two pauses
SEALED_S = 60.0
LEAVE_S = 1.0

Point = tuple[float, float]
Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """What a driver does next: where to drive first, then the step to report, and its words."""

    step: str
    words: str
    towards: str | None = None  # "pickup" or "drop" of the job
    needs_code: bool = False


MOVES = {
    "RIDE_ASSIGNED": Move("enroute", "is on the way to {pickup}"),
    "RIDE_ENROUTE_PICKUP": Move("arrived", "is at {pickup}", towards="pickup"),
    "RIDE_ARRIVED_PICKUP": Move("start", "starts with the code {code}", needs_code=True),
    "RIDE_STARTED": Move("end", "ends the ride at {drop}", towards="drop"),
    "Agent-assigned": Move("arrived", "is at {pickup}", towards="pickup"),
    "At-pickup": Move("pickup", "picks up with the code {code}", needs_code=True),
    "Order-picked-up": Move("enroute", "is on the way to {drop}"),
    "Out-for-delivery": Move("arrived-drop", "is at {drop}", towards="drop"),
    "At-delivery": Move("end", "hands the parcel over at {drop}"),
}
"""By the state of the job: the node remembers how far it is, not the driver."""


@dataclass(slots=True)
class Shift:
    """A driver at work until `stop` is set. `desk` is the desk of the driver's cooperative."""

    driver: Driver
    desk: Caller
    home: Point
    slips: Path
    ride_s: float
    say: Say
    stop: threading.Event
    _at: Point = (0.0, 0.0)
    _seen_at: float = float("-inf")
    _order_id: str | None = None
    _said: str = ""

    def work(self) -> None:
        """Serve every job. Ends when told to stop, or when the driver's token is another's."""
        has_job = False
        while not self.stop.wait(0 if has_job else LOOK_S):
            try:
                has_job = self._turn()
                self._said = ""
            except CallFailed as failed:
                if self.stop.is_set():
                    return
                if failed.status == 401:
                    self._tell("has another token now; somebody else drives")
                    return
                has_job = False  # it is looked at again: perhaps the passenger cancelled
                self._tell_once(f"is told: {failed}")

    def _turn(self) -> bool:
        """One step of the job in hand; False when there is none."""
        job = self._job()
        if job is None:
            self._wait_for_work()
            return False
        if job["order_id"] != self._order_id:
            self._order_id = job["order_id"]
            places = f"from {_name(job['pickup'])} to {_name(job['drop'])}"
            self._tell(f"has order {self._order_id}, {places}, {money(job['fare'])}")
            self._tell_contributions("Set aside")
        self._move(job, MOVES[job["state"]])
        return True

    def _job(self) -> Job | None:
        """The job in hand, or the first of those on offer, taken."""
        job: Job | None = self.driver.at.get("/driver/job")["job"]
        if job is None and self._order_id is None:
            offers = self.driver.at.get("/driver/offers")["offers"]
            if offers:
                job = self.driver.step(offers[0]["order_id"], "accept")
        return job

    def _wait_for_work(self) -> None:
        if self._order_id is not None:  # not by our own end: see _end
            self._tell(f"has lost order {self._order_id}: it was cancelled")
            self._tell_contributions("What stands of it")
            self._go_home()
        elif time.monotonic() - self._seen_at > SEEN_S:
            self._go_home()

    def _go_home(self) -> None:
        """Online again near the places where people are picked up, without a job."""
        self.driver.go_online(*self.home)
        self._order_id, self._at, self._seen_at = None, self.home, time.monotonic()

    def _move(self, job: Job, move: Move) -> None:
        if move.towards is None:
            goes_on = not self.stop.wait(self.ride_s * PAUSE_SHARE)
        else:
            goes_on = self._drive_to(job[move.towards])
        if not goes_on:
            return
        code = self._start_code(job["order_id"]) if move.needs_code else None
        body = {} if code is None else {"code": code}
        done = self.driver.step(job["order_id"], move.step, **body)
        names = {"pickup": _name(job["pickup"]), "drop": _name(job["drop"]), "code": code}
        self._tell(move.words.format(**names))
        if done["status"] == "COMPLETE":
            self._end(done)

    def _drive_to(self, place: Job) -> bool:
        """Along a straight line, telling where the vehicle is; False: stopped, or job lost."""
        (lat, lon), wait_s = self._at, self.ride_s * LEG_SHARE / POSTS_PER_LEG
        for n in range(1, POSTS_PER_LEG + 1):
            if self.stop.wait(wait_s):
                return False
            part = n / POSTS_PER_LEG
            self._at = lat + (place["lat"] - lat) * part, lon + (place["lon"] - lon) * part
            self.driver.be_at(*self._at)
            if self.driver.at.get("/driver/job")["job"] is None:
                return False
        return True

    def _start_code(self, order_id: str) -> str | None:
        """The code as the cooperative's desk knows it.

        A real driver hears it from the passenger, and has no other way to it. Here the passenger
        is a visitor at a page, with nobody to tell it to; so the demonstration does what a
        dispatcher does for a driver whose passenger has no phone at hand.
        """
        orders = self.desk.get("/desk/orders")["orders"]
        return next((one["start_code"] for one in orders if one["order_id"] == order_id), None)

    def _end(self, job: Job) -> None:
        paid = "in cash" if job["payment"]["collected_by"] == "BPP" else "in advance"
        self._tell(f"is done: {money(job['fare'])}, paid {paid}")
        self._tell_contributions("Now due")
        slips = [slip["slip_id"] for slip in self._slips()]
        self._go_home()
        for slip_id in slips:
            self._keep(slip_id)

    def _keep(self, slip_id: str) -> None:
        """The slip with its proof into the folder of slips, once its entry is sealed."""
        deadline = time.monotonic() + SEALED_S
        while time.monotonic() < deadline and not self.stop.wait(0.2):
            slip = self.driver.at.get(f"/driver/slips/{slip_id}")
            if slip["proof"] != "pending":
                file = self.slips / f"{slip_id}.json"
                file.write_text(json.dumps(slip), encoding="utf-8")
                self._tell(f"keeps the slip {file}")
                return

    def _tell_contributions(self, what: str) -> None:
        for slip in self._slips():
            borne = f"borne by the {slip['borne_by']}"
            self.say(f"    {what}: {money(slip['amount'])} under {slip['scheme']}, {borne}.")

    def _slips(self) -> list[Job]:
        """The slips of the job in hand that hold: none of them has a successor."""
        return [
            slip
            for slip in self.driver.at.get("/driver/slips")["slips"]
            if slip["order_id"] == self._order_id and slip["superseded_by"] is None
        ]

    def _tell(self, words: str) -> None:
        self.say(f"{self.driver.name} {words}.")

    def _tell_once(self, words: str) -> None:
        """The same trouble again is no news."""
        if words != self._said:
            self._said = words
            self._tell(words)


@contextmanager
def at_work(shifts: list[Shift], stop: threading.Event) -> Iterator[None]:
    """The drivers at work, each in a thread, until the block is left; that takes a moment."""
    threads = [threading.Thread(target=shift.work, daemon=True) for shift in shifts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(LEAVE_S)


def _name(place: Job) -> str:
    return place["address"] or f"{place['lat']:.4f}, {place['lon']:.4f}"
