"""The whole demonstration as a newcomer types it: five processes, and at the end none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples import demo as demonstration
from examples.process import WAYFARE
from protocol_specs.validate.reading import conversations
from protocol_specs.validate.rules import judge

PERSONAL = (
    *("Mei Ling", "Farid", "Arjun", "Aminah", "Ravi"),
    *("60123456789", "9876543210", "60129876543", "60131112222", "9811122233"),
    *("VDM 4821", "KA 05 HX 2291", "KL Sentral", "Petronas", "MG Road", "Koramangala"),
    *("3.1340", "101.6865", "3.1579", "101.7116", "12.9756", "77.6066"),
)
"""Of the people in the demonstration, and where they go."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    words = ["demo", "--json", "--port-base", "0", "--data", str(tmp_path / "data")]
    with (
        (tmp_path / "words").open("w") as said,
        subprocess.Popen(
            [*WAYFARE, *words], stdout=subprocess.PIPE, stderr=said, text=True, process_group=0
        ) as popen,
    ):
        yield popen
        popen.kill()


@pytest.mark.processes
def test_the_demonstration_keeps_its_promises_and_cleans_up(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert demo.stdout is not None
    line = demo.stdout.readline()
    assert line, (tmp_path / "words").read_text()
    shown = json.loads(line)
    assert shown["ride"]["status"] == shown["delivery"]["status"] == "COMPLETE"
    assert shown["cancelled_ride"]["status"] == "CANCELLED"
    assert shown["ledger"]["verified"] is True
    assert shown["slips_verified"] >= 2
    assert sorted(node["role"] for node in shown["nodes"]) == [
        "bap",
        "bpp",
        "bpp",
        "gateway",
        "registry",
    ]
    faces = [page["face"] for page in shown["pages"]]
    assert list(dict.fromkeys(faces)) == ["citizen", "driver", "office", "operator", "everybody"]
    for page in shown["pages"]:
        with urllib.request.urlopen(page["url"], timeout=30) as answer:
            assert answer.headers.get_content_type() == "text/html"
    pids = [node["pid"] for node in shown["nodes"]]
    for pid in pids:
        assert os.getpgid(pid) == pid, "Ctrl-C at a terminal is for the demonstration alone"
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.stdout.read() == ""
    assert demo.wait(timeout=60) == 0
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    words = (tmp_path / "words").read_text()
    assert "The five nodes stop." in words
    assert "is told:" not in words
    judge_recordings(tmp_path / "data")


def judge_recordings(data: Path) -> None:
    """What the nodes recorded passes without a fault or a warning, and names nobody."""
    verdicts = [
        judge(conversation)
        for name in ("bap", "rides", "couriers")
        for conversation in conversations([data / name / "recording"])
    ]
    assert sum(verdict.messages for verdict in verdicts) > 70
    assert [fault for verdict in verdicts for fault in verdict.faults] == []
    said = "".join(path.read_text() for path in data.glob("*/recording/*/*.json"))
    assert [one for one in PERSONAL if one in said] == []


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def heeded() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("under_nohup", [False, True])
def test_a_closed_terminal_ends_it_unless_it_was_started_with_nohup(
    heeded: None, under_nohup: bool
) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN if under_nohup else signal.SIG_DFL)
    demonstration._heed_signals()
    if under_nohup:
        signal.raise_signal(signal.SIGHUP)
        return
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGHUP)
