"""A store on a real PostgreSQL server: the same promises, also when the server goes away."""

import asyncio
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import BigInteger, CheckConstraint, MetaData, Table, bindparam, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from protocol_specs.node.database.postgres import link, schema
from protocol_specs.node.database.postgres.engine import PostgresEngine, opened
from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.database.triggers import also, append_only
from protocol_specs.node.store import (
    Conflict,
    Session,
    Statement,
    Store,
    StoreAt,
    StoreInUse,
    StoreUnavailable,
    StoreUnusable,
)
from tests.support.databases import run_sql
from tests.support.postgres_server import FAST, Server, server

CONNECT_S = 6  # of which the first of two hosts has the half
STALL_S = 15.0  # beyond what is promised, for a machine that has much else to do


class Tables(SQLModel, registry=registry()):
    __table__: ClassVar[Table]


class Note(Tables, table=True):
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    name: str = Field(unique=True)
    amount_minor: int = Field(sa_type=BigInteger)
    blob: bytes | None
    __table_args__ = (CheckConstraint("amount_minor >= 0"),)


class Kept(Tables, table=True):
    name: str = Field(primary_key=True)


_N = Note.__table__
NAMES = Statement(select(_N.c.name).order_by(_N.c.name))
ALL = Statement(select(_N).order_by(_N.c.id))
SUM = Statement(select(func.sum(_N.c.amount_minor).label("sum"), func.count().label("n")))
_VALUES = {name: bindparam(name) for name in ("name", "amount_minor", "blob")}
PUT = Statement(insert(_N).values(_VALUES))
ONCE = Statement(upsert(_N).values(_VALUES).on_conflict_do_nothing(index_elements=["name"]))
PREPARED = "SELECT count(*) FROM pg_prepared_statements"
KEPT = Statement(select(Kept.__table__.c.name))
TRIGGERS = (
    *append_only("kept"),
    also("note_kept", "INSERT", "note", "INSERT INTO kept (name) VALUES (NEW.name)"),
)


def made(where: Server, folder: Path, metadata: MetaData = Tables.metadata) -> StoreAt:
    """A new database with the tables of this module."""
    url = where.make(f"d{secrets.token_hex(6)}")
    link = Link(url)
    for statement in (*schema.definitions(metadata, TRIGGERS), *schema.stamps("0001")):
        link.run(statement)
    link.close()
    return StoreAt(folder, url)


def open_at(at: StoreAt) -> Store:
    return Store(opened(at, lambda link: None))


@pytest.fixture
def at(tmp_path: Path) -> StoreAt:
    return made(server(), tmp_path)


@pytest.fixture
def store(at: StoreAt) -> Iterator[Store]:
    store = open_at(at)
    yield store
    store.close()


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server that a test may stop."""
    there = Server(*FAST)
    yield there
    there.remove()


def put(session: Session, name: str, amount_minor: int = 1, blob: bytes | None = None) -> int:
    return session.insert(PUT, name=name, amount_minor=amount_minor, blob=blob)


def names(store: Store) -> list[str]:
    return [row["name"] for row in store.read(lambda session: session.all(NAMES))]


def test_what_is_written_is_read_with_its_types_by_name_and_by_index(store: Store) -> None:
    blob, name = bytes(range(256)) * 40, "ಕನ್ನಡ 'x' :y %z $1 \\"
    first = store.transact_now(lambda s: put(s, name, 2**62, blob))
    store.transact_now(lambda s: put(s, "", 0, None))
    one, two = store.read(lambda s: s.all(ALL))
    assert (one["id"], one["name"], one["amount_minor"], one["blob"]) == (first, name, 2**62, blob)
    assert tuple(two)[1:] == ("", 0, None)
    assert dict(two)["blob"] is None
    assert (one[1], one.keys()) == (name, ["id", "name", "amount_minor", "blob"])


def test_sums_are_whole_numbers(store: Store) -> None:
    store.transact_now(lambda s: [put(s, f"n{n}", 2**60) for n in range(3)])
    row = store.read(lambda s: s.one(SUM))
    assert row is not None
    assert (row["sum"], type(row["sum"]), row["n"]) == (3 * 2**60, int, 3)


def test_text_sorts_by_its_bytes_whatever_the_servers_language(store: Store) -> None:
    given = ["b", "A", "a", "B", "é", "_", "2210:x", "2210", "z"]
    store.transact_now(lambda s: [put(s, each) for each in given])
    assert names(store) == sorted(given)


def test_a_row_given_twice_is_left_alone_and_the_transaction_goes_on(store: Store) -> None:
    def twice(session: Session) -> list[int]:
        row = {"name": "a", "amount_minor": 1, "blob": None}
        return [session.run(ONCE, **row), session.run(ONCE, **row), put(session, "b") > 0]

    assert store.transact_now(twice) == [1, 0, True]


def test_who_goes_on_after_a_refused_row_without_a_savepoint_is_told_so(store: Store) -> None:
    def careless(session: Session) -> None:
        put(session, "a")
        with pytest.raises(Conflict, match="unique"):
            put(session, "a")
        put(session, "b")

    with pytest.raises(RuntimeError, match="savepoint"):
        store.transact_now(careless)
    assert names(store) == []


def test_a_statement_stays_prepared_when_its_row_is_refused(store: Store) -> None:
    """What the server prepared before the refusal it keeps: with each it would grow."""

    def refused(session: Session) -> None:
        with pytest.raises(Conflict), session.savepoint():
            put(session, "a")

    store.transact_now(lambda s: put(s, "a"))
    store.transact_now(refused)
    engine = store.engine
    assert isinstance(engine, PostgresEngine)
    before = engine.writer().rows(PREPARED)
    for _ in range(20):
        store.transact_now(refused)
    assert engine.writer().rows(PREPARED) == before
    assert before[0][0] > 5


def test_a_value_of_no_type_of_ours_leaves_the_connection_in_order(store: Store) -> None:
    def careless(session: Session) -> None:
        put(session, "a")
        with pytest.raises(TypeError):
            session.run(ONCE, name="b", amount_minor=1.5, blob=None)
        with pytest.raises(Conflict), session.savepoint():
            put(session, "a")

    store.transact_now(careless)
    assert names(store) == ["a"]


def test_a_refusal_names_no_value_of_the_row(store: Store) -> None:
    store.transact_now(lambda s: put(s, "+60123456789"))
    with pytest.raises(Conflict) as refused:
        store.transact_now(lambda s: put(s, "+60123456789"))
    assert "60123" not in str(refused.value)


@pytest.mark.parametrize("value", ["twelve", b"12", 1.5, None])
def test_a_value_of_the_wrong_type_is_our_fault_and_no_conflict(
    store: Store, value: object
) -> None:
    with pytest.raises((psycopg.Error, TypeError)):
        store.transact_now(lambda s: s.run(PUT, name="a", amount_minor=value, blob=None))
    assert names(store) == []


def test_triggers_do_and_refuse_the_same(store: Store) -> None:
    store.transact_now(lambda s: put(s, "a"))
    assert [row[0] for row in store.read(lambda s: s.all(KEPT))] == ["a"]
    for change in ("DELETE FROM kept", "UPDATE kept SET name = 'b'"):
        with pytest.raises(Conflict, match="kept is append-only: add a new row"):
            run_sql(store, change)


def test_a_second_process_is_told_who_has_the_database(
    store: Store, at: StoreAt, tmp_path: Path
) -> None:
    elsewhere = StoreAt(tmp_path / "other", at.url)
    with pytest.raises(StoreInUse, match="is in use by process"):
        open_at(elsewhere)
    assert Store.read_once(elsewhere, lambda s: s.all(NAMES)) == []


def test_an_unreachable_server_is_said_without_the_password(tmp_path: Path) -> None:
    at = StoreAt(tmp_path, f"postgresql://me@/x?host={tmp_path}", "canary-secret")
    with pytest.raises(StoreUnusable) as refused:
        open_at(at)
    assert "canary-secret" not in f"{refused.value} {at!r}"


def test_of_several_hosts_one_that_hangs_does_not_hide_the_next(
    at: StoreAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes the connection and says nothing; the next one named is asked in time."""
    monkeypatch.setattr(link, "CONNECT_S", CONNECT_S)
    parts = urlsplit(at.url or "")
    folder = parts.query.partition("host=")[2]
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        named = f"host=127.0.0.1,{folder}&port={port},5432&user=postgres"
        began = time.monotonic()
        store = open_at(StoreAt(at.data_dir, f"postgresql://{parts.path}?{named}"))
        assert 0.9 < (time.monotonic() - began) / (CONNECT_S / 2) < 2
    store.transact_now(lambda s: put(s, "a"))
    store.close()


async def test_a_row_locked_by_another_is_refused_within_two_seconds(
    store: Store, at: StoreAt
) -> None:
    await store.transact(lambda s: put(s, "a"))
    foreign = psycopg.connect(at.url or "")
    foreign.execute("UPDATE note SET amount_minor = 5")
    change = Statement(_N.update().values(amount_minor=6))
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"lock|did not answer in time"):
        await store.transact(lambda s: s.run(change))
    # Alone it is tried once more: what shared its COMMIT must not suffer for it.
    assert time.monotonic() - began < 4.0 + STALL_S
    foreign.rollback()
    foreign.close()
    assert await store.transact(lambda s: s.run(change)) == 1


async def test_a_stopped_server_is_said_and_found_again_without_a_restart(
    own: Server, tmp_path: Path
) -> None:
    store = open_at(made(own, tmp_path))
    await store.transact(lambda s: put(s, "before"))
    own.stop()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await store.transact(lambda s: put(s, "during"))
    with pytest.raises(StoreUnavailable):
        names(store)
    assert time.monotonic() - began < 2.0 + STALL_S
    own.start()
    began = time.monotonic()
    await until_it_goes(store, "after")
    assert time.monotonic() - began < 10.0 + STALL_S
    assert names(store) == ["after", "before"]
    store.close()


async def test_a_server_that_hangs_is_given_up_within_the_deadline(
    own: Server, tmp_path: Path
) -> None:
    store = open_at(made(own, tmp_path))
    await store.transact(lambda s: put(s, "before"))
    own.signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable):
            await store.transact(lambda s: put(s, "during"))
        assert time.monotonic() - began < 5.0 + STALL_S
    finally:
        own.signal(signal.SIGCONT)
    await until_it_goes(store, "after")
    assert "after" in names(store)
    store.close()


async def test_a_cut_connection_loses_no_unit_that_was_not_committing(
    store: Store, at: StoreAt
) -> None:
    with psycopg.connect(at.url or "", autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await until_it_goes(store, "after")
    assert names(store) == ["after"]


async def until_it_goes(store: Store, name: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            await store.transact(lambda s: put(s, name))
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


def test_without_a_url_nothing_of_postgresql_is_imported() -> None:
    code = (
        "import sys, bpp.app, protocol_specs.node.store; "
        "print([m for m in sys.modules if m.split('.')[0] in ('psycopg', 'alembic')])"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"
