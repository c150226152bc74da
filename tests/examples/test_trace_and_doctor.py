"""`wayfare trace` and `wayfare doctor` on a whole network of real processes, well and broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.calls import Caller
from examples.network import join_all, network, start_all, write_settings
from examples.people import wait_until
from examples.play import KL_SENTRAL, TWIN_TOWERS
from examples.process import Said, run, stop

pytestmark = pytest.mark.processes


def test_a_search_is_followed_to_where_it_is_answered_and_to_where_it_is_lost(
    tmp_path: Path,
) -> None:
    with network(tmp_path, 0) as plan:
        write_settings(plan)
        start_all(plan)
        join_all(plan)
        config = ["--config", str(plan.config("bap"))]

        said = _traced(search(plan.url("bap")), config, "had nothing to offer")
        assert said.status == 0, said.output + said.errors
        assert "answered: search to rides.klang-valley.example" in said.output

        doctor = run("doctor", *config)
        assert doctor.status == 0, doctor.output
        assert "FAIL" not in doctor.output

        stop([plan.started["rides"]])
        said = _traced(search(plan.url("bap")), [*config, "--json"], "undelivered")
        assert said.status == 1
        (finding,) = json.loads(said.output)["findings"]
        assert (finding["peer"], finding["outcome"]) == ("rides.klang-valley.example", "lost")

        doctor = run("doctor", "--config", str(plan.config("rides")), "--json")
        assert doctor.status == 1
        wrong = {c["name"]: c for c in json.loads(doctor.output)["checks"] if c["do"]}
        assert "wayfare serve" in wrong["node"]["do"]
        assert "url" in wrong


def search(url: str) -> str:
    """The transaction of a new search; nobody is online, so nobody offers anything."""
    body = {"kind": "ride", "pickup": KL_SENTRAL, "drop": TWIN_TOWERS}
    journey = Caller(url).post("/api/journeys", body)["journey"]
    return str(journey["transaction_id"])


def _traced(transaction_id: str, options: list[str], until: str) -> Said:
    """What the trace says once the matter is as far as that."""

    def look() -> Said | None:
        said = run("trace", transaction_id, *options)
        return said if until in said.output else None

    found: Said = wait_until(look, f"a trace that says {until!r}")
    return found
