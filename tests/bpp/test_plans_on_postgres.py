"""On PostgreSQL too, what an order's path asks has an index to go by."""

import os
import re
from collections.abc import Iterator

import pytest

from bpp.dispatch import offers
from bpp.insurance import books
from bpp.insurance.remittance import periods
from bpp.ledger import journal
from bpp.office import board
from bpp.orders import beside, store
from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.postgres.migrating import migrate
from protocol_specs.node.database.postgres.place import connect
from protocol_specs.node.database.postgres.session import rendered
from protocol_specs.node.messages import conversations, inbox, owed, owing, pruning
from protocol_specs.node.store import Statement, StoreAt
from tests.support.postgres_server import server

MODULES = (
    offers, books, periods, journal, board, beside, store,
    conversations, inbox, owed, owing, pruning,
)  # fmt: skip

# A table of what waits may be read; every order there ever was, in the order of time, may not.
WHOLE = re.compile(r"Seq Scan on (?!tariff|pending)|Index Scan.* using newest_orders")


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Link]:
    at = StoreAt(tmp_path_factory.mktemp("plans"), server().make(f"plans_{os.urandom(4).hex()}"))
    migrate(at, "bpp.migrations")
    link = connect(at)
    link.begin()
    link.rows("SET LOCAL enable_seqscan = off")  # what reads a whole table still has no index
    yield link
    link.close()


def asked() -> Iterator[tuple[str, Statement]]:
    for module in MODULES:
        for name, found in vars(module).items():
            if isinstance(found, Statement) and not rendered(found).sql.startswith("INSERT"):
                yield f"{module.__name__}.{name}", found


def test_no_statement_of_an_orders_path_reads_a_whole_table(link: Link) -> None:
    whole = {}
    for name, statement in asked():
        said = rendered(statement)
        rows = link.rows(f"EXPLAIN (COSTS OFF) {said.sql}", ["1"] * len(said.names))
        plan = [str(row[0]) for row in rows]
        if any(WHOLE.search(step) for step in plan) and not name.endswith("._NEWEST"):
            whole[name] = plan
    assert whole == {}


def test_the_check_sees_a_table_that_is_read_as_a_whole(link: Link) -> None:
    plan = link.rows("EXPLAIN (COSTS OFF) SELECT 1 FROM orders WHERE updated_at = 5")
    assert any("Seq Scan on orders" in str(row[0]) for row in plan)
