"""The demonstration's network: what is refused before it starts, and what it writes."""

from __future__ import annotations

import socket
import stat
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples.network import BESIDE, BLOCKS, MARK, NODES, chosen_ports, network, write_settings
from examples.process import DemoFault, Started, start, stop, wait_healthy
from protocol_specs.node.commands import main


def test_any_free_ports_are_five_that_no_other_demonstration_gets_before_they_are_bound() -> None:
    with ExitStack() as held:
        got = [held.enter_context(chosen_ports(0)).values() for _ in range(len(BLOCKS) // 2)]
        assert len({port for ports in got for port in ports}) == len(NODES) * len(got)


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    with socket.socket() as other, ExitStack() as held:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DemoFault, match=rf"in use.* port {port}.*--port-base"):
            held.enter_context(chosen_ports(port))


@pytest.mark.parametrize("port_base", [1, 22, 65533, -5])
def test_ports_that_cannot_be_are_refused(port_base: int) -> None:
    with pytest.raises(DemoFault, match="choose one from 1024"), chosen_ports(port_base):
        pytest.fail("it began with ports that cannot be")


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DemoFault, match="--data DIR"), network(tmp_path, 0):
        pytest.fail("it began in a folder that is not its own")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DemoFault, match=r"file.*--data DIR"), network(tmp_path / "file" / "x", 0):
        pytest.fail("it began in a folder that cannot be")


def test_two_demonstrations_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        network(tmp_path, 0),
        pytest.raises(DemoFault, match="another demonstration runs"),
        network(tmp_path, 0),
    ):
        pytest.fail("the second one began")


def test_an_earlier_demonstration_makes_room(tmp_path: Path) -> None:
    for _ in range(2):
        with network(tmp_path, 0) as plan:
            write_settings(plan)
    assert {path.name for path in tmp_path.iterdir()} == {*NODES, *BESIDE, MARK}


def test_every_node_gets_settings_that_it_takes_and_keys_that_only_its_owner_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with network(tmp_path, 0) as plan:
        write_settings(plan)
        for name, role in NODES.items():
            assert main(["check-config", role, "--config", str(plan.config(name))]) == 0
        assert capsys.readouterr().out.count("fine for") == len(NODES)
        secrets = list(tmp_path.rglob("*.key"))
        assert len(secrets) == 2 * len(NODES) + 2 + 1  # ledgers, the office
        assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


@pytest.mark.processes
def test_a_node_that_does_not_start_is_told_in_its_own_words(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text("colour = 1\n")
    node = start("registry", role="registry", config=config, url="http://127.0.0.1:1")
    with pytest.raises(DemoFault, match=r"registry node ended by itself(.|\n)*subscriber_id"):
        wait_healthy(node)


@pytest.mark.processes
def test_a_node_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    import examples.process

    monkeypatch.setattr(examples.process, "STOP_S", 0.2)
    deaf = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()"
    )
    popen = subprocess.Popen(
        [sys.executable, "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with popen:
        assert popen.stdout is not None
        popen.stdout.readline()
        assert stop([Started("deaf", "http://127.0.0.1:1", popen, tmp_path / "log")]) == ["deaf"]
        assert popen.returncode == -9
