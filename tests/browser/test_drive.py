"""A driver's day on a cheap phone, at a real node: each page, four languages, light and dark."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bpp.orders.order import Order
from tests.bpp.cooperative import AT_PICKUP, Cooperative
from tests.bpp.drive.driving import IN_TURN, driving, phone, told
from tests.browser.accessible import rules_in, wrong_with
from tests.browser.citizen import WAIT_MS
from tests.browser.in_thread import InThread, in_thread

pytestmark = [pytest.mark.slow]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
PLACE = {"latitude": AT_PICKUP["lat"], "longitude": AT_PICKUP["lon"]}
SHOTS = os.environ.get("SCREENSHOTS")  # a folder, to look at what a person sees


class Garage(InThread[Cooperative]):
    """The cooperative, its orders and its sign-in codes."""

    def order(self, order_id: str) -> Order:
        """As it is stored."""

        async def read() -> Order:
            return self.there.order(order_id)

        return self.do(read)

    def code_for(self, number: str) -> str:
        """The sign-in code that went to this phone."""
        codes = self.there.node.settings.data_dir / "codes.jsonl"
        text = self.do(lambda: told(codes, number))
        return re.findall(r"\d{6}", text)[0]


@pytest.fixture
def garage(tmp_path: Path) -> Iterator[Garage]:
    with in_thread(driving(tmp_path, **IN_TURN)) as made:
        yield Garage(made.there, made.loop)


@pytest.fixture
def browser_of(browser: Browser) -> Iterator[Any]:
    """Opens windows of phones; at the end none may have complained."""
    complaints: list[str] = []
    contexts = []

    def opened(**more: Any) -> Page:
        settings = {"viewport": PHONE, "locale": "en-MY", "geolocation": PLACE}
        context = browser.new_context(**{**settings, "permissions": ["geolocation"], **more})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda said: "(Unproc" in said.text or complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _sign_in(page: Page, garage: Garage, driver: str) -> None:
    page.goto(f"{garage.there.url}/drive/")
    page.locator("[name=phone]").fill(phone(driver))
    page.locator("main form button").click()
    page.locator("[name=code]").fill(garage.code_for(phone(driver)))
    page.locator("main form button").click()
    expect(page.locator("#now")).to_be_visible()


class Eyes:
    """Looks at a page as it stands: light, dark, and how wide; keeps a picture if asked to."""

    def __init__(self, name: str) -> None:
        self.name, self.n = name, 0

    def look(self, page: Page, what: str) -> None:
        self.n += 1
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            if SHOTS:
                file = Path(SHOTS) / f"{self.name}-{self.n:02d}-{what}-{scheme}.png"
                page.screenshot(path=str(file), full_page=True)
            found = wrong_with(page, rules=rules_in(scheme))
            assert (what, scheme, *found) == (what, scheme, [], 0)
        page.emulate_media(color_scheme="light")


@pytest.mark.parametrize(
    ("locale", "size"), [("en-MY", PHONE), ("ml-IN", PHONE), ("ms-MY", DESK), ("kn-IN", PHONE)]
)
def test_a_whole_job_on_a_phone(
    garage: Garage, browser_of: Any, locale: str, size: dict[str, int]
) -> None:
    there, eyes = garage.there, Eyes(locale)
    page = browser_of(locale=locale, viewport=size)
    page.goto(f"{there.url}/drive/sign-in")
    eyes.look(page, "sign-in")
    _sign_in(page, garage, "D1")
    eyes.look(page, "offline")
    page.locator("[data-online] button").click()
    expect(page.locator(".duty.on")).to_be_visible()
    expect(page.locator(".sharing")).to_have_text(
        page.locator(".sharing").get_attribute("data-good") or "?"
    )
    eyes.look(page, "waiting")
    order = garage.do(there.confirmed)["id"]
    expect(page.locator(".offer")).to_be_visible()  # by itself: nobody touched the page
    eyes.look(page, "offer")
    page.locator(".answer button").first.click()
    for n in range(2):
        expect(page.locator(".next form")).to_be_visible()
        expect(page.locator(".map .pin")).to_have_count(3)
        eyes.look(page, f"job-{n}")
        page.locator(".next button").click()
        expect(page.locator(".timeline .now")).to_have_text(
            page.locator(".timeline li").nth(n + 1).inner_text()
        )
    code = page.locator("[name=code]")
    eyes.look(page, "code")
    right = garage.order(order).view.fulfillment.start_code or ""
    code.fill("0000" if right != "0000" else "1111")
    page.locator(".next button").click()
    expect(page.locator(".fault")).to_be_visible()
    eyes.look(page, "wrong-code")
    code.fill(right)
    page.locator(".next button").click()
    expect(page.locator("[name=cash]").first).to_be_visible()
    eyes.look(page, "on-board")
    page.locator("[name=cash][value=yes]").click()
    expect(page.locator(".duty.on")).to_be_visible()
    assert garage.order(order).status == "COMPLETE"
    for path in ("money", "slips", "book", "why", "me", "notices", "ask/covered"):
        page.goto(f"{there.url}/drive/{path}", wait_until="networkidle")
        eyes.look(page, path.replace("/", "-"))
    page.goto(f"{there.url}/drive/slips")
    page.locator(".rows a").first.click()
    expect(page.locator(".says")).to_be_visible()
    expect(page.locator("svg").first).to_be_visible()
    eyes.look(page, "slip")


def test_an_offer_that_passes_leaves_the_page_by_itself(garage: Garage, browser_of: Any) -> None:
    page = browser_of()
    _sign_in(page, garage, "D1")
    page.locator("[data-online] button").click()
    expect(page.locator(".duty.on")).to_be_visible()
    garage.do(garage.there.confirmed)
    expect(page.locator(".offer")).to_be_visible()
    garage.there.clock.at += 31
    expect(page.locator(".offer")).to_have_count(0, timeout=90_000)


def test_without_script_the_pages_work_by_reloading(garage: Garage, browser_of: Any) -> None:
    page = browser_of(java_script_enabled=False)
    _sign_in(page, garage, "D1")
    page.locator("[name=here]").fill("KL Sentral")
    page.get_by_role("button", name="Go online there").click()
    expect(page.locator(".duty.on")).to_be_visible()
    order = garage.do(garage.there.confirmed)["id"]

    async def offered() -> None:
        async with asyncio.timeout(60):
            while True:
                if (await garage.there.drive("D1", "GET", "offers"))[1]["offers"]:
                    return
                await asyncio.sleep(0.02)

    garage.do(offered)
    page.get_by_role("link", name="Look again").click()
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name="Job taken")).to_be_visible()
    assert garage.order(order).agent_id
