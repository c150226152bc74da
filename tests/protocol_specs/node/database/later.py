"""A newer version of a node, for tests: its revisions begin as the real one's and go on."""

import importlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol_specs.node.commands import main
from protocol_specs.node.database import revisions
from protocol_specs.node.database.sqlite import FILE_NAME

_HEAD = '''"""A revision of a test."""
revision, down_revision = "{0:04}", "{1:04}"
OLDEST = "0001"


def upgrade(schema):
    schema.run_file(__file__, "up")


def downgrade(schema):
    schema.run_file(__file__, "down")
'''


@dataclass(frozen=True)
class Later:
    """An installed node, as the commands find one: by its entry point and its package."""

    folder: Path
    name: str

    @property
    def package(self) -> str:
        return f"{self.name}.migrations"

    @property
    def versions(self) -> Path:
        return self.folder / self.name / "migrations" / "versions"

    def add(self, number: int, up: Sequence[str], down: Sequence[str] = ()) -> None:
        """A revision of SQLite's; without `down` it has no way down."""
        path = self.versions / f"{number:04}_of_a_test.py"
        path.write_text(_HEAD.format(number, number - 1))
        for way, statements in (("up", up), ("down", down)):
            if statements:
                path.with_suffix(f".sqlite.{way}.sql").write_text("\n\n".join(statements) + "\n")
        importlib.invalidate_caches()

    def first(self, table: str) -> list[str]:
        """The first revision's statements that make this table, its indexes and its triggers."""
        text = (self.versions / "0001_first.sqlite.up.sql").read_text()
        begins = (f"CREATE TABLE {table} (",)
        return [
            each
            for each in text.strip().split("\n\n")
            if each.startswith(begins) or f" ON {table} " in each.partition("BEGIN ")[0]
        ]


def later_than(node: str, folder: Path, patch: pytest.MonkeyPatch) -> Later:
    """A copy of this node's revisions, to which a test adds."""
    name = f"later_{folder.name}".replace("-", "_")
    made = Later(folder / "installed", name)
    shutil.copytree(
        revisions.folder_of(f"{node}.migrations"),
        made.versions.parent,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    info = made.folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[wayfare.nodes]\n{name} = {name}.app:build\n")
    patch.syspath_prepend(str(made.folder))
    return made


@dataclass(frozen=True)
class Folder:
    """A node's folder: settings, data. What is asked of it is typed."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def database(self) -> Path:
        return self.data / FILE_NAME

    def words(self, version: Later, *more: str) -> list[str]:
        """What is typed with that version."""
        config = str(self.folder / "node.toml")
        return ["store", "migrate", "--config", config, "--role", version.name, *more]

    def migrate(self, version: Later, *more: str) -> int:
        """Types it; the exit status."""
        return main(self.words(version, *more))

    def bytes(self) -> dict[str, bytes]:
        """Every file of the data, whole."""
        return {path.name: path.read_bytes() for path in self.data.iterdir() if path.is_file()}
