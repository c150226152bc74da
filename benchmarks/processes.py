"""Node processes under measurement: started, watched through /proc, ended."""

import compileall
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("protocol_specs", "registry", "gateway", "bap", "bpp")
WAYFARE = "from protocol_specs.node.commands import main; raise SystemExit(main())"


def free_port() -> int:
    """A port of loopback that is free now, and that the system lends to no outgoing connection."""
    for port in random.sample(range(15_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port below 32000")


def cpu_s_of(pid: int) -> float:
    """Seconds a process's threads were on a processor so far, user and system; exact to the ns."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in threads) / 1e9


@cache
def compile_modules() -> None:
    """Bytecode beside our modules, as an installation has it: a start without it compiles them."""
    for package in PACKAGES:
        compileall.compile_dir(ROOT / package, quiet=2)


class Process:
    """One running node."""

    def __init__(self, arguments: list[str], port: int, *, cwd: Path) -> None:
        self.port = port
        self.log = (cwd / "stderr.log").open("wb")
        compile_modules()
        started = time.monotonic()
        self.popen = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=self.log,
            stderr=self.log,
        )
        self._wait(Path(self.log.name))
        self.start_s = time.monotonic() - started
        self.start_cpu_s = self.cpu_s()

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if self.popen.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.01)
        raise RuntimeError(f"the node did not start:\n{log.read_text()[-2000:]}")

    def cpu_s(self) -> float:
        """Seconds on a processor so far."""
        return cpu_s_of(self.popen.pid)

    def resident_mb(self) -> float:
        """Resident memory now."""
        for line in Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self) -> None:
        self.popen.send_signal(signal.SIGTERM)
        self.popen.wait(timeout=60)
        self.log.close()
