"""A real NATS server for tests: from a package, on a port of its own, to be killed and wiped."""

import ctypes
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.nodes import free_port

DEADLINE_S = 60.0
BINARY = Path(sys.executable).parent / "nats-server"


class NatsServer:
    """One server, with JetStream unless it is one of a cluster."""

    def __init__(self, more: str = "", *, has_jetstream: bool = True) -> None:
        """`more` is added to its configuration."""
        self.folder = Path(tempfile.mkdtemp(prefix="nats-", dir="/tmp"))
        self.port = free_port()
        self._config = self.folder / "nats.conf"
        keeps = f'jetstream {{ store_dir: "{self.folder}/store" }}\n' if has_jetstream else ""
        self._config.write_text(f'listen: "127.0.0.1:{self.port}"\n{keeps}{more}\n')
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it takes connections."""
        self._process = subprocess.Popen(
            [BINARY, "--config", self._config],
            preexec_fn=_end_with_the_tests,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                    if sock.recv(4) == b"INFO":
                        return
            except OSError:
                assert time.monotonic() < deadline, "the NATS server does not start"
            assert self._process.poll() is None, "the NATS server ended"
            time.sleep(0.01)

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP, SIGCONT."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """As a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
            self._process = None

    def wipe(self) -> None:
        """Forgets what it had stored; while it is down."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)

    def remove(self) -> None:
        """Ends it for good."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def cluster() -> tuple[NatsServer, NatsServer]:
    """Two servers that pass on to each other what is said at either."""
    ports = free_port(), free_port()
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports)
    one, two = (
        NatsServer(
            f"server_name: n{port}\n"
            f'cluster {{ name: c, listen: "127.0.0.1:{port}", routes: [{routes}] }}',
            has_jetstream=False,
        )
        for port in ports
    )
    return one, two


def _end_with_the_tests() -> None:
    """Whoever started the server may be killed: then it ends at once (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
