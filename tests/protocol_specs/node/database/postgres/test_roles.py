"""Least privilege: the node's own role cannot change a posting, whatever its code does."""

import os
from pathlib import Path

import psycopg
import pytest

from bpp.migrations import BOOKS
from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.postgres.migrating import migrate
from protocol_specs.node.database.postgres.roles import KINDS, statements
from protocol_specs.node.store import StoreAt
from tests.support.postgres_server import server

NAMES = {kind: f"test_{kind}" for kind in KINDS}
ENTRY = (
    "INSERT INTO entry (id, currency, at, kind) VALUES ('e', 'MYR', 1, 'fare')",
    "INSERT INTO account (id, currency, number) VALUES ('1', 'MYR', 1), ('2', 'MYR', 2)",
    "INSERT INTO transfer VALUES ('e', 1, 'MYR', '1', '2', 5)",
)


@pytest.fixture
def made() -> str:
    """The name of a provider's database, its four roles twice over."""
    name = f"roles_{os.urandom(4).hex()}"
    url = server().make(name)
    migrate(StoreAt(Path.home(), url), "bpp.migrations")
    for _ in range(2):
        link = Link(url)
        for statement in list(statements(link, NAMES, BOOKS)):
            link.run(statement)
        link.close()
    return name


def as_role(database: str, kind: str) -> Link:
    return Link(server().url(database, NAMES[kind]))


def refused(link: Link, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        link.run(sql)


def test_the_node_posts_and_cannot_change_or_remove_what_was_posted(made: str) -> None:
    app = as_role(made, "app")
    for statement in ENTRY:
        app.run(statement)
    assert app.number("body") > 0
    for sql in (
        "UPDATE transfer SET amount_minor = 6",
        "DELETE FROM transfer",
        "UPDATE entry SET at = 2",
        "DELETE FROM sealed_leaf",
        "TRUNCATE transfer",
        "ALTER TABLE transfer DISABLE TRIGGER ALL",
        "DROP TRIGGER transfer_no_update ON transfer",
        "DROP TABLE transfer",
        "CREATE TABLE other (id BIGINT)",
        "UPDATE alembic_version SET version_num = '9'",
    ):
        refused(app, sql)
    assert app.run("DELETE FROM unsealed") == 1, "what is no posting may go"
    app.close()


def test_who_reads_and_who_audits_writes_nothing_and_an_auditor_sees_no_person(
    made: str,
) -> None:
    for kind in ("reader", "auditor"):
        link = as_role(made, kind)
        assert link.rows("SELECT count(*) FROM transfer")
        refused(link, "DELETE FROM unsealed")
        refused(link, ENTRY[0])
        link.close()
    auditor = as_role(made, "auditor")
    for table in ("driver", "received", "body", "orders", "local_worker"):
        refused(auditor, f"SELECT * FROM {table}")  # noqa: S608 - of this test
    auditor.close()


def test_a_node_that_runs_is_refused_nothing_while_the_roles_are_written_again(
    made: str,
) -> None:
    app, owner = as_role(made, "app"), Link(server().url(made))
    for statement in list(statements(owner, NAMES, BOOKS)):
        owner.run(statement)
        assert app.rows("SELECT count(*) FROM driver"), statement
    app.close()
    owner.close()


def test_the_migrator_brings_the_schema_down_and_up_and_is_needed_for_it(made: str) -> None:
    at = StoreAt(Path.home(), server().url(made), None, NAMES["migrator"])
    assert migrate(at, "bpp.migrations", "base") == ("0001", "base")
    assert migrate(at, "bpp.migrations") == ("base", "0001")
