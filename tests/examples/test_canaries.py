"""A day of rides and parcels with canaries in it: none is heard in logs, metrics or recordings."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from examples import play
from examples.calls import Caller
from examples.network import NODES, Network
from examples.people import Citizen, Driver
from examples.process import run
from tests.examples.test_keys import a_network, desk, quiet

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(600)]

CITIZEN, CITIZEN_PHONE = "Siti Canary Rahman", "+60131238765"
DRIVER, DRIVER_PHONE = "Bala Canary Krishnan", "+60197654321"
COURIER, COURIER_PHONE = "Asha Canary Gowda", "+919845671234"
HOUSE = "Lorong Canary 7"
NUMBER = "880512145566"  # an identity number: it is sealed as it is written down
WHERE = {"lat": 3.134567, "lon": 101.687654, "address": HOUSE}
PLACES = ("3.134567", "101.687654", "3.1345", "101.6870")  # pick-up; and where the driver was


def secrets(plan: Network) -> dict[str, str]:
    """Whatever in the nodes' folders is a key or a token."""
    found = {}
    for name in NODES:
        for path in plan.folder(name).rglob("*"):
            if path.suffix in {".key", ".token"} or path.name.endswith("secret"):
                found[str(path.relative_to(plan.data))] = path.read_text().strip()
    return found


def tokens_of(*people: Any) -> dict[str, str]:
    """What each of them proves with who they are."""
    found = {}
    for person in people:
        for each in fields(person):
            value = getattr(person, each.name)
            if isinstance(value, Caller) and value.token:
                found[f"token of {person.name}"] = value.token
    return found


def outputs(plan: Network) -> dict[str, str]:
    """All that nodes say by themselves, where an operator or a passer-by may read it."""
    found = {}
    for name in NODES:
        found[f"{name} log"] = plan.folder(name).joinpath("node.log").read_text()
        for path in ("/metrics", "/ready", "/health"):
            found[f"{name} {path}"] = asked(plan.ops_url(name) + path)
        found[f"{name} argv"] = Path(f"/proc/{plan.started[name].pid}/cmdline").read_text()
        found[f"{name} environment"] = Path(f"/proc/{plan.started[name].pid}/environ").read_text()
        for path in plan.folder(name).joinpath("recording").rglob("*.json*"):
            found[f"{name} {path.name}"] = path.read_text()
        for words in (("outbox", "--all", "--json"), ("inbox", "--all", "--json"), ("doctor",)):
            said = run(*words, "--config", str(plan.config(name)))
            found[f"{name} {words[0]}"] = said.output + said.errors
    return found


def asked(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


def provoke(plan: Network) -> None:
    """Mistakes with canaries in them: what is refused must not be repeated in a log either."""
    wrong = {"kind": CITIZEN, "pickup": HOUSE, "drop": {"lat": CITIZEN_PHONE}}
    for name in NODES:
        for path in ("/confirm", "/on_confirm", "/lookup", "/api/journeys", f"/{CITIZEN_PHONE}"):
            caller = Caller(plan.url(name), token=DRIVER_PHONE)
            caller.ask("POST", path, wrong)


def test_no_canary_is_heard_where_nodes_speak_by_themselves(tmp_path: Path) -> None:
    with a_network(tmp_path) as plan:
        driver: Driver = desk(plan, "rides").add_driver(
            code="A1", name=DRIVER, phone=DRIVER_PHONE, vehicle="VDM 4821"
        )
        mykad = {"identity_kind": "mykad", "identity": NUMBER}
        desk(plan, "rides").enrol("A1", born="1988-05-12", sector="ride", **mykad)
        courier: Driver = desk(plan, "couriers").add_driver(
            code="R1", name=COURIER, phone=COURIER_PHONE, vehicle="KA 05 HX 2291"
        )
        people: list[Any] = [driver, courier]
        was, play.KL_SENTRAL = play.KL_SENTRAL, WHERE
        try:
            for kind, worker in (
                (play.cash_ride, driver),
                (play.prepaid_delivery, courier),
                (play.cancelled_ride, driver),
            ):
                citizen = Citizen(plan.url("bap"), CITIZEN, CITIZEN_PHONE)
                kind(citizen, worker, quiet)
                people.append(citizen)
        finally:
            play.KL_SENTRAL = was
        provoke(plan)

        said = outputs(plan)
        canaries = {
            **secrets(plan),
            **tokens_of(*people),
            **{text: text for text in (CITIZEN, DRIVER, COURIER, HOUSE, NUMBER, *PLACES)},
            **{text: text for text in (CITIZEN_PHONE, DRIVER_PHONE, COURIER_PHONE)},
            **{text: text[3:] for text in (CITIZEN_PHONE, DRIVER_PHONE, COURIER_PHONE)},
        }
        assert len(canaries) > 25, "keys and tokens were found"
        assert sum(len(text) for text in said.values()) > 20_000, "the nodes did speak"
        heard = [
            f"{what} in {where}"
            for what, canary in canaries.items()
            for where, text in said.items()
            if canary in text or canary in json.dumps(text)
        ]
        assert heard == []
        books = b"".join(path.read_bytes() for path in plan.data.rglob("*.sqlite3*"))
        for text in (CITIZEN, CITIZEN_PHONE, DRIVER_PHONE, HOUSE, "3.134567"):
            assert text.encode() in books, f"{text} never went through the nodes"
        assert NUMBER.encode() not in books, "it lies there sealed"
