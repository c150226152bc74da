"""How SQLite would find what a statement asks for."""

import sqlite3

from protocol_specs.node.database.sqlite import DIALECT
from protocol_specs.node.store import Statement


def plan(database: sqlite3.Connection, statement: Statement) -> list[str]:
    """The steps of its query plan, whatever the values."""
    sql, in_order = statement.sqlite
    values = in_order(dict.fromkeys(statement.clause.compile(dialect=DIALECT).params, 1))
    return [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
