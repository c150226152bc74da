"""What makes a face installable: manifest, service worker and the page for times without network.

The worker keeps the shell (style, scripts, icons) and the offline page, and never an answer that
tells of a person: everything else always goes to the network.
"""

from __future__ import annotations

import hashlib
import json

from aiohttp import web

from protocol_specs.web.face import Face
from protocol_specs.web.visit import Visit

SHELL = ("app.css", "app.js", "htmx.js", "leaflet.js", "leaflet.css", "map.js", "icon.svg")
OPEN_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def add_pwa(face: Face) -> None:
    """Opens /manifest.webmanifest, /sw.js and /offline of a face."""
    assets = face.site.assets
    files = [assets.url(name) for name in SHELL]
    offline = f"{face.base}/offline"
    version = hashlib.sha256("".join(files).encode()).hexdigest()[:12]
    head = json.dumps({"version": f"{face.name}-{version}", "files": files, "offline": offline})
    worker = f"const shell = {head};\n".encode() + assets.body("worker.js")
    scope = f"{face.base}/"

    async def manifest(visit: Visit) -> web.StreamResponse:
        return web.Response(
            text=json.dumps(_manifest(face, visit), ensure_ascii=False),
            content_type="application/manifest+json",
            headers=OPEN_HEADERS,
        )

    async def service_worker(visit: Visit) -> web.StreamResponse:
        headers = {**OPEN_HEADERS, "Service-Worker-Allowed": scope.rstrip("/") or "/"}
        return web.Response(body=worker, content_type="text/javascript", headers=headers)

    async def offline_page(visit: Visit) -> web.StreamResponse:
        return visit.page("offline.html")

    face.get("/manifest.webmanifest", manifest, is_open=True)
    face.get("/sw.js", service_worker, is_open=True)
    face.get("/offline", offline_page, is_open=True)


def _manifest(face: Face, visit: Visit) -> dict[str, object]:
    """The manifest in the visitor's language (W3C, Web Application Manifest)."""
    assets = face.site.assets
    return {
        "id": f"{face.base}/",
        "name": visit._(face.title),
        "short_name": visit._(face.title),
        "lang": visit.language,
        "start_url": f"{face.base}/",
        "scope": f"{face.base}/" if not face.base else face.base,
        "display": "standalone",
        "background_color": "#f5f7f6",
        "theme_color": "#0b6e5f",
        "icons": [
            {"src": assets.url("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
            *(
                {
                    "src": assets.url(f"icon-{size}.png"),
                    "sizes": f"{size}x{size}",
                    "type": "image/png",
                    "purpose": "any maskable",
                }
                for size in (192, 512)
            ),
        ],
    }
