"""One node as a process of its own: started, waited for, ended."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from examples.calls import Caller, CallFailed
from protocol_specs.node.commands import main

START_S = 90.0
STOP_S = 15.0
WAYFARE = [
    sys.executable,
    "-c",
    "import sys; from protocol_specs.node.commands import main; sys.exit(main())",
]
"""The command `wayfare`, run by this very interpreter."""


class DemoFault(Exception):
    """What keeps the demonstration from going on; the text says what and what to do."""


@dataclass(frozen=True, slots=True)
class Started:
    """A node process that was started; `log` holds what it wrote to standard error."""

    name: str
    url: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The process id."""
        return self.popen.pid


def start(name: str, *, role: str, config: Path, url: str) -> Started:
    """Start `wayfare serve`; returns at once. It is no part of the terminal's own group: Ctrl-C is
    for who started it, who ends it when nobody asks it any more."""
    log = config.parent / "node.log"
    with log.open("ab") as handle:
        popen = subprocess.Popen(
            [*WAYFARE, "serve", role, "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            process_group=0,
        )
    return Started(name, url, popen, log)


def wait_healthy(node: Started) -> None:
    """Return once /health answers. Raises DemoFault with the node's own words if it never does."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if node.popen.poll() is not None:
            raise DemoFault(f"the {node.name} node ended by itself:\n{last_words(node)}")
        try:
            if Caller(node.url).ask("GET", "/health", None)[0] == 200:
                return
        except CallFailed:
            time.sleep(0.02)
    raise DemoFault(
        f"the {node.name} node did not answer {node.url}/health within {START_S:.0f} s:\n"
        f"{last_words(node)}"
    )


def stop(nodes: list[Started]) -> list[str]:
    """End the nodes, gracefully first; the names of those that had to be killed."""
    for node in nodes:
        if node.popen.poll() is None:
            node.popen.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    return [node.name for node in nodes if not _ended(node, deadline)]


def _ended(node: Started, deadline: float) -> bool:
    try:
        node.popen.wait(timeout=max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        node.popen.kill()
        node.popen.wait()
        return False
    return True


def last_words(node: Started, lines: int = 12) -> str:
    """The end of what the node wrote, indented."""
    text = node.log.read_text(errors="replace").strip().splitlines()
    return "\n".join(f"    {line}" for line in text[-lines:]) or "    (it wrote nothing)"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    output: str
    errors: str


def run(*words: str) -> Said:
    """Run one `wayfare` command to its end, as its own code does it, within this process.

    A process of its own would spend seconds on imports that are here already.
    """
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = main(words)
    return Said(status, output.getvalue().strip(), errors.getvalue().strip())
