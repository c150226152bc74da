"""Writes the first revision of each node's schema anew, for both databases; until the release only.

`python -m tests.house.migrations`. From the first release on a change is a revision of its own.
"""

import importlib
from pathlib import Path

from sqlalchemy import MetaData

from protocol_specs.node.database import sqlite
from protocol_specs.node.database.postgres.schema import definitions
from protocol_specs.node.messages import tables

ROOT = Path(__file__).parents[2]
SCHEMAS = {
    "registry": ("registry.tables", "registry.tables"),
    "gateway": ("gateway.tables", None),
    "bap": ("bap.tables", None),
    "bpp": ("bpp.tables", "bpp.schema"),
}
HEAD = '''"""The schema of the first release. Written by `python -m tests.house.migrations`."""

from protocol_specs.node.database.revisions import Schema

revision, down_revision = "0001", None
OLDEST = "0001"


def upgrade(schema: Schema) -> None:
    """From nothing."""
    schema.run_file(__file__, "up")


def downgrade(schema: Schema) -> None:
    """To nothing: all data go."""
    schema.run_file(__file__, "down")
'''


def schema_of(node: str) -> tuple[MetaData, tuple[str, ...]]:
    """A node's tables, with those that every node has, and its triggers."""
    module, triggers = SCHEMAS[node]
    metadata = importlib.import_module(module).METADATA
    found = () if triggers is None else importlib.import_module(triggers).TRIGGERS
    tables.define(metadata)
    return metadata, tuple(found)


def main() -> None:
    """All four."""
    for node in SCHEMAS:
        metadata, triggers = schema_of(node)
        up = list(definitions(metadata, triggers))
        down = [f"DROP TABLE {t.name} CASCADE" for t in reversed(metadata.sorted_tables)]
        names = [s.split()[2].partition("(")[0] for s in up if s.startswith("CREATE FUNCTION")]
        down += [f"DROP FUNCTION {name}" for name in names]
        folder = ROOT / node / "migrations" / "versions"
        folder.mkdir(parents=True, exist_ok=True)
        for package in (folder.parent, folder):
            if not (package / "__init__.py").exists():
                (package / "__init__.py").write_text('"""Revisions of this node\'s schema."""\n')
        (folder / "0001_first.py").write_text(HEAD)
        of_sqlite = [*sqlite.definitions(metadata), *triggers]
        for way, statements in (("up", up), ("down", down), ("sqlite.up", of_sqlite)):
            text = "\n\n".join(each.strip().replace("\t", "    ") for each in statements)
            (folder / f"0001_first.{way}.sql").write_text(text + "\n")


if __name__ == "__main__":
    main()
