"""A form sent twice acts once: what it came to is kept under the id that the form carries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import bindparam, delete, insert, select, update

from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.web.tables import FormSent

_F = FormSent.__table__
_THIS = (_F.c.who == bindparam("of_who"), _F.c.form_id == bindparam("of_form"))
_FIND = Statement(select(_F.c.location).where(*_THIS))
_INSERT = Statement(insert(_F))
_WENT = Statement(update(_F).where(*_THIS).values(location=bindparam("went_to")))
_DELETE = Statement(delete(_F).where(*_THIS))


class Unfinished(Exception):
    """A form that was begun to be acted on before this node stopped; nobody knows how far."""


class Once:
    """What became of forms; those being acted on now are waited for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: dict[tuple[str, str], asyncio.Future[str]] = {}

    async def write(self, who: str, form_id: str, unit: Callable[[Session], str], now: int) -> str:
        """Runs the unit, and keeps where it sends the browser, in one commit; or tells where it
        did before. What the unit raises undoes both."""

        def both(session: Session) -> str:
            row = session.one(_FIND, of_who=who, of_form=form_id)
            if row is not None:
                return _location(row["location"])
            location = unit(session)
            session.run(_INSERT, who=who, form_id=form_id, location=location, at=now)
            return location

        return await self._store.transact(both)

    async def act(
        self, who: str, form_id: str, action: Callable[[], Awaitable[str]], now: int
    ) -> str:
        """The same for an action that awaits others. It is written down before it begins, so
        that after a crash it is not begun again: Unfinished. What it raises lets it be tried anew.
        """
        key = who, form_id
        if key in self._running:
            return await asyncio.shield(self._running[key])
        running = asyncio.ensure_future(self._act(who, form_id, action, now))
        self._running[key] = running
        running.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(running)

    async def _act(
        self, who: str, form_id: str, action: Callable[[], Awaitable[str]], now: int
    ) -> str:
        def claim(session: Session) -> str | None:
            row = session.one(_FIND, of_who=who, of_form=form_id)
            if row is not None:
                return _location(row["location"])
            session.run(_INSERT, who=who, form_id=form_id, location=None, at=now)
            return None

        before = await self._store.transact(claim)
        if before is not None:
            return before
        try:
            location = await action()
        except Exception:
            await self._store.transact(lambda s: s.run(_DELETE, of_who=who, of_form=form_id))
            raise
        await self._store.transact(
            lambda s: s.run(_WENT, of_who=who, of_form=form_id, went_to=location)
        )
        return location


def _location(kept: str | None) -> str:
    if kept is None:
        raise Unfinished
    return kept
