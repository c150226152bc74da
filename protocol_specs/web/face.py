"""A face: the pages of one audience at one node, behind one front door.

The door knows the browser, chooses the language, lets nobody in who may not, refuses forms that
did not stand on a page of ours, and turns what goes wrong into a page that a person can read.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from protocol_specs.node.api import ApiError
from protocol_specs.node.store import Session, StoreUnavailable
from protocol_specs.web import guard, sessions
from protocol_specs.web.languages import choose, zone_named
from protocol_specs.web.once import Unfinished
from protocol_specs.web.sessions import Seat
from protocol_specs.web.site import Site
from protocol_specs.web.visit import PageError, Person, Visit
from protocol_specs.wire.errors import Refused

LANGUAGE_COOKIE = "wf_language"
ZONE_COOKIE = "wf_zone"
YEAR_S = 365 * 86_400
Handler = Callable[[Visit], Awaitable[web.StreamResponse]]
Identify = Callable[[Session, str], Person | None]


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the navigation. `label` is marked with `N_` and translated when shown."""

    path: str
    label: str
    icon: str
    roles: frozenset[str] = frozenset()  # who sees it; empty: everybody


def nobody(session: Session, who: str) -> Person | None:
    """For faces where nobody signs in."""
    return None


class Face:
    """Routes below `base` ("" or such as "/drive"), with sessions of their own.

    `identify` says who a session's `who` is now: None ends the sign-in at once. No sign-in lasts
    longer than `lasts_s`.
    """

    def __init__(
        self,
        site: Site,
        name: str,
        *,
        base: str = "",
        title: str,
        identify: Identify = nobody,
        nav: Sequence[NavItem] = (),
        lasts_s: int = sessions.ABSOLUTE_S,
    ) -> None:
        self.site, self.name, self.base, self.title = site, name, base, title
        self.lasts_s = lasts_s
        self.identify, self.nav = identify, tuple(nav)
        settings = site.node.settings
        self.is_secure = settings.url.startswith("https:")
        whose = hashlib.sha256(settings.subscriber_id.encode()).hexdigest()[:6]
        self.cookie = f"{'__Host-' if self.is_secure else ''}wf_{name}_{whose}"
        self.headers = guard.headers(site.settings.map.origin)
        self.post("/language", self._language, is_open=True)

    # Routes

    def get(
        self, path: str, handler: Handler, *, is_open: bool = False, roles: Collection[str] = ()
    ) -> None:
        """A page: open to all, or to who is signed in, with one of `roles` if any are named."""
        self._serve("GET", path, handler, is_open, frozenset(roles))

    def post(
        self, path: str, handler: Handler, *, is_open: bool = False, roles: Collection[str] = ()
    ) -> None:
        """What a form is sent to. It is refused unless it stood on a page of this browser's."""
        self._serve("POST", path, handler, is_open, frozenset(roles))

    def finish(self) -> None:
        """To be called after all routes of the node: whatever else is asked for below the base
        is a page that says it is not here."""

        async def missing(visit: Visit) -> web.StreamResponse:
            raise PageError(404)

        self._serve("GET", "/{_rest:.*}", missing, True, frozenset())

    def local(self, path: str) -> str:
        """`path` if it is one of this face's pages, else its first page: never another site."""
        is_ours = path.startswith(f"{self.base}/") or (self.base and path == self.base)
        if not is_ours or path.startswith(("//", "/\\")) or not path.isprintable():
            return f"{self.base}/"
        return path

    def _serve(
        self, method: str, path: str, handler: Handler, is_open: bool, roles: frozenset[str]
    ) -> None:
        async def route(request: web.Request) -> web.StreamResponse:
            visit = self._visit(request)
            response = await self._answer(visit, handler, is_open, roles)
            if not response.prepared:
                await self._complete(visit, response)
            return response

        functools.update_wrapper(route, handler, assigned=("__doc__",))
        self.site.node.serve_route(method, f"{self.base}{path}", route)

    # Coming in

    def _visit(self, request: web.Request) -> Visit:
        now, cookies = self.site.node.now(), request.cookies

        def read(session: Session) -> tuple[Seat, Person | None]:
            seat = sessions.find(session, self.name, cookies.get(self.cookie), now)
            return seat, self.identify(session, seat.who) if seat.who else None

        seat, person = self.site.node.store.read(read)
        zone = zone_named(cookies.get(ZONE_COOKIE, "")) or zone_named(self.site.settings.zone)
        if zone is None:
            raise RuntimeError(f"no time zone {self.site.settings.zone!r} on this machine")
        language = choose(cookies.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language", ""))
        return Visit(self, request, seat, person, language, zone, now)

    async def _answer(
        self, visit: Visit, handler: Handler, is_open: bool, roles: frozenset[str]
    ) -> web.StreamResponse:
        """The handler's answer, or the page of why there is none."""
        try:
            if visit.request.method == "POST":
                await guard.read_form(visit)
            if not is_open and visit.person is None:
                return await self._ask_to_sign_in(visit)
            if visit.request.method == "POST":
                guard.check_token(visit)
            if roles and (visit.person is None or not roles & visit.person.roles):
                raise PageError(403)
            if visit.request.method == "GET" and "kept" in visit.request.query:
                await self._take_kept(visit)
            return await handler(visit)
        except PageError as error:
            return self.error(visit, error.status, error.text, error.retry_after_s)
        except ApiError as error:
            return self.error(visit, error.status, error.message)
        except Refused as refused:
            return self.error(visit, refused.status, refused.reason, refused.retry_after_s)
        except Unfinished:
            return self.error(visit, 409, visit._("This was sent before. See what became of it."))
        except StoreUnavailable as fault:
            self.site.node.telemetry.fault("store", fault)
            return self.error(visit, 503)
        except Exception as fault:  # noqa: BLE001 - a person gets a page, the log the fault
            self.site.node.telemetry.fault(f"page {self.name}", fault)
            return self.error(visit, 500)

    async def _ask_to_sign_in(self, visit: Visit) -> web.StreamResponse:
        """To the sign-in, and from there back here, with what was typed."""
        back: dict[str, Any] = {"next": visit.path}
        if visit.request.method == "POST":
            fields = guard.worth_keeping(visit.typed)
            if fields and guard.is_surely_ours(visit.request):
                whose = visit.seat.lapsed
                back["kept"] = await self.site.node.store.transact(
                    lambda s: sessions.keep_form(s, self.name, whose, fields, visit.now)
                )
        where = visit.to("/sign-in", **back)
        if "HX-Request" in visit.request.headers:  # a part of a page cannot show a whole one
            return web.Response(status=401, headers={"HX-Redirect": where})
        return web.Response(status=303, headers={"Location": where})

    async def _take_kept(self, visit: Visit) -> None:
        kept_id, who = visit.request.query["kept"], visit.person.id if visit.person else ""
        visit.typed = await self.site.node.store.transact(
            lambda s: sessions.take_form(s, self.name, who, kept_id, visit.now)
        )

    async def _language(self, visit: Visit) -> web.StreamResponse:
        """POST /language: pages speak it from now on."""
        response = await visit.see(visit.typed_page)
        chosen = choose(visit.text("language"), "")
        self._set_cookie(response, LANGUAGE_COOKIE, chosen, YEAR_S)
        return response

    # Going out

    def error(
        self, visit: Visit, status: int, text: str = "", retry_after_s: int | None = None
    ) -> web.Response:
        """The page of what went wrong."""
        response = visit.page("error.html", status=status, error_status=status, text=text)
        if retry_after_s is not None:
            response.headers["Retry-After"] = str(retry_after_s)
        return response

    async def sign_in(self, visit: Visit, who: str) -> None:
        """This browser is `who` from now on, under a new token."""
        old = visit.seat
        visit.seat = await self.site.node.store.transact(
            lambda s: sessions.begin(s, self.name, old, who, visit.now, lasts_s=self.lasts_s)
        )
        self.site.node.telemetry.log("signed_in", face=self.name)

    async def sign_out(self, visit: Visit) -> None:
        """This browser is nobody's from now on."""
        old = visit.seat
        await self.site.node.store.transact(lambda s: sessions.end(s, old))
        visit.seat, visit.person = Seat(sessions.new_token()), None

    async def _complete(self, visit: Visit, response: web.StreamResponse) -> None:
        """Headers and cookie; what was said is said no more; that this browser was seen."""
        seat, store = visit.seat, self.site.node.store
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        is_known = visit.request.cookies.get(self.cookie) == seat.token
        if not is_known and guard.may_have_cookie(visit.request):
            self._set_cookie(response, self.cookie, seat.token, self.lasts_s)
        if visit.flash_shown:
            await store.transact(lambda s: sessions.write_flash(s, self.name, seat, visit.now))
        elif seat.is_kept and visit.now - seat.seen_at > sessions.SEEN_EVERY_S:
            await store.transact(lambda s: sessions.note_seen(s, seat, visit.now))

    def _set_cookie(
        self, response: web.StreamResponse, name: str, value: str, max_age: int
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self.is_secure,
        )
