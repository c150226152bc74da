"""What keeps pages safe: headers that confine them, and forms that must be of our own making."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from protocol_specs.web.visit import PageError

if TYPE_CHECKING:
    from protocol_specs.web.visit import Visit

FORM_BYTES_MAX = 300_000  # pictures and all; see pictures.py
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
    too_large = visit._("That is more than this form takes. A picture has at most 200 kB.")
    if (request.content_length or 0) > FORM_BYTES_MAX:
        raise PageError(413, too_large)
    try:
        is_parted = request.content_type == FORMS[1]
        texts, files = await (_parts(request) if is_parted else _pairs(request))
    except web.HTTPRequestEntityTooLarge:
        raise PageError(413, too_large) from None
    except (LookupError, ValueError, HttpProcessingError):  # a charset, a text or parts of no form
        raise PageError(
            400, visit._("This form is not complete. Go back and send it again.")
        ) from None
    if any("\0" in text for pair in texts.items() for text in pair):  # no database keeps it
        raise PageError(400, visit._("This form is not complete. Go back and send it again."))
    is_long = any(len(value) > FIELD_CHARS_MAX for value in texts.values())
    if len(texts) + len(files) > FIELDS_MAX or is_long:
        raise PageError(413, too_large)
    visit.typed = texts
    visit.files = files


async def _pairs(request: web.Request) -> tuple[dict[str, str], dict[str, bytes]]:
    fields = await request.post()
    return {name: value for name, value in fields.items() if isinstance(value, str)}, {}


async def _parts(request: web.Request) -> tuple[dict[str, str], dict[str, bytes]]:
    """The parts of a multipart form (RFC 7578); what has a file's name is a file. Read from the
    body, because the shell has read the stream. Raises ValueError, LookupError."""
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), FORM_BYTES_MAX, loop=loop)
    stream.feed_data(await request.read())
    stream.feed_eof()
    reader = MultipartReader(request.headers, stream)
    texts: dict[str, str] = {}
    files: dict[str, bytes] = {}
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.name is None or len(texts) > FIELDS_MAX:
            raise ValueError("a form of parts has named parts, and no parts within them")
        if part.filename is None:
            texts[part.name] = (await part.read()).decode()
        else:
            files[part.name] = bytes(await part.read())
    return texts, files


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


def may_have_cookie(request: web.Request) -> bool:
    """Whether the answer may give the browser a cookie of ours. Not for a form of another site: it
    came without the cookie that the browser has (SameSite), and a new one would sign it out."""
    return request.method in ("GET", "HEAD") or is_perhaps_ours(request)


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
