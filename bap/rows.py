"""Journeys and their events as rows; each function works in its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import bindparam

from bap.journey import UNANSWERED, Event, Journey
from bap.tables import EventRow, JourneyRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import strict_json
from protocol_specs.wire.values import replace

_J, _E = JourneyRow.__table__, EventRow.__table__
_COLUMNS = tuple(field.name for field in fields(Journey))

CHANNEL = "journey"
"""Notified with the journey's id after each commit that changed it."""


def _values(names: Iterable[str]) -> dict[str, Any]:
    return {name: bindparam(name) for name in names}


_INSERT = Statement(sa.insert(_J).values(_values(_COLUMNS)))
_SAVE = Statement(
    sa.update(_J)
    .where(_J.c.id == bindparam("key"), _J.c.version == bindparam("was"))
    .values(_values(name for name in _COLUMNS if name != "id"))
)
_load = sa.select(_J).where(_J.c.id == bindparam("id"))
_LOAD, _LOCK = Statement(_load), Statement(_load.with_for_update())
_LOCK_OF = Statement(
    sa.select(_J.c.id).where(_J.c.transaction_id == bindparam("transaction_id")).with_for_update()
)
_BY_ORDER = Statement(
    sa.select(_J).where(
        _J.c.order_id == bindparam("order_id"),
        _J.c.bpp_id == bindparam("bpp_id"),
        _J.c.transaction_id == bindparam("transaction_id"),
    )
)
_BY_TRANSACTION = Statement(
    sa.select(_J).where(
        _J.c.transaction_id == bindparam("transaction_id"),
        _J.c.bpp_id == bindparam("bpp_id"),
        _J.c.state.in_(sorted(UNANSWERED)),
    )
)
_FORGET = Statement(
    sa.delete(_J).where(
        _J.c.id.in_(sa.select(_J.c.id).where(_J.c.updated_at < bindparam("before")).limit(20)),
        _J.c.updated_at < bindparam("before"),  # of the row as it is once it is ours to delete
    )
)
ALL_IDS = Statement(sa.select(_J.c.id).limit(1000))
_DROP = Statement(sa.delete(_J).where(_J.c.id == bindparam("id")))

_ADD_EVENT = Statement(sa.insert(_E).values(_values(("journey_id", "n", "kind", "at", "document"))))
_EVENTS = Statement(
    sa.select(_E)
    .where(_E.c.journey_id == bindparam("journey_id"), _E.c.n > bindparam("since"))
    .order_by(_E.c.n)
    .limit(bindparam("rows_max"))
)
_QUOTES = Statement(
    sa.select(_E.c.document)
    .where(_E.c.journey_id == bindparam("journey_id"), _E.c.kind == "quote")
    .order_by(_E.c.n.desc())
    .limit(50)
)
_PRUNE_EVENTS = Statement(
    sa.delete(_E).where(_E.c.journey_id == bindparam("journey_id"), _E.c.n <= bindparam("upto"))
)
_ONE_OF_A_KIND = Statement(
    sa.delete(_E).where(
        _E.c.journey_id == bindparam("journey_id"),
        _E.c.kind == bindparam("kind"),
        _E.c.n < bindparam("n"),
    )
)


def add(session: Session, journey: Journey) -> None:
    """Writes a new journey."""
    session.run(_INSERT, **asdict(journey))


def find(session: Session, journey_id: str) -> Journey | None:
    """The journey of that id."""
    return read_journey(session.one(_LOAD, id=journey_id))


def lock(session: Session, journey_id: str) -> Journey | None:
    """The journey of that id, to be changed: no other process changes it, or what hangs on it,
    before this transaction ends. What was read of it before may be out of date."""
    return read_journey(session.one(_LOCK, id=journey_id))


def lock_transaction(session: Session, transaction_id: str) -> None:
    """The same for the journey of that transaction, if there is one."""
    session.one(_LOCK_OF, transaction_id=transaction_id)


def find_by_order(
    session: Session, order_id: str, bpp_id: str, transaction_id: str
) -> Journey | None:
    """The journey that booked that order of that provider, in that transaction."""
    row = session.one(_BY_ORDER, order_id=order_id, bpp_id=bpp_id, transaction_id=transaction_id)
    return read_journey(row)


def find_unanswered(session: Session, bpp_id: str, transaction_id: str) -> Journey | None:
    """The journey of that transaction, while its confirm at that provider has no answer."""
    return read_journey(session.one(_BY_TRANSACTION, transaction_id=transaction_id, bpp_id=bpp_id))


def save(
    session: Session, before: Journey, after: Journey, events: Iterable[Event], now: int
) -> Journey:
    """Writes what a decision gave and wakes those who wait; the version counts the events.

    Of positions only the last event is kept. Raises RuntimeError if the row changed meanwhile:
    `before` was not locked.
    """
    happened = tuple(events)
    after = replace(after, version=before.version + len(happened), updated_at=now)
    values = asdict(after)
    if session.run(_SAVE, key=values.pop("id"), was=before.version, **values) != 1:
        raise RuntimeError(f"journey {before.id} changed under its own transaction")
    for n, event in enumerate(happened, start=before.version + 1):
        _add_event(session, after.id, n, event, now)
    session.notify(CHANNEL, after.id)
    return after


def forget(session: Session, before: int) -> int:
    """Deletes up to twenty journeys untouched since `before`, with all that hangs on them."""
    return session.run(_FORGET, before=before)


def drop(session: Session, journey_id: str) -> None:
    """Deletes one journey, with all that hangs on it."""
    session.run(_DROP, id=journey_id)


def events_since(session: Session, journey_id: str, since: int, rows_max: int = 200) -> list[Row]:
    """What happened after event number `since`, in order: rows of n, kind, at and document."""
    return session.all(_EVENTS, journey_id=journey_id, since=since, rows_max=rows_max)


def prune_events(session: Session, journey: Journey, keep: int) -> None:
    """Forgets all but the last `keep` events, so that no provider can fill the disk."""
    if journey.version > keep:
        session.run(_PRUNE_EVENTS, journey_id=journey.id, upto=journey.version - keep)


def quoted_before(session: Session, journey_id: str) -> list[Mapping[str, Any]]:
    """The quotes shown so far, the last one first, as their events say them."""
    return [orjson.loads(row["document"]) for row in session.all(_QUOTES, journey_id=journey_id)]


def _add_event(session: Session, journey_id: str, n: int, event: Event, now: int) -> None:
    document = strict_json.dumps(event.document)
    session.run(_ADD_EVENT, journey_id=journey_id, n=n, kind=event.kind, at=now, document=document)
    if event.kind == "tracking":
        session.run(_ONE_OF_A_KIND, journey_id=journey_id, kind=event.kind, n=n)


def read_journey(row: Row | None) -> Journey | None:
    """The journey of a row, None for none."""
    return None if row is None else Journey(**{name: row[name] for name in _COLUMNS})
