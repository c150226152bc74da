"""The store: units share a commit and nothing else; nobody is told yes before the disk is."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from protocol_specs.node.database import sqlite
from protocol_specs.node.database.triggers import Trigger, kept_while
from protocol_specs.node.store import (
    Conflict,
    Session,
    Statement,
    Store,
    StoreUnavailable,
    StoreUnusable,
)
from tests.support.databases import writer_of


class Tables(SQLModel, registry=registry()):
    __table__: ClassVar[Table]


class Parent(Tables, table=True):
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    name: str = Field(unique=True)
    amount_minor: int = Field(sa_type=BigInteger)
    blob: bytes | None
    __table_args__ = (CheckConstraint("amount_minor >= 0"),)


_T = Parent.__table__
INSERT = Statement(
    insert(_T).values(
        name=bindparam("name"), amount_minor=bindparam("amount_minor"), blob=bindparam("blob")
    )
)
PUT = Statement(insert(_T).values(amount_minor=1, name=bindparam("name"), blob=None))
NAMES = Statement(select(_T.c.name).order_by(_T.c.name))
TRIGGER = kept_while("parent", "1 = 1", "parents are kept")
ROLLS_BACK = Trigger(
    "CREATE TRIGGER parent_cursed BEFORE INSERT ON parent WHEN NEW.name = 'cursed' "
    "BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END",
    "CREATE FUNCTION curse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'all of it' USING ERRCODE = 'deadlock_detected'; END $$",
    "CREATE TRIGGER parent_cursed BEFORE INSERT ON parent FOR EACH ROW "
    "WHEN (NEW.name = 'cursed') EXECUTE FUNCTION curse()",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path, Tables.metadata, triggers=[TRIGGER, ROLLS_BACK])
    yield store
    store.close()


def put(session: Session, name: str, amount_minor: int = 1, blob: bytes | None = None) -> str:
    session.insert(INSERT, name=name, amount_minor=amount_minor, blob=blob)
    return name


def names(store: Store) -> list[str]:
    return [row["name"] for row in store.read(lambda session: session.all(NAMES))]


def commits(store: Store) -> list[str]:
    """The transaction statements that the writer runs from here on."""
    seen: list[str] = []
    writer_of(store).set_trace_callback(
        lambda sql: seen.append(sql) if sql.split()[0] in ("BEGIN", "COMMIT", "ROLLBACK") else None
    )
    return seen


async def gathered(store: Store, *units: object) -> list[object]:
    return await asyncio.gather(
        *(store.transact(unit) for unit in units),  # type: ignore[arg-type]
        return_exceptions=True,
    )


async def test_a_unit_returns_its_value_once_it_can_be_read(store: Store) -> None:
    assert await store.transact(lambda session: put(session, "a")) == "a"
    assert names(store) == ["a"]


@pytest.mark.sqlite
async def test_the_units_of_one_turn_share_one_commit(store: Store) -> None:
    seen = commits(store)
    await gathered(store, *[lambda s, n=n: put(s, f"n{n}") for n in range(50)])
    assert [sql.split()[0] for sql in seen] == ["BEGIN", "COMMIT"]
    assert len(names(store)) == 50


@pytest.mark.sqlite
async def test_more_units_than_one_commit_takes_go_into_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocol_specs.node.store.UNITS_PER_COMMIT_MAX", 10)
    seen = commits(store)
    await gathered(store, *[lambda s, n=n: put(s, f"n{n}") for n in range(25)])
    assert seen.count("COMMIT") == 3
    assert len(names(store)) == 25


async def test_a_unit_that_raises_undoes_its_own_rows_only(store: Store) -> None:
    def fails(session: Session) -> None:
        put(session, "gone")
        raise ValueError("mine")

    before, error, after = await gathered(
        store, lambda s: put(s, "before"), fails, lambda s: put(s, "after")
    )
    assert (before, after) == ("before", "after")
    assert isinstance(error, ValueError)
    assert names(store) == ["after", "before"]


async def test_a_unit_that_raises_stop_iteration_harms_nobody(store: Store) -> None:
    error, kept = await gathered(store, lambda s: next(iter(())), lambda s: put(s, "kept"))
    assert isinstance(error, RuntimeError)
    assert kept == "kept"


async def test_after_commit_is_called_once_and_only_for_what_was_kept(store: Store) -> None:
    called: list[str] = []

    def fails_inside(session: Session) -> None:
        with session.savepoint():
            session.after_commit(lambda: called.append("inner"))
            raise ValueError("inner")

    def kept(session: Session) -> None:
        put(session, "kept")
        session.after_commit(lambda: called.append(f"kept {names(store)}"))
        with pytest.raises(ValueError, match="inner"):
            fails_inside(session)

    def undone(session: Session) -> None:
        session.after_commit(lambda: called.append("undone"))
        raise ValueError("undone")

    await gathered(store, kept, undone)
    assert called == ["kept ['kept']"]


async def test_listeners_hear_of_a_commit_and_not_of_a_rollback(store: Store) -> None:
    heard: list[str] = []
    store.listen("channel", heard.append)

    def undone(session: Session) -> None:
        session.notify("channel", "undone")
        raise ValueError

    await gathered(store, lambda s: s.notify("channel", "kept"), undone)
    assert heard == ["kept"]


def test_a_savepoint_undoes_its_block_and_keeps_the_rest(store: Store) -> None:
    def fails_inside(session: Session) -> None:
        with session.savepoint():
            put(session, "inner")
            with session.savepoint():
                put(session, "innermost")
            put(session, "outer")

    def unit(session: Session) -> None:
        put(session, "outer")
        with pytest.raises(Conflict):
            fails_inside(session)

    store.transact_now(unit)
    assert names(store) == ["outer"]


class Undone(Exception):
    """Ends a block."""


@dataclass
class Block:
    """What a block does, in turn: put a row, look, or another block; then it may raise."""

    deeds: "list[str | Block]"
    raises: bool


BLOCKS = st.recursive(
    st.sampled_from(["put", "look", "call"]),
    lambda inner: st.builds(Block, st.lists(inner, max_size=4), st.booleans()),
    max_leaves=12,
)


NUMBERS = count()  # of rows and calls, over all examples


def does(session: Session, block: Block, called: list[int]) -> list[tuple[str, int]]:
    """Does the block in a savepoint; what is then to stand: rows put, calls asked for."""
    stands: list[tuple[str, int]] = []
    try:
        with session.savepoint():
            for deed in block.deeds:
                if isinstance(deed, Block):
                    stands += does(session, deed, called)
                    continue
                number = next(NUMBERS)
                if deed == "put":
                    session.run(PUT, name=f"{number}")
                elif deed == "call":
                    session.after_commit(partial(called.append, number))
                else:
                    session.all(NAMES)
                stands.append((deed, number))
            if block.raises:
                raise Undone
    except Undone:
        return []
    return stands


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(BLOCKS, max_size=5))
def test_each_block_undoes_its_own_writes_however_they_are_nested(
    store: Store, deeds: "list[str | Block]"
) -> None:
    stood, called = set(names(store)), list[int]()
    stands = store.transact_now(lambda session: does(session, Block(deeds, raises=False), called))
    assert set(names(store)) - stood == {f"{number}" for deed, number in stands if deed == "put"}
    assert called == [number for deed, number in stands if deed == "call"]


def test_what_a_unit_remembers_is_known_to_others_once_it_is_committed_and_not_before(
    store: Store,
) -> None:
    def undone(session: Session) -> None:
        with session.savepoint():
            session.remember(["undone"])
            raise Undone

    def unit(session: Session) -> None:
        session.remember(["kept"])
        with pytest.raises(Undone):
            undone(session)
        assert session.seen == set()

    store.transact_now(unit)
    assert store.transact_now(lambda session: set(session.seen)) == {"kept"}


def test_nothing_is_known_any_more_of_a_database_that_was_away(store: Store) -> None:
    """What comes back may be a replica or a backup, without the last rows that it had told of."""

    def away(session: Session) -> None:
        raise StoreUnavailable("the server is gone")

    store.transact_now(lambda session: session.remember(["kept"]))
    with pytest.raises(StoreUnavailable):
        store.transact_now(away)
    assert store.transact_now(lambda session: set(session.seen)) == set()


@pytest.mark.parametrize(
    ("name", "amount_minor"), [("taken", 1), ("below zero", -1)], ids=["unique", "check"]
)
def test_what_a_constraint_refuses_is_a_conflict(
    store: Store, name: str, amount_minor: int
) -> None:
    store.transact_now(lambda s: put(s, "taken"))
    with pytest.raises(Conflict, match="constraint"):
        store.transact_now(lambda s: put(s, name, amount_minor))
    assert names(store) == ["taken"]


def test_a_trigger_says_why_it_refuses(store: Store) -> None:
    store.transact_now(lambda s: put(s, "a"))
    with pytest.raises(Conflict, match="parents are kept"):
        store.transact_now(lambda s: s.run(Statement(delete(_T))))
    assert names(store) == ["a"]


@pytest.mark.sqlite
@pytest.mark.parametrize("amount", ["12", b"12", 1.5, None], ids=repr)
def test_a_value_of_the_wrong_type_is_our_fault_and_no_conflict(
    store: Store, amount: object
) -> None:
    if amount == "12":
        amount = "twelve"  # SQLite takes a text that is a whole number as that number
    with pytest.raises(sqlite3.IntegrityError):
        store.transact_now(lambda s: put(s, "a", amount))  # type: ignore[arg-type]
    assert names(store) == []


@pytest.mark.sqlite
async def test_when_commit_fails_nobody_hears_yes_and_only_the_culprit_hears_no(
    tmp_path: Path,
) -> None:
    metadata = MetaData()
    Parent.__table__.to_metadata(metadata)
    store = Store.open(tmp_path / "deferred", metadata)
    writer_of(store).execute(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL "
        "REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED) STRICT"
    )
    ran: list[str] = []
    called: list[str] = []

    def good(session: Session, name: str) -> str:
        ran.append(name)
        session.after_commit(lambda: called.append(name))
        return put(session, name)

    def orphan(session: Session) -> None:
        session._execute("INSERT INTO child (parent_id) VALUES (77)")
        session.after_commit(lambda: called.append("orphan"))

    one, error, two = await gathered(
        store, lambda s: good(s, "one"), orphan, lambda s: good(s, "two")
    )
    assert (one, two) == ("one", "two")
    assert isinstance(error, Conflict)
    assert ran == ["one", "two", "one", "two"]  # together, then each alone
    assert called == ["one", "two"]
    assert names(store) == ["one", "two"]
    store.close()


async def test_an_error_that_ends_the_transaction_takes_no_other_unit_along(store: Store) -> None:
    first, error, last = await gathered(
        store, lambda s: put(s, "first"), lambda s: put(s, "cursed"), lambda s: put(s, "last")
    )
    assert (first, last) == ("first", "last")
    assert isinstance(error, StoreUnavailable)
    assert names(store) == ["first", "last"]


@pytest.mark.sqlite
async def test_on_a_full_disk_what_fits_is_kept_and_what_does_not_is_refused(store: Store) -> None:
    pages = writer_of(store).execute("PRAGMA page_count").fetchone()[0]
    writer_of(store).execute(f"PRAGMA max_page_count={pages + 10}")
    small, error, also_small = await gathered(
        store,
        lambda s: put(s, "small"),
        lambda s: put(s, "big", blob=bytes(1_000_000)),
        lambda s: put(s, "also small"),
    )
    assert (small, also_small) == ("small", "also small")
    assert isinstance(error, StoreUnavailable)
    assert names(store) == ["also small", "small"]
    writer_of(store).execute("PRAGMA max_page_count=1000000")
    await store.transact(lambda s: put(s, "big", blob=bytes(1_000_000)))
    assert "big" in names(store)


@pytest.mark.sqlite
@pytest.mark.parametrize("raises", [None, ValueError("another story")], ids=["calm", "other"])
async def test_a_unit_cannot_hide_that_the_database_failed_it(
    store: Store, raises: Exception | None
) -> None:
    pages = writer_of(store).execute("PRAGMA page_count").fetchone()[0]
    writer_of(store).execute(f"PRAGMA max_page_count={pages + 10}")

    def fails_inside(session: Session) -> None:
        with session.savepoint():
            put(session, "big", blob=bytes(1_000_000))

    def hides(session: Session) -> str:
        put(session, "half")
        with pytest.raises(StoreUnavailable):
            fails_inside(session)
        if raises is not None:
            raise raises
        return "all is well"

    error, other = await gathered(store, hides, lambda s: put(s, "other"))
    assert isinstance(error, StoreUnavailable)
    assert other == "other"
    assert names(store) == ["other"]


@pytest.mark.sqlite
async def test_a_locked_database_refuses_within_two_seconds_whatever_waits(
    store: Store, tmp_path: Path
) -> None:
    foreign = sqlite3.connect(tmp_path / sqlite.FILE_NAME, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    began = asyncio.get_running_loop().time()
    errors = await gathered(store, *[lambda s, n=n: put(s, f"n{n}") for n in range(20)])
    assert all(isinstance(error, StoreUnavailable) for error in errors)
    assert asyncio.get_running_loop().time() - began < 2.0
    foreign.execute("ROLLBACK")
    foreign.close()
    await store.transact(lambda s: put(s, "now it goes"))
    assert names(store) == ["now it goes"]


async def test_a_cancelled_caller_leaves_the_others_alone(store: Store) -> None:
    leaves = asyncio.ensure_future(store.transact(lambda s: put(s, "left")))
    stays = asyncio.ensure_future(store.transact(lambda s: put(s, "stays")))
    await asyncio.sleep(0)
    leaves.cancel()
    assert await stays == "stays"
    assert "stays" in names(store)


def test_many_rows_of_one_statement_are_written_in_their_order_and_counted(store: Store) -> None:
    rows = ({"name": name} for name in ("b", "a"))
    assert store.transact_now(lambda s: s.run_many(PUT, rows)) == 2
    assert names(store) == ["a", "b"]


def test_a_conflict_among_many_rows_leaves_what_was_written_before_the_savepoint(
    store: Store,
) -> None:
    def unit(session: Session) -> None:
        put(session, "before")
        with pytest.raises(Conflict), session.savepoint():
            session.run_many(PUT, [{"name": "a"}, {"name": "a"}, {"name": "b"}])

    store.transact_now(unit)
    assert names(store) == ["before"]


def test_a_read_may_not_write(store: Store) -> None:
    with pytest.raises(RuntimeError, match="may not write"):
        store.read(lambda s: put(s, "a"))
    with pytest.raises(RuntimeError, match="may not write"):
        store.read(lambda s: s.run_many(PUT, [{"name": "a"}]))
    assert names(store) == []


def test_a_session_ends_with_its_unit(store: Store) -> None:
    kept: list[Session] = []
    store.transact_now(kept.append)
    with pytest.raises(RuntimeError, match="ended"):
        put(kept[0], "late")
    with pytest.raises(RuntimeError, match="ended"):
        kept[0].run_many(PUT, [{"name": "late"}])


def test_a_unit_cannot_start_another(store: Store) -> None:
    with pytest.raises(RuntimeError, match="cannot start another"):
        store.transact_now(lambda s: store.transact_now(lambda inner: put(inner, "a")))
    assert names(store) == []


async def test_a_closed_store_takes_nothing(store: Store) -> None:
    waiting = asyncio.ensure_future(store.transact(lambda s: put(s, "in time")))
    await asyncio.sleep(0)
    store.close()
    assert await waiting == "in time"
    with pytest.raises(StoreUnavailable):
        await store.transact(lambda s: put(s, "too late"))


def test_a_second_process_is_told_the_folder_and_who_holds_it(store: Store, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sqlalchemy import MetaData;"
        "from protocol_specs.node.store import Store;"
        "Store.open(Path(sys.argv[1]), MetaData())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert f"{tmp_path} is in use by process {os.getpid()}" in ran.stderr


def test_files_are_for_their_owner_only(store: Store, tmp_path: Path) -> None:
    store.transact_now(lambda s: put(s, "a"))
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.sqlite
def test_a_table_with_other_columns_is_refused_naming_them(tmp_path: Path) -> None:
    Store.open(tmp_path, Tables.metadata).close()
    other = MetaData()
    copy = _T.to_metadata(other)
    copy.append_column(Column("nickname", String, nullable=True))
    with pytest.raises(StoreUnusable, match=r"nickname\): nothing was changed"):
        Store.open(tmp_path, other)


def test_an_integer_that_postgresql_would_cut_to_32_bits_is_refused(tmp_path: Path) -> None:
    class Narrow(SQLModel, registry=registry()):
        pass

    class Counted(Narrow, table=True):
        id: int = Field(primary_key=True)

    with pytest.raises(TypeError, match=r"counted\.id"):
        Store.open(tmp_path, Narrow.metadata)


@pytest.mark.sqlite
def test_a_folder_that_cannot_be_used_is_named_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, why in (
        (tmp_path / "file" / "data", "Not a dir"),
        (Path("/proc/no/data"), "No su"),
    ):
        with pytest.raises(StoreUnusable, match=f"'data_dir': {folder} cannot be used: {why}"):
            Store.open(folder, MetaData())


def test_commands_read_beside_the_node_and_after_it(store: Store, tmp_path: Path) -> None:
    store.transact_now(lambda s: put(s, "a"))
    beside = Store.read_only(tmp_path)
    assert names(beside) == ["a"]
    store.transact_now(lambda s: put(s, "b"))
    assert names(beside) == ["a", "b"]
    store.close()
    assert names(beside) == ["a", "b"]
    with pytest.raises(StoreUnavailable):
        beside.transact_now(lambda s: put(s, "c"))
    beside.close()
    with pytest.raises(StoreUnusable, match="no node"):
        Store.read_only(tmp_path / "elsewhere")
