"""One request to a page: who asks, in which language, what was typed, and the ways to answer."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from protocol_specs.node.store import Session
from protocol_specs.web.languages import Speech
from protocol_specs.web.sessions import Seat, write_flash

if TYPE_CHECKING:
    from protocol_specs.web.face import Face, NavItem


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever signed in: `id` is what the session holds, `name` is shown, `roles` open routes."""

    id: str
    name: str
    roles: frozenset[str] = frozenset()


class PageError(Exception):
    """A request that cannot be met; shown as a page with that status and sentence."""

    def __init__(self, status: int, text: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.retry_after_s = status, text, retry_after_s


@dataclass(slots=True)
class Visit:
    """What a handler gets. Templates get it as `visit`.

    `typed` holds the fields of the form as they were typed, in a GET those of a form that is to be
    shown again; `errors` what is wrong with which field; `files` what was uploaded.
    """

    face: Face
    request: web.Request
    seat: Seat
    person: Person | None
    language: str
    zone: tzinfo
    now: int
    typed: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    flash_shown: bool = False

    # Asking

    @property
    def who(self) -> str:
        """Who signed in, as the face names people. Raises PageError 401 for nobody."""
        if self.person is None:
            raise PageError(401)
        return self.person.id

    @property
    def owner(self) -> str:
        """By whom forms are told apart: the person, or the browser of nobody."""
        return self.person.id if self.person else f"browser:{self.seat.hash.hex()}"

    @property
    def path(self) -> str:
        """The page that is shown, for forms to come back to."""
        return self.request.rel_url.path_qs if self.request.method == "GET" else self.typed_page

    @property
    def typed_page(self) -> str:
        """The page that a form stood on, if it is one of this face."""
        return self.face.local(self.typed.get("_page", ""))

    @property
    def speech(self) -> Speech:
        """How values are told in this language."""
        return self.face.site.templates.speech(self.language)

    def arg(self, name: str) -> str:
        """A part of the path; else of the query; "" where there is none."""
        return self.request.match_info.get(name) or self.request.query.get(name, "")

    def text(self, name: str, *, most: int = 500) -> str:
        """A field of the form, without blanks around it, at most so long."""
        return self.typed.get(name, "").strip()[:most]

    def _(self, message: str, **values: object) -> str:
        """A text in this language, with `%(name)s` filled in."""
        said = self.face.site.templates.text(self.language, message)
        return said % values if values else said

    def n_(self, one: str, many: str, n: int, **values: object) -> str:
        """The form of a text for so many; `%(num)s` is how many."""
        said = self.face.site.templates.text(self.language, one, n=n, plural=many)
        return said % {"num": n, **values}

    def not_the_code(self, left: int) -> str:
        """What is said to a wrong one-time code while tries are left."""
        return self.n_("Not the code. %(num)s try left.", "Not the code. %(num)s tries left.", left)

    # Answering

    def to(self, path: str, **query: object) -> str:
        """The address of a page of this face."""
        asked = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{self.face.base}{path}" + (f"?{urlencode(asked)}" if asked else "")

    def page(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """The template as an answer that no cache keeps."""
        text = self.face.site.templates.render(self.language, template, {"visit": self, **values})
        return web.Response(text=text, status=status, content_type="text/html")

    def again(self, template: str, errors: Mapping[str, str], **values: Any) -> web.Response:
        """The page with its form as it was typed, and what is wrong with it (422)."""
        self.errors = errors
        return self.page(template, status=422, **values)

    async def see(self, path: str, *, flash: str = "", kind: str = "good") -> web.Response:
        """Go and look there (303), where `flash` is said once. `path` is one that `to` made."""
        if flash:
            self.seat.flash.append((kind, flash))
            self.flash_shown = False
            await self.face.site.node.store.transact(
                lambda session: write_flash(session, self.face.name, self.seat, self.now)
            )
        return web.Response(status=303, headers={"Location": path})

    async def once(self, unit: Callable[[Session], str], *, flash: str = "") -> web.Response:
        """Writes what the form asks for and goes where the unit says; a form sent twice only
        goes there."""
        location = await self.face.site.once.write(self.owner, self.form_id, unit, self.now)
        return await self.see(location, flash=flash)

    async def once_done(
        self, action: Callable[[], Awaitable[str]], *, flash: str = ""
    ) -> web.Response:
        """The same for what cannot be one commit, such as asking another node."""
        location = await self.face.site.once.act(self.owner, self.form_id, action, self.now)
        return await self.see(location, flash=flash)

    # For the macros

    @property
    def form_id(self) -> str:
        """The id of the form that was sent, also an idempotency key for others."""
        given = self.typed.get("_form", "")
        if not 16 <= len(given) <= 64 or not given.isascii():
            raise PageError(400, self._("This form is not complete. Go back and send it again."))
        return given

    def new_form_id(self) -> str:
        """The id of a form about to be shown."""
        return secrets.token_urlsafe(16)

    def nav(self) -> list[tuple[NavItem, bool]]:
        """The entries of the navigation for this person, each with whether it is this page's."""
        here, roles = self.path.partition("?")[0], self.person.roles if self.person else frozenset()
        items = [item for item in self.face.nav if not item.roles or item.roles & roles]
        return [(item, here == self.to(item.path)) for item in items]

    def take_flash(self) -> list[tuple[str, str]]:
        """What is said once, and now is."""
        said, self.seat.flash = self.seat.flash, []
        self.flash_shown = self.flash_shown or bool(said)
        return said
