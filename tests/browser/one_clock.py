"""The demonstration's five nodes in one process, under one clock that a test can move."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import bap.app
import bpp.app
import gateway.app
import registry.app
from bap.settings import BapSettings
from bpp.settings import BppSettings
from examples import pages
from examples.calls import Caller
from examples.network import NODES, Network, network, write_settings
from examples.people import Desk, Driver
from examples.process import Said, run
from gateway.settings import GatewaySettings
from protocol_specs.node.server import Node
from protocol_specs.node.settings import load
from registry.settings import RegistryNodeSettings

KUALA_LUMPUR = ZoneInfo("Asia/Kuala_Lumpur")
DAY_S = 86_400
Changes = Mapping[str, Mapping[str, str]]
"""Of a node's settings: what stands there, and what shall stand there."""


@dataclass(slots=True)
class Clock:
    """Goes like any other, so many seconds ahead."""

    ahead_s: float = 0

    def __call__(self) -> float:
        return time.time() + self.ahead_s

    def at(self) -> datetime:
        """As it is read in Kuala Lumpur."""
        return datetime.fromtimestamp(self(), KUALA_LUMPUR)

    def to_ten(self, *, days: int = 0) -> None:
        """On to ten in the morning, the first after so many days more."""
        then = self.at() + timedelta(days=days)
        ten = then.replace(hour=10, minute=0, second=0, microsecond=0)
        self.ahead_s += (ten + timedelta(days=ten < then) - self.at()).total_seconds()


def code_for(codes: Path, phone: str) -> str:
    """The newest sign-in code that went to this phone, waited for."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        lines = codes.read_text("utf-8").splitlines() if codes.exists() else []
        said = [json.loads(line) for line in lines]
        if mine := [each["text"] for each in said if each["phone"] == phone]:
            return re.findall(r"\d{6}", mine[-1])[0]
        time.sleep(0.02)
    raise AssertionError(f"no code came for {phone}")


@dataclass(slots=True)
class Town:
    """The running network."""

    plan: Network
    clock: Clock
    nodes: dict[str, Node] = field(default_factory=dict)

    def codes(self, name: str) -> Path:
        """Where a node's sign-in codes go."""
        return self.plan.folder(name) / "data" / "codes.jsonl"

    def operator_token(self, name: str) -> str:
        """What an operator of this node signs in with."""
        return (self.plan.folder(name) / "data" / "operator.token").read_text().strip()

    def desk(self, name: str) -> Desk:
        """The desk's door for programs."""
        token = (self.plan.folder(name) / "data" / "desk.token").read_text().strip()
        return Desk(Caller(self.plan.url(name), token))

    def join(self, name: str) -> Said:
        """This node applies to the registry, as by `wayfare join`, and again until it is in or its
        challenge was answered and the operator must decide."""
        command = ("join", "--config", str(self.plan.config(name)), "--wait", "5")
        ends = time.monotonic() + 60
        with ThreadPoolExecutor(1) as beside:  # the browser's event loop holds this thread
            while True:
                said = beside.submit(run, *command).result(60)
                is_answered = said.status == 0 or "challenge was answered" in said.errors
                if is_answered or time.monotonic() > ends:
                    return said

    def approve(self, name: str) -> None:
        """The operator admits this node, whose challenge was answered."""
        told = Caller(self.plan.url("registry"), self.operator_token("registry"))
        who = self.nodes[name].settings.subscriber_id
        told.post(f"/operator/participants/{who}/approve", {"reason": "licence seen"})

    def hire(self) -> dict[str, Driver]:
        """Both drivers and the offices' people, as the demonstration has them; all enrolled."""
        desks = {name: self.desk(name) for name in pages.DRIVERS}
        pages.staff(desks)
        aminah = desks["rides"].add_driver(**pages.AMINAH, language="ms")
        ravi = desks["couriers"].add_driver(**pages.RAVI, language="kn")
        mykad = {"identity_kind": "mykad", "identity": "880512-14-5566"}
        uan = {"identity_kind": "uan", "identity": "1234 5678 9012"}
        desks["rides"].enrol("A1", born="1988-05-12", sector="ride", **mykad)
        desks["couriers"].enrol("R1", born="1994-11-03", sector="logistics", **uan)
        return {"rides": aminah, "couriers": ravi}


@contextmanager
def town(data: Path, changes: Changes | None = None) -> Iterator[Town]:
    """Five nodes that listen; none has joined yet."""
    with network(data, 0) as plan:
        write_settings(plan)
        for name in NODES:
            _change(plan.config(name), (changes or {}).get(name, {}))
        over, made = threading.Event(), Future[Town]()
        thread = threading.Thread(target=lambda: asyncio.run(_serve(plan, made, over)))
        thread.start()
        try:
            yield made.result(180)
        finally:
            over.set()
            thread.join()


def _change(config: Path, changes: Mapping[str, str]) -> None:
    text = config.read_text("utf-8")
    quiet = {'network = "development"': 'network = "development"\nlog_level = "error"'}
    for ours, theirs in {**quiet, **changes}.items():
        assert ours in text, ours
        text = text.replace(ours, theirs, 1)
    config.write_text(text, "utf-8")


async def _serve(plan: Network, made: Future[Town], over: threading.Event) -> None:
    there = Town(plan, Clock())
    try:
        for name in NODES:
            there.nodes[name] = _MAKE[NODES[name]](plan.config(name), there.clock)
            await there.nodes[name].start()
    except Exception as fault:  # noqa: BLE001 - whoever waits must hear of it
        made.set_exception(fault)
        return
    made.set_result(there)
    await asyncio.to_thread(over.wait)
    for node in reversed(there.nodes.values()):
        await node.stop()


_MAKE: dict[str, Callable[[Path, Clock], Node]] = {
    "registry": lambda at, clock: registry.app.assemble(
        load(at, RegistryNodeSettings), clock=clock
    ),
    "gateway": lambda at, clock: gateway.app.assemble(load(at, GatewaySettings), clock=clock),
    "bap": lambda at, clock: bap.app.assemble(load(at, BapSettings), clock=clock),
    "bpp": lambda at, clock: bpp.app.build_from(load(at, BppSettings), clock=clock),
}
