"""Reading the directory: look-ups and keys, each by an index, at any number of subscribers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select, union_all

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
ROLES_FROM = Statement(
    select(_participants)
    .where(_participants.c.subscriber_id > bindparam("after"))
    .order_by(_participants.c.subscriber_id, _participants.c.domain, _participants.c.type)
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
_FILTERS = {
    "subscriber_id": _participants.c.subscriber_id,
    "type": _participants.c.type,
    "domain": _participants.c.domain,
    "country": _participants.c.country,
    "unique_key_id": _keys.c.unique_key_id,
}
_RECORD = (*_participants.c, *(c for c in _keys.c if c.name != "subscriber_id"))
_IS_CURRENT = (_keys.c.valid_from <= bindparam("now"), _keys.c.valid_until > bindparam("now"))
_STATUS = {
    "SUBSCRIBED": (_participants.c.status == "SUBSCRIBED", *_IS_CURRENT),
    "UNSUBSCRIBED": (_participants.c.status.in_(("SUSPENDED", "REMOVED", "LEFT")), *_IS_CURRENT),
    "EXPIRED": (_participants.c.status == "SUBSCRIBED", _keys.c.valid_until <= bindparam("now")),
}
STATUSES = frozenset(_STATUS)


def _with_keys() -> Select[Any]:
    return select(*_RECORD).join(_keys, _keys.c.subscriber_id == _participants.c.subscriber_id)


def _in_city(clause: Select[Any]) -> Select[Any]:
    """Only those that serve the city or all cities. A subscriber with `*` has no other city."""
    return clause.join(
        _cities,
        (_cities.c.subscriber_id == _participants.c.subscriber_id)
        & (_cities.c.domain == _participants.c.domain)
        & (_cities.c.type == _participants.c.type),
    ).where(or_(_cities.c.city == bindparam("city"), _cities.c.city == "*"))


def lookup_statement(names: tuple[str, ...], status: str) -> Statement:
    """The look-up by these filters; with a city, that city's own rows are the ones gone through."""
    clause = _with_keys().where(*_STATUS[status])
    by_city = "city" in names
    if by_city:
        clause = _in_city(clause)
    for name in names:
        if by_city and name in {"domain", "type", "subscriber_id"}:
            clause = clause.where(_cities.c[name] == bindparam(name))
        elif name != "city":
            clause = clause.where(_FILTERS[name] == bindparam(name))
    return Statement(
        clause.order_by(
            _participants.c.subscriber_id,
            _participants.c.domain,
            _participants.c.type,
            _keys.c.valid_from.desc(),
        ).limit(bindparam("limit"))
    )


SNAPSHOT = Statement(
    _with_keys()
    .where(_participants.c.domain == bindparam("domain"), *_STATUS["SUBSCRIBED"])
    .limit(bindparam("most"))
)
_LOOKUPS: dict[tuple[tuple[str, ...], str], Statement] = {}


def find(session: Session, filters: Mapping[str, str], *, status: str, now: int) -> list[Row]:
    """Participants with each of their valid keys, newest key first; `filters` of known names only.

    A city filter keeps those that serve the city or everywhere; the city `*` asks for all. Keys
    outside their validity are returned only where `status` asks for EXPIRED, so nobody trusts a
    key because the registry still knows it.
    """
    values = {name: filters[name] for name in (*_FILTERS, "city") if name in filters}
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
