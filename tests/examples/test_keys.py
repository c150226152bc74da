"""A whole network at work while its keys change, and while its registry is gone."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from examples import play
from examples.calls import Caller
from examples.network import NODES, Network, join_all, network, start_all, write_settings
from examples.people import Citizen, Desk
from examples.process import run, start, stop, wait_healthy

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(900)]

TRADERS = ("gateway", "rides", "couriers", "bap")
CACHES_S = 3
ROTATION_S = 400  # a signature lives 300 s at most, and the old key lives as long as its last one
PACE_S = 1.5  # of waiting after each: other checks want the processors too
OUTAGE_S = 20
SNAPSHOT_S = 120
REVOKED_S = 60


@contextmanager
def a_network(folder: Path) -> Iterator[Network]:
    with network(folder, 0) as plan:
        write_settings(plan)
        for name in TRADERS:
            with plan.config(name).open("a") as settings:
                settings.write(f"\n[rotation]\ncaches_s = {CACHES_S}\n")
        with plan.config("bap").open("a") as settings:
            settings.write("\n[journeys]\njourneys_per_minute = 6000\n")
        start_all(plan)
        join_all(plan)
        yield plan


def desk(plan: Network, name: str) -> Desk:
    token = (plan.folder(name) / "data" / "desk.token").read_text().strip()
    return Desk(Caller(plan.url(name), token))


def quiet(text: str) -> None:
    pass


class Traffic:
    """Rides from search to payment, one after the other, and parcels beside them, until it ends.

    What anybody refuses, or does not answer within a minute, ends it with that.
    """

    def __init__(self, plan: Network) -> None:
        self.plan = plan
        self.done = 0
        self._work: list[Future[None]] = []
        self._ends = threading.Event()
        driver = {"code": "A1", "name": "A", "phone": "+60131112222", "vehicle": "VDM 4821"}
        courier = {"code": "R1", "name": "R", "phone": "+919811122233", "vehicle": "KA 05 HX 2291"}
        self._driver = desk(plan, "rides").add_driver(**driver)
        self._courier = desk(plan, "couriers").add_driver(**courier)

    @contextmanager
    def flowing(self, *, parcels: bool = True) -> Iterator[Traffic]:
        with ThreadPoolExecutor(2) as pool:
            kinds = (self.ride, self.parcel) if parcels else (self.ride,)
            self._work = [pool.submit(self._go_on, kind) for kind in kinds]
            try:
                yield self
            finally:
                self._ends.set()
            for one in self._work:
                one.result()

    def ride(self) -> None:
        """One ride."""
        play.cash_ride(self._citizen(), self._driver, quiet)

    def parcel(self) -> None:
        """One parcel."""
        play.prepaid_delivery(self._citizen(), self._courier, quiet)

    def _citizen(self) -> Citizen:
        return Citizen(self.plan.url("bap"), "Mei Ling", "+60123456789")

    def _go_on(self, one: Callable[[], None]) -> None:
        while not self._ends.is_set():
            one()
            self.done += 1
            self._ends.wait(PACE_S)

    def goes_on(self) -> None:
        """Returns after two more were brought to their end. Raises what ended the traffic."""
        before = self.done
        until(lambda: self.done > before + 1 or self._has_ended(), "traffic")

    def _has_ended(self) -> bool:
        for one in self._work:
            if one.done():
                one.result()
        return False


def until(look: Callable[[], object], what: str, within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)


def refused(plan: Network) -> dict[str, float]:
    """How many messages each node refused or gave up."""
    found = {}
    for name in TRADERS:
        with urllib.request.urlopen(f"{plan.ops_url(name)}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        counts = re.findall(r"^wayfare_(?:refused|given_up)_total\{.*\} (\S+)$", text, re.MULTILINE)
        found[name] = sum(map(float, counts))
    return found


def keys_of(plan: Network, subscriber_id: str) -> list[str]:
    """The key ids that the registry vouches for."""
    _, answer = Caller(plan.url("registry")).ask(
        "POST", "/lookup", {"subscriber_id": subscriber_id}
    )
    return sorted({str(record["key_id"]) for record in answer})


def ready(plan: Network, name: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{plan.ops_url(name)}/ready", timeout=30) as answer:
        said: dict[str, Any] = json.load(answer)
    return said


def who(plan: Network, name: str) -> str:
    found = re.search(r'^subscriber_id = "(.+)"', plan.config(name).read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def test_all_nodes_change_their_keys_under_load_and_no_message_is_refused(tmp_path: Path) -> None:
    with a_network(tmp_path) as plan, Traffic(plan).flowing() as traffic:
        traffic.goes_on()
        for name in TRADERS:
            assert run("rotate", "--config", str(plan.config(name)), "--wait", "0").status == 0
        for name in TRADERS:
            until(partial(turns, plan, name), f"{name} to begin")
        for name in TRADERS:
            until(partial(rests, plan, name), f"{name}'s new key alone", ROTATION_S)
            traffic.goes_on()
        traffic.goes_on()
        for name in TRADERS:
            [key_id] = keys_of(plan, who(plan, name))
            assert key_id != "k1"
            assert f"{key_id} signs" in ready(plan, name)["keys"]
        assert refused(plan) == dict.fromkeys(TRADERS, 0)
        assert traffic.done > 20


def test_a_suspended_node_is_refused_within_a_minute(tmp_path: Path) -> None:
    """Though its keys were in use until then."""
    with a_network(tmp_path) as plan:
        place = {"kind": "ride", "pickup": play.KL_SENTRAL, "drop": play.TWIN_TOWERS}
        caller = Caller(plan.url("bap"))
        caller.post("/api/journeys", place, wait_s=15)
        assert refused(plan)["gateway"] == 0
        registry = ("registry", "--config", str(plan.config("registry")))
        said = run(*registry, "suspend", who(plan, "bap"), "--reason", "a drill")
        assert said.status == 0, said
        suspended_at = time.monotonic()

        def is_refused() -> bool:
            status, answer = caller.ask("POST", "/api/journeys", place)
            return status == 502 and "not in the registry" in answer["error"]["message"]

        until(is_refused, "a refusal", REVOKED_S)
        assert time.monotonic() - suspended_at <= REVOKED_S
        assert refused(plan)["gateway"] > 0


def test_the_registry_is_killed_under_load_and_no_message_is_refused(tmp_path: Path) -> None:
    """Nor by a node that starts meanwhile: it works from its snapshot."""
    with a_network(tmp_path) as plan:
        everybody = Caller(plan.url("registry")).get("/changes")["head"]["sequence"]
        for name in TRADERS:
            until(partial(shows, plan, name, everybody), f"{name}'s snapshot of all", SNAPSHOT_S)
        with Traffic(plan).flowing(parcels=False) as traffic:
            traffic.goes_on()
            plan.started["registry"].popen.kill()
            plan.started["registry"].popen.wait()
            gone_at = time.monotonic()
            stop([plan.started["couriers"]])
            again(plan, "couriers")
            while time.monotonic() < gone_at + OUTAGE_S:
                traffic.goes_on()
            traffic.parcel()
            again(plan, "registry")
            traffic.goes_on()
            assert refused(plan) == dict.fromkeys(TRADERS, 0)


def turns(plan: Network, name: str) -> bool:
    """Whether the node's keys change just now."""
    return not rests(plan, name)


def rests(plan: Network, name: str) -> bool:
    """Whether the node's keys do not change just now."""
    said = run("rotate", "--config", str(plan.config(name)), "--status")
    return "no rotation is under way" in said.output


def shows(plan: Network, name: str, sequence: int) -> bool:
    """Whether the node's snapshot is as new as that."""
    return bool(ready(plan, name)["registry"].get("snapshot_sequence", 0) >= sequence)


def again(plan: Network, name: str) -> None:
    """The node's process once more, on its old folder."""
    node = start(name, role=NODES[name], config=plan.config(name), url=plan.url(name))
    plan.started[name] = node
    wait_healthy(node)
