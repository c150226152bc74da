"""Who comes to the citizen's pages: anybody; a phone's owner finds their journeys anywhere."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web

from bap.citizen import trips
from protocol_specs.node.store import Session
from protocol_specs.web.face import Face, Handler
from protocol_specs.web.visit import Person, Visit


class AnyPhone:
    """Everybody with a phone is welcome; nothing is kept of who they are but the number."""

    def may_sign_in(self, session: Session, phone: str) -> bool:
        """Always."""
        return True

    def who_of(self, session: Session, phone: str, now: int) -> str | None:
        """The number itself."""
        return phone


def identify(session: Session, who: str) -> Person | None:
    """The person of a phone."""
    return Person(who, who)


class CitizenFace(Face):
    """Pages that work without a sign-in, for the browser that began; a sign-in takes it along.

    `signs_in` says whether there is one here.
    """

    signs_in = False

    async def sign_in(self, visit: Visit, who: str) -> None:
        """What this browser began as nobody's is the phone's from now on."""
        browser = visit.owner if visit.person is None else None
        await super().sign_in(visit, who)
        if browser is not None:
            await self.site.node.store.transact(lambda s: trips.join(s, browser, who))

    async def _answer(
        self, visit: Visit, handler: Handler, is_open: bool, roles: Collection[str]
    ) -> web.StreamResponse:
        """Who had signed in, and no longer is, is asked to again; what they typed is kept."""
        has_lapsed = (
            self.signs_in and bool(visit.seat.lapsed) and visit.request.path.startswith("/trips")
        )
        return await super()._answer(visit, handler, is_open and not has_lapsed, frozenset(roles))
