"""A form sent twice acts once: what it came to is kept under the id that the form carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from protocol_specs.node.sharing import Shared
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.node.workers.hints import AGAIN
from protocol_specs.web.tables import FormSent
from protocol_specs.web.waiting import Crowded, Watch

CHANNEL = "form_sent"  # notified with the form's id when it was acted on, or is to be anew
WAIT_S = 10.0  # for another process that acts on the same form
WAITING_MAX, WAITING_FOR_ONE_MAX = 1_000, 20

_F = FormSent.__table__
_THIS = (_F.c.who == bindparam("of_who"), _F.c.form_id == bindparam("of_form"))
_FIND = Statement(select(_F.c.location).where(*_THIS))
_CLAIM = Statement(  # waits for another process that is about to
    insert(_F)
    .values({column.name: bindparam(column.name) for column in _F.columns})
    .on_conflict_do_nothing(index_elements=["who", "form_id"])
)
_WENT = Statement(update(_F).where(*_THIS).values(location=bindparam("went_to")))
_DELETE = Statement(delete(_F).where(*_THIS))


class Unfinished(Exception):
    """A form that was begun to be acted on before this node stopped; nobody knows how far."""


class Once:
    """What became of forms; those being acted on now are waited for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: Shared[tuple[str, str], str] = Shared()
        self._elsewhere = Watch(waiting_max=WAITING_MAX, each_max=WAITING_FOR_ONE_MAX)
        store.listen(CHANNEL, self._elsewhere.ring)
        store.listen(AGAIN, lambda _: self._elsewhere.ring_all())

    async def write(self, who: str, form_id: str, unit: Callable[[Session], str], now: int) -> str:
        """Runs the unit, and keeps where it sends the browser, in one commit; or tells where it
        did before. What the unit raises undoes both."""
        return await self._store.transact(lambda s: write(s, who, form_id, unit, now))

    async def act(
        self, who: str, form_id: str, action: Callable[[], Awaitable[str]], now: int
    ) -> str:
        """The same for an action that awaits others. It is written down before it begins, so
        that after a crash it is not begun again: Unfinished. What it raises lets it be tried anew.
        """
        work = partial(self._act, who, form_id, action, now)
        return await self._running.run((who, form_id), work)

    async def _act(
        self, who: str, form_id: str, action: Callable[[], Awaitable[str]], now: int
    ) -> str:
        while not await self._store.transact(lambda s: _claim(s, who, form_id, now)):
            location = await self._told(who, form_id)
            if location is not None:
                return location
        try:
            location = await action()
        except Exception:
            await self._store.transact(lambda s: _ended(s, who, form_id, None))
            raise
        await self._store.transact(lambda s: _ended(s, who, form_id, location))
        return location

    async def _told(self, who: str, form_id: str) -> str | None:
        """Where another process sends the browser, once that is known; None: it failed, and the
        form may be acted on anew. Raises Unfinished."""

        def look() -> str | None:
            return self._store.read(lambda session: _found(session, who, form_id))

        wait_s = WAIT_S if self._store.share.of > 1 else 0.0
        try:
            found = await self._elsewhere.until(form_id, look, wait_s)
        except Crowded:
            raise Unfinished from None
        if found is None:
            raise Unfinished
        return found or None


def write(
    session: Session, who: str, form_id: str, unit: Callable[[Session], str], now: int
) -> str:
    """As `Once.write`, in the caller's transaction."""
    if not _claim(session, who, form_id, now):
        found = _found(session, who, form_id)
        if not found:
            raise Unfinished
        return found
    location = unit(session)
    session.run(_WENT, of_who=who, of_form=form_id, went_to=location)
    return location


def _claim(session: Session, who: str, form_id: str, now: int) -> bool:
    """Writes down that this form is acted on now; False: it was before, or is elsewhere."""
    return session.run(_CLAIM, who=who, form_id=form_id, location=None, at=now) == 1


def _found(session: Session, who: str, form_id: str) -> str | None:
    """Where the browser was sent; "" where the form was not acted on, None while it is."""
    row = session.one(_FIND, of_who=who, of_form=form_id)
    return "" if row is None else row["location"]


def _ended(session: Session, who: str, form_id: str, location: str | None) -> None:
    """Writes down where the browser is sent; None forgets that the form was sent."""
    if location is None:
        session.run(_DELETE, of_who=who, of_form=form_id)
    else:
        session.run(_WENT, of_who=who, of_form=form_id, went_to=location)
    session.notify(CHANNEL, form_id)
