"""Networks that part, dropped by the kernel itself: nothing that was booked is lost or doubled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = "ip link set lo up && ip rule add pref 50 ipproto tcp dport 1 blackhole"


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(600)
def test_whichever_way_to_a_node_is_cut_each_booking_ends_the_same_for_both_sides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-r", "-n"]
    tried = subprocess.run([*own, "sh", "-c", PARTS], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this kernel parts no networks by port: {tried.stderr}")
    done = subprocess.run(
        [*own, sys.executable, "-m", "tests.crash.parted", str(tmp_path / "network")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    with capsys.disabled():
        sys.stdout.write(f"\n{said['booked']} booked while {said['cuts']} cuts were made\n")
    assert said["booked"] > said["cuts"]
