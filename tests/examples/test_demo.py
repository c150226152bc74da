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

from examples.process import WAYFARE


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    words = ["demo", "--json", "--port-base", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen([*WAYFARE, *words], stdout=subprocess.PIPE, text=True) as popen:
        yield popen
        popen.kill()


@pytest.mark.processes
def test_the_demonstration_keeps_its_promises_and_cleans_up(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    shown = json.loads(demo.stdout.readline())
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
    for page in shown["pages"]:
        with urllib.request.urlopen(page["url"], timeout=5) as answer:
            assert answer.headers.get_content_type() == "text/html"
    pids = [node["pid"] for node in shown["nodes"]]
    for pid in pids:
        os.kill(pid, 0)
    demo.send_signal(signal.SIGTERM)
    assert demo.stdout.read() == ""
    assert demo.wait(timeout=60) == 0
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
