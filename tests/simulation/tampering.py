"""What somebody with the database file may do to it behind the house's back, on a copy."""

# ruff: noqa: S608 - the statements are the simulation's own, no input reaches them
import sqlite3
from pathlib import Path
from random import Random

from bpp.ledger import verify
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Store
from tests.simulation.house import House

ROW = {
    "edited": ["UPDATE transfer SET amount_minor = amount_minor + 1 WHERE entry = '{entry}'"],
    "removed": [
        "DELETE FROM transfer WHERE entry = '{entry}'",
        "DELETE FROM entry WHERE id = '{entry}'",
    ],
    "added": [
        "INSERT INTO entry (id, currency, at, kind) SELECT 'payout/forged', currency, at, 'payout' "
        "FROM entry WHERE id = '{entry}'",
        "INSERT INTO transfer SELECT 'payout/forged', 1, currency, debit, credit, 500 "
        "FROM transfer WHERE entry = '{entry}' LIMIT 1",
    ],
    "re-ordered": [
        "UPDATE sealed_leaf SET position = position + 1000000 WHERE entry = '{entry}'",
        "UPDATE sealed_leaf SET position = {position} WHERE block = {block} AND position = {next}",
        "UPDATE sealed_leaf SET position = {next} WHERE entry = '{entry}'",
    ],
}  # fmt: skip
CUT = [
    "DELETE FROM {table} WHERE {key} IN (SELECT entry FROM sealed_leaf WHERE block > {block})",
    "DELETE FROM sealed_leaf WHERE block > {block}",
    "DELETE FROM block WHERE number > {block}",
]


def backup(house: House, folder: Path) -> None:
    """The database as it is now, copied as a backup is."""
    folder.mkdir(parents=True)
    source = sqlite3.connect(house.data / FILE_NAME)
    target = sqlite3.connect(folder / FILE_NAME)
    with source, target:
        source.backup(target)
    source.close()
    target.close()


def row_changed(house: House, how: str, random: Random, folder: Path) -> tuple[str, list[str]]:
    """One row of a sealed entry drawn by lot is changed so; its name, and the faults found."""
    backup(house, folder)
    # A row in the middle: the last of its block has no next one to change places with.
    places = house.rows(
        "SELECT entry, block, position FROM sealed_leaf JOIN block ON number = block "
        "WHERE position < leaf_count - 1 AND entry IN (SELECT entry FROM transfer) ORDER BY 1"
    )
    entry, block, position = random.choice(places)
    asked = {"entry": entry, "block": block, "position": position, "next": position + 1}
    _run(folder, [statement.format(**asked) for statement in ROW[how]])
    named = {"added": "payout/forged", "re-ordered": f"block {block}"}
    return named.get(how, entry), faults(house, folder)


def tail_cut(house: House, folder: Path) -> list[str]:
    """The last blocks and all that is in them are gone, as if they had never been."""
    backup(house, folder)
    last = house.rows("SELECT max(number) FROM block")[0][0] - 2
    gone = [("transfer", "entry"), ("slip", "entry"), ("contribution", "entry"), ("entry", "id"),
            ("leaf_salt", "entry")]  # fmt: skip
    statements = [CUT[0].format(table=t, key=k, block=last) for t, k in gone]
    used = "SELECT debit FROM transfer UNION SELECT credit FROM transfer"
    statements += [each.format(block=last) for each in CUT[1:]]
    _run(folder, [*statements, f"DELETE FROM account WHERE id NOT IN ({used})"])
    return faults(house, folder)


def faults(house: House, folder: Path) -> list[str]:
    """What verifying these files against the house's witness finds."""
    store = Store.read_only(folder)
    try:
        return list(verify.verify(store, house.witness_path, house.key.public).faults)
    finally:
        store.close()


def without_witness(house: House, folder: Path) -> list[str]:
    """The same with the books alone."""
    store = Store.read_only(folder)
    try:
        return list(verify.verify(store, None, house.key.public).faults)
    finally:
        store.close()


def _run(folder: Path, statements: list[str]) -> None:
    file = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    triggers = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        file.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert file.execute(statement).rowcount >= 0, statement
    file.close()
