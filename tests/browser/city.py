"""A city for the browser: the demonstration's network, and a cooperative that writes markup."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from examples.calls import Caller
from examples.network import (
    Network,
    join_all,
    network,
    start_all,
    write_settings,
)
from examples.people import Desk, Driver
from examples.process import run, start, wait_healthy
from protocol_specs.node.settings import write_secret
from protocol_specs.wire import keys
from tests.support.nodes import free_port

HOSTILE = "<img src=x onerror=alert(document.domain)>"
HOSTILE_DRIVER = "<script>alert(1)</script>"
_FORM = f"""
[form]
title = "{HOSTILE}"
required = false
fields = [
    {{ name = "words", label = "{HOSTILE}" }},
    {{ name = "age", label = "Age", type = "number" }},
]
"""
NEAR_SENTRAL = (3.1352, 101.6880)
NEAR_MG_ROAD = (12.9740, 77.6050)
_CARS = {
    "rides": {"category": "CAB", "make": "Proton", "model": "Saga", "color": "white"},
    "couriers": {"category": "TWO_WHEELER", "make": "TVS", "model": "iQube"},
    "hostile": {"category": "CAB", "make": '"><b>', "model": "</dd>", "color": "&amp;"},
}


@dataclass(slots=True)
class City:
    """The running network, and whom its cooperatives have hired."""

    plan: Network
    hired: list[Driver] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def page(self) -> str:
        """Where a citizen's browser goes."""
        return self.plan.url("bap") + "/"

    def hire(self, cooperative: str, name: str, at: tuple[float, float]) -> Driver:
        """A driver with a vehicle of their own, online at that place."""
        number = next(self._numbers)
        plate = f"VDM {4820 + number}"
        token = (self.plan.folder(cooperative) / "data" / "desk.token").read_text().strip()
        desk = Desk(Caller(self.plan.url(cooperative), token))
        desk.at.post("/desk/vehicles", {"registration": plate, **_CARS[cooperative]})
        driver = desk.add_driver(
            code=f"D{number}", name=name, phone=f"+6013111{number:04}", vehicle=plate
        )
        driver.go_online(*at)
        self.hired.append(driver)
        return driver

    def send_home(self) -> None:
        """Everybody goes offline, so that the next test has the streets to itself."""
        for driver in self.hired:
            driver.at.post("/driver/online", {"online": False})
        self.hired.clear()


@contextmanager
def city(data: Path) -> Iterator[City]:
    """Six nodes, joined: the demonstration's five, and the cooperative with the hostile name."""
    with network(data, 0) as plan:
        write_settings(plan)
        _write_hostile(plan)
        start_all(plan)
        plan.started["hostile"] = start(
            "hostile", role="bpp", config=plan.config("hostile"), url=plan.url("hostile")
        )
        wait_healthy(plan.started["hostile"])
        join_all(plan)
        assert run("join", "--config", str(plan.config("hostile"))).status == 0
        yield City(plan)


def _write_hostile(plan: Network) -> None:
    """A third cooperative: the ride cooperative's settings under other names, with its own keys."""
    plan.ports["hostile"] = free_port()
    folder = plan.folder("hostile") / "keys"
    (folder / "ledger").mkdir(parents=True)
    for name in ("signing.key", "ledger/signing.key"):
        write_secret(folder / name, keys.b64encode(keys.generate_signing_key().seed))
    write_secret(folder / "encryption.key", keys.b64encode(keys.generate_encryption_key().seed))
    settings = plan.config("rides").read_text(encoding="utf-8")
    for ours, theirs in {
        "rides.klang-valley.example": "markup.klang-valley.example",
        plan.url("rides"): plan.url("hostile"),
        f"port = {plan.ports['rides']}": f"port = {plan.ports['hostile']}",
        '"klang-valley-rides"': '"markup-rides"',
        '"Klang Valley Drivers\' Cooperative"': f'"{HOSTILE}"',
        "rides.jsonl": "hostile.jsonl",
        'registration = "VDM 4821"': 'registration = "VDM 1"',
        'base = "3.00"': 'base = "4.00"',
    }.items():
        assert ours in settings
        settings = settings.replace(ours, theirs)
    plan.config("hostile").write_text(settings + _FORM, encoding="utf-8")
