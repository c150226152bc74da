"""The past that a node is given for a measurement is one that it could have had."""

import sqlite3
from pathlib import Path

from benchmarks import confirm, growth
from benchmarks.peer import Party
from protocol_specs.node.database.sqlite import FILE_NAME

ORDERS = 200
ROWS = {  # of an order that was confirmed, and cancelled before anybody took it
    "conversation": 1,
    "received": 3,
    "owed": 3,
    "orders": 1,
    "order_event": 2,
    "insured_order": 1,
    "entry": 2,
    "contribution": 2,
    "sealed_leaf": 2,
    "body": 0,
    "quote": 0,
    "unsealed": 0,
}


def test_copied_orders_lie_as_a_node_leaves_them_and_their_books_verify(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1"
    bap = Party("bap.example", "BAP", confirm.DOMAIN, url, "std:03", "MYS")
    bpp = Party("bpp.example", "BPP", confirm.DOMAIN, url, "std:03", "MYS")
    confirm.settle(tmp_path, bpp, Party("registry.example", "REGISTRY", confirm.DOMAIN, url), 1)
    growth.fill(tmp_path, bap, orders=ORDERS, filled_s={})  # verifies the books
    found = sqlite3.connect(tmp_path / "data" / FILE_NAME)
    try:
        rows = {
            table: found.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
            for table in ROWS
        }
        broken = found.execute("PRAGMA foreign_key_check").fetchall()
    finally:
        found.close()
    assert rows == {table: ORDERS * each for table, each in ROWS.items()}
    assert broken == []
