"""Brings a SQLite file's schema from one revision to another: all of it, or nothing.

The folder is locked, so no node runs meanwhile; a checked copy of the database is kept beside it;
all revisions between, and the checks of what they made, are one transaction. A process that is
killed at any moment leaves the database of before.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from protocol_specs.node import files
from protocol_specs.node.database import sqlite
from protocol_specs.node.database.backup import copy_database
from protocol_specs.node.database.revisions import (
    EMPTY,
    NEWEST,
    Schema,
    Way,
    chosen,
    files_of,
    module_of,
    require_known,
)
from protocol_specs.node.database.sqlite_catalog import Said, catalog, differences
from protocol_specs.node.store_faults import StoreUnusable

STANDS = "nothing was changed, and the version of before still works on it"


@dataclass(frozen=True, slots=True)
class Moved:
    """From which revision to which, and the copy of what was before; None: it was there already."""

    before: str
    after: str
    copy: Path | None = None


def migrate(data_dir: Path, package: str, to: str = NEWEST) -> Moved:
    """Up or down to the revision `to`, with the package's own.

    Raises StoreInUse; StoreUnusable where there is no node, its schema is not what its revision
    makes, there is no way, or the disk has no room. Then the database is as it was.
    """
    target = chosen(package, to)
    if target == EMPTY:
        raise StoreUnusable(
            f"base would take all data: if that is meant, stop the node and move {data_dir} away"
        )
    sqlite.reader(data_dir).close()
    _require_own(data_dir / sqlite.FILE_NAME)
    with ExitStack() as opened:
        opened.callback(os.close, sqlite.lock(data_dir))
        connection = opened.enter_context(closing(sqlite.writer(data_dir)))
        try:
            before = _before(connection, data_dir, package)
            if before == target:
                return Moved(before, target)
            return Moved(before, target, _move(connection, data_dir, package, before, target))
        except sqlite3.Error as error:
            raise StoreUnusable(f"{data_dir}: {error}; {STANDS}") from error


def _require_own(database: Path) -> None:
    """The files that come beside it are of whoever types: the node must be able to open them."""
    owner = database.stat().st_uid
    if owner != os.geteuid():
        raise StoreUnusable(
            f"{database} belongs to user {owner}: type it as that user (sudo -u '#{owner}' ...)"
        )


def _before(connection: sqlite3.Connection, data_dir: Path, package: str) -> str:
    """The revision it has, if it is one of ours and untouched."""
    if not (number := sqlite.version_of(connection)):
        raise StoreUnusable(f"{data_dir} {sqlite.NO_SCHEMA}")
    require_known(package, found := f"{number:04}", data_dir)
    other = differences(catalog(connection), made_by(package, found))
    if other:
        raise StoreUnusable(
            f"{data_dir} is not what revision {found} makes ({other}); nothing was changed. Bring "
            "back what is missing and take out what was added, or ask who changed it"
        )
    return found


def _move(
    connection: sqlite3.Connection, data_dir: Path, package: str, before: str, target: str
) -> Path:
    """Changes it; the copy of what was before."""
    connection.execute("PRAGMA foreign_keys=OFF")  # else making a table anew empties those below
    with ExitStack() as undo:
        copy = _keep_copy(data_dir, target)
        undo.callback(copy.unlink)
        connection.execute("BEGIN IMMEDIATE")  # closed without COMMIT, all is as it was
        for path, way in _steps(package, before, target):
            getattr(module_of(path, package), way)(Schema("sqlite", connection.execute))
        _require_made(connection, data_dir, package, target)
        connection.execute(f"PRAGMA user_version={int(target)}")
        undo.pop_all()  # from here on nobody can say what a disk that fails has kept
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreUnusable(
            f"{data_dir}: {error}, when the change was to be kept. Mend the disk and type it "
            f"again: it says which revision there is. What was before is in {copy}"
        ) from error
    return copy


def made_by(package: str, target: str) -> Said:
    """What the package's revisions make of nothing, up to that one."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for path, _ in _steps(package, EMPTY, target):
            module_of(path, package).upgrade(Schema("sqlite", connection.execute))
        return catalog(connection)


def _require_made(
    connection: sqlite3.Connection, data_dir: Path, package: str, target: str
) -> None:
    """Raises StoreUnusable unless it is sound, and what the revisions make of nothing."""
    other = differences(catalog(connection), made_by(package, target))
    if other:
        raise StoreUnusable(
            f"{data_dir} would not be what revision {target} makes: {other}; {STANDS}"
        )
    sqlite.require_sound(connection, f"{data_dir} with revision {target}")


def _steps(package: str, before: str, target: str) -> Sequence[tuple[Path, Way]]:
    """The revisions between, in the order in which they are to be run."""
    low, high = sorted((_number(before), _number(target)))
    between = [path for path in files_of(package) if low < int(path.name[:4]) <= high]
    if _number(target) < _number(before):
        return [(path, "downgrade") for path in reversed(between)]
    return [(path, "upgrade") for path in between]


def _number(revision: str) -> int:
    return 0 if revision == EMPTY else int(revision)


def _keep_copy(data_dir: Path, target: str) -> Path:
    """A checked copy beside the database, under a name that nobody has. Raises StoreUnusable."""
    name = f"{sqlite.FILE_NAME}.before-{target}"
    half = data_dir / f"{name}.new"
    try:
        _remove(half)  # that of a migration which was killed
        copy_database(data_dir / sqlite.FILE_NAME, half)
        places = (data_dir / (name if n == 1 else f"{name}.{n}") for n in count(1))
        place = next(path for path in places if not path.exists())
        files.settle(half, place)
    except (OSError, StoreUnusable) as error:
        _remove(half)
        raise StoreUnusable(f"no copy could be kept: {error}; {STANDS}") from None
    return place


def _remove(half: Path) -> None:
    for path in half.parent.glob(f"{half.name}*"):
        path.unlink()
