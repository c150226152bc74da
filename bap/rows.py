"""Journeys, events, offers and calls as rows; each function works in its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.sqlite import insert as upsert

from bap.journey import UNANSWERED, Event, Journey
from bap.tables import AnsweredRow, CallRow, EventRow, JourneyRow, OfferRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import strict_json

_J, _E, _C = JourneyRow.__table__, EventRow.__table__, CallRow.__table__
_O, _A = OfferRow.__table__, AnsweredRow.__table__
_COLUMNS = tuple(field.name for field in fields(Journey))

CHANNEL = "journey"
"""Notified with the journey's id after each commit that changed it."""

CHASE_EVERY_S = 10
CHASE_FOR_S = 3 * 24 * 3600
"""As long as providers go on trying to bring us an on_confirm (DESIGN section 3)."""


def _values(names: Iterable[str]) -> dict[str, Any]:
    return {name: bindparam(name) for name in names}


_INSERT = Statement(sa.insert(_J).values(_values(_COLUMNS)))
_SAVE = Statement(
    sa.update(_J)
    .where(_J.c.id == bindparam("key"), _J.c.version == bindparam("was"))
    .values(_values(name for name in _COLUMNS if name != "id"))
)
_LOAD = Statement(sa.select(_J).where(_J.c.id == bindparam("id")))
_BY_ORDER = Statement(
    sa.select(_J).where(_J.c.order_id == bindparam("order_id"), _J.c.bpp_id == bindparam("bpp_id"))
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
        _J.c.id.in_(sa.select(_J.c.id).where(_J.c.updated_at < bindparam("before")).limit(20))
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

_OFFER = Statement(
    upsert(_O)
    .values(_values(("journey_id", "offer_id", "bpp_id", "document", "at")))
    .on_conflict_do_update(
        index_elements=["journey_id", "offer_id"],
        set_={"document": bindparam("document"), "at": bindparam("at")},
    )
)
_OFFERS = Statement(
    sa.select(_O).where(_O.c.journey_id == bindparam("journey_id")).order_by(_O.c.at, _O.c.offer_id)
)
_ONE_OFFER = Statement(
    sa.select(_O).where(
        _O.c.journey_id == bindparam("journey_id"), _O.c.offer_id == bindparam("offer_id")
    )
)
_ANSWER = Statement(
    upsert(_A)
    .values(message_id=bindparam("message_id"), bpp_id=bindparam("bpp_id"), times=1)
    .on_conflict_do_update(index_elements=["message_id", "bpp_id"], set_={"times": _A.c.times + 1})
)
_ANSWERS = Statement(
    sa.select(_A.c.times).where(
        _A.c.message_id == bindparam("message_id"), _A.c.bpp_id == bindparam("bpp_id")
    )
)

_CALL_COLUMNS = (
    "message_id",
    "journey_id",
    "action",
    "bpp_id",
    "soft",
    "opened_at",
    "expires_at",
    "chase_at",
    "chases",
)
_OPEN_CALL = Statement(sa.insert(_C).values(_values(_CALL_COLUMNS)))
_SUPERSEDE = Statement(
    sa.update(_C)
    .where(
        _C.c.journey_id == bindparam("journey_id"),
        _C.c.action == bindparam("asked"),
        _C.c.message_id != bindparam("but"),
    )
    .values(outcome="superseded")
)
_FIND_CALL = Statement(sa.select(_C).where(_C.c.message_id == bindparam("message_id")))
_CLOSE_CALL = Statement(
    sa.update(_C)
    .where(_C.c.message_id == bindparam("key"))
    .values(outcome=bindparam("outcome"), error=bindparam("error"))
)
_DUE = Statement(
    sa.select(_J, _C.c.message_id, _C.c.chases, _C.c.opened_at)
    .join(_C, _C.c.journey_id == _J.c.id)
    .where(
        _C.c.chase_at <= bindparam("now"),
        _C.c.outcome.is_(None),
        _J.c.state.in_(sorted(UNANSWERED)),
    )
    .order_by(_C.c.chase_at)
    .limit(1)
)
_CHASED = Statement(
    sa.update(_C)
    .where(_C.c.message_id == bindparam("key"))
    .values(chase_at=bindparam("next_at"), chases=bindparam("times"))
)
_WAITING_FOR = Statement(
    sa.select(_C.c.action)
    .where(
        _C.c.journey_id == bindparam("journey_id"),
        _C.c.outcome.is_(None),
        _C.c.expires_at >= bindparam("now"),
    )
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request of ours. `outcome` None: no answer yet; superseded: none is wanted any more."""

    message_id: str
    journey_id: str
    action: str
    bpp_id: str | None
    soft: bool
    opened_at: int
    expires_at: int
    outcome: str | None
    error: Mapping[str, Any] | None


def add(session: Session, journey: Journey) -> None:
    """Writes a new journey."""
    session.run(_INSERT, **asdict(journey))


def find(session: Session, journey_id: str) -> Journey | None:
    """The journey of that id."""
    return _journey(session.one(_LOAD, id=journey_id))


def find_by_order(
    session: Session, order_id: str, bpp_id: str, transaction_id: str
) -> Journey | None:
    """The journey that booked that order of that provider, in that transaction."""
    row = session.one(_BY_ORDER, order_id=order_id, bpp_id=bpp_id, transaction_id=transaction_id)
    return _journey(row)


def find_unanswered(session: Session, bpp_id: str, transaction_id: str) -> Journey | None:
    """The journey of that transaction, while its confirm at that provider has no answer."""
    return _journey(session.one(_BY_TRANSACTION, transaction_id=transaction_id, bpp_id=bpp_id))


def save(
    session: Session, before: Journey, after: Journey, events: Iterable[Event], now: int
) -> Journey:
    """Writes what a decision gave and wakes those who wait; the version counts the events.

    Of positions only the last event is kept. Raises RuntimeError if the row changed meanwhile,
    which one transaction at a time makes impossible.
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


def keep_offer(session: Session, journey_id: str, document: Mapping[str, Any], now: int) -> None:
    """Writes an offer, or what the provider now says about it."""
    session.run(
        _OFFER,
        journey_id=journey_id,
        offer_id=document["offer_id"],
        bpp_id=document["bpp_id"],
        document=strict_json.dumps(document),
        at=now,
    )


def offers(session: Session, journey_id: str) -> list[dict[str, Any]]:
    """All offers of a journey as they are shown, in the order in which they came."""
    return [orjson.loads(row["document"]) for row in session.all(_OFFERS, journey_id=journey_id)]


def find_offer(session: Session, journey_id: str, offer_id: str) -> dict[str, Any] | None:
    """One offer as it is shown."""
    row = session.one(_ONE_OFFER, journey_id=journey_id, offer_id=offer_id)
    return None if row is None else orjson.loads(row["document"])


def count_answer(session: Session, message_id: str, bpp_id: str) -> None:
    """Counts one more answer of a provider to a search."""
    session.run(_ANSWER, message_id=message_id, bpp_id=bpp_id)


def answers(session: Session, message_id: str, bpp_id: str) -> int:
    """How often a provider has answered a search."""
    row = session.one(_ANSWERS, message_id=message_id, bpp_id=bpp_id)
    return 0 if row is None else int(row["times"])


def open_call(session: Session, call: Call, *, supersedes: Iterable[str] = ()) -> None:
    """Writes a request of ours; earlier ones of the actions it supersedes want no answer now."""
    chase_at = call.expires_at + CHASE_EVERY_S if call.action == "confirm" else None
    session.run(
        _OPEN_CALL,
        message_id=call.message_id,
        journey_id=call.journey_id,
        action=call.action,
        bpp_id=call.bpp_id,
        soft=int(call.soft),
        opened_at=call.opened_at,
        expires_at=call.expires_at,
        chase_at=chase_at,
        chases=0,
    )
    for action in supersedes:
        session.run(_SUPERSEDE, journey_id=call.journey_id, asked=action, but=call.message_id)


def find_call(session: Session, message_id: str) -> Call | None:
    """The request of that message_id."""
    row = session.one(_FIND_CALL, message_id=message_id)
    return None if row is None else _call(row)


def close_call(
    session: Session, message_id: str, outcome: str, error: Mapping[str, Any] | None = None
) -> None:
    """Writes how a request ended: answered or refused."""
    document = None if error is None else strict_json.dumps(error)
    session.run(_CLOSE_CALL, key=message_id, outcome=outcome, error=document)


def chase(session: Session, now: int) -> Journey | None:
    """The next journey whose confirm has no answer and whose order is to be asked for, if any.

    Sets when to ask again: 20 s later, then after twice as long each time, for three days.
    """
    row = session.one(_DUE, now=now)
    if row is None:
        return None
    times = row["chases"] + 1
    pause_s = min(CHASE_EVERY_S * 2**times, 3600)
    next_at = now + pause_s if now - row["opened_at"] < CHASE_FOR_S else None
    session.run(_CHASED, key=row["message_id"], next_at=next_at, times=times)
    return _journey(row)


def waiting_for(session: Session, journey_id: str, now: int) -> list[str]:
    """The actions asked for whose answer may still come in time."""
    rows = session.all(_WAITING_FOR, journey_id=journey_id, now=now)
    return sorted(row["action"] for row in rows)


def _add_event(session: Session, journey_id: str, n: int, event: Event, now: int) -> None:
    document = strict_json.dumps(event.document)
    session.run(_ADD_EVENT, journey_id=journey_id, n=n, kind=event.kind, at=now, document=document)
    if event.kind == "tracking":
        session.run(_ONE_OF_A_KIND, journey_id=journey_id, kind=event.kind, n=n)


def _journey(row: Row | None) -> Journey | None:
    return None if row is None else Journey(**{name: row[name] for name in _COLUMNS})


def _call(row: Row) -> Call:
    return Call(
        message_id=row["message_id"],
        journey_id=row["journey_id"],
        action=row["action"],
        bpp_id=row["bpp_id"],
        soft=bool(row["soft"]),
        opened_at=row["opened_at"],
        expires_at=row["expires_at"],
        outcome=row["outcome"],
        error=None if row["error"] is None else orjson.loads(row["error"]),
    )
