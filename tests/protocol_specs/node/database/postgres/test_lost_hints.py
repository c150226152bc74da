"""What one worker owes and another must send arrives, also when nobody heard of it."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from protocol_specs.node.database.postgres.engine import PostgresEngine
from protocol_specs.node.messages import owed, tables
from protocol_specs.node.messages.outbox import ASKED_EVERY_S, Outbox
from protocol_specs.node.messages.tables import Owed
from protocol_specs.node.store import Store
from protocol_specs.node.store_faults import StoreUnavailable
from protocol_specs.node.workers.workers import WHOLE, Share
from tests.support.databases import run_sql
from tests.support.peers import Clock
from tests.support.postgres_server import database_of, server
from tests.support.queues import DEADLINE_S, FakeClient, looping, owe_one, quiet, rows, until


class Pair:
    """Two workers' stores in one process: the first sends, the second owes."""

    def __init__(self, first: Store, second: Store) -> None:
        self.first, self.second = first, second
        self.engine = first.engine
        self.clock, self.client = Clock(), FakeClient()
        self.outbox = Outbox(first, self.client, quiet(), now=lambda: int(self.clock.at))
        self.hearing = first.hear_others()

    def owe(self, to: str = "bap.example.org") -> None:
        """One message of a conversation of each worker."""
        for _ in range(2):
            self.second.transact_now(lambda session: owe_one(session, to, now=int(self.clock.at)))

    async def started(self) -> None:
        """Waits until the outbox has asked what is owed, of which there is one message."""
        await until(lambda: self.sent() == ["sent"], "what was owed at the start is sent")

    def sent(self) -> list[str]:
        """What became of the first one's own."""
        own = [row for row in rows(self.first, Owed) if row["conversation_id"] % 2 == 0]
        return [row["state"] for row in own]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The first one's outbox."""
        stopping = asyncio.Event()
        task = asyncio.create_task(self.outbox.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            self.outbox.wake.set()
            await task

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """The first one hears the second, as the node's loop keeps it."""
        async with looping(self.hearing.next, asyncio.Event(), poll_s=0.01):
            yield

    def is_listening(self) -> bool:
        return self.backend() is not None

    def backend(self) -> int | None:
        """At the server, the process of the link on which the first one hears."""
        assert isinstance(self.engine, PostgresEngine)
        link = self.engine.hearing._link
        return None if link is None or link.is_lost else link.backend


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    metadata = MetaData()
    tables.define(metadata)
    at = database_of(tmp_path, metadata)
    with ExitStack() as closing:
        stores = [Store(PostgresEngine(at, share=Share(n, 2)), Share(n, 2)) for n in range(2)]
        for store in stores:
            closing.callback(store.close)
        yield Pair(*stores)


async def test_what_was_owed_while_the_link_was_cut_is_sent_once_it_listens_again(
    pair: Pair,
) -> None:
    async with pair.running():
        async with pair.listening():
            await until(pair.is_listening, "it listens")
            pair.owe()
            await until(lambda: pair.sent() == ["sent"], "a hint arrives")
        cut = pair.backend()
        server().run(f"SELECT pg_terminate_backend({cut}, 5000)")
        pair.owe()
        async with pair.listening():
            await until(lambda: pair.backend() not in (None, cut), "it listens again")
            await until(lambda: pair.sent() == ["sent", "sent"], "what nobody heard of is sent")


async def test_what_was_owed_before_it_listened_at_first_is_sent(pair: Pair) -> None:
    pair.owe()
    async with pair.running():
        await pair.started()
        pair.owe("new.example.org")
        async with pair.listening():
            await until(lambda: pair.sent() == ["sent", "sent"], "it is sent")


async def test_who_was_told_to_be_back_while_nobody_listened_is_tried_at_once(pair: Pair) -> None:
    pair.owe()
    async with pair.running():
        await pair.started()
        lane = pair.outbox._lane("bap.example.org")
        lane.rounds, lane.retry_at = 9, int(pair.clock.at) + 900
        pair.owe()
        pair.second.transact_now(
            lambda session: owed.revive(session, "bap.example.org", int(pair.clock.at))
        )
        async with pair.listening():
            await until(lambda: pair.sent() == ["sent", "sent"], "it is sent")


async def test_what_was_never_told_is_asked_for_every_few_seconds(pair: Pair) -> None:
    pair.owe()
    async with pair.running():
        await pair.started()
        pair.owe("new.example.org")
        pair.clock.at += ASKED_EVERY_S
        pair.outbox.wake.set()
        await until(lambda: pair.sent() == ["sent", "sent"], "it is sent")


async def test_a_word_of_another_form_on_the_channel_is_passed_over(pair: Pair) -> None:
    heard: list[str] = []
    pair.first.listen("channel", heard.append)
    async with pair.listening():
        await until(pair.is_listening, "it listens")
        for said in ("", "x", "1 - channel", "one - channel a", "1 b channel c", "1 - channel d"):
            run_sql(pair.second, f"SELECT pg_notify('wayfare_public', '{said}')")
        await until(lambda: heard, "what has the form is heard")
    assert heard == ["d"]


async def test_a_teller_whose_server_hangs_leaves_its_socket_number_to_whoever_gets_it(
    pair: Pair,
) -> None:
    heard, loop = asyncio.Event(), asyncio.get_running_loop()
    here, there = socket.socketpair()
    async with pair.listening():
        await until(pair.is_listening, "it listens")
    backend = pair.backend()
    assert backend is not None
    assert isinstance(pair.engine, PostgresEngine)
    number = pair.engine.hearing._socket
    os.kill(backend, signal.SIGSTOP)
    try:
        pair.first.tell("channel", "nobody answers")
    finally:
        os.kill(backend, signal.SIGCONT)
    with here, there:
        os.dup2(here.fileno(), number)
        loop.add_reader(number, heard.set)
        await pair.hearing.next(0)
        there.send(b"x")
        async with asyncio.timeout(DEADLINE_S):
            await heard.wait()
        loop.remove_reader(number)
        os.close(number)


async def test_what_a_commit_owes_whose_answer_was_lost_is_sent(tmp_path: Path) -> None:
    """The one process of a node: its server is gone in the moment of the COMMIT, which stands."""
    metadata = MetaData()
    tables.define(metadata)
    store = Store(PostgresEngine(database_of(tmp_path, metadata), share=WHOLE))
    clock, client = Clock(), FakeClient()
    outbox = Outbox(store, client, quiet(), now=lambda: int(clock.at))
    stopping = asyncio.Event()
    task = asyncio.create_task(outbox.run(stopping))
    await until(lambda: outbox._asked_at == int(clock.at), "it has asked at its start")
    assert isinstance(store.engine, PostgresEngine)
    link = store.engine.writer()
    commit = link.commit

    def lost() -> None:
        commit()
        link.close()
        raise StoreUnavailable("the connection to the database is lost")

    link.commit = lost  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await store.transact(lambda session: owe_one(session, now=int(clock.at)))
    clock.at += ASKED_EVERY_S
    outbox.wake.set()
    await until(lambda: [row["state"] for row in rows(store, Owed)] == ["sent"], "it is sent")
    stopping.set()
    outbox.wake.set()
    await task
    store.close()
