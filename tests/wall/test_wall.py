"""No node connects to an address that is not public, whatever a peer names (architecture.md)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wall.world import certificate

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def attacked(folder: Path, *words: str) -> dict[str, Any]:
    """What the attack says that ran in network and mount namespaces of its own."""
    own = ["unshare", "-n", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-n", "-m"]
    done = subprocess.run(
        [*own, sys.executable, "-m", "tests.wall.attack", str(folder), *words],
        cwd=ROOT,
        env=os.environ | {"SSL_CERT_FILE": str(certificate(folder))},
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert said["sings"], "the canaries did not notice a connection made on purpose"
    return said


def test_no_way_out_reaches_an_internal_address_and_all_reach_a_public_one(tmp_path: Path) -> None:
    said = attacked(tmp_path)
    assert said["hits"] == []
    assert said["reached"] == []
    assert said["redirected"] == []
    assert {way for way, _ in said["good"]} == {
        "send",
        "forward",
        "call",
        "submit",
        "fetch",
        "follow",
        "pool",
    }
    assert len(said["good"]) == 21, said["good"]
    assert said["rebound"] > 0, "the name was never called while it was public"
    assert said["asked"] > 50, "names were really resolved"


def test_without_the_wall_the_same_attack_does_hit(tmp_path: Path) -> None:
    said = attacked(tmp_path, "--without-wall")
    hit = {address for address, _ in said["hits"]}
    assert {"10.0.0.5", "169.254.169.254", "127.0.0.1", "64:ff9b::a9fe:a9fe"} <= hit
