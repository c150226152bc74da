"""The cooperative's face for everybody: its figures, and the ways in for its people."""

from aiohttp import web

from bpp.orders.provider import Provider
from bpp.public.figures import Figures
from protocol_specs.web.face import Face
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.site import Site
from protocol_specs.web.visit import Visit


def add(site: Site, provider: Provider, *, keeps_books: bool) -> None:
    """Serves the pages at the root; to be called after all other faces."""
    figures = Figures(site.node, provider, keeps_books=keeps_books)

    async def show(visit: Visit) -> web.StreamResponse:
        """GET /figures: confirmed jobs, contributions, and where they come from."""
        return visit.page("public/figures.html", figures=await figures.shown())

    site.node.serve_route("GET", "/figures.json", figures.json)
    face = Face(site, "public", title="Wayfare")
    add_pwa(face)
    face.get("/", show, is_open=True)
    face.get("/figures", show, is_open=True)
    face.finish()
