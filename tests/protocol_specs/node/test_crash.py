"""kill -9 at every step between a message and its answer: nothing lost, nothing done twice."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.crashing import MESSAGES


def test_a_kill_at_any_step_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """All that was ACKed is handled once, and its answer arrives.

    An answer may arrive twice: its receiver knows it by its message_id.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.crashing", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    reports = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(reports) > 40, "too few steps to mean anything"
    assert [report["died"] for report in reports] == [True] * (len(reports) - 1) + [False]
    for report in reports:
        where = f"killed at step {report['point']}: {report}"
        assert report["restarted"], where
        assert report["effects"] == [1] * MESSAGES, where
        assert report["received"] == ["handled"] * MESSAGES, where
        assert report["owed"] == ["sent"] * MESSAGES, where
        assert all(1 <= times <= 2 for times in report["answers"]), where
    assert any(2 in report["answers"] for report in reports), "no kill fell between send and mark"
    assert reports[-1]["answers"] == [1] * MESSAGES
