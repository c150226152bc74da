"""The operator's page at /operator: plain HTML and forms, opened with an operator's token.

No script, no inline style; the cookie is HttpOnly and SameSite=Strict, and every form carries a
token of its own session.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any

from aiohttp import web

from protocol_specs.node.api import ApiError
from protocol_specs.node.buckets import Buckets
from protocol_specs.node.server import Node
from protocol_specs.node.store import Row, Session
from protocol_specs.wire.errors import Refused
from registry import changes, directory, operator_views, pending, records
from registry.decisions import DECISIONS, Decision
from registry.operator_api import newest
from registry.operator_views import SOON_S, Frame
from registry.operators import SESSION_S, Operators, Seat

COOKIE = "wayfare_operator"
CHANGES_SHOWN = 20
KEYS_SHOWN = 50  # of one subscriber, the newest
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Page = Callable[[web.Request, Seat], Awaitable[web.StreamResponse]]


class OperatorPage:
    """The routes of the page."""

    def __init__(self, node: Node, operators: Operators) -> None:
        self._node, self._operators = node, operators
        self._style = resources.files("registry").joinpath("pages", "operator.css").read_bytes()
        self._openings = Buckets(0.5, burst=5)

    def add_routes(self) -> None:
        """Opens them."""
        serve = self._node.serve_route
        serve("GET", "/operator", self._seated(self.overview))
        serve("GET", "/operator/participant", self._seated(self.participant))
        serve("GET", "/operator/log", self._seated(self.log))
        serve("GET", "/operator/style.css", self.style)
        serve("POST", "/operator/open", self.open)
        serve("POST", "/operator/close", self._seated(self.close))
        serve("POST", "/operator/decide", self._seated(self.decide))

    # Coming in

    def _seated(self, show: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """`show` for who has opened the page; who has not is asked for the token."""

        async def route(request: web.Request) -> web.StreamResponse:
            seat = self._operators.seat(request.cookies.get(COOKIE), self._node.now())
            if seat is None:
                return self._ask_for_token("" if request.method == "GET" else "Open the page anew.")
            return await show(request, seat)

        route.__doc__ = show.__doc__
        return route

    def _ask_for_token(self, message: str) -> web.Response:
        frame = Frame(self._node.settings.subscriber_id, message=message)
        return _page(operator_views.opening(frame), status=401 if message else 200)

    async def open(self, request: web.Request) -> web.StreamResponse:
        """POST /operator/open: the token in, a cookie out."""
        now = self._node.now()
        wait_s = self._openings.take(self._node.address_of(request), now)
        if wait_s:
            return self._ask_for_token(f"Too many tries; wait {wait_s} s.")
        form = await _form(request)
        cookie = self._operators.open(form.get("token", ""), now) if _from_here(request) else None
        if cookie is None:
            self._node.telemetry.log("operator_refused", level="warning")
            return self._ask_for_token("This is not an operator's token.")
        response = _see("/operator")
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=SESSION_S,
            path="/operator",
            httponly=True,
            samesite="Strict",
            secure=self._node.settings.network == "production",
        )
        return response

    async def close(self, request: web.Request, seat: Seat) -> web.StreamResponse:
        """POST /operator/close: the cookie is good no more."""
        if not _is_ours(request, await _form(request), seat):
            return self._ask_for_token("Open the page anew.")
        self._operators.close(request.cookies.get(COOKIE))
        response = _see("/operator")
        response.del_cookie(COOKIE, path="/operator")
        return response

    # Looking

    def _frame(self, seat: Seat, message: str = "") -> Frame:
        return Frame(self._node.settings.subscriber_id, seat.who, seat.form_token, message)

    async def overview(
        self, request: web.Request, seat: Seat, message: str = "", status: int = 200
    ) -> web.StreamResponse:
        """GET /operator: who waits, who takes part, what changed last."""
        now, after = self._node.now(), request.query.get("after", "")

        def everything(session: Session) -> bytes:
            return operator_views.overview(
                self._frame(seat, message),
                records.waiting(session.all(pending.OPEN, most=operator_views.SHOWN)),
                subscribers(session, after, now),
                [changes.entry(row) for row in newest(session, None)[:CHANGES_SHOWN]],
                after=after,
            )

        return _page(self._node.store.read(everything), status=status)

    async def participant(self, request: web.Request, seat: Seat) -> web.StreamResponse:
        """GET /operator/participant?id=ID: one subscriber, and what can be decided of it."""
        now, who = self._node.now(), request.query.get("id", "")

        def everything(session: Session) -> bytes:
            return operator_views.participant(
                self._frame(seat),
                subscriber(session, who, now),
                records.waiting(session.all(pending.OPEN_ALL_OF, subscriber_id=who)),
                [changes.entry(row) for row in newest(session, who)],
            )

        return _page(self._node.store.read(everything))

    async def log(self, request: web.Request, seat: Seat) -> web.StreamResponse:
        """GET /operator/log?before=N: who changed what, newest first."""
        text = request.query.get("before", "")
        before = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 2**62
        rows = self._node.store.read(lambda s: newest(s, None, before=before))
        entries = [changes.entry(row) for row in rows]
        return _page(operator_views.log_page(self._frame(seat), entries))

    async def style(self, request: web.Request) -> web.StreamResponse:
        """GET /operator/style.css."""
        headers = HEADERS | {"Cache-Control": "no-cache"}
        return web.Response(body=self._style, content_type="text/css", headers=headers)

    # Deciding

    async def decide(self, request: web.Request, seat: Seat) -> web.StreamResponse:
        """POST /operator/decide: one decision; then the page again, or what was wrong with it."""
        form = await _form(request)
        if not _is_ours(request, form, seat):
            return await self.overview(request, seat, "Not done: send the form again.", 403)
        which = form.get("application", "")
        decision = Decision(
            seat.who,
            form.get("subscriber_id", ""),
            self._node.now(),
            form.get("reason", "").strip()[:500],
            int(which) if which.isascii() and which.isdigit() and len(which) < 16 else None,
            form.get("key_id", ""),
        )
        verb = DECISIONS.get(form.get("verb", ""))
        if verb is None:
            return await self.overview(request, seat, "Not done: no such decision.", 400)
        try:
            await self._node.store.transact(lambda session: verb(session, decision))
        except ApiError as error:
            return await self.overview(request, seat, f"Not done: {error.message}", error.status)
        except Refused as refused:
            told = f"Not done: {refused.reason}"
            return await self.overview(request, seat, told, refused.status)
        whom = decision.subscriber_id
        self._node.telemetry.log("decided", action=form["verb"], peer=whom, operator=seat.who)
        return _see(operator_views.link("/operator/participant", id=whom))


def subscribers(session: Session, after: str, now: int) -> list[dict[str, Any]]:
    """The next subscribers by id, each with its roles and keys."""
    rows = session.all(directory.IDS_FROM, after=after, most=operator_views.SHOWN)
    return [subscriber(session, row["subscriber_id"], now) for row in rows]


def subscriber(session: Session, who: str, now: int) -> dict[str, Any]:
    """One subscriber; of an unknown one without roles and keys."""
    return {
        "subscriber_id": who,
        "roles": [records.role(r) for r in session.all(directory.ROLES_OF, subscriber_id=who)],
        "keys": [
            records.key(row) | {"state": _state(row, now)}
            for row in session.all(directory.KEYS_OF, subscriber_id=who)[:KEYS_SHOWN]
        ],
    }


def _state(key: Row, now: int) -> str:
    if key["valid_until"] <= now:
        return "ended"
    if key["valid_from"] > now:
        return "later"
    return "soon" if key["valid_until"] - now < SOON_S else "good"


async def _form(request: web.Request) -> Mapping[str, str]:
    """The fields of a form; nothing of a body of another kind."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        fields = await request.post()
    except (LookupError, UnicodeDecodeError):  # in no charset that we know, or not in its own
        return {}
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _from_here(request: web.Request) -> bool:
    """Whether the browser says that the form stood on a page of ours; old ones say nothing."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}


def _is_ours(request: web.Request, form: Mapping[str, str], seat: Seat) -> bool:
    given = form.get("form_token", "").encode()
    return _from_here(request) and hmac.compare_digest(given, seat.form_token.encode())


def _page(body: bytes, *, status: int = 200) -> web.Response:
    return web.Response(
        body=body, status=status, content_type="text/html", charset="utf-8", headers=HEADERS
    )


def _see(path: str) -> web.Response:
    """Go and look there."""
    return web.Response(status=303, headers=HEADERS | {"Location": path})
