"""What an operator can see and be woken by: gauges and counters with few, own labels."""

import math
import re
from pathlib import Path

import pytest

from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.store import StoreUnavailable
from protocol_specs.node.telemetry.telemetry import Telemetry
from tests.protocol_specs.node.plain_node import a_node, directory_of, get_ops
from tests.support import peers
from tests.support.nodes import listening_socket, running
from tests.support.peers import Clock, post


def value(text: str, sample: str) -> float:
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    assert found is not None, f"{sample} is not shown"
    return float(found[1])


async def test_what_alarms_are_made_of_is_shown(tmp_path: Path) -> None:
    sock = listening_socket()
    node = a_node(tmp_path, sock)
    node.serve_action(Durable("confirm", lambda session, envelope, now: None))
    node.add_ready_check("ledger", lambda: "does not balance")
    async with running(node, sock):
        assert (await post(f"http://127.0.0.1:{node.port}/confirm", b"{}", {})).status == 401
        node.telemetry.log("alarm", what="unfunded", scheme="x")
        node.telemetry.log("accepted", action="confirm", times=2)
        node.telemetry.fault("loop seal", ValueError("+60123456789"))
        text = (await get_ops(node, "/metrics")).body.decode()
    assert value(text, 'wayfare_refusals_total{status="401"}') == 1
    assert value(text, 'wayfare_accepted_total{action="confirm"}') == 2
    assert value(text, 'wayfare_refused_total{action="confirm"}') == 1
    assert value(text, 'wayfare_alarms_total{what="unfunded"}') == 1
    assert value(text, 'wayfare_faults_total{where="loop seal"}') == 1
    assert value(text, 'wayfare_ready_fault{check="ledger"}') == 1
    assert value(text, 'wayfare_ready_fault{check="store"}') == 0
    assert value(text, 'wayfare_ready_fault{check="registry"}') == 0
    assert 0 < value(text, "wayfare_disk_free_bytes") < value(text, "wayfare_disk_size_bytes")
    assert value(text, "wayfare_connections") >= 0
    own = peers.bpp("bpp.example.org").records()
    assert value(text, "wayfare_key_valid_until_seconds") == own[0].valid_until
    assert value(text, "process_resident_memory_bytes") > 1_000_000
    assert "+60" not in text


async def test_a_database_that_is_away_is_a_fault_of_the_check_named_store_and_figures_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sock = listening_socket()
    node = a_node(tmp_path, sock)

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the database cannot be reached")

    async with running(node, sock):
        with monkeypatch.context() as patch:
            patch.setattr(node.store, "read", away)
            patch.setattr(node.store, "transact", away)
            await node.health.pulse_next(node.now())  # as each second: nobody has to send first
            said = await get_ops(node, "/ready")
            assert said.status == 503
            assert said.json["faults"]["store"] == "the database cannot be reached"
            text = (await get_ops(node, "/metrics")).body.decode()
        assert value(text, 'wayfare_ready_fault{check="store"}') == 1
        assert math.isnan(value(text, 'wayfare_oldest_age_seconds{queue="inbox"}'))
        assert value(text, "wayfare_disk_free_bytes") > 0
        await node.health.pulse_next(node.now())
        assert (await get_ops(node, "/ready")).status == 200


async def test_a_node_that_stops_says_that_no_traffic_should_come(tmp_path: Path) -> None:
    sock = listening_socket()
    node = a_node(tmp_path, sock)
    async with running(node, sock):
        node.stopping.set()
        said = await get_ops(node, "/ready")
        assert said.status == 503
        assert said.json["faults"] == {"stopping": "this node is stopping"}


async def test_a_key_that_nobody_vouches_for_is_a_fault_of_the_check_named_registry(
    tmp_path: Path,
) -> None:
    sock, clock = listening_socket(), Clock()
    node = a_node(tmp_path, sock, clock=clock)
    directory_of(node).forget(peers.bpp("bpp.example.org"))
    async with running(node, sock):
        text = (await get_ops(node, "/metrics")).body.decode()
    assert value(text, 'wayfare_ready_fault{check="registry"}') == 1


def test_labels_that_no_line_gives_are_counted_as_unknown_once() -> None:
    telemetry = Telemetry("x", write=lambda line: None)
    telemetry.log("alarm", scheme="x")
    telemetry.log("alarm", scheme="y")
    assert value(telemetry.metrics().decode(), 'wayfare_alarms_total{what="unknown"}') == 2
