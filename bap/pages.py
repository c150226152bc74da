"""The citizen's page: four static files, sent with headers that let them load nothing else."""

from __future__ import annotations

from importlib import resources

from aiohttp import web

from protocol_specs.node.api import Handler
from protocol_specs.node.server import Node

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    "Cache-Control": "no-cache",
}

FILES = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def serve(node: Node) -> None:
    """Opens the node's routes for the page."""
    for path, (name, content_type) in FILES.items():
        node.serve_route("GET", path, _page(name, content_type))


def _page(name: str, content_type: str) -> Handler:
    body = resources.files("bap").joinpath("pages", name).read_bytes()

    async def page(request: web.Request) -> web.Response:
        """A file of the citizens' page."""
        return web.Response(body=body, content_type=content_type, charset="utf-8", headers=HEADERS)

    return page
