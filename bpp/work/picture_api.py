"""The picture of a hand-over at the address that the customer's platform was told.

Whoever has the address sees it: 128 random bits, for seven days, in no cache and no search engine.
"""

from aiohttp import web

from bpp.work import handovers
from protocol_specs.node.api import ApiError, error_response
from protocol_specs.node.server import Node
from protocol_specs.node.startup import base_path

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Content-Disposition": 'inline; filename="parcel.jpg"',
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
TOKEN_MAX = 64


def add(node: Node) -> None:
    """Serve the pictures."""

    async def show(request: web.Request) -> web.StreamResponse:
        """A parcel as it was taken or handed over."""
        token, now = request.match_info["token"][:TOKEN_MAX], node.now()
        body = node.store.read(lambda session: handovers.by_token(session, token, now))
        if body is None:
            return error_response(
                ApiError(404, "unknown_picture", "there is no such picture, or no longer")
            )
        return web.Response(body=body, content_type="image/jpeg", headers=HEADERS)

    for base in {"", base_path(node.settings.url)}:
        node.serve_route("GET", f"{base}/pictures/{{token}}", show)
