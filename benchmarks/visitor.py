"""Somebody with a browser: cookies, and forms sent as they stand on pages."""

import json
import re
import time
from collections.abc import Callable
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, Request, build_opener

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
WAIT_S = 20.0


class Visitor:
    """One browser at one node."""

    def __init__(self, url: str) -> None:
        self.url, self.text = url, ""
        self._jar = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._jar))

    @property
    def cookies(self) -> str:
        """The header by which the node knows this browser."""
        return "; ".join(f"{one.name}={one.value}" for one in self._jar)

    def open(self, path: str, body: bytes | None = None) -> str:
        """A page; where it leads is where this browser then is."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        request = Request(urljoin(self.url, path), body, headers)  # noqa: S310 - our own node
        with self._opener.open(request, timeout=WAIT_S) as answer:
            self.url, self.text = answer.url, answer.read().decode()
        return self.text

    def until(self, path: str, look: Callable[[str], bool]) -> str:
        """The page, once it shows what is waited for. Raises RuntimeError."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if look(self.open(path)):
                return self.text
            time.sleep(0.1)
        raise RuntimeError(f"{path} does not show what was waited for:\n{self.text[-2000:]}")

    def send(self, action: str, **fields: str) -> str:
        """Sends the form that goes to `action`, with its hidden fields."""
        form = self.text.partition(f'action="{action}"')[2].partition("</form>")[0]
        if not form:
            raise RuntimeError(f"{self.url} has no form to {action}")
        filled = {name: unescape(value) for name, value in HIDDEN.findall(form)} | fields
        return self.open(action, urlencode(filled).encode())

    def sign_in(self, path: str, phone: str, codes: Path) -> None:
        """Signs in by the code that the node writes into a file."""
        said = codes.read_text().count("\n") if codes.exists() else 0
        self.open(path)
        self.send(path, phone=phone)
        action = re.findall(r'action="([^"]*sign-in[^"]*)"', self.text)[0]
        deadline = time.monotonic() + WAIT_S
        while not codes.exists() or codes.read_text().count("\n") <= said:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no code came into {codes}")
            time.sleep(0.05)
        text = json.loads(codes.read_text().splitlines()[-1])["text"]
        self.send(unescape(action), code=re.findall(r"\d{6}", text)[0])
