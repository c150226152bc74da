"""A cooperative with an office: people in every role, each with a browser of their own."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

from bpp.office import acts, people
from bpp.office.people import Entry
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.insurance.fare_cash import OFFERING, insured
from tests.support.browsing import Browsing, Seen

PHONES = {
    "member": "+60120000001",
    "dispatcher": "+60120000002",
    "treasurer": "+60120000003",
    "auditor": "+60120000004",
}
BASE = "/office"
WEB = {"codes": {"by": "file"}, "zone": "Asia/Kuala_Lumpur"}
FORM = re.compile(r"<form\b.*?</form>", re.DOTALL)
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


@asynccontextmanager
async def with_office(folder: Path, **changes: Any) -> AsyncIterator[Cooperative]:
    """An insured ride cooperative with pages; one person in each role."""
    values = {"insurance": insured(folder, "50.00"), "web": WEB, **OFFERING, **changes}
    async with cooperative(folder, **values) as running:
        for role, phone in PHONES.items():
            entry = Entry(f"{role}-1", phone, f"Our {role}", (role,))
            running.node.store.transact_now(
                lambda s, entry=entry: people.put(s, entry, running.node.now())
            )
        yield running


async def signed_in(there: Cooperative, role: str) -> Browsing:
    """A browser in which this role's person signed in by the code that was sent."""
    browser = Browsing(there.url)
    asked = await send(browser, f"{BASE}/sign-in", f"{BASE}/sign-in", {"phone": PHONES[role]})
    assert asked.status == 303, asked.text
    page = asked.headers["Location"]
    answer = await send(browser, page, f"{BASE}/sign-in/code", {"code": await code(there, role)})
    assert answer.status == 303, answer.text
    return browser


async def code(there: Cooperative, role: str) -> str:
    """The newest code sent to this role's phone, waited for."""
    import asyncio

    file = there.node.settings.data_dir / "codes.jsonl"
    async with asyncio.timeout(60):
        while True:
            lines = file.read_text().splitlines() if file.exists() else []
            mine = [said for line in lines if (said := json.loads(line))["phone"] == PHONES[role]]
            if mine:
                found = re.search(r"\d{6}", mine[-1]["text"])
                assert found
                return found.group()
            await asyncio.sleep(0.01)


def hidden(page: Seen, action: str) -> dict[str, str]:
    """The hidden fields of the form on a page that is sent there."""
    main = page.text.partition("<main")[2].partition("<footer")[0]
    for form in FORM.findall(main):
        if f'action="{action}"' in form:
            return {name: unescape(value) for name, value in FIELD.findall(form)}
    raise AssertionError(f"no form for {action} on the page")


async def send(browser: Browsing, page: str, action: str, fields: dict[str, str]) -> Seen:
    """Opens the page and sends the form that stands on it for this action."""
    return await browser.post(action, hidden(await browser.get(page), action) | fields)


async def send_surely(browser: Browsing, page: str, action: str, fields: dict[str, str]) -> Seen:
    """The same, and yes to what is asked then."""
    asked = await send(browser, page, action, fields)
    assert asked.status == 200, asked.text
    return await browser.post(action, hidden(asked, action))


def log(there: Cooperative) -> list[tuple[str, str, str]]:
    """Who did what about what, the oldest first."""
    rows = there.node.store.read(acts.newest)
    return [(row["who"], row["what"], row["about"]) for row in reversed(rows)]
