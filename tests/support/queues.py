"""A store, messages for its queues, and a client that answers as it is told, for tests."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, select

from protocol_specs.node.loops import Next, run_loop
from protocol_specs.node.messages import tables
from protocol_specs.node.messages.owing import owe
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.wire import signing, strict_json, version
from protocol_specs.wire.context import read_context
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Acknowledgement
from tests.support.peers import NOW, Peer, bpp, context_of

DEADLINE_S = 60.0


def open_store(folder: Path) -> Store:
    """A store with the node's own tables."""
    metadata = MetaData()
    tables.define(metadata)
    return Store.open(folder, metadata)


def quiet() -> Telemetry:
    """Telemetry that counts and writes nothing."""
    return Telemetry("test", write=lambda line: None)


def rows(store: Store, model: Any) -> list[dict[str, Any]]:
    """Every row of a table, oldest first."""
    table: Table = model.__table__
    found = store.read(lambda session: session.all(Statement(select(table).order_by(table.c.id))))
    return [dict(row) for row in found]


def envelope_of(sender: Peer, action: str, *, text: str = "x", **context: Any) -> Envelope:
    """A message of `sender` as the door would have verified it."""
    to = bpp()
    document = {
        "context": context_of(
            action, sender=sender, to_id=to.subscriber_id, to_url=to.url, **context
        ),
        "message": {"note": text},
    }
    body = strict_json.dumps(document)
    return Envelope(
        context=read_context(document),
        message=document["message"],
        error=None,
        document=document,
        dialect=version.named(version.CORE),
        body=body,
        sender=sender.records()[0],
        gateway=None,
        authorization=sender.authorization(body),
        received_at=NOW,
        digest=signing.digest(body),
    )


def owe_one(session: Session, receiver: str = "bap.example.org", **given: Any) -> str:
    """Owes a message, a conversation of its own unless told; returns its message_id."""
    message_id = str(uuid.uuid4())
    values: dict[str, Any] = {
        "receiver_id": receiver,
        "receiver_url": f"https://{receiver}",
        "transaction_id": message_id,
        "action": "on_confirm",
        "message_id": message_id,
        "body": b'{"of":"%s"}' % message_id.encode(),
        "now": NOW,
        "expires_at": None,
        **given,
    }
    owe(session, **values)
    return str(values["message_id"])


Answer = Callable[["Sent"], Awaitable[Acknowledgement]]


@dataclass(frozen=True)
class Sent:
    """One POST that a client made."""

    url: str
    action: str
    body: bytes
    now: int | None
    ttl_s: int | None


async def acks(sent: Sent) -> Acknowledgement:
    """The receiver that takes everything."""
    return Acknowledgement(acked=True)


@dataclass
class FakeClient:
    """Sends nothing; asks `answer`, and keeps what was sent in `sent`."""

    answer: Answer = acks
    sent: list[Sent] = field(default_factory=list)

    async def send(
        self,
        *,
        url: str,
        action: str,
        body: bytes,
        now: int | None = None,
        ttl_s: int | None = None,
    ) -> Acknowledgement:
        one = Sent(url, action, body, now, ttl_s)
        self.sent.append(one)
        return await self.answer(one)

    def bodies(self, url: str | None = None) -> list[bytes]:
        return [one.body for one in self.sent if url in (None, one.url)]


@asynccontextmanager
async def looping(
    next: Next, wake: asyncio.Event, *, poll_s: float, telemetry: Telemetry | None = None
) -> AsyncIterator[asyncio.Event]:
    """Its loop, as a node keeps it, until the block ends or sets what it is given."""
    stopping = asyncio.Event()
    task = asyncio.create_task(
        run_loop(
            "test",
            next,
            wake=wake,
            stopping=stopping,
            now=lambda: NOW,
            telemetry=telemetry or quiet(),
            poll_s=poll_s,
        )
    )
    try:
        yield stopping
    finally:
        stopping.set()
        wake.set()
        await asyncio.wait_for(task, DEADLINE_S)


async def until(claim: Callable[[], object], what: str) -> None:
    """Lets the loop turn until the claim holds; fails after a deadline, naming it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE_S
    while not claim():
        assert loop.time() < end, what
        await asyncio.sleep(0.002)
