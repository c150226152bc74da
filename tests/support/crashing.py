"""A node's durable half that kills itself at its k-th step, again and again, and what it left.

Run as `python -m tests.support.crashing FOLDER`: prints one JSON object per kill point. Each point
is a fork: one that dies there by SIGKILL, then one that starts again in the same folder and ends.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import bindparam, insert, select

from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.messages.inbox import Inbox
from protocol_specs.node.messages.outbox import Outbox
from protocol_specs.node.messages.tables import Body, Owed, Received
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Acknowledgement
from protocol_specs.wire.version import Dialects
from tests.support.databases import writer_of
from tests.support.peers import NOW, Peer, bap
from tests.support.queues import (
    FakeClient,
    Sent,
    envelope_of,
    open_store,
    owe_one,
    quiet,
    rows,
    until,
)

MESSAGES = 2
EFFECT = Statement(insert(Body.__table__).values(bytes=bindparam("bytes")))


def note(folder: Path, name: str, line: str) -> None:
    """Appends a line that outlives the process: what a peer has seen."""
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, line.encode() + b"\n")
    os.close(descriptor)


def handle(session: Session, envelope: Envelope, now: int) -> None:
    """The effect of a confirm, and the answer owed for it, in one commit."""
    session.run(EFFECT, bytes=b"effect of " + envelope.message_id.encode())
    owe_one(
        session,
        transaction_id=envelope.transaction_id,
        message_id=envelope.message_id,
        body=envelope.message_id.encode(),
    )


async def live(folder: Path, envelopes: list[Envelope], step: Callable[[], None]) -> None:
    """One life of the node: the peer posts what it has no ACK for; then all is worked off."""
    store = open_store(folder)
    writer_of(store).set_trace_callback(lambda sql: step())

    async def answer(sent: Sent) -> Acknowledgement:
        step()
        note(folder, "sent", sent.body.decode())
        step()
        return Acknowledgement(acked=True)

    inbox = Inbox(store, quiet(), Dialects({}))
    inbox.serve(Durable("confirm", handle))
    outbox = Outbox(store, FakeClient(answer), quiet(), now=lambda: NOW)
    stopping = asyncio.Event()
    sending = asyncio.ensure_future(outbox.run(stopping))
    for envelope in envelopes:
        if envelope.message_id not in noted(folder, "acked"):
            await store.transact(lambda s, e=envelope: inbox.accept(s, e, NOW))
            step()
            note(folder, "acked", envelope.message_id)
            step()
    while await inbox.handle_next(NOW):
        step()
    await until(lambda: {row["state"] for row in rows(store, Owed)} <= {"sent"}, "not all sent")
    stopping.set()
    outbox.wake.set()
    await sending
    writer_of(store).set_trace_callback(None)
    store.close()


def noted(folder: Path, name: str) -> list[str]:
    path = folder / name
    return path.read_text().split() if path.exists() else []


def life(folder: Path, envelopes: list[Envelope], die_at: int | None) -> bool:
    """Forks a life; says whether it reached its end."""
    child = os.fork()
    if child == 0:
        steps = iter(range(1, 1_000_000))

        def step() -> None:
            if next(steps) == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(live(folder, envelopes, step))
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def left(folder: Path, envelopes: list[Envelope]) -> dict[str, object]:
    """What stands in the database and what the peer saw, per message."""
    store = Store.read_only(folder)
    bodies = [
        row["bytes"]
        for row in store.read(lambda s: s.all(Statement(select(Body.__table__.c.bytes))))
    ]
    effects = Counter(body.decode() for body in bodies if body.startswith(b"effect"))
    report = {
        "effects": [effects["effect of " + envelope.message_id] for envelope in envelopes],
        "received": [row["state"] for row in rows(store, Received)],
        "owed": [row["state"] for row in rows(store, Owed)],
        "answers": [noted(folder, "sent").count(e.message_id) for e in envelopes],
    }
    store.close()
    return report


def main(folder: Path) -> None:
    sender: Peer = bap()
    point, ended = 0, False
    while not ended:
        point += 1
        home = folder / str(point)
        home.mkdir()
        envelopes = [envelope_of(sender, "confirm") for _ in range(MESSAGES)]
        ended = life(home, envelopes, point)
        restarted = life(home, envelopes, None)
        report = {"point": point, "died": not ended, "restarted": restarted}
        sys.stdout.write(json.dumps({**report, **left(home, envelopes)}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
