"""A command `wayfare` whose processes are forked from one that has imported everything.

A document has up to forty commands, and a process of each own would spend a second of its
processor on imports. What a caller starts is `preloaded_call.py`, a stand-in of ten milliseconds:
it sends its words, folder, environment and standard streams to the server below; the server forks,
and the fork becomes the command: it runs the console script's own `main()` to the interpreter's
end. Signals to the stand-in reach the fork, and its exit status is the fork's. No call leaves
anything behind for the next: the server itself runs no command.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any

PACKAGES = ("protocol_specs", "registry", "gateway", "bap", "bpp", "examples")
CALL = Path(__file__).with_name("preloaded_call.py")
ROOT = Path(__file__).parents[2]
READY = b"ready\n"


@contextmanager
def wayfare_in(folder: Path) -> Iterator[Path]:
    """A folder for the PATH with that `wayfare` in it, until the block ends."""
    bin = folder / "bin"
    bin.mkdir(parents=True)
    at = folder / "preloaded"
    command = bin / "wayfare"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{CALL}" "{at}" "$@"\n')
    command.chmod(0o755)
    words = [sys.executable, "-m", "tests.support.preloaded", str(at), str(command)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, cwd=ROOT, **pipes) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == READY
        yield bin
        server.stdin.close()  # it ends with us, however we end
        assert server.wait(timeout=60) == 0


def load() -> None:
    """Imports whatever any command may import, and keeps the forks from collecting it again."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


@dataclass
class _Call:
    """One stand-in: what it sent, and the process that does its work."""

    connection: socket.socket
    fds: list[int]
    words: list[str]
    folder: str
    environment: dict[str, str]
    ignored: list[int]
    signals: bytes  # came with the first words
    pidfd: int = field(default=-1)
    pid: int = field(default=0)

    def close(self) -> None:
        self.connection.close()
        for fd in (*self.fds, self.pidfd):
            if fd >= 0:
                os.close(fd)


def _received(connection: socket.socket) -> _Call:
    """What `preloaded_call.py` sends: a line of JSON, and three descriptors with its first byte."""
    data, fds, _, _ = socket.recv_fds(connection, 65536, 3)
    while b"\n" not in data:
        data += connection.recv(65536)
    line, _, signals = data.partition(b"\n")
    said: dict[str, Any] = json.loads(line)
    return _Call(connection, fds, **said, signals=signals)


def serve(listening: socket.socket) -> _Call | None:
    """Forks for each call. Returns in each fork, with its call; and in the server, with None, when
    standard input ends."""
    running: list[_Call] = []
    with DefaultSelector() as selector:
        selector.register(listening, EVENT_READ)
        selector.register(sys.stdin.fileno(), EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listening:
                    call = _received(listening.accept()[0])
                    call.pid = os.fork()
                    if call.pid == 0:
                        for other in running:
                            other.close()
                        return call
                    _follow(selector, call)
                    running.append(call)
                elif key.data is None:
                    for call in running:
                        _tell(call, signal.SIGKILL)
                    return None
                elif key.fd == key.data.pidfd:
                    _ended(selector, key.data)
                    running.remove(key.data)
                else:
                    _relay(selector, key.data)


def _follow(selector: DefaultSelector, call: _Call) -> None:
    for fd in call.fds:
        os.close(fd)
    call.fds.clear()
    call.pidfd = os.pidfd_open(call.pid)
    for number in call.signals:
        _tell(call, number)
    selector.register(call.pidfd, EVENT_READ, call)
    selector.register(call.connection, EVENT_READ, call)


def _ended(selector: DefaultSelector, call: _Call) -> None:
    """Tells the stand-in the exit status: below 0 the signal that ended it."""
    _, status = os.waitpid(call.pid, 0)
    selector.unregister(call.pidfd)
    if call.connection in selector.get_map():
        selector.unregister(call.connection)
        with suppress(OSError):  # killed at the same moment
            call.connection.send(b"%d\n" % os.waitstatus_to_exitcode(status))
    call.close()


def _relay(selector: DefaultSelector, call: _Call) -> None:
    """A byte is a signal for the command; no more bytes: the stand-in was killed, and so it is."""
    try:
        numbers = call.connection.recv(64)
    except ConnectionError:
        numbers = b""
    for number in numbers or (signal.SIGKILL,):
        _tell(call, number)
    if not numbers:
        selector.unregister(call.connection)


def _tell(call: _Call, number: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        signal.pidfd_send_signal(call.pidfd, number)


def become(call: _Call) -> None:
    """The fork takes over what the caller's process would have."""
    os.chdir(call.folder)
    os.environ.clear()
    os.environ.update(call.environment)
    time.tzset()
    for fd, own in zip(call.fds, (0, 1, 2), strict=True):
        os.dup2(fd, own)
    call.close()
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115 - as long as the process
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    sys.argv = ["wayfare", *call.words]
    for number in call.ignored:
        signal.signal(number, signal.SIG_IGN)


def main() -> int:
    """Serve calls at the socket that the first word names; nodes that a command starts as
    processes are started by the command that the second names."""
    at, command = sys.argv[1:]
    load()
    from examples import process
    from protocol_specs.node import commands

    process.WAYFARE[:] = [command]
    assert threading.active_count() == 1, "a fork would leave threads behind"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(at)
        listening.listen(64)
        os.write(1, READY)
        call = serve(listening)
    if call is None:
        return 0
    become(call)
    return commands.main()


if __name__ == "__main__":
    sys.exit(main())
