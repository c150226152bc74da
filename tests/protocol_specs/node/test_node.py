"""A whole node: ready and not ready, passing messages in their time, and a graceful end."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.settings import NodeSettings, OpsSettings, SettingsError
from protocol_specs.node.store import Session, StoreUnavailable
from protocol_specs.node.workers.summing import Summing
from protocol_specs.node.workers.workers import VARIABLE, Share, Worker
from protocol_specs.wire.envelope import Envelope
from tests.protocol_specs.node.plain_node import (
    a_node,
    confirm,
    directory_of,
    get,
    get_ops,
    passing,
    search,
)
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import Clock

WITHIN_S = 60.0


async def test_a_node_is_alive_ready_and_counted(tmp_path: Path) -> None:
    sock = listening_socket()
    node = a_node(tmp_path, sock)
    handled = asyncio.Event()

    def handle(session: Session, envelope: Envelope, now: int) -> None:
        session.after_commit(handled.set)

    node.serve_action(Durable("confirm", handle))
    async with running(node, sock):
        assert (await get(node, "/health")).status == 200
        ready = await get_ops(node, "/ready")
        assert (ready.status, ready.json["status"]) == (200, "ready")
        assert (await confirm(node)).is_ack
        async with asyncio.timeout(WITHIN_S):
            await handled.wait()
        metrics = (await get_ops(node, "/metrics")).body.decode()
        assert 'wayfare_accepted_total{action="confirm"} 1.0' in metrics
        assert 'wayfare_oldest_age_seconds{queue="inbox"}' in metrics
        assert 'wayfare_oldest_age_seconds{queue="outbox"}' in metrics


async def test_the_public_port_tells_that_the_node_lives_and_nothing_more(tmp_path: Path) -> None:
    sock = listening_socket()
    node = a_node(tmp_path, sock)
    async with running(node, sock):
        assert (await get(node, "/health")).json == {"status": "alive"}
        for path in ("/ready", "/metrics"):
            said = await get(node, path)
            assert said.status == 404
            assert b"wayfare_" not in said.body
        assert (await get_ops(node, "/health")).status == 200
        assert (await get_ops(node, "/on_confirm")).status == 404


async def test_who_finds_a_fault_is_told_where_to_say_so_if_the_operator_says(
    tmp_path: Path,
) -> None:
    sock, silent = listening_socket(), listening_socket()
    node = a_node(tmp_path / "a", sock, security_contact="mailto:security@example.org")
    async with running(node, sock):
        said = await get(node, "/.well-known/security.txt")
    assert (said.status, said.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert said.body.decode().splitlines() == [
        "Contact: mailto:security@example.org",
        "Expires: 2027-03-20T00:00:00Z",
        f"Canonical: {node.settings.url}/.well-known/security.txt",
    ]
    node = a_node(tmp_path / "b", silent)
    async with running(node, silent):
        assert (await get(node, "/.well-known/security.txt")).status == 404
    with (
        listening_socket() as other,
        pytest.raises(ValueError, match="security_contact"),
    ):
        a_node(tmp_path / "c", other, security_contact="x\nContact: mailto:other@example.org")


async def test_the_operators_port_is_on_loopback_and_beside_the_public_one(tmp_path: Path) -> None:
    with listening_socket() as sock:
        settings = settings_of(NodeSettings, tmp_path, sock, subscriber_id="bpp.example.org")
    assert settings.ops.host == "127.0.0.1"
    for port, beside in ((8602, 9602), (64_535, 65_535), (64_536, 63_536), (0, 0)):
        assert settings.model_copy(update={"port": port}).ops_port == beside
    named = settings.model_copy(update={"ops": OpsSettings(port=9)})
    assert named.ops_port == 9


async def test_an_operators_port_that_is_taken_is_named_by_its_setting(tmp_path: Path) -> None:
    with listening_socket() as sock, listening_socket() as taken:
        taken.listen()
        port = taken.getsockname()[1]
        node = a_node(tmp_path, sock, ops={"port": port})
        with pytest.raises(SettingsError, match=rf"key 'ops.port': 127.0.0.1:{port} is in use"):
            await node.start(sock=sock)
        node.store.close()


async def test_a_node_that_is_not_subscribed_is_not_ready_and_becomes_so(tmp_path: Path) -> None:
    sock, clock = listening_socket(), Clock()
    node = a_node(tmp_path, sock, clock=clock)
    own = peers.bpp("bpp.example.org")
    directory_of(node).forget(own)
    async with running(node, sock):
        ready = await get_ops(node, "/ready")
        assert ready.status == 503
        assert "SUBSCRIBED" in ready.json["faults"]["registry"]
        directory_of(node).held += own.records()
        clock.at += 5
        assert (await get_ops(node, "/ready")).status == 200


async def test_a_node_whose_registry_is_long_gone_is_not_ready(tmp_path: Path) -> None:
    sock, clock = listening_socket(), Clock()
    node = a_node(tmp_path, sock, clock=clock)
    async with running(node, sock):
        assert (await get_ops(node, "/ready")).status == 200
        directory_of(node).is_down = True
        clock.at += 299
        assert (await get_ops(node, "/ready")).status == 200
        clock.at += 1
        assert "registry" in (await get_ops(node, "/ready")).json["faults"]
        assert (await get(node, "/health")).status == 200


async def test_a_check_of_the_nodes_own_keeps_it_from_being_ready(tmp_path: Path) -> None:
    sock = listening_socket()
    node = a_node(tmp_path, sock)
    node.add_ready_check("ledger", lambda: "does not balance")
    async with running(node, sock):
        assert (await get_ops(node, "/ready")).json["faults"] == {"ledger": "does not balance"}


def test_a_number_of_workers_that_changed_under_a_running_node_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening_socket() as sock:
        with pytest.raises(SettingsError, match="with wayfare serve"):
            a_node(tmp_path / "alone", sock, workers=3)
        monkeypatch.setenv(VARIABLE, Worker(Share(0, 2), 0, 0, 0, 0).written())
        with pytest.raises(SettingsError, match="runs with 2 in all; stop it and start it anew"):
            a_node(tmp_path / "one", sock, workers=3)


async def test_a_workers_fault_is_told_by_the_others_and_forgotten_when_it_is_over(
    tmp_path: Path,
) -> None:
    sock = listening_socket()
    node = a_node(tmp_path, sock)
    faults: list[str | None] = ["does not balance", None]
    node.add_ready_check("ledger", lambda: faults[0])
    node.health.summing, another = (Summing(tmp_path / "workers", slot) for slot in (1, 0))
    async with running(node, sock):
        for value in ("1.0", "0.0"):
            await node.health.keep_metrics_next(0)
            said = another.whole(time.time()).decode()
            assert f'wayfare_ready_fault{{check="ledger"}} {value}' in said
            del faults[0]


async def test_what_cannot_be_stored_is_not_acked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sock = listening_socket()
    node = a_node(tmp_path, sock)
    node.serve_action(Durable("confirm", lambda session, envelope, now: None))

    async def full(unit: object, **_: object) -> None:
        raise StoreUnavailable("database or disk is full")

    async with running(node, sock):
        with monkeypatch.context() as patch:
            patch.setattr(node.store, "transact", full)
            said = await confirm(node)
            assert (said.status, said.code) == (503, "50000")
            assert int(said.headers["Retry-After"]) >= 1
            assert b"disk" not in said.body
            assert "disk is full" in (await get_ops(node, "/ready")).json["faults"]["store"]
        assert (await confirm(node)).is_ack
        assert (await get_ops(node, "/ready")).status == 200


async def test_a_full_passing_queue_sheds_and_takes_again(tmp_path: Path) -> None:
    sock, go_on, seen = listening_socket(), asyncio.Event(), asyncio.Event()
    node = a_node(tmp_path, sock, limits={"passing_max": 1, "passing_workers": 1})

    async def slow(envelope: Envelope) -> None:
        seen.set()
        await go_on.wait()

    node.serve_action(passing(slow))
    async with running(node, sock):
        assert (await search(node)).is_ack
        async with asyncio.timeout(WITHIN_S):
            await seen.wait()
        assert (await search(node)).is_ack
        said = await search(node)
        assert (said.status, said.code) == (503, "50000")
        assert "Retry-After" in said.headers
        go_on.set()
        await node.arrivals.drained()
        assert (await search(node)).is_ack


async def test_a_passing_message_is_given_up_at_its_ttl_and_others_go_on(tmp_path: Path) -> None:
    sock, handled = listening_socket(), []
    node = a_node(tmp_path, sock, limits={"passing_workers": 1})

    async def handle(envelope: Envelope) -> None:
        if envelope.context.ttl_s == 1:
            await asyncio.Event().wait()
        if envelope.context.city == "std:500":
            raise KeyError("a fault of ours")
        handled.append(envelope)

    node.serve_action(passing(handle))
    places = {"city": {"code": "std:500"}, "country": {"code": "MYS"}}
    async with running(node, sock):
        assert (await search(node, ttl="PT1S")).is_ack
        assert (await search(node, location=places)).is_ack
        assert (await search(node)).is_ack
        async with asyncio.timeout(WITHIN_S):
            await node.arrivals.drained()
        assert len(handled) == 1
        assert node.telemetry.count("given_up", "search") == 2
        assert node.telemetry.count("handled", "search") == 1


async def test_loops_of_both_forms_are_turned(tmp_path: Path) -> None:
    sock, turned = listening_socket(), {"plain": asyncio.Event(), "async": asyncio.Event()}
    node = a_node(tmp_path, sock)

    def plain(session: Session, now: int) -> bool:
        session.after_commit(turned["plain"].set)
        return False

    async def on_its_own(now: int) -> bool:
        turned["async"].set()
        return False

    node.add_loop("plain", plain, wake=asyncio.Event())
    node.add_loop("async", on_its_own, wake=asyncio.Event())
    async with running(node, sock), asyncio.timeout(WITHIN_S):
        for event in turned.values():
            await event.wait()


async def test_stopping_finishes_what_was_acked_and_takes_nothing_new(tmp_path: Path) -> None:
    sock, go_on, handled = listening_socket(), asyncio.Event(), []
    node = a_node(tmp_path, sock)

    async def slow(envelope: Envelope) -> None:
        await go_on.wait()
        handled.append(envelope)

    node.serve_action(passing(slow))
    await node.start(sock=sock)
    assert (await search(node)).is_ack
    stopping = asyncio.create_task(node.stop())
    await node.stopping.wait()
    with pytest.raises(aiohttp.ClientConnectionError):
        await search(node)
    assert not stopping.done()
    go_on.set()
    async with asyncio.timeout(WITHIN_S):
        await stopping
    assert len(handled) == 1


async def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path) -> None:
    with listening_socket() as sock:
        sock.listen()
        node = a_node(tmp_path, sock)
        settings = node.settings.model_copy(update={"port": sock.getsockname()[1]})
        node.settings = settings
        with pytest.raises(SettingsError, match=f"'port'.*{settings.port} is in use"):
            await node.start()
        node.store.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://bpp.example.org"}, "'url'"),
        ({"network": "production"}, "'url'"),
    ],
)
def test_a_node_that_must_not_start_says_which_setting(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with listening_socket() as sock, pytest.raises(SettingsError, match=words):
        a_node(tmp_path, sock, **change)


SCRIPT = """
    import sys
    from pathlib import Path
    from sqlalchemy import MetaData
    from protocol_specs.node.server import Node
    from protocol_specs.node.settings import NodeSettings
    from protocol_specs.wire.parties import SubscriberType
    folder = Path(sys.argv[1])
    settings = NodeSettings(
        subscriber_id="bpp.example.org", unique_key_id="k1", url="http://127.0.0.1:1", port=0,
        data_dir=folder / "data", signing_key=folder / "keys/signing.key",
        encryption_key=folder / "keys/encryption.key", network="development", log_level="warning",
    )
    Node(settings, type=SubscriberType.BPP, metadata=MetaData()).run()
"""


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    from tests.support.nodes import write_keys

    write_keys(tmp_path / "keys")
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("bpp.example.org (BPP) listens on http://127.0.0.1:")
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE), "keys on the disk"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out) == (0, "")
    assert '"event":"development_network"' in err
    assert "Traceback" not in err
