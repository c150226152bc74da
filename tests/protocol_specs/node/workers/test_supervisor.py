"""The parent of workers, with workers that do nothing but what it has to see."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocol_specs.node.settings import AnyNodeSettings
from protocol_specs.node.workers.supervisor import Supervisor
from tests.support.nodes import listening_socket, settings_of

HANGS = """
import signal
from protocol_specs.node.workers.workers import inherited
signal.signal(signal.SIGHUP, signal.SIG_IGN)
worker = inherited()
worker.say_waiting()
worker.say_ready()
signal.pause()
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Supervisor]:
    with listening_socket() as sock:
        settings = settings_of(AnyNodeSettings, tmp_path, sock, subscriber_id="bpp.example.org")
    one = Supervisor("bpp", tmp_path / "node.toml", settings)
    one._command = [sys.executable, "-c", HANGS]
    one._children[0] = one._start(0)
    yield one
    one._end(0)
    one._sock.close()
    one._ops_sock.close()


def look_until(parent: Supervisor, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        assert parent._look() is None
        time.sleep(0.01)


def test_a_worker_that_hangs_when_it_is_replaced_is_killed_and_keeps_no_slot(
    parent: Supervisor, capfd: pytest.CaptureFixture[str]
) -> None:
    parent._leave_s = 0.1
    look_until(parent, lambda: parent._children[0].is_ready)
    parent._to_replace = [0]
    parent._replace_next()
    old = parent._leaving[0]
    look_until(parent, lambda: not parent._leaving and parent._children[0].is_ready)
    assert old.process.returncode == -signal.SIGKILL
    assert "worker 0 did not leave in time" in capfd.readouterr().err
