"""How often somebody may do a thing: counted for all processes of a node together."""

from __future__ import annotations

import hashlib

from sqlalchemy import BigInteger, and_, bindparam, case, delete, or_, select
from sqlalchemy.dialects.sqlite import insert

from protocol_specs.node.buckets import Buckets
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.web.tables import Paced

FORGOTTEN_PER_COMMIT_MAX = 200

_P = Paced.__table__
_NOW, _STEP = bindparam("now_ms", type_=BigInteger), bindparam("step_ms", type_=BigInteger)
_IS_SET_BACK = _P.c.full_at_ms > bindparam("never_ms")
_IS_OWING = and_(_P.c.full_at_ms > _NOW, ~_IS_SET_BACK)
_TAKE = Statement(
    insert(_P)
    .values(key=bindparam("key"), full_at_ms=bindparam("first_ms"))
    .on_conflict_do_update(
        index_elements=["key"],
        set_={"full_at_ms": case((_IS_OWING, _P.c.full_at_ms), else_=_NOW) + _STEP},
        where=or_(_P.c.full_at_ms <= bindparam("last_ms"), _IS_SET_BACK),
    )
)
_FULL_AT = Statement(select(_P.c.full_at_ms).where(_P.c.key == bindparam("key")))
_FORGET = Statement(
    delete(_P).where(
        _P.c.key.in_(
            select(_P.c.key)
            .where(_P.c.full_at_ms < bindparam("before_ms"))
            .limit(FORGOTTEN_PER_COMMIT_MAX)
        ),
        _P.c.full_at_ms < bindparam("before_ms"),
    )
)


class Pace:
    """A bucket for each key: full it holds `burst` tokens, and another comes every `every_s`.

    A process alone keeps them in memory. Several keep in their store when a bucket will be full
    again (the generic cell rate algorithm, ITU-T I.371), under a hash of `name` and key.
    """

    def __init__(self, name: str, *, every_s: float, burst: int) -> None:
        self._name, self._burst, self._step_ms = name, burst, round(1000 * every_s)
        self._here = Buckets(1 / every_s, burst=burst)

    async def take(self, store: Store, key: str, now: int) -> int:
        """Takes a token: 0 if there was one, else the whole seconds until there will be one. Who
        asks this process too often already costs no transaction."""
        wait_s = self._here.take(key, now)
        if wait_s or store.share.of == 1:
            return wait_s
        return await store.transact(lambda session: self.take_of_all(session, key, now))

    def take_of_all(self, session: Session, key: str, now: int) -> int:
        """As `take`, of what all processes share, in the caller's transaction."""
        now_ms, step_ms = 1000 * now, self._step_ms
        last_ms = now_ms + (self._burst - 1) * step_ms
        hashed = hashlib.sha256(f"{self._name} {key}".encode()).digest()
        taken = session.run(
            _TAKE,
            key=hashed,
            now_ms=now_ms,
            step_ms=step_ms,
            first_ms=now_ms + step_ms,
            last_ms=last_ms,
            never_ms=now_ms + 2 * self._burst * step_ms,  # none owes so much: a clock was set back
        )
        row = None if taken else session.one(_FULL_AT, key=hashed)
        return 0 if row is None else max(1, -((last_ms - row["full_at_ms"]) // 1000))


def forget(session: Session, now: int) -> bool:
    """Forgets keys whose bucket is full again; says whether there was any."""
    return session.run(_FORGET, before_ms=1000 * now) > 0
