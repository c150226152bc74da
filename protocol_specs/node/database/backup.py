"""A copy of a node's data folder that is whole: taken beside the running node, checked, restored.

The database is copied as one committed state (`VACUUM INTO`, which also leaves out what was
deleted); then the small files beside it. Private keys are not in the copy, even if they lie in the
data folder. A copy without its manifest is not finished.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Container, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protocol_specs.node import files
from protocol_specs.node.database import sqlite
from protocol_specs.node.store_faults import StoreUnusable

MANIFEST = "manifest.json"
VERSION = 1
LEFT_OUT = (
    sqlite.FILE_NAME,
    sqlite.LOCK_NAME,
    "registry.snapshot",
    "codes.jsonl",
    ".new",
    MANIFEST,
)
"""Beginnings or ends of names: the database is copied by itself, the others come again."""
ROTATED = re.compile(r"(signing|encryption)-.*\.key")  # that `wayfare rotate` made
WAIT_S = 30
CHUNK_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Backup:
    """What a finished copy says of itself. `made_at` in seconds UTC; `files` name -> SHA-256."""

    version: int
    subscriber_id: str
    made_at: int
    files: dict[str, str]


def make(
    data_dir: Path, folder: Path, *, subscriber_id: str, now: int, private: Container[Path] = ()
) -> Backup:
    """Copy the data of a node, running or not, into `folder`, which is new or empty; of files that
    are `private` (whole paths) nothing.

    Raises StoreUnusable: nothing to copy, a folder with something in it, a copy that does not hold.
    """
    if not (data_dir / sqlite.FILE_NAME).exists():
        raise StoreUnusable(
            f"{data_dir} holds no {sqlite.FILE_NAME}: nothing to copy (a PostgreSQL database is "
            "copied with its own tools, docs/operate.md)"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise StoreUnusable(f"{folder} is not empty: each backup has a folder of its own")
    copy_database(data_dir / sqlite.FILE_NAME, folder / sqlite.FILE_NAME)
    for name in _beside(data_dir):
        if (data_dir / name).resolve() not in private and not ROTATED.fullmatch(name.name):
            _copy(data_dir / name, folder / name)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    made = Backup(VERSION, subscriber_id, now, {name: _sha256(folder / name) for name in names})
    files.replace(folder / MANIFEST, json.dumps(asdict(made), indent=1).encode())
    return made


def check(folder: Path) -> Backup:
    """The backup in `folder`, if it is finished, unchanged and a sound database.

    Raises StoreUnusable naming the file that is not as it was written.
    """
    found = _read(folder)
    for name, wanted in found.files.items():
        path = folder / name
        if not path.is_relative_to(folder) or ".." in Path(name).parts or not path.is_file():
            raise StoreUnusable(f"{folder}: {name} is missing")
        if _sha256(path) != wanted:
            raise StoreUnusable(f"{folder}: {name} is not what was backed up; take another copy")
    if sqlite.FILE_NAME not in found.files:
        raise StoreUnusable(f"{folder}: there is no {sqlite.FILE_NAME} in it")
    _check_database(folder / sqlite.FILE_NAME)
    return found


def restore(folder: Path, data_dir: Path, *, subscriber_id: str) -> Backup:
    """Put a checked backup into `data_dir`, which holds no database; the node must not run.

    Raises StoreUnusable, StoreInUse; nothing that is there is replaced.
    """
    found = check(folder)
    if found.subscriber_id != subscriber_id:
        raise StoreUnusable(f"{folder} is a backup of {found.subscriber_id}, not {subscriber_id}")
    if (data_dir / sqlite.FILE_NAME).exists():
        raise StoreUnusable(
            f"{data_dir} holds a database. Move the folder away first, and keep it: it may know "
            "what the backup does not"
        )
    lock = sqlite.lock(data_dir)
    try:
        others = [name for name in found.files if name != sqlite.FILE_NAME]
        for name in (*others, sqlite.FILE_NAME):  # the database last: with it the folder is whole
            _copy(folder / name, data_dir / name)
    finally:
        os.close(lock)
    return found


def copy_database(source: Path, target: Path) -> None:
    """One committed state of the database in a new file `target`, checked. Raises StoreUnusable."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # empty, so it is used
    try:
        with closing(_open(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        target.unlink()
        raise StoreUnusable(f"{source} could not be copied to {target}: {error}") from None
    _sync(target)
    _check_database(target)


def _check_database(path: Path) -> None:
    try:
        with closing(_open(path)) as connection:
            sqlite.require_sound(connection, path)
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path}: {error}") from None


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)


def _beside(data_dir: Path) -> Iterator[Path]:
    """The small files of the folder and below it, as relative paths."""
    for path in sorted(data_dir.rglob("*")):
        left_out = path.name.startswith(LEFT_OUT) or path.name.endswith(LEFT_OUT)
        if path.is_file() and not path.is_symlink() and not left_out:
            yield path.relative_to(data_dir)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as read, files.fresh(target) as (path, file):
        shutil.copyfileobj(read, file, CHUNK_BYTES)
        files.sync(file)
        files.settle(path, target)


def _read(folder: Path) -> Backup:
    path = folder / MANIFEST
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        found = Backup(**document)
    except FileNotFoundError:
        raise StoreUnusable(f"{folder} is no finished backup: {MANIFEST} is missing") from None
    except (OSError, ValueError, TypeError) as error:
        raise StoreUnusable(f"{path} cannot be read: {error}") from None
    if found.version != VERSION:
        raise StoreUnusable(f"{path} is of version {found.version}; this one reads {VERSION}")
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
