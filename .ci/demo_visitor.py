"""Somebody who opens the pages of the demonstration, and signs in with what it printed."""

import json
import re
import time
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, build_opener

SAYS = {"driver": "Aminah|Ravi", "operator": "operator", "everybody": "JSON", "citizen": "Wayfare"}
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
CODE_S = 60
Page = dict[str, Any]


def faults(pages: list[Page]) -> list[str]:
    """What is not as the pages promise: each opens, lets in who is named, and says who that is."""
    found = []
    for page in pages:
        for person in (page["sign_in"] or {}).get("people", [{}]):
            try:
                _visit(page, person)
            except (OSError, ValueError, LookupError) as fault:
                found.append(f"{page['face']} at {page['url']} for {person.get('name')}: {fault}")
    return found


def _visit(page: Page, person: dict[str, Any]) -> None:
    browser = _Browser()
    sign_in = page["sign_in"]
    if sign_in is not None and sign_in["by"] == "token":
        token = Path(sign_in["token_file"]).read_text().strip()
        browser.open(urljoin(page["url"], "sign-in"))
        browser.send(token=token)
    elif sign_in is not None:
        codes = Path(sign_in["codes"])
        before = len(_lines(codes))
        browser.open(urljoin(page["url"], "sign-in"))
        browser.send(phone=person["phone"])
        browser.send(code=_next_code(codes, before, person["phone"]))
    text = browser.open(page["url"])
    says = person["name"] if page["face"] == "office" else SAYS[page["face"]]
    if not re.search(says, text):
        raise ValueError(f"it does not say {says}")
    if sign_in is not None and "/sign-out" not in text:
        raise ValueError("nobody is signed in")


class _Browser:
    def __init__(self) -> None:
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        self._url, self._text = "", ""

    def open(self, url: str, body: bytes | None = None) -> str:
        with self._opener.open(url, body, timeout=30) as answer:
            self._url, self._text = answer.url, answer.read().decode()
        return self._text

    def send(self, **fields: str) -> str:
        """Sends the first form of the page, which goes to its own address."""
        form = self._text.partition("<main")[2].partition("<form")[2]
        form, action = form.partition("</form>")[0], re.search(r'action="([^"]+)"', form)
        if action is None:
            raise LookupError("there is no form to sign in")
        filled = {name: unescape(value) for name, value in HIDDEN.findall(form)} | fields
        return self.open(urljoin(self._url, action[1]), urlencode(filled).encode())


def _lines(codes: Path) -> list[str]:
    return codes.read_text().splitlines() if codes.exists() else []


def _next_code(codes: Path, before: int, phone: str) -> str:
    deadline = time.monotonic() + CODE_S
    while time.monotonic() < deadline:
        for line in _lines(codes)[before:]:
            said = json.loads(line)
            found = re.search(r"\d{6}", said["text"])
            if said["phone"] == phone and found:
                return found.group()
        time.sleep(0.05)
    raise LookupError(f"no code came into {codes}")
