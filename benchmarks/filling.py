"""A cooperative's past: very many orders that ended long ago, as a node would have left them.

A few are made, cancelled and forgotten by the node's own code, its clock forty days back. Their
rows are then copied with new ids, in the order of time. The books are sealed by the sealer and
witnessed, so they verify.
"""

import asyncio
import itertools
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from benchmarks.peer import Party
from bpp.app import build_from
from bpp.ledger.sealing import Sealer
from bpp.ledger.witness import Witness
from bpp.orders import store
from bpp.orders.office import keys
from bpp.settings import BppSettings
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.messages import kept, owed
from protocol_specs.node.messages.pruning import prune_next
from protocol_specs.node.messages.tables import Body, Owed
from protocol_specs.node.server import Node
from protocol_specs.node.settings import load, read_secret
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire.context import new_context
from protocol_specs.wire.keys import signing_key
from protocol_specs.wire.parties import Subscriber, SubscriberType
from protocol_specs.wire.signing import digest

MADE = 64  # by the node's own code; the others are copies of these
BACK_S = 40 * 86_400  # bodies are forgotten after thirty days
STEP_S = 60  # between an order's messages, while the first ones are made
PER_TURN = 4096
ITEM_ID, CHANGED_PLANS = "ride-cab", "005"

_OF_ORDER, _OF_CONVERSATION = "order_key = t.key", "conversation_id = t.conversation"
TABLES = {  # which rows are an order's; in the order in which they may be written
    "conversation": "id = t.conversation",
    "received": _OF_CONVERSATION,
    "owed": _OF_CONVERSATION,
    "orders": "key = t.key",
    "order_event": _OF_ORDER,
    "insured_order": _OF_ORDER,
    "projected": _OF_ORDER,
    "entry": _OF_ORDER,
    "transfer": "entry IN (SELECT id FROM made.entry WHERE order_key = t.key)",
    "contribution": _OF_ORDER,
}
_IDS = ("key", "job", "transaction_id", "init", "confirm", "cancel")
_SAID = Statement(
    select(Owed.__table__, Body.__table__.c.bytes)
    .join(Body.__table__, Body.__table__.c.id == Owed.__table__.c.body_id)
    .where(Owed.__table__.c.state == "pending")
    .order_by(Owed.__table__.c.id)
)


class Maker:
    """A node in this process that takes messages as if they had come through its door."""

    def __init__(self, folder: Path, bap: Party) -> None:
        self.now, self.bap = time.time() - BACK_S, bap
        settings = load(folder / "node.toml", BppSettings)
        self.node: Node = build_from(settings, clock=lambda: self.now)
        self.sender = Subscriber(
            subscriber_id=bap.subscriber_id,
            unique_key_id=bap.unique_key_id,
            type=SubscriberType.BAP,
            domain=bap.domain,
            url=bap.url,
            signing_public_key=bap.key.public,
            encryption_public_key=bap.encryption.public,
            cities=(bap.city,),
            country=bap.country,
            valid_from=0,
            valid_until=2**40,
            status="SUBSCRIBED",
        )

    def ask(self, action: str, messages: dict[str, Any]) -> dict[str, Any]:
        """The answers by transaction_id, as the messages asked; they count as sent."""
        self.now += STEP_S
        at = int(self.now)

        def accept(session: Session) -> None:
            for transaction_id, message in messages.items():
                envelope = self._envelope(action, message, transaction_id, at)
                self.node.inbox.accept(session, envelope, at)

        async def handle() -> None:
            while await self.node.inbox.handle_next(at):
                pass

        self.node.store.transact_now(accept)
        asyncio.run(handle())
        return self.node.store.transact_now(_said)

    def _envelope(self, action: str, message: Any, transaction_id: str, at: int) -> Any:
        context = new_context(
            action=action,
            domain=self.bap.domain,
            version="1.1.1",
            city=self.bap.city,
            country=self.bap.country,
            bap_id=self.bap.subscriber_id,
            bap_uri=self.bap.url,
            bpp_id=self.node.settings.subscriber_id,
            bpp_uri=self.node.settings.url,
            transaction_id=transaction_id,
            message_id=str(uuid.uuid4()),
            now_ms=at * 1000,
            ttl="PT10M",
        )
        body = orjson.dumps({"context": context, "message": message})
        row: Any = {
            "bytes": body,
            "sender": kept.party_text(self.sender),
            "gateway": None,
            "authorization": "forgotten with the body",
            "received_at": at,
            "digest": digest(body),
        }
        return kept.envelope(row, self.node.dialects)

    def forget(self) -> None:
        """What a node forgets of orders as old as these; then it ends."""
        now, database = int(time.time()), self.node.store
        while database.transact_now(lambda session: prune_next(session, now)):
            pass
        while database.transact_now(lambda session: store.drop_quote_next(session, now)):
            pass
        database.close()


def _said(session: Session) -> dict[str, Any]:
    answers = {}
    for row in session.all(_SAID):
        document = orjson.loads(row["bytes"])
        if "error" in document:
            raise RuntimeError(f"{row['action']} answered with {document['error']}")
        answers[row["transaction_id"]] = document["message"]
        owed.end(session, row, "sent", None)
    return answers


def fill(
    folder: Path, bap: Party, orders: int, *, init: dict[str, Any], names: tuple[str, ...]
) -> None:
    """Gives the node of this folder so many orders. `init` is what an init asks for, `names` the
    parts of its answer that a confirm repeats."""
    made = Maker(folder, bap)
    drafts = made.ask("init", {str(uuid.uuid4()): {"order": init} for _ in range(MADE)})
    wanted = {
        transaction_id: {
            "order": {name: draft["order"][name] for name in names if name in draft["order"]}
        }
        for transaction_id, draft in drafts.items()
    }
    confirmed = made.ask("confirm", wanted)
    made.ask(
        "cancel",
        {
            transaction_id: {
                "order_id": told["order"]["id"],
                "cancellation_reason_id": CHANGED_PLANS,
                "descriptor": {"code": "CONFIRM_CANCEL"},
            }
            for transaction_id, told in confirmed.items()
        },
    )
    data, settings = made.node.settings.data_dir, made.node.settings
    made.forget()
    insurance = settings.insurance  # type: ignore[attr-defined]  # a provider's
    key = signing_key(read_secret(insurance.ledger_key, key="ledger_key"))
    _copy(data / FILE_NAME, orders - MADE, Sealer(key), Witness(insurance.witness))


def _copy(file: Path, copies: int, sealer: Sealer, witness: Witness) -> None:
    made = file.with_name("made.sqlite3")
    quick = sqlite3.connect(file, isolation_level=None)
    quick.row_factory = sqlite3.Row
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
        quick.execute(f"PRAGMA {pragma}")
    made.write_bytes(file.read_bytes())  # all of it: leaving WAL has written the rest
    quick.execute("ATTACH ? AS made", (str(made),))
    quick.execute(_MADE)
    quick.execute(f"CREATE TEMP TABLE copy (of, conversation, {', '.join(_IDS)})")
    statements = [_copying(quick, table) for table in TABLES]
    new, session = _new_ids(), Session(quick, {})
    for done in range(0, copies, PER_TURN):
        quick.execute("BEGIN")
        quick.execute("DELETE FROM copy")
        some = range(done, min(copies, done + PER_TURN))
        rows = [(n % MADE + 1, MADE + 1 + n, *next(new)) for n in some]
        quick.executemany(f"INSERT INTO copy VALUES (?, ?{', ?' * len(_IDS)})", rows)  # noqa: S608
        for statement in statements:
            quick.execute(statement)
        while sealer.seal_next(session, int(time.time()) - BACK_S):
            pass
        quick.execute("COMMIT")
    while witness.witness_next(session, int(time.time())):
        pass
    quick.execute("DETACH made")
    quick.execute("PRAGMA journal_mode=WAL")
    quick.close()
    made.unlink()


_MADE = """
CREATE TEMP TABLE template AS SELECT c.id AS of, c.id AS conversation, o.key, o.job_id AS job,
o.transaction_id, i.message_id AS init, f.message_id AS confirm, l.message_id AS cancel
FROM made.conversation c JOIN made.orders o ON o.transaction_id = c.transaction_id
JOIN made.received i ON i.conversation_id = c.id AND i.action = 'init'
JOIN made.received f ON f.conversation_id = c.id AND f.action = 'confirm'
JOIN made.received l ON l.conversation_id = c.id AND l.action = 'cancel'
"""


def _new_ids() -> Iterator[tuple[str, ...]]:
    """Ours in the order of time, the platform's as it draws them."""
    begin, thousandths = time.time() - BACK_S, itertools.count()
    ours = keys(lambda: begin + next(thousandths) / 1000)
    while True:
        yield ours(), ours(), *(str(uuid.uuid4()) for _ in range(4))


def _copying(quick: sqlite3.Connection, table: str) -> str:
    """INSERT of the rows of every order in `copy`: its template's, under the new ids."""
    names, values = [], []
    for _, name, kind, *_ in quick.execute(f"PRAGMA main.table_info('{table}')"):
        if table in ("received", "owed") and name == "id":
            continue  # the database numbers them
        names.append(f'"{name}"')
        values.append(_copied(table, name, kind))
    return (
        f"INSERT INTO main.{table} ({', '.join(names)}) SELECT {', '.join(values)} "  # noqa: S608
        f"FROM copy c JOIN template t ON t.of = c.of JOIN made.{table} x ON x.{TABLES[table]}"
    )


def _copied(table: str, name: str, kind: str) -> str:
    if name == "conversation_id" or (table, name) == ("conversation", "id"):
        return "c.conversation"
    value = f'x."{name}"'
    if kind == "INTEGER":
        return value
    for each in _IDS:
        value = f"replace({value}, t.{each}, c.{each})"
    return f"CAST({value} AS BLOB)" if kind == "BLOB" else value
