"""/.well-known/security.txt (RFC 9116): whom to tell, in private, what is wrong with this node."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from protocol_specs.node.server import Handler

PATH = "/.well-known/security.txt"
VALID = timedelta(days=180)  # RFC 9116, 2.5.5: less than a year


def handler(contact: str, *, url: str, now: Callable[[], int]) -> Handler:
    """Answers with `contact` (mailto: or https:), good for half a year from the day it is asked."""

    async def answer(request: web.Request) -> web.StreamResponse:
        day = datetime.fromtimestamp(now(), UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        text = (
            f"Contact: {contact}\n"
            f"Expires: {(day + VALID).strftime('%Y-%m-%dT%H:%M:%SZ')}\n"
            f"Canonical: {url.rstrip('/')}{PATH}\n"
        )
        return web.Response(text=text, headers={"Cache-Control": "max-age=86400"})

    return answer
