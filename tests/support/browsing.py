"""A browser without a screen, for tests: cookies, forms as they stand on pages, codes."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import aiohttp

INPUT = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
HERE = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer."""

    status: int
    headers: Any
    text: str

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of the first form of the page's own; the footer's come last."""
        main = self.text.partition("<main")[2].partition("<footer")[0]
        form = main.partition("<form")[2].partition("</form>")[0]
        return {name: unescape(value) for name, value in INPUT.findall(form)}


def new_connection() -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    """A connection of its own for a request."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


@dataclass(slots=True)
class Browsing:
    """One browser. Each request is sent on what `connect` gives."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    connect: Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]] = new_connection

    @property
    def cookie(self) -> str:
        """Its cookies, as a header says them."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def get(self, path: str, **headers: str) -> Seen:
        """A page, without following it elsewhere."""
        return await self._send("GET", path, None, headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Seen:
        """A form; its headers are those of a browser on a page of ours unless others are given."""
        return await self._send("POST", path, fields, headers or dict(HERE))

    async def upload(
        self, path: str, fields: dict[str, str], name: str, body: bytes, *, type: str = "image/jpeg"
    ) -> Seen:
        """A form with one file in it, as a page of ours sends it."""
        form = aiohttp.FormData(fields)
        form.add_field(name, io.BytesIO(body), filename="picture.jpg", content_type=type)
        return await self._send("POST", path, form, {**HERE, "Accept": "text/html"})

    async def raw(self, path: str) -> tuple[int, Any, bytes]:
        """What is no text: status, headers and bytes."""
        async with (
            self.connect() as session,
            session.get(self.url + path, headers={"Cookie": self.cookie}) as answer,
        ):
            return answer.status, answer.headers.copy(), await answer.read()

    async def send_form(self, page: str, path: str, fields: dict[str, str]) -> Seen:
        """Opens the page and sends its first form with these fields."""
        return await self.post(path, (await self.get(page)).hidden | fields)

    async def sign_in(self, phone: str, mailbox: Mailbox) -> Seen:
        """By the code that comes."""
        asked = await self.send_form("/sign-in", "/sign-in", {"phone": phone})
        code = await mailbox.code()
        return await self.send_form(asked.headers["Location"], "/sign-in/code", {"code": code})

    async def _send(
        self,
        method: str,
        path: str,
        fields: dict[str, str] | aiohttp.FormData | None,
        headers: dict[str, str],
    ) -> Seen:
        cookie = {"Cookie": self.cookie}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            self.connect() as session,
            session.request(
                method,
                self.url + path,
                data=fields,
                headers={**(cookie if self.cookies else {}), **named},
                allow_redirects=False,
            ) as answer,
        ):
            self.cookies.update({name: said.value for name, said in answer.cookies.items()})
            return Seen(answer.status, answer.headers.copy(), await answer.text())


class Mailbox:
    """A sender that keeps what it sends."""

    def __init__(self) -> None:
        self._texts: asyncio.Queue[str] = asyncio.Queue()

    async def send(self, phone: str, text: str) -> None:
        """Keeps it."""
        self._texts.put_nowait(text)

    async def code(self) -> str:
        """The code of the next text, waited for."""
        async with asyncio.timeout(60):
            found = re.search(r"\d{6}", await self._texts.get())
        assert found
        return found.group()
