"""Static files under names that carry their hash, compressed once, kept by browsers for a year."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePath

from aiohttp import web

TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".geojson": "application/geo+json",
}
TEXTS = frozenset({".css", ".js", ".svg", ".geojson"})
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: where it is served, its bytes, and the same compressed where that is smaller."""

    url: str
    type: str
    body: bytes
    packed: bytes | None


class Assets:
    """The static files of a node, by their plain names. A later file of one name replaces it."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._by_name: dict[str, Asset] = {}
        self._by_url: dict[str, Asset] = {}

    def add_package(self, package: str) -> None:
        """Every file of the package's folder `static`; nothing where it has none."""
        folder = resources.files(package).joinpath("static")
        if folder.is_dir():
            for file in folder.iterdir():
                if PurePath(file.name).suffix in TYPES:
                    self.add(file.name, file.read_bytes())

    def add(self, name: str, body: bytes) -> str:
        """One file; returns where it is served."""
        path = PurePath(name)
        digest = hashlib.sha256(body).hexdigest()[:12]
        packed = gzip.compress(body, 9, mtime=0) if path.suffix in TEXTS else body
        asset = Asset(
            f"{self._base}/static/{path.stem}.{digest}{path.suffix}",
            TYPES[path.suffix],
            body,
            packed if len(packed) < len(body) else None,
        )
        self._by_name[name] = self._by_url[asset.url] = asset
        return asset.url

    def url(self, name: str) -> str:
        """Where a file is served; KeyError for one that is not there."""
        return self._by_name[name].url

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return name in self._by_name

    def body(self, name: str) -> bytes:
        """The bytes of a file; KeyError for one that is not there."""
        return self._by_name[name].body

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /static/{name}: the file, packed for browsers that take it so."""
        asset = self._by_url.get(f"{self._base}/static/{request.match_info['name']}")
        if asset is None:
            raise web.HTTPNotFound
        headers, body = dict(HEADERS), asset.body
        if asset.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"], body = "gzip", asset.packed
        return web.Response(body=body, content_type=asset.type, headers=headers)
