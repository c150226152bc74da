"""Two workers on one PostgreSQL schema hear each other over NATS, and only what is committed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from protocol_specs.node.database.postgres.engine import PostgresEngine
from protocol_specs.node.database.postgres.link import Link
from protocol_specs.node.loops import POLL_S
from protocol_specs.node.messages import tables
from protocol_specs.node.messages.outbox import Outbox
from protocol_specs.node.messages.tables import Owed
from protocol_specs.node.nats.bus import Bus
from protocol_specs.node.nats.carrier import NatsHints
from protocol_specs.node.nats.place import NatsPlace
from protocol_specs.node.nats.sealing import Sealing
from protocol_specs.node.store import Session, Store
from protocol_specs.node.workers.workers import Share
from tests.support.nats_server import NatsServer
from tests.support.peers import NOW
from tests.support.postgres_server import conninfo_of, database_of
from tests.support.queues import FakeClient, looping, owe_one, quiet, rows, until


@asynccontextmanager
async def turning(store: Store, url: str, slot: int) -> AsyncIterator[Bus]:
    """The store's hints by NATS, as the node's loop keeps them."""
    bus = Bus(NatsPlace(url=url), None, name="hints", inbox="_I", telemetry=quiet())
    hints = store.hear_others(NatsHints(bus, Share(slot, 2), Sealing(b"s" * 32), "bpp.example.org"))
    try:
        async with looping(hints.next, hints.wake, poll_s=POLL_S):
            await until(lambda: bus.is_connected, "it is connected")
            yield bus
    finally:
        await bus.close()


@pytest.fixture
async def pair(tmp_path: Path, server: NatsServer) -> AsyncIterator[tuple[Store, Store]]:
    metadata = MetaData()
    tables.define(metadata)
    at = database_of(tmp_path, metadata)
    async with AsyncExitStack() as stack:
        stores = [Store(PostgresEngine(at, share=Share(n, 2)), Share(n, 2)) for n in range(2)]
        for slot, store in enumerate(stores):
            stack.callback(store.close)
            await stack.enter_async_context(turning(store, server.url, slot))
        yield stores[0], stores[1]


async def test_a_word_is_said_after_the_commit_and_by_nats_alone(pair: tuple[Store, Store]) -> None:
    first, second = pair
    heard: list[str] = []
    second.listen("channel", heard.append)
    link = Link(conninfo_of(first))
    link.run('LISTEN "wayfare_public"')

    def undone(session: Session) -> None:
        session.notify("channel", "undone")
        raise ValueError("a fault of the unit")

    with pytest.raises(ValueError, match="a fault of the unit"):
        await first.transact(undone)
    await first.transact(lambda session: session.notify("channel", "kept"))
    first.tell("channel", "outside")
    await until(lambda: len(heard) >= 2, "both are heard")
    assert sorted(heard) == ["kept", "outside"]
    link.rows("SELECT 1")
    link.consume()
    assert link.pg.notifies() is None
    link.close()


async def test_what_one_worker_owes_another_sends_and_what_was_lost_too(
    server: NatsServer, pair: tuple[Store, Store]
) -> None:
    first, second = pair
    outbox = Outbox(first, FakeClient(), quiet(), now=lambda: NOW)
    stopping = asyncio.Event()
    sending = asyncio.create_task(outbox.run(stopping))

    def owe() -> None:
        """One message of a conversation of each worker."""
        for _ in range(2):
            second.transact_now(lambda session: owe_one(session, "bap.example.org", now=NOW))

    def sent() -> list[str]:
        return [row["state"] for row in rows(first, Owed) if row["conversation_id"] % 2 == 0]

    try:
        owe()
        await until(lambda: sent() == ["sent"], "the word is heard")
        server.kill()
        owe()  # nobody hears of it; and the clock stands still, so that nobody asks by time
        server.wipe()
        server.start()
        await until(lambda: sent() == ["sent", "sent"], "after the gap it is asked for")
    finally:
        stopping.set()
        outbox.wake.set()
        await sending
