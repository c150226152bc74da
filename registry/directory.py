"""Reading the directory: look-ups and keys, each by an index, at any number of subscribers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    func,
    or_,
    select,
    union_all,
)

from protocol_specs.node.store import Row, Session, Statement
from registry.tables import Participant, ParticipantCity, ParticipantKey

LOOKUP_ROWS_MAX = 500

_participants = Participant.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_cities = ParticipantCity.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_keys = ParticipantKey.__table__  # type: ignore[attr-defined]  # SQLModel hides the table

CURRENT_KEYS = Statement(
    select(_keys).where(
        _keys.c.subscriber_id == bindparam("subscriber_id"),
        _keys.c.valid_from <= bindparam("now"),
        _keys.c.valid_until > bindparam("now"),
    )
)
KEYS_SINCE = Statement(
    select(_keys)
    .where(
        _keys.c.subscriber_id == bindparam("subscriber_id"),
        or_(_keys.c.valid_until >= bindparam("now"), _keys.c.retired >= bindparam("now")),
    )
    .order_by(_keys.c.valid_from.desc(), _keys.c.unique_key_id)
)
KEYS_OF = Statement(
    select(_keys)
    .where(_keys.c.subscriber_id == bindparam("subscriber_id"))
    .order_by(_keys.c.valid_from.desc(), _keys.c.unique_key_id)
)
KEY = Statement(
    select(_keys).where(
        _keys.c.subscriber_id == bindparam("subscriber_id"),
        _keys.c.unique_key_id == bindparam("unique_key_id"),
    )
)
KEY_OWNER = Statement(
    select(_keys.c.subscriber_id, _keys.c.unique_key_id).where(
        _keys.c.signing_public_key == bindparam("public")
    )
)
ROLES_OF = Statement(
    select(_participants)
    .where(_participants.c.subscriber_id == bindparam("subscriber_id"))
    .order_by(_participants.c.domain, _participants.c.type)
)
IDS_FROM = Statement(
    select(_participants.c.subscriber_id)
    .distinct()
    .where(_participants.c.subscriber_id > bindparam("after"))
    .order_by(_participants.c.subscriber_id)
    .limit(bindparam("most"))
)
NEXT_MOMENT = Statement(
    select(
        func.min(
            union_all(
                select(func.min(_keys.c.valid_from).label("at")).where(
                    _keys.c.valid_from > bindparam("now")
                ),
                select(func.min(_keys.c.valid_until).label("at")).where(
                    _keys.c.valid_until > bindparam("now")
                ),
            )
            .subquery()
            .c.at
        ).label("at")
    )
)
FILTERS = ("subscriber_id", "type", "domain", "country", "unique_key_id", "city")
STATUSES = frozenset({"SUBSCRIBED", "UNSUBSCRIBED", "EXPIRED"})
_RECORD = (*_participants.c, *(c for c in _keys.c if c.name != "subscriber_id"))


def _with_keys() -> Select[Any]:
    return select(*_RECORD).join(_keys, _keys.c.subscriber_id == _participants.c.subscriber_id)


def _in_city(clause: Select[Any]) -> Select[Any]:
    """Only those that serve the city or all cities. A subscriber with `*` has no other city."""
    return clause.join(
        _cities,
        (_cities.c.subscriber_id == _participants.c.subscriber_id)
        & (_cities.c.domain == _only_compared(_participants.c.domain))
        & (_cities.c.type == _only_compared(_participants.c.type)),
    ).where(or_(_cities.c.city == bindparam("city"), _cities.c.city == "*"))


def _only_compared(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column, never looked up by an index of its own (https://www.sqlite.org/optoverview.html):
    without statistics SQLite would rather read everybody who takes part than a city's own."""
    return func.unindexed(column, type_=column.type)


def lookup_statement(names: tuple[str, ...], status: str) -> Statement:
    """The look-up by these filters, begun with what narrows it most: a subscriber, a city's own
    rows, a key id, a role. Only of a status other than SUBSCRIBED may it read many to find few."""
    by_city = "city" in names
    elsewhere = by_city or ("unique_key_id" in names and "subscriber_id" not in names)
    seen = _only_compared if elsewhere else _as_it_is
    clause = _with_keys().where(*_status(status, seen(_participants.c.status)))
    if by_city:
        clause = _in_city(clause)
    for name in names:
        if name == "unique_key_id":
            clause = clause.where(_keys.c.unique_key_id == bindparam(name))
        elif by_city and name in {"domain", "type", "subscriber_id"}:
            clause = clause.where(_cities.c[name] == bindparam(name))
        elif name != "city":
            clause = clause.where(seen(_participants.c[name]) == bindparam(name))
    return Statement(
        clause.order_by(
            _participants.c.subscriber_id,
            _participants.c.domain,
            _participants.c.type,
            _keys.c.valid_from.desc(),
        ).limit(bindparam("limit"))
    )


def _as_it_is(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return column


def _status(word: str, status: ColumnElement[Any]) -> tuple[ColumnElement[bool], ...]:
    """What a row of this status word holds to; see records.status_of."""
    if word == "EXPIRED":
        return status == "SUBSCRIBED", _keys.c.valid_until <= bindparam("now")
    current = (_keys.c.valid_from <= bindparam("now"), _keys.c.valid_until > bindparam("now"))
    if word == "UNSUBSCRIBED":
        return status.in_(("SUSPENDED", "REMOVED", "LEFT")), *current
    return status == "SUBSCRIBED", *current


SNAPSHOT = Statement(
    _with_keys()
    .where(
        _participants.c.domain == bindparam("domain"),
        *_status("SUBSCRIBED", _participants.c.status),
    )
    .limit(bindparam("most"))
)
_LOOKUPS: dict[tuple[tuple[str, ...], str], Statement] = {}


def find(session: Session, filters: Mapping[str, str], *, status: str, now: int) -> list[Row]:
    """Participants with each of their valid keys, newest key first; `filters` of known names only.

    A city filter keeps those that serve the city or everywhere; the city `*` asks for all. Keys
    outside their validity are returned only where `status` asks for EXPIRED, so nobody trusts a
    key because the registry still knows it.
    """
    values = {name: filters[name] for name in FILTERS if name in filters}
    if values.get("city") == "*":
        del values["city"]
    question = tuple(values), status
    if question not in _LOOKUPS:
        _LOOKUPS[question] = lookup_statement(*question)
    return session.all(_LOOKUPS[question], now=now, limit=LOOKUP_ROWS_MAX, **values)


def current_keys(session: Session, subscriber_id: str, now: int) -> dict[str, str]:
    """A subscriber's keys that are proven and valid now: id -> base64 of the signing key."""
    rows = session.all(CURRENT_KEYS, subscriber_id=subscriber_id, now=now)
    return {row["unique_key_id"]: row["signing_public_key"] for row in rows}


def next_moment(session: Session, now: int) -> int:
    """When the next key begins or ends by itself, in seconds; far away if none does."""
    row = session.one(NEXT_MOMENT, now=now)
    return 2**62 if row is None or row["at"] is None else int(row["at"])
