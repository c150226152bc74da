"""Revisions of each node's schema: up, down, the same as the code says, and refused in words."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from protocol_specs.node.database import store_commands
from protocol_specs.node.database.postgres import schema
from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.postgres.migrating import migrate
from protocol_specs.node.database.revisions import folder_of
from protocol_specs.node.database.store_commands import run_migrate
from protocol_specs.node.settings import write_secret
from protocol_specs.node.store import Store, StoreAt, StoreUnusable
from tests.house.migrations import SCHEMAS, schema_of
from tests.support.postgres_server import server

CATALOG = (
    "SELECT 'column', c.relname || '.' || a.attname || ' ' || format_type(atttypid, atttypmod) "
    "|| attnotnull || attidentity::text || coalesce(l.collname, '') FROM pg_attribute a "
    "JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_collation l ON l.oid = attcollation "
    "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND attnum > 0",
    "SELECT 'constraint', conrelid::regclass || ' ' || pg_get_constraintdef(oid) "
    "FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "SELECT 'index', regexp_replace(indexdef, 'INDEX [^ ]+_(pkey|key)[0-9]* ', '') "
    "FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT 'function', pg_get_functiondef(oid) FROM pg_proc "
    "WHERE pronamespace = 'public'::regnamespace",
)
OWN = {schema.VERSION_TABLE, schema.OLDEST_TABLE}
ADDING = '''"""Adds a column that may be empty, and a table."""
revision, down_revision = "0002", "0001"
OLDEST = "{oldest}"


def upgrade(schema):
    schema.run(["ALTER TABLE received ADD COLUMN colour TEXT", "CREATE TABLE shade (id BIGINT)"])


def downgrade(schema):
    schema.run(["DROP TABLE shade", "ALTER TABLE received DROP COLUMN colour"])
'''


def fresh(name: str) -> StoreAt:
    return StoreAt(Path.home(), server().make(name))


def catalog(at: StoreAt) -> set[tuple[str, str]]:
    """All that the database knows of its tables, but for those that say the revision."""
    link = Link(at.url or "")
    try:
        found = {(row[0], row[1]) for asked in CATALOG for row in link.rows(asked)}
    finally:
        link.close()
    return {each for each in found if not any(name in each[1] for name in OWN)}


@pytest.mark.parametrize("node", SCHEMAS)
def test_the_revisions_make_what_the_code_says_and_leave_nothing_behind(node: str) -> None:
    metadata, triggers = schema_of(node)
    by_code = fresh(f"code_{node}")
    link = Link(by_code.url or "")
    for statement in schema.definitions(metadata, triggers):
        link.run(statement)
    link.close()
    there = fresh(f"revised_{node}")
    package = f"{node}.migrations"
    assert migrate(there, package) == ("base", "0001")
    assert catalog(there) == catalog(by_code), "run: python -m tests.house.migrations"
    assert migrate(there, package) == ("0001", "0001")
    assert migrate(there, package, "base") == ("0001", "base")
    assert catalog(there) == set()
    assert migrate(there, package) == ("base", "0001")


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A package of the gateway's revisions with another that says which code works on it."""

    def write(oldest: str) -> str:
        name = f"later_{oldest}_{tmp_path.name}".replace("-", "_")
        shutil.copytree(folder_of("gateway.migrations"), tmp_path / name)
        (tmp_path / name / "versions" / "0002_adds.py").write_text(ADDING.format(oldest=oldest))
        monkeypatch.syspath_prepend(str(tmp_path))
        return name

    return write


def gateway(folder: Path, url: str | None, package: str = "gateway.migrations") -> Store:
    """A node's store, with the code that knows these revisions."""
    metadata, _ = schema_of("gateway")
    copy = MetaData(info={"migrations": package})
    for table in metadata.sorted_tables:
        table.to_metadata(copy)
    return Store.open(StoreAt(folder, url), copy)


def test_an_empty_database_is_refused_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="no schema yet: run wayfare store migrate"):
        gateway(tmp_path, fresh("empty").url)


def test_old_code_works_on_a_schema_that_only_adds_and_new_code_not_on_the_old(
    tmp_path: Path, later: Callable[[str], str]
) -> None:
    at, package = fresh("adds"), later("0001")
    migrate(at, "gateway.migrations")
    with pytest.raises(StoreUnusable, match="has schema 0001, this node needs 0002"):
        gateway(tmp_path / "new", at.url, package)
    running = gateway(tmp_path / "old", at.url)
    assert migrate(at, package) == ("0001", "0002"), "beside the node that runs"
    running.transact_now(lambda session: None)
    running.close()
    with pytest.raises(StoreUnusable, match="has schema 0002, which this version does not know"):
        migrate(at, "gateway.migrations")
    with pytest.raises(StoreUnusable, match="no revision '0007'; this version has 0001, 0002"):
        migrate(at, package, "0007")
    gateway(tmp_path / "old", at.url).close()
    gateway(tmp_path / "new", at.url, package).close()
    assert migrate(at, package, "0001") == ("0002", "0001")


def test_a_schema_that_takes_away_is_refused_by_old_code(
    tmp_path: Path, later: Callable[[str], str]
) -> None:
    at = fresh("takes")
    migrate(at, later("0002"))
    with pytest.raises(StoreUnusable, match="needs code of 0002 or newer"):
        gateway(tmp_path, at.url)


def test_a_migration_that_fails_changes_nothing(later: Callable[[str], str]) -> None:
    at, package = fresh("fails"), later("0001")
    migrate(at, "gateway.migrations")
    link = Link(at.url or "")
    link.run("CREATE TABLE shade (id BIGINT)")
    link.close()
    before = catalog(at)
    with pytest.raises(StoreUnusable, match="was not changed"):
        migrate(at, package)
    assert catalog(at) == before
    assert migrate(at, "gateway.migrations") == ("0001", "0001")


def test_the_command_says_where_the_schema_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        'role = "gateway"\nsubscriber_id = "g"\nunique_key_id = "k"\nurl = "http://g"\nport = 1\n'
        'data_dir = "data"\nsigning_key = "s"\nencryption_key = "e"\n'
        f'[store]\nurl = "{fresh("command").url}"\n'
    )
    for expected in ("the schema went base -> 0001", "the schema is 0001"):
        arguments = argparse.Namespace(config=config, role=None, user=None, to="head")
        assert run_migrate(arguments) == 0
        assert capsys.readouterr().out.strip() == expected


def test_who_migrates_does_not_connect_with_the_nodes_own_password(tmp_path: Path) -> None:
    write_secret(tmp_path / "password", "the node's")
    config = tmp_path / "gateway.toml"
    config.write_text(
        'role = "gateway"\nsubscriber_id = "g"\nunique_key_id = "k"\nurl = "http://g"\nport = 1\n'
        'data_dir = "data"\nsigning_key = "s"\nencryption_key = "e"\n'
        '[store]\nurl = "postgresql://app@db.example/g"\npassword_file = "password"\n'
    )
    asked = argparse.Namespace(config=config, role=None, user=None)
    settings, _ = store_commands._node(asked)
    assert store_commands._database(asked, settings).password == "the node's"
    asked.user = "wayfare_migrator"
    at = store_commands._database(asked, settings)
    assert (at.user, at.password, at.url) == (asked.user, None, "postgresql://app@db.example/g")


@pytest.mark.parametrize("node", SCHEMAS)
def test_a_schema_is_written_in_the_same_words_each_time(node: str) -> None:
    """Constraints of a copied table come in an order by chance; a revision must not."""
    tables, _ = schema_of(node)
    for statement in schema.definitions(tables, ()):
        lines = [line.strip(" ,\t") for line in statement.splitlines()]
        kinds = ("CHECK", "FOREIGN", "PRIMARY", "UNIQUE", "CONSTRAINT")
        constraints = [line for line in lines if line.startswith(kinds)]
        assert constraints == sorted(constraints)
