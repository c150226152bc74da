"""The revisions of a node's schema: one Python file each in the node's `migrations/versions`.

A revision has `upgrade(schema)` and `downgrade(schema)`, and beside it the statements of each
database: `0002_name.up.sql` and `.down.sql` are PostgreSQL's, `0002_name.sqlite.up.sql` and
`.sqlite.down.sql` SQLite's. Without a file for the way down there is none. Its number is also what
a SQLite file says of itself (`PRAGMA user_version`), and it is kept nowhere else.

Rules for whoever writes one. The code before must work on the schema after it, so that the
processes of a node on PostgreSQL can be replaced one by one: new tables, new columns that may be
null or have a default and new indexes do that; what takes away comes a release later, when no code
needs it. `OLDEST` in the file is the oldest revision whose code works on it. On SQLite the triggers
stand while it runs, so what is append-only stays so; a table that is made anew as SQLite's "ALTER
TABLE" page says gets its triggers and indexes back from the revision's own statements.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Literal

from sqlalchemy import MetaData

from protocol_specs.node.store_faults import StoreUnusable

INFO = "migrations"
"""The key of `metadata.info` that names the package."""
EMPTY, NEWEST = "base", "head"
Way = Literal["upgrade", "downgrade"]
_SUFFIXES = {"postgresql": "", "sqlite": ".sqlite"}


@dataclass(frozen=True, slots=True)
class Schema:
    """What a revision changes: the schema of a `database`, statement by statement."""

    database: Literal["postgresql", "sqlite"]
    execute: Callable[[str], object]

    def run(self, statements: Iterable[str]) -> None:
        """Each as it stands, colons and percent signs too."""
        for statement in statements:
            self.execute(statement)

    def run_file(self, revision: str, way: str) -> None:
        """The same with those of the file beside the revision's own, a blank line between two."""
        path = Path(revision).with_suffix(f"{_SUFFIXES[self.database]}.{way}.sql")
        if not path.exists():
            raise StoreUnusable(
                f"revision {path.name[:4]} has no way {way} ({path.name}); nothing was changed"
            )
        self.run(path.read_text(encoding="utf-8").strip().split("\n\n"))


@cache
def package_of(role: str) -> str | None:
    """The package of the revisions of a node of that role; None: no such node is installed."""
    found = [entry for entry in entry_points(group="wayfare.nodes") if entry.name == role]
    return f"{found[0].value.split('.')[0]}.migrations" if found else None


def known(metadata: MetaData) -> list[str]:
    """The revisions that this version of the node knows, oldest first. Raises StoreUnusable."""
    package = metadata.info.get(INFO)
    if package is None:
        raise StoreUnusable("this node has no migrations: it cannot use PostgreSQL")
    return names_of(package)


def number_of(metadata: MetaData) -> int:
    """The newest of them as a number; 1 for tables that have no revisions."""
    package = metadata.info.get(INFO)
    return 1 if package is None else newest(package)


def newest(package: str) -> int:
    """The number of the package's newest revision."""
    return int(names_of(package)[-1])


def chosen(package: str, to: str) -> str:
    """The revision that `to` means: one of the package's, its newest for "head", or "base".

    Raises StoreUnusable, naming those that there are.
    """
    names = names_of(package)
    if to == NEWEST:
        return names[-1]
    if to not in (*names, EMPTY):
        raise StoreUnusable(f"there is no revision {to!r}; this version has {', '.join(names)}")
    return to


def require_known(package: str, found: str, where: object) -> None:
    """Raises StoreUnusable unless `found`, which the database at `where` has, is of the package."""
    if found not in names_of(package):
        raise StoreUnusable(
            f"{where} has schema {found}, which this version does not know: "
            "type it with the newer one; nothing was changed"
        )


def module_of(path: Path, package: str) -> ModuleType:
    """The revision in that file of the package."""
    return import_module(f"{package}.versions.{path.stem}")


def files_of(package: str) -> list[Path]:
    """The package's revisions, oldest first."""
    return sorted((folder_of(package) / "versions").glob("[0-9]*.py"))


def names_of(package: str) -> list[str]:
    """The same by their numbers, as four digits."""
    return [path.name[:4] for path in files_of(package)]


def folder_of(package: str) -> Path:
    """Where the files of that package lie."""
    return Path(str(import_module(package).__file__)).parent
