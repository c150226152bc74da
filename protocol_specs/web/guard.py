"""What keeps pages safe: headers that confine them, and forms that must be of our own making."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from protocol_specs.web.visit import PageError

if TYPE_CHECKING:
    from protocol_specs.web.visit import Visit

FIELDS_MAX = 200
FIELD_CHARS_MAX = 20_000
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
SECRET_FIELDS = frozenset({"code", "token", "password"})


def headers(tile_origin: str) -> dict[str, str]:
    """Of every page: it loads nothing but ours and map tiles, runs nothing inline, stands in no
    frame, says nobody where it was, and is kept by no cache."""
    images = f"'self' data: blob: {tile_origin}".rstrip()
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": images,
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin"
        if tile_origin == ""
        else "strict-origin-when-cross-origin",
        "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


async def read_form(visit: Visit) -> None:
    """The fields and files of a form that was sent from a page of ours. Raises PageError."""
    request = visit.request
    if not is_perhaps_ours(request):
        raise PageError(403, visit._("This form did not come from a page of ours."))
    if request.content_type not in FORMS:
        raise PageError(400, visit._("This form is not complete. Go back and send it again."))
    try:
        fields = await request.post()
    except (LookupError, ValueError):  # no charset that we know, or not in it, or broken parts
        raise PageError(
            400, visit._("This form is not complete. Go back and send it again.")
        ) from None
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    if len(fields) > FIELDS_MAX or any(len(v) > FIELD_CHARS_MAX for v in texts.values()):
        raise PageError(413, visit._("That is more than this form takes."))
    visit.typed = texts
    visit.files = {name: v for name, v in fields.items() if isinstance(v, web.FileField)}


def check_token(visit: Visit) -> None:
    """Raises PageError 403 unless the form was made for this very browser."""
    given = visit.typed.get("_csrf", "").encode()
    if not hmac.compare_digest(given, visit.seat.form_token.encode()):
        raise PageError(403, visit._("This form is too old. Go back, reload the page, try again."))


def worth_keeping(typed: Mapping[str, str]) -> dict[str, str]:
    """What somebody typed, without what only that one page knew and without secrets."""
    return {n: v for n, v in typed.items() if not n.startswith("_") and n not in SECRET_FIELDS}


def is_perhaps_ours(request: web.Request) -> bool:
    """Whether nothing says that the form stood elsewhere; old browsers say nothing at all."""
    return _site_said(request) in (True, None)


def is_surely_ours(request: web.Request) -> bool:
    """Whether the browser says that the form stood on a page of ours."""
    return _site_said(request) is True


def _site_said(request: web.Request) -> bool | None:
    """Fetch Metadata first, then Origin (OWASP, CSRF Prevention Cheat Sheet); None: neither."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return None
    try:
        return origin != "null" and URL(origin).authority == request.host
    except ValueError:
        return False
