"""Each node's revisions: one after the other, and together what the code makes in a new folder."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from protocol_specs.node.database import revisions, sqlite
from protocol_specs.node.database.sqlite_catalog import catalog, differences
from protocol_specs.node.database.sqlite_migrating import made_by, migrate
from protocol_specs.node.store import Store
from tests.house.migrations import SCHEMAS, schema_of


@pytest.mark.sqlite
@pytest.mark.parametrize("node", SCHEMAS)
def test_a_new_database_and_one_that_went_through_every_revision_have_the_same_schema(
    node: str, tmp_path: Path
) -> None:
    metadata, triggers = schema_of(node)
    Store.open(tmp_path, metadata, triggers=triggers).close()
    package = f"{node}.migrations"
    newest = revisions.chosen(package, revisions.NEWEST)
    with closing(sqlite3.connect(tmp_path / sqlite.FILE_NAME)) as connection:
        assert f"{sqlite.version_of(connection):04}" == newest
        made = catalog(connection)
    assert {kind for kind, _, _ in made} == {"table", "index", *(["trigger"] if triggers else [])}
    assert differences(made, made_by(package, newest)) == "", (
        "run: python -m tests.house.migrations"
    )
    assert migrate(tmp_path, package).copy is None, "and the command finds nothing to do"


@pytest.mark.parametrize("node", SCHEMAS)
def test_revisions_follow_one_another_and_speak_to_both_databases(node: str) -> None:
    package = f"{node}.migrations"
    before = None
    for number, path in enumerate(revisions.files_of(package), start=1):
        found = revisions.module_of(path, package)
        assert re.fullmatch(rf"{number:04}_[a-z0-9_]+\.py", path.name)
        assert (found.revision, found.down_revision) == (f"{number:04}", before)
        assert found.revision >= found.OLDEST
        assert callable(found.upgrade)
        assert callable(found.downgrade)
        before = found.revision


def schema(*statements: str) -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    for each in statements:
        made.execute(each)
    return made


WHOLE = (
    "CREATE TABLE t (e TEXT, b TEXT DEFAULT 'x, (y', a INTEGER, c TEXT, d TEXT, "
    "CHECK (a > 0), UNIQUE (a, b), PRIMARY KEY (c, d)) STRICT"
)


def test_it_is_no_difference_how_a_table_came_to_its_columns() -> None:
    grown = schema(
        "CREATE TABLE s (a INTEGER,\n\tb TEXT DEFAULT 'x, (y', c  TEXT, d TEXT,\n\tUNIQUE (a, b),"
        "PRIMARY KEY (c, d), CHECK (a > 0)\n)\n STRICT",
        "ALTER TABLE s RENAME TO t",
        "ALTER TABLE t ADD COLUMN e TEXT",
        "CREATE INDEX t_b ON t (b)",
        "DROP INDEX t_b",
    )
    with closing(grown), closing(schema(WHOLE)) as whole:
        assert differences(catalog(grown), catalog(whole)) == ""


@pytest.mark.parametrize(
    "other",
    [
        WHOLE.replace(" STRICT", ""),
        WHOLE.replace("a > 0", "a > 1"),
        WHOLE.replace("a INTEGER", "a INTEGER NOT NULL"),
        WHOLE.replace("'x, (y'", "'x, (z'"),
        WHOLE.replace(", UNIQUE (a, b)", ""),
        WHOLE.replace("(a, b)", "(a, d)").replace("(c, d)", "(c, b)"),
    ],
)
def test_whatever_a_table_says_otherwise_is_a_difference(other: str) -> None:
    with closing(schema(other)) as one, closing(schema(WHOLE)) as whole:
        assert differences(catalog(one), catalog(whole)) == "table t"


def test_an_index_and_a_trigger_differ_by_their_text() -> None:
    index, trigger = (
        "CREATE INDEX i ON t (a)",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT {}; END",
    )
    with (
        closing(schema(WHOLE, index, trigger.format(1))) as one,
        closing(schema(WHOLE, index.replace("(a)", "(b)"), trigger.format(2))) as other,
    ):
        assert differences(catalog(one), catalog(other)) == "index i, trigger g"
