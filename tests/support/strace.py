"""strace around a running process: which calls it makes, a kill at the k-th, failures.

Only the process's main thread is watched: there the node writes its database and its sockets.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

# Whatever can change a file or tell a peer something.
WRITES = (
    *("pwrite64", "pwritev", "pwritev2", "write", "writev", "sendto", "sendmsg", "sendmmsg"),
    *("sendfile", "copy_file_range", "fdatasync", "fsync", "msync", "sync_file_range"),
    *("ftruncate", "truncate", "fallocate", "unlink", "unlinkat", "rename", "renameat"),
    *("renameat2", "mkdir", "mkdirat", "link", "linkat", "openat", "connect"),
)
_CALL = re.compile(r"^(\w+)\((.*)")
ATTACH_DEADLINE_S = 60


@dataclass(frozen=True)
class Point:
    """Just before the k-th call of this kind, counted from the moment of attaching."""

    call: str
    k: int

    def __str__(self) -> str:
        return f"{self.call}-{self.k}"


@dataclass(frozen=True)
class Call:
    """One system call: its name, and its arguments as strace shows them."""

    name: str
    arguments: str


@asynccontextmanager
async def watching(pid: int, log: Path) -> AsyncIterator[None]:
    """Notes every write of the process in `log` until the end of the block."""
    async with _attached(pid, log, f"trace={','.join(WRITES)}"):
        yield


@asynccontextmanager
async def killing(pid: int, at: Point, log: Path) -> AsyncIterator[None]:
    """SIGKILL for the process at the point: that call is not made any more."""
    inject = f"inject={at.call}:signal=KILL:when={at.k}"
    async with _attached(pid, log, f"trace={at.call}", inject):
        yield


@asynccontextmanager
async def failing(pid: int, call: str, error: str, log: Path) -> AsyncIterator[None]:
    """Until the end of the block each such call of the process fails with this error."""
    async with _attached(pid, log, f"trace={call}", f"inject={call}:error={error}"):
        yield


def calls(log: Path) -> list[Call]:
    """The calls that `watching` noted, in order."""
    found = (_CALL.match(line) for line in log.read_text(errors="replace").splitlines())
    return [Call(match[1], match[2]) for match in found if match]


@asynccontextmanager
async def _attached(pid: int, log: Path, *expressions: str) -> AsyncIterator[None]:
    assert shutil.which("strace"), "strace is missing (Debian, Ubuntu: apt install strace)"
    options = [word for expression in expressions for word in ("-e", expression)]
    strace = await asyncio.create_subprocess_exec(
        *("strace", "-p", str(pid), "-o", str(log), *options), stderr=asyncio.subprocess.PIPE
    )
    assert strace.stderr is not None
    try:
        async with asyncio.timeout(ATTACH_DEADLINE_S):
            said = await strace.stderr.readline()
        assert b" attached" in said, f"strace cannot watch a process here: {said.decode()}"
        yield
    finally:
        if strace.returncode is None:
            strace.terminate()
        await strace.communicate()
