"""What a program has of its machine, simulated: time, chance, and the disk under its database.

`machine` puts the simulated ones in their places for as long as its block lasts. The nodes' code is
the one that runs in production; nothing in it knows of this.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp.connector

from examples.simulator.loop import LIFE, Life
from protocol_specs.node import loops
from protocol_specs.node.door import shell

BEGAN_AT = 1_795_363_200  # 2026-11-23 00:00 in Kuala Lumpur, a Monday: its fares go by the hour


class Crash(BaseException):
    """The program ends here, in the middle of what it does."""


@dataclass(slots=True)
class Trouble:
    """What is wrong with the disk of one life just now."""

    is_away: bool = False  # no transaction can begin
    full: int = 0  # so many COMMITs fail
    crash: str = ""  # "before" or "after": the next COMMIT is the program's end
    on_crash: Callable[[], None] | None = None


@dataclass(slots=True)
class Disk:
    """The database connections of all lives, and the trouble they have."""

    open: list[tuple[Life, Connection]] = field(default_factory=list)
    trouble: dict[str, Trouble] = field(default_factory=dict)  # by the name of the life
    commits: int = 0

    def of(self, name: str) -> Trouble:
        """The trouble of a node's disk."""
        return self.trouble.setdefault(name, Trouble())

    def let_go(self, life: Life) -> None:
        """The connections of a life that is over: what it had not committed is gone."""
        for owner, connection in self.open:
            if owner is life:
                connection.close()
        self.open = [each for each in self.open if each[0] is not life]


def _disk_fault(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


class Connection(sqlite3.Connection):
    """SQLite's own, with the faults of a disk at the borders of a transaction."""

    disk: Disk

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As sqlite3's; raises what a failing disk lets it raise, or ends the program."""
        if sql == "COMMIT":
            return self._commit()
        if sql == "BEGIN IMMEDIATE" and self.disk.of(LIFE.get().name).is_away:
            raise _disk_fault(sqlite3.SQLITE_IOERR, "disk I/O error")
        if sql == "PRAGMA synchronous=FULL":  # as for os.fsync below
            sql = "PRAGMA synchronous=OFF"
        return super().execute(sql, parameters)

    def _commit(self) -> sqlite3.Cursor:
        trouble = self.disk.of(LIFE.get().name)
        self.disk.commits += 1
        if self.total_changes == getattr(self, "seen", -1):  # a read, or nothing was written
            return super().execute("COMMIT")
        self.seen = self.total_changes
        if trouble.full:
            trouble.full -= 1
            raise _disk_fault(sqlite3.SQLITE_FULL, "database or disk is full")
        if trouble.crash == "before":
            self._die(trouble)
        done = super().execute("COMMIT")
        if trouble.crash == "after":
            self._die(trouble)
        return done

    def _die(self, trouble: Trouble) -> None:
        trouble.crash = ""
        if trouble.on_crash is not None:
            trouble.on_crash()
        raise Crash


@contextlib.contextmanager
def machine(
    clock: Callable[[], float],
    dice: random.Random,
    write: Callable[[str], None],
    *,
    poll_s: float,
) -> Iterator[Disk]:
    """Time (`clock`: seconds since the beginning), randomness (`dice`), threads and databases of
    this process, simulated while the block lasts. What is written to standard error goes to
    `write`; loops that nobody wakes look for work every `poll_s` seconds."""
    disk = Disk()
    kind = type("SimulatedConnection", (Connection,), {"disk": disk})
    connect: Any = sqlite3.connect

    def opened(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: Connection = connect(*args, factory=kind, **kwargs)
        disk.open.append((LIFE.get(), connection))
        return connection

    held = random.getstate()
    with contextlib.ExitStack() as undo:
        undo.callback(random.setstate, held)
        for place, name, value in (
            (time, "time", lambda: BEGAN_AT + clock()),
            (time, "monotonic", clock),
            (aiohttp.connector, "monotonic", clock),
            (os, "urandom", dice.randbytes),
            (os, "fsync", lambda descriptor: None),  # programs die here, never the machine
            (random, "_urandom", dice.randbytes),
            (sqlite3, "connect", opened),
            (sys, "stderr", _Lines(write)),
            (loops, "POLL_S", poll_s),
            (shell, "WATCH_S", poll_s),
        ):
            undo.callback(setattr, place, name, getattr(place, name))
            setattr(place, name, value)
        random.seed(dice.randbytes(16))
        if gc.isenabled():  # what it frees, and when, is no part of a run
            gc.disable()
            undo.callback(gc.enable)
        yield disk


class _Lines:
    """A stream of whole lines."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._rest = write, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._write(line)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""
