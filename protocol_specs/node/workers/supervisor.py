"""The parent of a node's workers: keeps the listening sockets, and as many workers as asked for.

SIGHUP replaces the workers one by one, each by a process that reads settings and code anew, and no
connection is refused meanwhile. A worker that dies is replaced. SIGTERM ends them all; they end by
themselves when the parent is killed, and the next one waits for that.
"""

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from protocol_specs.node.database import sqlite
from protocol_specs.node.settings import AnyNodeSettings
from protocol_specs.node.startup import bind, bind_ops
from protocol_specs.node.store_faults import StoreInUse
from protocol_specs.node.workers.workers import DRAIN_S, VARIABLE, Share, Worker

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
LOOK_S = 0.1
AGAIN_S_MAX = 30.0
END_S = 5.0  # beyond the node's own deadline
RUN = "import sys; from protocol_specs.node.commands import main; sys.exit(main())"


@dataclass(slots=True)
class _Child:
    """One running worker. `said` is the pipe on which it says that it listens."""

    process: subprocess.Popen[bytes]
    said: int
    waits: bool = False  # for its slot, with everything read
    is_ready: bool = False
    leaves_by: float | None = None  # once it was told to; then it is killed


class Supervisor:
    """Workers of one node, by slot."""

    def __init__(self, role: str, config: Path, settings: AnyNodeSettings) -> None:
        self._command = [sys.executable, "-c", RUN, "serve", role, "--config", str(config)]
        self._first = settings.workers_before
        slots = range(self._first, self._first + settings.workers)
        self._shares = {slot: Share(slot, settings.workers_of) for slot in slots}
        self._stop_s = settings.limits.stop_deadline_s + END_S
        self._leave_s = DRAIN_S + 2 * self._stop_s  # what it took is sent on without the slot
        self._lock = self._locked(settings.data_dir)
        self._alive = os.pipe()  # nothing is written: the second end closes with this process
        self._sock, self._ops_sock = bind(settings), bind_ops(settings)
        self._sock.listen(256)
        self._children: dict[int, _Child] = {}
        self._leaving: dict[int, _Child] = {}
        self._to_replace: list[int] = []
        self._failures = 0
        self._not_before = 0.0

    def run(self) -> int:
        """Until SIGTERM or Ctrl-C; the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self._children[self._first] = self._start(self._first)
        while True:
            got = signal.sigtimedwait(SIGNALS, LOOK_S)
            if got is not None and got.si_signo in (signal.SIGTERM, signal.SIGINT):
                return self._end(0)
            if got is not None and got.si_signo == signal.SIGHUP:
                self._to_replace = list(self._shares)
            status = self._look()
            if status is not None:
                return self._end(status)
            self._replace_next()

    def _locked(self, data_dir: Path) -> int:
        """The folder, once the workers of a parent that was killed have ended: they hold it too.
        Raises StoreInUse."""
        deadline, is_told = time.monotonic() + self._stop_s, False
        while True:
            try:
                return sqlite.lock(data_dir)
            except StoreInUse as fault:
                if time.monotonic() > deadline or _is_running(fault.holder):
                    raise
                if not is_told:
                    self._say(f"the workers of process {fault.holder}, which is gone, are ending")
                is_told = True
                time.sleep(LOOK_S)

    def _start(self, slot: int) -> _Child:
        read, write = os.pipe()
        os.set_blocking(read, False)
        sockets = self._sock.fileno(), self._ops_sock.fileno()
        worker = Worker(self._shares[slot], *sockets, write, self._alive[0])
        process = subprocess.Popen(  # noqa: S603 - our own command line
            self._command,
            env={**os.environ, VARIABLE: worker.written()},
            pass_fds=(*sockets, write, self._alive[0], self._lock),
        )
        os.close(write)
        return _Child(process, read)

    def _look(self) -> int | None:
        """Hears who is ready, and starts anew who died. An exit status where there is no use."""
        for slot, child in list(self._children.items()):
            if not child.is_ready and select.select([child.said], [], [], 0)[0]:
                said = os.read(child.said, 1)
                child.waits, child.is_ready = child.waits or said == b"0", said == b"1"
                self._failures = 0 if child.is_ready else self._failures
            status = child.process.poll()
            if status is None:
                continue
            everybody = *self._children.values(), *self._leaving.values()
            was_never_up = not any(each.is_ready for each in everybody)
            if was_never_up and status == 1:  # settings or database: it said what is wrong
                return status
            if time.monotonic() >= self._not_before:
                self._failures += not child.is_ready
                self._not_before = time.monotonic() + min(2.0**self._failures, AGAIN_S_MAX) - 1
                self._say(f"worker {slot} ended with {status}; another takes its place")
                os.close(child.said)
                self._children[slot] = self._start(slot)
        if self._children[self._first].is_ready:  # it has made what all share: secrets, the roster
            for slot in self._shares.keys() - self._children.keys():
                self._children[slot] = self._start(slot)
        self._let_go()
        return None

    def _let_go(self) -> None:
        """Ends those whose successors wait for their slots; one that hangs is killed."""
        now = time.monotonic()
        for slot, child in list(self._leaving.items()):
            if child.process.poll() is not None:
                del self._leaving[slot]
            elif child.leaves_by is None and self._children[slot].waits:
                child.leaves_by = now + self._leave_s
                child.process.send_signal(signal.SIGHUP)
            elif child.leaves_by is not None and now > child.leaves_by:
                self._say(f"worker {slot} did not leave in time and is killed")
                child.process.kill()
                child.process.wait()

    def _replace_next(self) -> None:
        """The next one to be replaced, once the last successor listens. The old one goes on until
        its successor waits for the slot, with settings and code read: one that cannot start
        replaces nobody."""
        is_settled = all(child.is_ready for child in self._children.values())
        if not self._to_replace or self._leaving or not is_settled:
            return
        slot = self._to_replace.pop(0)
        old = self._leaving[slot] = self._children[slot]
        self._children[slot] = self._start(slot)
        os.close(old.said)

    def _end(self, status: int) -> int:
        everybody = [*self._children.values(), *self._leaving.values()]
        for child in everybody:
            child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_s
        for child in everybody:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        os.close(self._lock)
        return status

    def _say(self, what: str) -> None:
        sys.stderr.write(f"wayfare: {what}\n")
        sys.stderr.flush()


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ValueError:  # it did not say who it is
        return True
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
