"""After its story the demonstration goes on: whoever books at the page is served by its drivers."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from examples.calls import Caller
from examples.people import Citizen, status_of, wait_until
from examples.play import CASH, KL_SENTRAL, KORAMANGALA, MG_ROAD, PREPAID, TWIN_TOWERS
from examples.process import WAYFARE, run

RIDE_S = 9  # two legs of 3.6 s: what is seen on the way is seen by a busy machine too


@dataclass
class Demo:
    """A demonstration that stays up, what it showed, and what it goes on telling."""

    popen: subprocess.Popen[str]
    shown: dict[str, Any]
    data: Path
    told: Path

    def url(self, role: str) -> str:
        """The address of the first node of that role."""
        return str(next(node["url"] for node in self.shown["nodes"] if node["role"] == role))

    def wait_for_line(self, words: str) -> str:
        """The first line that contains these words, once it was told."""

        def find() -> str | None:
            lines = self.told.read_text().splitlines()
            return next((line for line in lines if words in line), None)

        line: str = wait_until(find, words)
        return line


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    data, told = tmp_path / "data", tmp_path / "told"
    words = ["demo", "--json", "--port-base", "0", "--data", str(data), "--ride-s", str(RIDE_S)]
    with (
        told.open("w") as stderr,
        subprocess.Popen(
            [*WAYFARE, *words],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        ) as popen,
    ):
        assert popen.stdout is not None
        yield Demo(popen, json.loads(popen.stdout.readline()), data, told)
        with contextlib.suppress(ProcessLookupError):  # all of it has ended, as it should
            os.killpg(popen.pid, signal.SIGKILL)


def booked(citizen: Citizen, kind: str, payment: dict[str, str], **more: Any) -> str:
    """The id of a new order of this citizen."""
    pickup, drop = (KL_SENTRAL, TWIN_TOWERS) if kind == "ride" else (MG_ROAD, KORAMANGALA)
    offers = citizen.search(kind, pickup, drop, payment=payment, **more)["offers"]
    citizen.select(offers[0]["offer_id"])
    citizen.init(payment)
    paid = {"payment_reference": "PAID-1"} if payment == PREPAID else {}
    order_id: str = citizen.confirm(**paid)["order"]["id"]
    return order_id


def completed(citizen: Citizen) -> dict[str, Any]:
    citizen.wait_for(lambda journey: status_of(journey) == "COMPLETE", "the end of the order")
    order: dict[str, Any] = citizen.journey["order"]
    return order


def slip_of(demo: Demo, order: dict[str, Any]) -> dict[str, Any]:
    """The slip of the order's contribution, where the worker keeps it."""
    (contribution,) = order["contributions"]
    assert contribution["status"] == "due"
    file = demo.data / "slips" / f"{contribution['slip_id']}.json"
    demo.wait_for_line(f"keeps the slip {file}")
    slip: dict[str, Any] = json.loads(file.read_text())
    assert slip["slip"]["order_line"]["amount_minor"] == contribution["amount"]["minor"]
    return slip


@pytest.mark.processes
def test_whatever_a_visitor_books_is_driven_until_ctrl_c(demo: Demo) -> None:
    mei, arjun = (Citizen(demo.url("bap"), name, "+60123456789") for name in ("Mei", "Arjun"))
    # A ride and a parcel at once; the ride is seen moving.
    ride_id = booked(mei, "ride", CASH)
    booked(arjun, "delivery", PREPAID, parcel={"weight_grams": 500})
    seen = {tuple(mei.track()["location"][name] for name in ("lat", "lon"))}
    mei.wait_for_state("RIDE_STARTED")
    seen.add(tuple(mei.track()["location"][name] for name in ("lat", "lon")))
    assert len(seen) == 2
    ride, parcel = completed(mei), completed(arjun)
    assert ride["id"] == ride_id
    assert slip_of(demo, ride)["slip"]["state"] == slip_of(demo, parcel)["slip"]["state"] == "final"
    # One that is cancelled on the way keeps nobody from the next.
    booked(mei, "ride", CASH)
    mei.wait_for_state("RIDE_ENROUTE_PICKUP")
    assert status_of(mei.cancel("005")) == "CANCELLED"
    demo.wait_for_line("it was cancelled")
    booked(mei, "ride", CASH)
    assert completed(mei)["contributions"][0]["status"] == "due"
    # The story told how to look for oneself.
    for command in ("wayfare ledger verify", "wayfare slip verify"):
        _, *words = shlex.split(demo.wait_for_line(command))
        assert run(*words).status == 0
    # A driver whose token was renewed is somebody else's affair.
    told = (demo.data / "rides" / "data" / "desk.token").read_text().strip()
    rides = next(node["url"] for node in demo.shown["nodes"] if "rides" in node["subscriber_id"])
    desk = Caller(rides, told)
    (aminah,) = desk.get("/desk/drivers")["drivers"]
    desk.post(f"/desk/drivers/{aminah['agent_id']}/token")
    demo.wait_for_line("another token now")
    # Ctrl-C, which a terminal sends to all processes at once, ends it in the middle of a job.
    booked(arjun, "delivery", PREPAID, parcel={"weight_grams": 500})
    began = time.monotonic()
    os.killpg(demo.popen.pid, signal.SIGINT)
    assert demo.popen.wait(timeout=60) == 0
    assert time.monotonic() - began < 14, "one that does not end by itself is killed after 15 s"
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.popen.pid, 0)
    assert "Traceback" not in demo.told.read_text()
