"""Files that are replaced whole: who reads one sees the old content or the new, never a part."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Put `content` at `path`, readable by its owner only; on disk when this returns."""
    with fresh(path) as (new, file):
        file.write(content)
        sync(file)
        settle(new, path)


@contextmanager
def fresh(path: Path) -> Iterator[tuple[Path, BufferedWriter]]:
    """A new file beside `path`, to be written, synced and settled in its place; else it goes."""
    new = path.with_name(f"{path.name}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield new, file
    finally:
        with suppress(FileNotFoundError):
            new.unlink()


def sync(file: BufferedWriter) -> None:
    """All that was written is on disk."""
    file.flush()
    os.fsync(file.fileno())


def settle(new: Path, path: Path) -> None:
    """Move a synced file to its place, and sync the folder that names it."""
    os.replace(new, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
