"""`wayfare inbox` and `wayfare outbox`: what waits, what was parked and why, and another try."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, select, update

from protocol_specs.node.messages.owing import ORDER_CALLBACK_KEPT_S
from protocol_specs.node.messages.tables import Conversation, Owed, Received
from protocol_specs.node.settings import AnyNodeSettings, load
from protocol_specs.node.store import (
    Row,
    Session,
    Statement,
    Store,
    StoreAt,
    StoreInUse,
    StoreUnusable,
)

SHOWN_MAX = 1_000
COLUMNS = ("id", "state", "action", "peer", "transaction_id", "message_id", "tries", "age_s")

_R, _O, _C = Received.__table__, Owed.__table__, Conversation.__table__
_THIS: BindParameter[int] = bindparam("row_id")


def _shown_received(*wanted: ColumnElement[bool]) -> Statement:
    return Statement(
        select(_R, _R.c.sender_id.label("peer"), _R.c.received_at.label("at"), _C.c.transaction_id)
        .join(_C, _C.c.id == _R.c.conversation_id)
        .where(*wanted)
        .order_by(_R.c.id.desc())
        .limit(SHOWN_MAX)
    )


def _shown_owed(*wanted: ColumnElement[bool]) -> Statement:
    return Statement(
        select(_O, _O.c.receiver_id.label("peer"), _O.c.created_at.label("at"))
        .where(*wanted)
        .order_by(_O.c.created_at.desc(), _O.c.id.desc())  # a worker has its numbers ahead
        .limit(SHOWN_MAX)
    )


@dataclass(frozen=True)
class Queue:
    """One of the two queues as the commands see it."""

    name: str
    help: str
    open_ones: Statement
    every: Statement
    retry: Statement


INBOX = Queue(
    name="inbox",
    help="messages that were ACKed and are not handled yet, or were parked",
    open_ones=_shown_received(_R.c.state.in_(["new", "parked"])),
    every=_shown_received(),
    retry=Statement(
        update(_R)
        .where(_R.c.id == _THIS, _R.c.state == "parked", _R.c.body_id.is_not(None))
        .values(state="new", tries=0, next_at=bindparam("now"))
    ),
)
OUTBOX = Queue(
    name="outbox",
    help="messages that are owed and not delivered yet, or were parked",
    open_ones=_shown_owed(_O.c.state.in_(["pending", "parked"])),
    every=_shown_owed(),
    retry=Statement(
        update(_O)
        .where(_O.c.id == _THIS, _O.c.state == "parked", _O.c.body_id.is_not(None))
        .values(
            state="pending",
            tries=0,
            faults=0,
            next_at=bindparam("now"),
            give_up_at=bindparam("give_up_at"),
        )
    ),
)


def add(subparsers: Any) -> None:
    """The two commands."""
    for queue in (INBOX, OUTBOX):
        parser = subparsers.add_parser(queue.name, help=queue.help)
        parser.add_argument("--config", type=Path, required=True, metavar="FILE")
        parser.add_argument("--all", action="store_true", help="also those that are done with")
        parser.add_argument("--json", action="store_true", help="one JSON object per line")
        parser.add_argument(
            "--retry", type=int, metavar="ID", help="try a parked one again (stop the node first)"
        )
        parser.set_defaults(run=partial(run_queue, queue))


def run_queue(queue: Queue, arguments: argparse.Namespace) -> int:
    """Shows a node's queue, beside the running node or without it; or puts one back into it."""
    at = load(arguments.config, AnyNodeSettings).store_at
    now = int(time.time())
    if arguments.retry is not None:
        return _retry(queue, at, arguments.retry, now)
    asked = queue.every if arguments.all else queue.open_ones
    rows = Store.read_once(at, lambda session: session.all(asked))
    _show(rows, now, as_json=arguments.json)
    return 0


def _retry(queue: Queue, at: StoreAt, row_id: int, now: int) -> int:
    def put_back(session: Session) -> int:
        return session.run(
            queue.retry, row_id=row_id, now=now, give_up_at=now + ORDER_CALLBACK_KEPT_S
        )

    try:
        store = Store.open_existing(at)
    except StoreInUse as used:
        raise StoreUnusable(
            f"the node is running (process {used.holder}), and {queue.name} --retry needs it "
            f"stopped: stop the node, run this command again, then start the node"
        ) from None
    try:
        found = store.transact_now(put_back)
    finally:
        store.close()
    if not found:
        raise StoreUnusable(f"no parked message {row_id} with its body in the {queue.name}")
    _say(f"message {row_id} will be tried again when the node runs")
    return 0


def _show(rows: Sequence[Row], now: int, *, as_json: bool) -> None:
    for row in reversed(rows):
        fields = {**dict(row), "age_s": max(0, now - row["at"])}
        shown = {name: fields[name] for name in COLUMNS}
        if as_json:
            _say(json.dumps({**shown, "error": row["error"]}))
        else:
            _say("  ".join(str(value) for value in shown.values()))
            if row["error"]:
                _say(f"    {row['error']}")
    if not rows and not as_json:
        _say("nothing waits, nothing is parked")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
