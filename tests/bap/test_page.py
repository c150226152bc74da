"""The citizen's page: small, on its own, and unable to run what a provider wrote."""

import re
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

import pytest

from tests.bap.network import Network, network

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
FILES = {
    "/": "text/html",
    "/app.js": "text/javascript",
    "/style.css": "text/css",
    "/icon.svg": "image/svg+xml",
}


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Network]:
    async with network(tmp_path) as made:
        yield made


def _text(name: str) -> str:
    return resources.files("bap").joinpath("pages", name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "content_type"), FILES.items())
async def test_every_file_comes_with_the_headers_that_confine_it(
    net: Network, path: str, content_type: str
) -> None:
    async with net.citizen.session.get(net.citizen.url + path) as response:
        assert response.status == 200
        assert response.content_type == content_type
        assert response.headers["Content-Security-Policy"] == POLICY
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in response.headers


def test_the_page_is_small_and_loads_nothing_from_elsewhere() -> None:
    names = ("index.html", "app.js", "style.css", "icon.svg")
    texts = {name: _text(name) for name in names}
    assert sum(len(text.encode()) for text in texts.values()) < 100_000
    for name, text in texts.items():
        outside = re.findall(
            r"(?:https?:)?//[a-z0-9.]+", text.replace("http://www.w3.org/2000/svg", "")
        )
        assert outside == [], name


def test_the_page_has_no_inline_script_or_style() -> None:
    page = _text("index.html")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", page) == []


def test_the_script_never_makes_markup_of_text() -> None:
    script = _text("app.js")
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert way not in script
    assert re.findall(r"[?&](?:secret|token)=", script) == []
