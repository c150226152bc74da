"""Quotes, orders and their facts in the database; every write in the caller's transaction."""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    bindparam,
    delete,
    insert,
    select,
    tuple_,
    update,
)

from bpp.orders.events import OrderEvent, event_document
from bpp.orders.init import StoredQuote, quote_document, read_quote
from bpp.orders.order import NOT_READY, Order, order_document, read_order
from bpp.orders.tables import OrderEventRow, OrderRow, QuoteRow
from bpp.orders.walk import At
from protocol_specs.node.store import Row, Session, Statement

KEPT_QUOTE_S = 24 * 3600  # an expired quote still explains a late confirm for a day
LISTED_MAX = 200

_QUOTE, _ORDER, _EVENT = QuoteRow.__table__, OrderRow.__table__, OrderEventRow.__table__
_CHANGES = (
    "status",
    "state",
    "agent_id",
    "is_ahead",
    "is_done",
    "events",
    "document",
    "updated_at",
    "waits_since",
)

_OF_TRANSACTION = (
    _QUOTE.c.bap_id == bindparam("of_bap"),
    _QUOTE.c.transaction_id == bindparam("of_transaction"),
)
_ADD_QUOTE = Statement(insert(_QUOTE))
_REPLACE_QUOTE = Statement(
    update(_QUOTE)
    .where(*_OF_TRANSACTION)
    .values(expires_at=bindparam("expires_at"), document=bindparam("document"))
)
_OLD_QUOTE = Statement(
    select(_QUOTE.c.bap_id, _QUOTE.c.transaction_id)
    .where(_QUOTE.c.expires_at < bindparam("before"))
    .limit(1)
)
_DROP_QUOTE = Statement(delete(_QUOTE).where(*_OF_TRANSACTION))

_ADD_ORDER = Statement(insert(_ORDER))
_CHANGE_ORDER = Statement(
    update(_ORDER)
    .where(_ORDER.c.key == bindparam("of"), _ORDER.c.revision == bindparam("was"))
    .values({name: bindparam(name) for name in _CHANGES} | {"revision": _ORDER.c.revision + 1})
)
_SHORT = select(_ORDER.c.document, _ORDER.c.revision)
_BY_TRANSACTION = Statement(
    _SHORT.where(
        _ORDER.c.bap_id == bindparam("bap"), _ORDER.c.transaction_id == bindparam("transaction")
    )
)
_OF_CONFIRM = Statement(  # a transaction's quote, and the order it made, if it made one
    select(_QUOTE.c.document.label("quote"), _ORDER.c.document, _ORDER.c.revision)
    .outerjoin(
        _ORDER,
        and_(
            _ORDER.c.bap_id == _QUOTE.c.bap_id, _ORDER.c.transaction_id == _QUOTE.c.transaction_id
        ),
    )
    .where(*_OF_TRANSACTION)
)
_OF_BAP = Statement(
    _SHORT.where(_ORDER.c.bap_id == bindparam("bap"), _ORDER.c.order_id == bindparam("order"))
)
_OF_AGENT = Statement(
    _SHORT.where(_ORDER.c.agent_id == bindparam("agent"), _ORDER.c.job_id == bindparam("job"))
)
_BY_KEY = Statement(_SHORT.where(_ORDER.c.key == bindparam("of")))
_BY_JOB_ID = Statement(_SHORT.where(_ORDER.c.job_id == bindparam("job")))
_ITS_JOB = (
    _ORDER.c.agent_id == bindparam("agent"),
    _ORDER.c.status == "ACTIVE",
    _ORDER.c.is_ahead == 0,
)
_JOB_OF = Statement(_SHORT.where(*_ITS_JOB))
_IS_BUSY = Statement(select(_ORDER.c.key).where(*_ITS_JOB))
_AHEAD = (_ORDER.c.status == "ACTIVE", _ORDER.c.is_ahead == 1)
_WITHOUT_AGENT = (
    _ORDER.c.status == "ACTIVE", _ORDER.c.is_ahead == 0, _ORDER.c.agent_id.is_(None)
)  # fmt: skip
_WITH_AGENT = (
    _ORDER.c.status == "ACTIVE", _ORDER.c.is_ahead == 0, _ORDER.c.agent_id.is_not(None)
)  # fmt: skip
_AHEAD_OF = Statement(
    _SHORT.where(*_AHEAD, _ORDER.c.agent_id == bindparam("agent")).order_by(_ORDER.c.begins_at)
)
_EVERY_AHEAD = Statement(_SHORT.where(*_AHEAD).order_by(_ORDER.c.begins_at).limit(LISTED_MAX))
_AFTER = tuple_(bindparam("after_at", type_=BigInteger), bindparam("after_key", type_=String))
_AHEAD_AFTER = Statement(
    select(_ORDER.c.begins_at.label("at"), _ORDER.c.key)
    .where(
        *_AHEAD,
        _ORDER.c.begins_at <= bindparam("by"),
        tuple_(_ORDER.c.begins_at, _ORDER.c.key) > _AFTER,
    )
    .order_by(_ORDER.c.begins_at, _ORDER.c.key)
    .limit(bindparam("at_most"))
)
_IS_OPEN = (
    _ORDER.c.agent_id.is_(None),
    _ORDER.c.status == "ACTIVE",
    _ORDER.c.state != NOT_READY,
    _ORDER.c.is_ahead == 0,
)
_OPEN = Statement(_SHORT.where(*_IS_OPEN).order_by(_ORDER.c.created_at.desc()).limit(LISTED_MAX))
_OPEN_HAND = (
    select(_ORDER.c.created_at.label("at"), _ORDER.c.key)
    .where(*_IS_OPEN, tuple_(_ORDER.c.created_at, _ORDER.c.key) > _AFTER)
    .order_by(_ORDER.c.created_at, _ORDER.c.key)
    .limit(bindparam("at_most"))
)
_OPEN_AFTER = Statement(_OPEN_HAND)
_PLANNED_AFTER = Statement(_OPEN_HAND.where(_ORDER.c.begins_at > 0))
_NEWEST = Statement(_SHORT.order_by(_ORDER.c.created_at.desc(), _ORDER.c.key).limit(LISTED_MAX))
_WAITING = Statement(
    _SHORT.where(
        _ORDER.c.agent_id.is_(None),
        _ORDER.c.status == "ACTIVE",
        _ORDER.c.state == bindparam("in_state"),
        _ORDER.c.waits_since < bindparam("before"),
    )
    .order_by(_ORDER.c.waits_since)
    .limit(1)
)
_DONE_BY_AGENT = Statement(
    _SHORT.where(_ORDER.c.agent_id == bindparam("agent"), _ORDER.c.is_done == 1)
    .order_by(_ORDER.c.updated_at.desc())
    .limit(LISTED_MAX)
)
_ADD_EVENT = Statement(insert(_EVENT))


class Overtaken(Exception):
    """The order changed since it was read; the unit is undone and may be run again."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An order as read, with the revision that a change must still find."""

    order: Order
    revision: int


def active() -> tuple[tuple[ColumnElement[bool], ...], ...]:
    """Which orders are not over, as conditions that shut each other out: each has an index of its
    own, and all together have none but that of every order there ever was."""
    return _WITHOUT_AGENT, _WITH_AGENT, _AHEAD


def put_quote(session: Session, quote: StoredQuote) -> None:
    """Stores the quote; it takes the place of an earlier one of the same transaction."""
    values = {"expires_at": quote.expires_at, "document": quote_document(quote)}
    of = {"of_bap": quote.bap_id, "of_transaction": quote.transaction_id}
    if not session.run(_REPLACE_QUOTE, **of, **values):
        session.run(_ADD_QUOTE, bap_id=quote.bap_id, transaction_id=quote.transaction_id, **values)


def quote_and_order(
    session: Session, bap_id: str, transaction_id: str
) -> tuple[StoredQuote | None, Kept | None]:
    """The standing quote of this BAP's transaction, expired or not, and the order that it made."""
    row = session.one(_OF_CONFIRM, of_bap=bap_id, of_transaction=transaction_id)
    if row is None:
        return None, order_of_transaction(session, bap_id, transaction_id)
    return read_quote(row["quote"]), None if row["document"] is None else _kept(row)


def drop_quote_next(session: Session, now: int) -> bool:
    """Forgets one quote that expired more than a day ago; says whether there was one."""
    row = session.one(_OLD_QUOTE, before=now - KEPT_QUOTE_S)
    if row is None:
        return False
    of = {"of_bap": row["bap_id"], "of_transaction": row["transaction_id"]}
    return session.run(_DROP_QUOTE, **of) > 0


def add_order(session: Session, order: Order) -> None:
    """A new order. Raises Conflict: the transaction has one, or its agent has a job."""
    session.write(
        _ADD_ORDER,
        key=order.key,
        bap_id=order.peer.bap_id,
        transaction_id=order.peer.transaction_id,
        order_id=order.id,
        job_id=order.job_id,
        revision=0,
        begins_at=order.planned_start or 0,
        created_at=order.reached[0][1],  # our own clock: some peers date their orders themselves
        **_changes(order),
    )


def change_order(session: Session, order: Order, revision: int) -> None:
    """The order as decided. Raises Conflict (its agent has a job) and Overtaken."""
    if session.run(_CHANGE_ORDER, of=order.key, was=revision, **_changes(order)) != 1:
        raise Overtaken(f"order {order.key} is no longer at revision {revision}")


def add_event(session: Session, event: OrderEvent) -> None:
    """A fact. Raises Conflict if the order has another fact of this number."""
    session.write(
        _ADD_EVENT,
        order_key=event.order_key,
        n=event.n,
        kind=event.kind,
        at=event.at,
        agent_id=event.agent_id,
        document=event_document(event),
    )


def order_of_transaction(session: Session, bap_id: str, transaction_id: str) -> Kept | None:
    """The order that this BAP's transaction made."""
    return _kept(session.one(_BY_TRANSACTION, bap=bap_id, transaction=transaction_id))


def order_of_bap(session: Session, bap_id: str, order_id: str) -> Kept | None:
    """The order, if it is this BAP's."""
    return _kept(session.one(_OF_BAP, bap=bap_id, order=order_id))


def order_of_agent(session: Session, agent_id: str, job_id: str) -> Kept | None:
    """The order, if this agent has or had it."""
    return _kept(session.one(_OF_AGENT, agent=agent_id, job=job_id))


def order_by_job_id(session: Session, job_id: str) -> Kept | None:
    """The order, for the cooperative's own desk."""
    return _kept(session.one(_BY_JOB_ID, job=job_id))


def order_by_key(session: Session, key: str) -> Kept | None:
    """The order, by our own key of it."""
    return _kept(session.one(_BY_KEY, of=key))


def job_of(session: Session, agent_id: str) -> Kept | None:
    """The agent's one running job; jobs for later are none."""
    return _kept(session.one(_JOB_OF, agent=agent_id))


def is_busy(session: Session, agent_id: str) -> bool:
    """Whether the agent has a running job."""
    return session.one(_IS_BUSY, agent=agent_id) is not None


def open_jobs(session: Session) -> list[Order]:
    """Orders that wait for an agent, newest first, at most LISTED_MAX.

    Newest, so that jobs which nobody takes cannot hide for ever those that come after them.
    """
    return [read_order(row["document"]) for row in session.all(_OPEN)]


def ahead_of(session: Session, agent_id: str) -> list[Order]:
    """The agent's jobs for later, by their time."""
    return [read_order(row["document"]) for row in session.all(_AHEAD_OF, agent=agent_id)]


def every_ahead(session: Session) -> list[Order]:
    """Jobs for later, by their time, at most LISTED_MAX."""
    return [read_order(row["document"]) for row in session.all(_EVERY_AHEAD)]


def ahead_after(session: Session, after: At, at_most: int, *, begins_by: int) -> list[At]:
    """The next jobs for later that begin until then, the first first: (begin, key) of each."""
    return _hand(session, _AHEAD_AFTER, after, at_most, by=begins_by)


def planned_after(session: Session, after: At, at_most: int) -> list[At]:
    """The next planned jobs whose time is near and that wait for an agent: (made, key) of each."""
    return _hand(session, _PLANNED_AFTER, after, at_most)


def open_after(session: Session, after: At, at_most: int) -> list[At]:
    """The next orders that wait for an agent, the oldest first: (made, key) of each."""
    return _hand(session, _OPEN_AFTER, after, at_most)


def newest(session: Session) -> list[Order]:
    """The newest orders, at most LISTED_MAX."""
    return [read_order(row["document"]) for row in session.all(_NEWEST)]


def waiting_since(session: Session, state: str, before: int) -> Kept | None:
    """The order without an agent that stands in this state for longest, if since before then; a
    planned one stands so from its start on.
    """
    return _kept(session.one(_WAITING, in_state=state, before=before))


def done_by(session: Session, agent_id: str) -> list[Order]:
    """Jobs the agent carried out, newest first, at most LISTED_MAX."""
    return [read_order(row["document"]) for row in session.all(_DONE_BY_AGENT, agent=agent_id)]


def _hand(
    session: Session, statement: Statement, after: At, at_most: int, **values: int
) -> list[At]:
    at, key = after
    rows = session.all(statement, after_at=at, after_key=key, at_most=at_most, **values)
    return [(row["at"], row["key"]) for row in rows]


def _changes(order: Order) -> dict[str, object]:
    return {
        "status": order.status,
        "state": order.state,
        "agent_id": order.agent_id,
        "is_ahead": int(order.is_ahead),
        "is_done": int(order.is_done()),
        "events": order.events,
        "document": order_document(order),
        "updated_at": order.view.updated_at,
        "waits_since": max(order.view.updated_at or 0, order.planned_start or 0),
    }


def _kept(row: Row | None) -> Kept | None:
    return Kept(read_order(row["document"]), row["revision"]) if row else None
