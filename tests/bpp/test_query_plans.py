"""What a node asks of its database goes by an index, however many orders and entries there are."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bpp.dispatch import offers, rounds
from bpp.incidents import store as incidents
from bpp.insurance import books, cash, reading
from bpp.insurance import tables as insurance_tables
from bpp.insurance.people import erasing, listing, writing
from bpp.insurance.people import reading as people
from bpp.insurance.remittance import closing, deadlines, declaring, excess, periods, states
from bpp.insurance.remittance import reading as remittances
from bpp.insurance.surplus import booking, work
from bpp.ledger import balances, journal, money_facts, sealing, trust, watch
from bpp.ledger import tables as ledger_tables
from bpp.office import board, fare_preview
from bpp.orders import beside, forgetting
from bpp.orders import store as orders
from bpp.orders import tables as order_tables
from bpp.tables import METADATA
from bpp.tariff import store as tariffs
from bpp.work import documents, handovers, shifts
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.messages import bodies, conversations, inbox, owed, owing, pruning, tables
from protocol_specs.node.ops import health
from protocol_specs.node.store import Statement, Store
from tests.support.plans import plan

pytestmark = pytest.mark.sqlite  # it looks into the file itself

MODULES = (
    orders, journal, balances, sealing, watch, books, reading, cash, money_facts, trust, forgetting,
    closing, deadlines, declaring, excess, periods, states, remittances,
    people, writing, listing, erasing, booking, work, tariffs, fare_preview, incidents,
    documents, handovers, shifts, beside, offers, rounds, board,
    bodies, conversations, health, inbox, owed, owing, pruning,
)  # fmt: skip
READS_A_WHOLE_TABLE = {
    "balances._ALL": "the desk's list of every account",
    "health._WAITING": "two numbers",
    "balances._OF_ACCOUNTS": "all accounts of a number, by command",
    "trust._DEBITS": "all accounts, once a day",
    "trust._CREDITS": "all accounts, once a day",
    "cash._HOLDERS": "once, at the start of a node",
    "sealing._WAITING": "a table of what waits, and at most one block of it",
    "sealing._TRANSFERS": "the same",
    "sealing._LAST_BLOCK": "the first row of its key",
    "closing._UNFINISHED": "a row a closed period",
    "deadlines._CLOSED": "a row a closed period",
    "deadlines._KNOWN": "a row a period of a scheme",
    "deadlines._PERIODS": "once a day, and by command",
    "booking._ALL": "a row a divided surplus",
    "store._MARK": "a row a change of fares",
    "listing._EVERYBODY": "the desk's list of every worker",
}


def statements(module: ModuleType) -> Iterator[tuple[str, Statement]]:
    package, _, short = module.__name__.rpartition(".")
    if short == "reading" and not package.endswith("insurance"):
        short = f"{package.rpartition('.')[2]}.reading"  # there are several
    for name, found in vars(module).items():
        if isinstance(found, Statement):
            yield f"{short}.{name}", found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    triggers = (*order_tables.TRIGGERS, *ledger_tables.TRIGGERS, *insurance_tables.TRIGGERS)
    tables.define(METADATA)
    Store.open(tmp_path, METADATA, triggers=triggers).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("name", "statement"), [found for module in MODULES for found in statements(module)]
)
def test_no_statement_reads_a_whole_table_unless_it_must(
    database: sqlite3.Connection, name: str, statement: Statement
) -> None:
    steps = plan(database, statement)
    whole = [step for step in steps if re.fullmatch(r"SCAN \w+( USING COVERING INDEX \w+)?", step)]
    assert bool(whole) == (name in READS_A_WHOLE_TABLE), steps
