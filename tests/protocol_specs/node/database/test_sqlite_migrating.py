"""`wayfare store migrate` on SQLite, at a cooperative's real data: no row lost, or nothing done."""

# ruff: noqa: S608 - the statements are the test's own, no input reaches them
import asyncio
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String

from bpp.insurance.people import identity
from bpp.ledger import verify
from bpp.ledger.sealing import Sealer
from bpp.ledger.witness import Witness
from protocol_specs.node.commands import main
from protocol_specs.node.database import revisions, sqlite
from protocol_specs.node.store import Store, StoreUnusable
from protocol_specs.wire import keys
from tests.bpp.cooperative import cooperative
from tests.bpp.insurance import test_at_the_door
from tests.bpp.insured import RIDE_PACK, insured, walk
from tests.house.migrations import schema_of
from tests.protocol_specs.node.database.later import Folder, Later, later_than
from tests.support.nodes import CONFIG

pytestmark = pytest.mark.sqlite  # it is about SQLite's own file

DEADLINE_S = 60
ADDING = (
    "ALTER TABLE orders ADD COLUMN colour TEXT",
    "CREATE TABLE shade (\n    order_id TEXT NOT NULL, \n    PRIMARY KEY (order_id)\n) STRICT",
    "INSERT INTO shade SELECT order_id FROM orders",
    "UPDATE orders SET colour = 'blue: 100 % ?'",
)
NO_LONGER = ("DROP TABLE shade", "ALTER TABLE orders DROP COLUMN colour")
ENROLMENT = {
    "worker": "D1", "by": "desk-1", "identity_kind": "mykad", "identity": "880512-14-5566",
    "born": "1988-05-12", "sector": "ride",
}  # fmt: skip
NUMBER = {"worker": "D1", "by": "desk-1", "scheme": RIDE_PACK, "number": "M-77"}
Rows = dict[str, list[dict[str, object]]]


async def _live(folder: Path) -> None:
    """A day at a cooperative: a member enrolled, a ride driven, one cancelled, one under way."""
    more: dict[str, Any] = {"mandates": {RIDE_PACK: "7"}, "identity_key": identity.new_pair()[1]}
    async with cooperative(folder, insurance=insured(folder, RIDE_PACK, **more)) as there:
        for deed, body in (("enrol", ENROLMENT), ("number", NUMBER)):
            status, answer = await there.desk("POST", f"insurance/workers/{deed}", body)
            assert status == 201, answer
        await there.online("D1")
        driven = await there.confirmed()
        await walk(there, "D1", driven, "enroute", "arrived", "start", "end")
        off = await there.confirmed()
        wish = {"order_id": off["id"], "cancellation_reason_id": "005"}
        await there.ask("cancel", wish)
        await there.online("D2")
        await there.confirmed()
    key = _ledger_key(folder)
    store = Store.open_existing(folder / "data")
    now = int(there.clock.at)
    while store.transact_now(lambda session: Sealer(key).seal_next(session, now)):
        pass
    while store.read(lambda session: Witness(folder / "witness.txt").witness_next(session, now)):
        pass
    store.close()
    run_sql(Folder(folder), "PRAGMA wal_checkpoint(TRUNCATE)")  # all is in the one file
    (folder / "node.toml").write_text(CONFIG)


def _ledger_key(folder: Path) -> keys.SigningKey:
    return keys.signing_key((folder / "ledger.key").read_text())


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lived")
    asyncio.run(_live(folder))
    return folder


@pytest.fixture
def node(lived: Path, tmp_path: Path) -> Folder:
    """Its folder, the node stopped."""
    shutil.copytree(lived, tmp_path / "a node")
    return Folder(tmp_path / "a node")


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Later:
    return later_than("bpp", tmp_path, monkeypatch)


@pytest.fixture
def longer(newer: Later) -> Later:
    """A version with two revisions more; one makes the table of entries anew."""
    newer.add(2, ADDING, NO_LONGER)
    up, down = anew(newer, "entry", "note TEXT"), anew(newer, "entry", "")
    newer.add(3, [*up, "CREATE INDEX of_shade ON shade (order_id)"], [*down, "DROP INDEX of_shade"])
    return newer


def anew(version: Later, table: str, column: str) -> list[str]:
    """Statements that make the table anew with one more column, as SQLite's own page says."""
    make, *beside = version.first(table)
    columns = [line.split()[0] for line in make.splitlines() if line.startswith("    ")]
    kept = ", ".join(each for each in columns if each == each.lower())
    begin = f"TABLE {table}_anew (\n    {column}, " if column else f"TABLE {table}_anew ("
    return [
        make.replace(f"TABLE {table} (", begin),
        f"INSERT INTO {table}_anew ({kept}) SELECT {kept} FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table}_anew RENAME TO {table}",
        *beside,
    ]


def rows_of(database: Path) -> Rows:
    """Every row of every table, as it would be in a report: by the names of its columns."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        return {
            name: sorted(
                (dict(row) for row in connection.execute(f"SELECT * FROM {name}")), key=repr
            )
            for (name,) in tables
        }


def without(rows: Rows, *columns: str) -> Rows:
    return {
        name: sorted(({k: v for k, v in row.items() if k not in columns} for row in each), key=repr)
        for name, each in rows.items()
    }


def run_sql(folder: Folder, *statements: str) -> None:
    """By hand, the node stopped."""
    with closing(sqlite3.connect(folder.database, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def version_of(folder: Folder) -> int:
    with closing(sqlite3.connect(folder.database)) as connection:
        return sqlite.version_of(connection)


def started(version: Later, folder: Folder, *added: str) -> None:
    """The node of that version starts on it; `added` are the columns that it knows besides."""
    today, triggers = schema_of("bpp")
    metadata = MetaData(info={"migrations": version.package})
    for table in today.sorted_tables:
        table.to_metadata(metadata)
    for table_name, _, name in (each.partition(".") for each in added):
        metadata.tables[table_name].append_column(Column(name, String, nullable=True))
    Store.open(folder.data, metadata, triggers=triggers).close()


def audit(folder: Folder) -> verify.Report:
    store = Store.read_only(folder.data)
    witness, key = folder.folder / "witness.txt", _ledger_key(folder.folder)
    try:
        return verify.verify(store, witness, key.public, int(time.time()))
    finally:
        store.close()


def test_a_cooperatives_data_go_up_two_revisions_whole_and_its_books_hold(
    node: Folder, longer: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    before, held = rows_of(node.database), audit(node)
    for table in ("orders", "transfer", "block", "contribution", "person", "member_number"):
        assert before[table], table
    assert (held.is_sound, held.entries) == (True, len(before["entry"]))
    assert node.migrate(longer) == 0
    said = capsys.readouterr()
    assert said.out == "the schema went 0001 -> 0003\n"

    after = rows_of(node.database)
    orders = {row["order_id"] for row in before["orders"]}
    assert {row["order_id"] for row in after.pop("shade")} == orders
    assert {row["colour"] for row in after["orders"]} == {"blue: 100 % ?"}
    assert {row["note"] for row in after["entry"]} == {None}
    assert without(after, "colour", "note") == without(before)
    assert audit(node) == held
    for table in ("entry", "transfer", "account", "block"):
        for deed in (f"DELETE FROM {table}", f"UPDATE {table} SET rowid = rowid + 100"):
            with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
                run_sql(node, deed)
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        run_sql(node, "PRAGMA foreign_keys=ON", "INSERT INTO unsealed VALUES ('nobody')")
    started(longer, node, "orders.colour", "entry.note")

    copy = node.data / "node.sqlite3.before-0003"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert rows_of(copy) == before
    assert str(copy) in said.err
    [back] = [line for line in said.err.splitlines() if line.startswith("  rm ")]
    subprocess.run(["sh", "-c", back], check=True)
    assert (rows_of(node.database), version_of(node)) == (before, 1)


def test_it_goes_down_again_with_what_was_written_since_and_up_anew(
    node: Folder, longer: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node.migrate(longer) == 0
    run_sql(node, "INSERT INTO body (bytes) VALUES (x'00')")
    written = without(rows_of(node.database), "colour", "note")
    assert node.migrate(longer, "--to", "0001") == 0
    del written["shade"]
    assert rows_of(node.database) == written
    assert audit(node).is_sound
    assert node.migrate(longer) == 0
    assert node.migrate(longer) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "the schema went 0001 -> 0003",
        "the schema went 0003 -> 0001",
        "the schema went 0001 -> 0003",
        "the schema is 0003",
    ]
    assert {path.name for path in node.data.glob("*.before-*")} == {
        f"node.sqlite3.before-{n}" for n in ("0001", "0003", "0003.2")
    }


def test_a_node_that_finds_another_schema_says_what_to_type_and_changes_nothing(
    node: Folder,
    longer: Later,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = node.bytes()
    older = r"has schema 0001, this node needs 0003; nothing was changed: run wayfare store migrate"
    with pytest.raises(StoreUnusable, match=older):
        started(longer, node, "orders.colour", "entry.note")
    assert node.bytes() == before
    assert node.migrate(longer) == 0
    (tmp_path / "old").mkdir()
    today = later_than("bpp", tmp_path / "old", monkeypatch)
    before = node.bytes()
    with pytest.raises(
        StoreUnusable, match=r"0003, this node needs 0001; nothing .*: run the newer"
    ):
        started(today, node)
    assert node.migrate(today) == 1
    assert "has schema 0003, which this version does not know" in capsys.readouterr().err
    assert node.bytes() == before


REFUSALS = {
    "is append-only: post a new entry": ["UPDATE transfer SET amount_minor = 1"],
    "no such table: nowhere": [
        "CREATE TABLE hue (n INTEGER) STRICT",
        "INSERT INTO nowhere VALUES (1)",
    ],
    "a row of received names one of conversation": ["DELETE FROM conversation"],
    "UNIQUE constraint failed": ["CREATE UNIQUE INDEX one_of_a_kind ON orders (bap_id)"],
}


@pytest.mark.parametrize("says", REFUSALS)
def test_a_revision_that_does_wrong_leaves_all_as_it_was(
    says: str, node: Folder, newer: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    newer.add(2, ADDING)
    newer.add(3, REFUSALS[says])
    before = node.bytes()
    assert node.migrate(newer) == 1
    assert says in capsys.readouterr().err
    assert node.bytes() == before


def test_a_way_that_is_not_there_is_said_before_anything_is_done(
    node: Folder, newer: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    newer.add(2, ADDING)
    assert node.migrate(newer) == 0
    before = node.bytes()
    for to, says in (
        ("0001", "revision 0002 has no way down (0002_of_a_test.sqlite.down.sql)"),
        ("0007", "there is no revision '0007'; this version has 0001, 0002"),
        ("base", "base would take all data"),
    ):
        assert node.migrate(newer, "--to", to) == 1
        assert says in capsys.readouterr().err
        assert node.bytes() == before
    assert node.migrate(newer, "--user", "postgres") == 1
    assert "there is no [store] url" in capsys.readouterr().err


def test_beside_a_running_node_and_without_a_node_nothing_is_done(
    node: Folder, longer: Later, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = sqlite.lock(node.data)
    before = node.bytes()
    assert node.migrate(longer) == 1
    assert f"is in use by process {os.getpid()}: stop it" in capsys.readouterr().err
    assert node.bytes() == before
    os.close(lock)
    (tmp_path / "empty").mkdir()
    shutil.copy(node.folder / "node.toml", tmp_path / "empty")
    assert Folder(tmp_path / "empty").migrate(longer) == 1
    assert "there is no node in" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["node.toml"]


def test_it_is_typed_as_the_user_whose_node_it_is(
    node: Folder,
    longer: Later,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, user = node.bytes(), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert node.migrate(longer) == 1
    assert f"belongs to user {user}: type it as that user" in capsys.readouterr().err
    assert node.bytes() == before


@pytest.mark.parametrize(
    ("deed", "says"),
    [
        ("DROP TRIGGER transfer_no_update", "revision 0001 makes (trigger transfer_no_update)"),
        ("ALTER TABLE block ADD COLUMN colour TEXT", "revision 0001 makes (table block)"),
        ("DROP INDEX entry_at", "revision 0001 makes (index entry_at)"),
        ("CREATE TABLE mine (n INTEGER)", "revision 0001 makes (table mine)"),
        ("DELETE FROM conversation", "no copy could be kept: "),
        ("PRAGMA user_version=0", "has no schema yet"),
    ],
)
def test_a_database_that_somebody_changed_is_not_built_upon(
    deed: str, says: str, node: Folder, longer: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    run_sql(node, deed)
    before = node.bytes()
    assert node.migrate(longer) == 1
    assert says in capsys.readouterr().err
    assert node.bytes() == before


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """For this process: a write beyond it fails as on a disk that is full."""
    found = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, found[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, found)


FILLING = (
    "CREATE TABLE filling (bytes BLOB) STRICT",
    "INSERT INTO filling WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
    "WHERE i < {rows}) SELECT randomblob(4000) FROM n, (SELECT 1 FROM orders LIMIT 1)",
)


def filling(megabytes: int) -> list[str]:
    """Fills a database in which there are orders."""
    return [each.format(rows=megabytes * 250) for each in FILLING]


def test_without_room_for_the_copy_nothing_is_done(
    node: Folder, longer: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    before = node.bytes()
    with files_no_larger_than(100_000):
        assert node.migrate(longer) == 1
    said = capsys.readouterr().err
    assert "node.sqlite3 could not be copied to" in said
    assert "nothing was changed" in said
    assert node.bytes() == before


@pytest.mark.parametrize("megabytes", [5, 20], ids=["at the end", "in the middle"])
def test_a_disk_that_is_full_leaves_the_rows_and_the_schema_of_before(
    megabytes: int, node: Folder, newer: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    newer.add(2, [*ADDING, *filling(megabytes)])
    before = rows_of(node.database)
    with files_no_larger_than(4_000_000):
        assert node.migrate(newer) == 1
    said, copies = capsys.readouterr().err, list(node.data.glob("*.before-*"))
    assert (rows_of(node.database), version_of(node)) == (before, 1)
    if megabytes == 5:  # it fits into the cache: the disk hears of it at COMMIT, and may keep it
        assert "when the change was to be kept" in said
        assert [rows_of(copy) for copy in copies] == [before]
    else:
        assert "disk I/O error; nothing was changed" in said
        assert copies == []
    assert node.migrate(newer) == 0
    assert version_of(node) == 2


@pytest.mark.processes
def test_a_migration_that_is_killed_in_the_middle_leaves_what_was_and_can_be_typed_again(
    node: Folder, newer: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    newer.add(2, [*ADDING, *filling(400)])
    before = rows_of(node.database)
    code = "import sys; from protocol_specs.node.commands import main; sys.exit(main())"
    typed = [sys.executable, "-c", code, *node.words(newer)]
    paths = os.pathsep.join([str(newer.folder), *filter(None, sys.path)])
    log = node.data / "node.sqlite3-wal"
    with subprocess.Popen(typed, env={**os.environ, "PYTHONPATH": paths}) as killed:
        until = time.monotonic() + DEADLINE_S
        while not (log.exists() and log.stat().st_size > 8_000_000):  # what is not kept, on disk
            assert killed.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
    half = node.data / "node.sqlite3.before-0002.new"
    half.write_bytes(b"of one that was killed a moment sooner")
    assert (rows_of(node.database), version_of(node)) == (before, 1)
    newer.add(2, ADDING)
    assert node.migrate(newer) == 0
    assert not half.exists()
    assert without(rows_of(node.database), "colour").keys() == before.keys() | {"shade"}


@pytest.mark.parametrize(
    "words",
    ["ledger verify", "ledger verify --data-dir data", "workers list", "inbox", "inbox --retry 1"],
)
def test_a_command_of_a_newer_version_says_what_the_node_says_and_changes_nothing(
    node: Folder,
    longer: Later,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = "node.toml" if words.startswith("inbox") else "bpp.toml"
    (node.folder / "bpp.toml").write_text(test_at_the_door.CONFIG)
    monkeypatch.chdir(node.folder)
    before = node.database.read_bytes()
    monkeypatch.setattr(revisions, "folder_of", lambda package: longer.versions.parent)
    assert main([*words.split(), "--config", config]) == 1
    assert capsys.readouterr().err == (
        f"wayfare: {node.data if '--data-dir' not in words else 'data'} has schema 0001, this node "
        "needs 0003; nothing was changed: run wayfare store migrate --config FILE "
        "(docs/operate.md, Upgrade)\n"
    )
    assert node.database.read_bytes() == before
    assert main(["backup", "--config", config, "--out", "copy"]) == 0
